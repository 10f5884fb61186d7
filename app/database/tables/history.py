"""Results of the past, for the models to learn from."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, Table


class PastResult(Table):
    """One match that was played, by any file; sides are keys that all spellings share.

    `told` is the whole result as it was read, `source` who said it last.
    """

    __tablename__ = "past_results"
    __table_args__ = (
        CheckConstraint("home <> away", name="sides"),
        CheckConstraint("home_score >= 0 AND away_score >= 0", name="score"),
        Index("past_results_sport_id_league_played_on_idx", "sport_id", "league", "played_on"),
    )
    sport_id: Mapped[str] = mapped_column(ForeignKey("sports.id"), primary_key=True)
    played_on: Mapped[date] = mapped_column(Date, primary_key=True)
    home: Mapped[str] = mapped_column(primary_key=True)
    away: Mapped[str] = mapped_column(primary_key=True)
    league: Mapped[str]
    season: Mapped[str | None]
    home_score: Mapped[int]
    away_score: Mapped[int]
    told: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source: Mapped[str]
    imported_at: Mapped[Now]
