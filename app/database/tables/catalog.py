"""Sports, leagues, participants, and what each provider calls them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class Sport(Table):
    """A sport; its id is its name on the wire."""

    __tablename__ = "sports"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class League(Table):
    """A competition of one sport; the slug is its id on the wire."""

    __tablename__ = "leagues"
    __table_args__ = (
        # Lets a match prove that its league is of its sport.
        UniqueConstraint("id", "sport_id"),
        UniqueConstraint("slug"),
        Index("leagues_sport_id_slug_idx", "sport_id", "slug"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,99}$'", name="slug"),
        CheckConstraint("merged_into <> id", name="merged"),
        Index(
            "leagues_merged_into_idx",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )
    id: Mapped[OurId]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    slug: Mapped[str]
    name: Mapped[str]
    country: Mapped[str | None]
    season: Mapped[str | None]
    # What was merged stays, so that its slug still leads somewhere.
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("leagues.id", ondelete="CASCADE"))
    created_at: Mapped[Now]


class Participant(Table):
    """A team, or a player where players play alone."""

    __tablename__ = "participants"
    __table_args__ = (
        UniqueConstraint("id", "sport_id"),
        CheckConstraint("merged_into <> id", name="merged"),
        Index(
            "participants_merged_into_idx",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )
    id: Mapped[OurId]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    name: Mapped[str]
    merged_into: Mapped[int | None] = mapped_column(
        ForeignKey("participants.id", ondelete="CASCADE")
    )
    created_at: Mapped[Now]


class ProviderRef(Table):
    """What one provider calls one thing of ours; exactly one of the three is named.

    Of a match: `inverted` when the provider has the sides the other way round, `start_time` as it
    last told it, `described` what it said when the match was decided.
    """

    __tablename__ = "provider_refs"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'league') = (league_id IS NOT NULL)"
            " AND (kind = 'participant') = (participant_id IS NOT NULL)"
            " AND (kind = 'match') = (match_id IS NOT NULL)"
            " AND kind IN ('league', 'participant', 'match')",
            name="kind",
        ),
        ForeignKeyConstraint(["match_id"], ["matches.id"], ondelete="CASCADE"),
        Index("provider_refs_match_id_idx", "match_id"),
        Index("provider_refs_league_id_idx", "league_id"),
        Index("provider_refs_participant_id_idx", "participant_id"),
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    league_id: Mapped[int | None] = mapped_column(ForeignKey("leagues.id", ondelete="CASCADE"))
    participant_id: Mapped[int | None] = mapped_column(
        ForeignKey("participants.id", ondelete="CASCADE")
    )
    match_id: Mapped[int | None]
    inverted: Mapped[bool] = mapped_column(server_default="false")
    start_time: Mapped[datetime | None]
    described: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[Now]
