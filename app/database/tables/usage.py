"""What each tier may, and what was used, counted."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table

# No more than GCRA tells apart: its clock has microseconds.
_PER_MINUTE = "BETWEEN 1 AND 60000000"


class Tier(Table):
    """How much a tier may. Null: `burst` as much as a minute's, quotas none."""

    __tablename__ = "tiers"
    __table_args__ = (
        CheckConstraint("name IN ('anonymous', 'free', 'pro', 'enterprise')", name="name"),
        CheckConstraint(f"requests_per_minute {_PER_MINUTE}", name="requests_per_minute"),
        CheckConstraint(f"burst {_PER_MINUTE}", name="burst"),
        CheckConstraint("sockets BETWEEN 1 AND 1000000", name="sockets"),
        CheckConstraint(
            "subscriptions_per_socket BETWEEN 1 AND 100000", name="subscriptions_per_socket"
        ),
        CheckConstraint("messages_per_second BETWEEN 1 AND 10000", name="messages_per_second"),
        CheckConstraint("units_per_day > 0", name="units_per_day"),
        CheckConstraint("units_per_month > 0", name="units_per_month"),
        # Whose it would be, nobody knows: strangers are counted together.
        CheckConstraint(
            "name <> 'anonymous' OR coalesce(units_per_day, units_per_month) IS NULL", name="quota"
        ),
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    requests_per_minute: Mapped[int]
    burst: Mapped[int | None]
    sockets: Mapped[int]
    subscriptions_per_socket: Mapped[int]
    messages_per_second: Mapped[int] = mapped_column(server_default=text("10"))
    units_per_day: Mapped[int | None]
    units_per_month: Mapped[int | None]
    updated_at: Mapped[Now]


class Usage(Table):
    """What one user asked of one endpoint on one day (UTC), by log-in (key 0) or by a key.

    User 0 is everybody who showed no credentials. `units` weigh requests, `refused` were not
    answered because of a limit.
    """

    __tablename__ = "usage"
    __table_args__ = (Index("usage_day_idx", "day"),)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    api_key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int]
    units: Mapped[int]
    refused: Mapped[int]


class UsageWriter(Table):
    """A process that writes usage, and its last batch: one that is told twice counts once."""

    __tablename__ = "usage_writers"
    name: Mapped[str] = mapped_column(primary_key=True)
    batch: Mapped[int]
    written_at: Mapped[datetime]


class UsageAlert(Table):
    """That a user was told how much of a quota is used, once a period."""

    __tablename__ = "usage_alerts"
    __table_args__ = (CheckConstraint("period IN ('day', 'month')", name="period"),)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    period: Mapped[str] = mapped_column(primary_key=True)
    starts_on: Mapped[date] = mapped_column(Date(), primary_key=True)
    percent: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    told_at: Mapped[Now]
