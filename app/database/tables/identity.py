"""What participants are also called, and what waits for an operator's word."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class ParticipantName(Table):
    """A name a provider gave a side in a match that was decided; the next decision knows it."""

    __tablename__ = "participant_names"
    participant_id: Mapped[int] = mapped_column(
        ForeignKey("participants.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    created_at: Mapped[Now]


class IdentityReview(Table):
    """A provider's match that may be one of ours, and may not; one row each.

    `described` is what the provider said of it (an ObservedMatch), `candidates` what it may be,
    best first. `tried_at` is when the rules last looked. Settled: they decided it after all.
    """

    __tablename__ = "identity_reviews"
    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        CheckConstraint("state IN ('open', 'same', 'new', 'dismissed', 'settled')", name="state"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        Index("identity_reviews_state_id_idx", "state", "id"),
    )
    id: Mapped[OurId]
    provider: Mapped[str]
    external_id: Mapped[str]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    described: Mapped[dict[str, Any]] = mapped_column(JSONB)
    simulated: Mapped[bool] = mapped_column(server_default="false")
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(server_default="open")
    match_id: Mapped[int | None] = mapped_column(ForeignKey("matches.id", ondelete="SET NULL"))
    decided_by: Mapped[str | None]
    created_at: Mapped[Now]
    tried_at: Mapped[Now]
    decided_at: Mapped[datetime | None]
