"""How each provider is, sport by sport, and how the feeds of a match are."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table


class ProviderHealth(Table):
    """What a provider's polls and pushes of one sport brought lately.

    `priority` is its place among the providers, 0 the first, 1000 without one; a `standby` is asked
    only while no other is up. `silence_ms` is how long a feed that calls us may be silent before it
    is down, null: for ever; what a polled one may is told by its tasks. From `expected_since` on it
    should be heard. `data_at` is the newest moment in play that it spoke of, by its own clock. What
    it said of before `quarantined_before` counts for nothing: infinity while it is down, and the
    moment it went down afterwards. `response_ms` holds the newest times to answer, null for a
    failure; `errors` counts by kind.
    """

    __tablename__ = "provider_health"
    __table_args__ = (
        CheckConstraint("state IN ('up', 'behind', 'down', 'recovering')", name="state"),
        CheckConstraint("silence_ms > 0", name="silence_ms"),
        CheckConstraint("circuit IN ('closed', 'open', 'half_open')", name="circuit"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"), primary_key=True)
    priority: Mapped[int] = mapped_column(Integer, server_default="1000")
    standby: Mapped[bool] = mapped_column(server_default="false")
    state: Mapped[str] = mapped_column(server_default="recovering")
    since: Mapped[Now]
    silence_ms: Mapped[int | None] = mapped_column(Integer)
    expected_since: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    data_at: Mapped[datetime | None]
    quarantined_before: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    circuit: Mapped[str] = mapped_column(server_default="closed")
    circuit_until: Mapped[datetime | None]
    errors: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    response_ms: Mapped[list[int | None]] = mapped_column(ARRAY(Integer), server_default="{}")


class MatchFeed(Table):
    """How the providers that tell of a match are, each and together."""

    __tablename__ = "match_feeds"
    __table_args__ = (
        CheckConstraint("status IN ('ok', 'stale', 'down')", name="status"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    status: Mapped[str]
    providers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    updated_at: Mapped[Now]
