"""What models learnt, what they said of matches, and what came true."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table

_CHANCE = Numeric(5, 4)
_SHARE = Numeric(4, 3)
_MINUTE = Numeric(5, 1)


class ModelParameters(Table):
    """What a model learnt, as text, to the byte: its version is a hash of it.

    The newest of a model and league is the one in use. `learnt_from` is how many results it was
    given, `market_share` how far a blend follows the market.
    """

    __tablename__ = "model_parameters"
    __table_args__ = (
        CheckConstraint("market_share BETWEEN 0 AND 1", name="market_share"),
        Index("model_parameters_model_league_fitted_at_idx", "model", "league", "fitted_at"),
    )
    version: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    league: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    results: Mapped[int]
    learnt_from: Mapped[int]
    market_share: Mapped[Decimal] = mapped_column(_SHARE)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    fitted_at: Mapped[Now]


class Forecast(Table):
    """The newest forecast of a match, as it is told; `base` is what was forecast before it began.

    `market_share` is 0 when the market had no part. Scores are those it was made at; `minute` is of
    the sport's clock, NULL where there is none.
    """

    __tablename__ = "forecasts"
    __table_args__ = (
        CheckConstraint("phase IN ('before', 'in_play', 'over')", name="phase"),
        CheckConstraint(
            "home BETWEEN 0 AND 1 AND away BETWEEN 0 AND 1 AND coalesce(draw, 0) BETWEEN 0 AND 1"
            " AND home + coalesce(draw, 0) + away = 1",
            name="chances",
        ),
        CheckConstraint(
            "confidence BETWEEN 0 AND 1 AND market_share BETWEEN 0 AND 1", name="shares"
        ),
        Index("forecasts_version_idx", "version"),
        Index("forecasts_in_play_idx", "match_id", postgresql_where=text("phase = 'in_play'")),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[str] = mapped_column(ForeignKey("model_parameters.version"))
    model: Mapped[str]
    phase: Mapped[str]
    minute: Mapped[Decimal | None] = mapped_column(_MINUTE)
    home: Mapped[Decimal] = mapped_column(_CHANCE)
    draw: Mapped[Decimal | None] = mapped_column(_CHANCE)
    away: Mapped[Decimal] = mapped_column(_CHANCE)
    confidence: Mapped[Decimal] = mapped_column(_SHARE)
    expected_home: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    expected_away: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    market_share: Mapped[Decimal] = mapped_column(_SHARE)
    home_score: Mapped[int | None] = mapped_column(SmallInteger)
    away_score: Mapped[int | None] = mapped_column(SmallInteger)
    base: Mapped[dict[str, Any]] = mapped_column(JSON)
    generated_at: Mapped[Now]


class ForecastPoint(Table):
    """One point of the path a match's chances took; written by the trigger of `forecasts`."""

    __tablename__ = "forecast_points"
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(primary_key=True)
    phase: Mapped[str]
    minute: Mapped[Decimal | None] = mapped_column(_MINUTE)
    home: Mapped[Decimal] = mapped_column(_CHANCE)
    draw: Mapped[Decimal | None] = mapped_column(_CHANCE)
    away: Mapped[Decimal] = mapped_column(_CHANCE)
    home_score: Mapped[int | None] = mapped_column(SmallInteger)
    away_score: Mapped[int | None] = mapped_column(SmallInteger)


class ForecastPlace(Table):
    """Up to which entry of its log a match is forecast; -1: not at all yet.

    `asked_at`: somebody read it and found nothing, or nothing fresh.
    """

    __tablename__ = "forecast_places"
    __table_args__ = (
        Index(
            "forecast_places_asked_at_idx",
            "asked_at",
            postgresql_where=text("asked_at IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int]
    at: Mapped[datetime]
    looked_at: Mapped[Now]
    asked_at: Mapped[datetime | None]


class ForecastRecord(Table):
    """What a match that is over came to, once for each version that forecast it.

    `outcome` is 0 for home, 1 for a draw, 2 for away; of football after 90 minutes, as the scores.
    """

    __tablename__ = "forecast_records"
    __table_args__ = (
        CheckConstraint("outcome BETWEEN 0 AND 2", name="outcome"),
        Index("forecast_records_start_time_idx", "start_time"),
        Index("forecast_records_version_idx", "version"),
    )
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[str] = mapped_column(ForeignKey("model_parameters.version"), primary_key=True)
    model: Mapped[str]
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"))
    league: Mapped[str]
    simulated: Mapped[bool]
    home_score: Mapped[int] = mapped_column(SmallInteger)
    away_score: Mapped[int] = mapped_column(SmallInteger)
    outcome: Mapped[int] = mapped_column(SmallInteger)
    start_time: Mapped[datetime]
    recorded_at: Mapped[Now]


class JudgedChance(Table):
    """Chances of a recorded match as they were told: at moment 0 before kick-off, at 1 to 5 once so
    many sixths of the match were over; what was served, and at kick-off the model's and the
    market's own.
    """

    __tablename__ = "judged_chances"
    __table_args__ = (
        ForeignKeyConstraint(
            ["match_id", "version"],
            ["forecast_records.match_id", "forecast_records.version"],
            ondelete="CASCADE",
        ),
        CheckConstraint("moment BETWEEN 0 AND 5", name="moment"),
        CheckConstraint("teller IN ('served', 'model', 'market')", name="teller"),
    )
    match_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(primary_key=True)
    moment: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    teller: Mapped[str] = mapped_column(primary_key=True)
    home: Mapped[Decimal] = mapped_column(_CHANCE)
    draw: Mapped[Decimal | None] = mapped_column(_CHANCE)
    away: Mapped[Decimal] = mapped_column(_CHANCE)
