"""The ordered log: one head a match, one row a change."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table


class MatchHead(Table):
    """Where a match's log ends. Its row lock is what makes seq order commit order.

    `refs_moved`: a provider's match that was this one is another by now; what workers remember of
    it does not count. `holder`: the reading of what is told and believed of the match that somebody
    may remember and that holds, None: nobody's.
    """

    __tablename__ = "match_heads"
    __table_args__ = (
        CheckConstraint("seq >= 0", name="seq"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[Now]
    refs_moved: Mapped[bool] = mapped_column(server_default="false")
    holder: Mapped[int | None]


class Change(Table):
    """One entry; `body` is the frame's `data`, kept as the trigger wrote it, to the byte.

    Partitioned by day; old days are dropped.
    """

    __tablename__ = "changes"
    __table_args__ = (
        CheckConstraint("seq >= 1", name="seq"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    match_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
