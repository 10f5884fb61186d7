"""Sports, leagues, participants, and what each provider calls them."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
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
    )
    id: Mapped[OurId]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    slug: Mapped[str]
    name: Mapped[str]
    country: Mapped[str | None]
    season: Mapped[str | None]
    created_at: Mapped[Now]


class Participant(Table):
    """A team, or a player where players play alone."""

    __tablename__ = "participants"
    __table_args__ = (UniqueConstraint("id", "sport_id"),)
    id: Mapped[OurId]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    name: Mapped[str]
    created_at: Mapped[Now]


class ProviderRef(Table):
    """What one provider calls one thing of ours; exactly one of the three is named."""

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
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    league_id: Mapped[int | None] = mapped_column(ForeignKey("leagues.id", ondelete="CASCADE"))
    participant_id: Mapped[int | None] = mapped_column(
        ForeignKey("participants.id", ondelete="CASCADE")
    )
    match_id: Mapped[int | None]
    created_at: Mapped[Now]
