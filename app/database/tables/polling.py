"""What is asked of whom, and when next."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class PollTask(Table):
    """One recurring question to one provider. `generation` fences a worker that comes back late."""

    __tablename__ = "poll_tasks"
    __table_args__ = (
        UniqueConstraint("provider", "scope", "sport_id", "part"),
        CheckConstraint("scope IN ('fixtures', 'scores', 'markets')", name="scope"),
        CheckConstraint("interval_ms BETWEEN 50 AND 86400000", name="interval_ms"),
        CheckConstraint("timeout_ms BETWEEN 50 AND 600000", name="timeout_ms"),
        Index("poll_tasks_next_due_at_idx", "next_due_at"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    id: Mapped[OurId]
    provider: Mapped[str]
    scope: Mapped[str]
    sport_id: Mapped[str]
    # One of the provider's own league ids, when it is asked league by league.
    part: Mapped[str] = mapped_column(server_default="")
    interval_ms: Mapped[int] = mapped_column(Integer)
    timeout_ms: Mapped[int] = mapped_column(Integer)
    enabled: Mapped[bool] = mapped_column(server_default="true")
    generation: Mapped[int] = mapped_column(server_default="0")
    next_due_at: Mapped[Now]
    lease_until: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    last_error: Mapped[str | None]
