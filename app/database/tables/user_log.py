"""What happened to a user, in order: one head a user, one row a change."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table


class UserHead(Table):
    """Where a user's log ends; a user to whom nothing happened yet has none.

    Its row lock is what makes seq order commit order.
    """

    __tablename__ = "user_heads"
    __table_args__ = (
        CheckConstraint("seq >= 0", name="seq"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[Now]


class UserChange(Table):
    """One entry; `body` is the frame's `data`, kept as it was written, to the byte.

    Partitioned by day; old days are dropped.
    """

    __tablename__ = "user_changes"
    __table_args__ = (
        CheckConstraint("seq >= 1", name="seq"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
