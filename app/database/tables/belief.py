"""How far each provider is believed, what each said of incidents and markets, where they disagree.

What each provider last told of a score stands beside the scores, in `matches`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class ProviderReliability(Table):
    """How often a provider was right and wrong of a sport's scores lately; older counts fade."""

    __tablename__ = "provider_reliability"
    __table_args__ = (
        CheckConstraint("agreed >= 0 AND disagreed >= 0", name="counts"),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"), primary_key=True)
    agreed: Mapped[float] = mapped_column(Double, server_default="0")
    disagreed: Mapped[float] = mapped_column(Double, server_default="0")
    updated_at: Mapped[Now]


class Conflict(Table):
    """Providers that say different things of one match, from when to when, and how it ended.

    `told` is who says what, by provider; `believed` what we held when it was last looked at.
    `outcome`: agreed (the others came round), moved (we came round), silent (those who said
    otherwise count no longer). `ended_as` is what we held then.
    """

    __tablename__ = "conflicts"
    __table_args__ = (
        CheckConstraint("field IN ('points', 'status')", name="field"),
        CheckConstraint("jsonb_typeof(told) = 'object'", name="told"),
        CheckConstraint(
            "outcome IN ('agreed', 'moved', 'silent')"
            " AND (outcome IS NULL) = (closed_at IS NULL)"
            " AND (ended_as IS NULL) = (closed_at IS NULL)",
            name="outcome",
        ),
        Index(
            "conflicts_open_idx",
            "match_id",
            "field",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("conflicts_match_id_id_idx", "match_id", "id"),
    )
    id: Mapped[OurId]
    match_id: Mapped[int] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"))
    field: Mapped[str]
    believed: Mapped[str]
    told: Mapped[dict[str, str]] = mapped_column(JSONB)
    opened_at: Mapped[Now]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    ended_as: Mapped[str | None]


class IncidentObservation(Table):
    """All incidents of a match as one provider last told them; one provider's are shown."""

    __tablename__ = "incident_observations"
    __table_args__ = (CheckConstraint("jsonb_typeof(incidents) = 'array'", name="incidents"),)
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    incidents: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    observed_at: Mapped[datetime]


class MarketObservation(Table):
    """One provider's newest word on a whole market; `observed_at` is refreshed now and then."""

    __tablename__ = "market_observations"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'suspended', 'closed', 'settled')", name="status"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    market_id: Mapped[int] = mapped_column(
        ForeignKey("markets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    observed_at: Mapped[datetime]
