"""Matches, their scores and incidents, and what each provider last said of a score."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class Match(Table):
    """One contest between two sides of one sport."""

    __tablename__ = "matches"
    __table_args__ = (
        ForeignKeyConstraint(["league_id", "sport_id"], ["leagues.id", "leagues.sport_id"]),
        ForeignKeyConstraint(["home_id", "sport_id"], ["participants.id", "participants.sport_id"]),
        ForeignKeyConstraint(["away_id", "sport_id"], ["participants.id", "participants.sport_id"]),
        CheckConstraint("home_id <> away_id", name="sides"),
        Index("matches_start_time_id_idx", "start_time", "id"),
        Index("matches_sport_id_start_time_id_idx", "sport_id", "start_time", "id"),
        Index("matches_league_id_start_time_id_idx", "league_id", "start_time", "id"),
        Index("matches_home_id_idx", "home_id"),
        Index("matches_away_id_idx", "away_id"),
        CheckConstraint("merged_into <> id", name="merged"),
        Index(
            "matches_merged_into_idx",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )
    id: Mapped[OurId]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    league_id: Mapped[int]
    home_id: Mapped[int]
    away_id: Mapped[int]
    start_time: Mapped[datetime]
    simulated: Mapped[bool] = mapped_column(server_default="false")
    # What was merged stays, so that its id still leads somewhere.
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"))
    created_at: Mapped[Now]
    # Whose incidents are shown; NULL until somebody told some.
    incidents_provider: Mapped[str | None]


class LiveScore(Table):
    """What we believe of a match's score. Written only when something differs.

    `points_at` and `status_at` are when providers observed what made us believe the points and the
    status we hold; `verify_since` and `verify_reason` mark a match that looks frozen.
    """

    __tablename__ = "live_scores"
    __table_args__ = (
        CheckConstraint(
            "status IN ('scheduled', 'live', 'paused', 'interrupted', 'postponed', 'finished',"
            " 'cancelled', 'abandoned', 'awarded')",
            name="status",
        ),
        CheckConstraint(
            "(home_score IS NULL) = (away_score IS NULL)"
            " AND coalesce(home_score, 0) BETWEEN 0 AND 999"
            " AND coalesce(away_score, 0) BETWEEN 0 AND 999"
            " AND (status NOT IN ('live', 'paused', 'interrupted', 'finished')"
            " OR home_score IS NOT NULL)",
            name="score",
        ),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("jsonb_typeof(periods) = 'array'", name="periods"),
        CheckConstraint("(verify_since IS NULL) = (verify_reason IS NULL)", name="verify"),
        Index("live_scores_status_match_id_idx", "status", "match_id"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    status: Mapped[str]
    home_score: Mapped[int | None] = mapped_column(SmallInteger)
    away_score: Mapped[int | None] = mapped_column(SmallInteger)
    period: Mapped[str | None]
    clock: Mapped[str | None]
    periods: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    confidence: Mapped[Decimal] = mapped_column(Numeric(4, 3), server_default="1")
    updated_at: Mapped[Now]
    points_at: Mapped[datetime | None]
    status_at: Mapped[datetime | None]
    verify_since: Mapped[datetime | None]
    verify_reason: Mapped[str | None]


class ScoreObservation(Table):
    """The newest score each provider told; `observed_at` is refreshed now and then.

    `points_since` is when it began to tell these points, NULL when they were its first word;
    `points_repeats` how many observations in a row have told them, counted up to what confirms;
    likewise of the status. `back_since` is when it last took points back, NULL when never, and
    `back_repeats` counts the observations since.
    """

    __tablename__ = "score_observations"
    __table_args__ = ({"postgresql_with": {"fillfactor": "70"}},)
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    score: Mapped[dict[str, Any]] = mapped_column(JSONB)
    observed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    points_since: Mapped[datetime | None]
    points_repeats: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    back_since: Mapped[datetime | None]
    back_repeats: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    status_since: Mapped[datetime | None]
    status_repeats: Mapped[int] = mapped_column(SmallInteger, server_default="1")


class Incident(Table):
    """Something that occurred in a match, as a provider told it; withdrawn, never deleted."""

    __tablename__ = "incidents"
    __table_args__ = (
        UniqueConstraint("id"),
        Index("incidents_match_id_ordinal_idx", "match_id", "ordinal"),
        CheckConstraint("jsonb_typeof(body) = 'object' AND body ? 'type'", name="body"),
    )
    id: Mapped[int] = mapped_column(Identity(always=True))
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    withdrawn: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[Now]
