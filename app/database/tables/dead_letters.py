"""What could not be taken in."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Identity, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table


class DeadLetter(Table):
    """One thing that could not be parsed, identified or stored; alike ones of a day are counted.

    Partitioned by day; old days are dropped.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        CheckConstraint("form IN ('raw', 'observation')", name="form"),
        Index("dead_letters_id_idx", "id"),
        Index("dead_letters_provider_code_last_at_idx", "provider", "code", "last_at"),
        {"postgresql_partition_by": "RANGE (day)"},
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[int] = mapped_column(Identity(always=True))
    provider: Mapped[str]
    sport_id: Mapped[str | None]
    scope: Mapped[str]
    code: Mapped[str]
    message: Mapped[str]
    external_id: Mapped[str | None]
    form: Mapped[str] = mapped_column(server_default="raw")
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    count: Mapped[int] = mapped_column(Integer, server_default="1")
    first_at: Mapped[Now]
    last_at: Mapped[Now]
    replayed_at: Mapped[datetime | None]
