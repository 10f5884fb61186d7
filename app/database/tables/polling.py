"""What is asked of whom, and when next; who wants it; what may still be asked."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Interval, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class PollTask(Table):
    """One recurring question to one provider. `generation` fences a worker that comes back late.

    `rule_interval_ms`, `cost` and `matches_max` are the provider's rule; `interval_ms`, `state`,
    `because`, `watchers` and `paces` are what the planner made of it. `paces` says for each kind of
    match (its phase, how much it is wanted, an interval set by hand) how often it is asked for. A
    task that nobody wants is due at infinity.
    """

    __tablename__ = "poll_tasks"
    __table_args__ = (
        UniqueConstraint("provider", "scope", "sport_id", "part"),
        CheckConstraint("scope IN ('fixtures', 'scores', 'markets')", name="scope"),
        CheckConstraint("interval_ms BETWEEN 50 AND 86400000", name="interval_ms"),
        CheckConstraint("timeout_ms BETWEEN 50 AND 600000", name="timeout_ms"),
        CheckConstraint("state IN ('polled', 'unwanted', 'standby', 'waiting')", name="state"),
        CheckConstraint("cost >= 0", name="cost"),
        CheckConstraint("matches_max >= 0", name="matches_max"),
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
    rule_interval_ms: Mapped[int] = mapped_column(Integer, server_default="50")
    cost: Mapped[int] = mapped_column(Integer, server_default="1")
    matches_max: Mapped[int] = mapped_column(Integer, server_default="0")
    state: Mapped[str] = mapped_column(server_default="polled")
    because: Mapped[str] = mapped_column(server_default="")
    watchers: Mapped[int] = mapped_column(Integer, server_default="0")
    paces: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    # When a worker last said that it runs the provider.
    kept_at: Mapped[Now]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    generation: Mapped[int] = mapped_column(server_default="0")
    next_due_at: Mapped[Now]
    lease_until: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    last_error: Mapped[str | None]


class PollOverride(Table):
    """An interval set by hand, for one task or for `match.4`, `league.x`, `sport.x`, `default`."""

    __tablename__ = "poll_overrides"
    __table_args__ = (CheckConstraint("interval_ms BETWEEN 50 AND 86400000", name="interval_ms"),)
    subject: Mapped[str] = mapped_column(primary_key=True)
    interval_ms: Mapped[int] = mapped_column(Integer)
    set_at: Mapped[Now]


class DemandHolder(Table):
    """A process that speaks for readers; past `until` what it said counts for nothing."""

    __tablename__ = "demand_holders"
    __table_args__ = ({"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": "50"}},)
    holder: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class Demand(Table):
    """What the readers of one process want: a match, or the lists of a league or a sport.

    `scores` and `markets` count sockets, the times say until when a recent reader counts as well.
    """

    __tablename__ = "demand"
    __table_args__ = ({"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": "50"}},)
    holder: Mapped[str] = mapped_column(
        ForeignKey("demand_holders.holder", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(primary_key=True)
    match_id: Mapped[int | None]
    sport_id: Mapped[str | None]
    league_slug: Mapped[str | None]
    scores: Mapped[int] = mapped_column(Integer, server_default="0")
    markets: Mapped[int] = mapped_column(Integer, server_default="0")
    scores_until: Mapped[datetime | None]
    markets_until: Mapped[datetime | None]


class PlanRun(Table):
    """When the plan was last made, and the phases it was made by; one row.

    So many workers make it once, and every worker sees matches in the same phases.
    """

    __tablename__ = "plan_runs"
    __table_args__ = (
        CheckConstraint("id = 1", name="id"),
        {"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": "50"}},
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    minutes_before: Mapped[timedelta] = mapped_column(Interval)
    hours_before: Mapped[timedelta] = mapped_column(Interval)
    just_finished: Mapped[timedelta] = mapped_column(Interval)
    late: Mapped[timedelta] = mapped_column(Interval)
    long_ago: Mapped[timedelta] = mapped_column(Interval)


class PollAsked(Table):
    """When a task that names its matches last named this one, and in which of its polls."""

    __tablename__ = "poll_asked"
    __table_args__ = ({"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": "50"}},)
    task_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    match_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int]
    asked_at: Mapped[datetime]


class ProviderQuota(Table):
    """What is left of one quota of one provider, for all processes.

    `configured` is our own limit, `limit` the lower of it and the provider's. `used` is what we
    took in this window, `told_remaining` the provider's word less what we took since; `remaining`
    is the lower of both. `recent` holds the last minute, second by second.
    """

    __tablename__ = "provider_quotas"
    __table_args__ = (
        CheckConstraint("\"window\" IN ('minute', 'day', 'month')", name="window"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[str] = mapped_column(primary_key=True)
    configured: Mapped[int | None] = mapped_column(Integer)
    limit: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer, server_default="0")
    told_remaining: Mapped[int | None] = mapped_column(Integer)
    remaining: Mapped[int] = mapped_column(Integer)
    resets_at: Mapped[datetime]
    recent: Mapped[list[list[int]]] = mapped_column(JSONB, server_default="[]")


class ProviderBlock(Table):
    """A provider that wants to be left alone until then."""

    __tablename__ = "provider_blocks"
    provider: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    reason: Mapped[str]
