"""Markets, their selections, every bookmaker's quote, and the path prices took."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table

_ODDS = Numeric(7, 3)


class Market(Table):
    """One question on a match. `version` grows with every change of its status or prices.

    `fresh_until` is when to look again whether a quote behind its prices is too old.
    """

    __tablename__ = "markets"
    __table_args__ = (
        UniqueConstraint("match_id", "type", "line", postgresql_nulls_not_distinct=True),
        CheckConstraint(
            "type IN ('winner', 'winner_3way', 'double_chance', 'draw_no_bet', 'total',"
            " 'home_total', 'away_total', 'handicap', 'handicap_3way', 'both_to_score',"
            " 'correct_score', 'period_winner', 'set_handicap')",
            name="type",
        ),
        CheckConstraint(
            "(type IN ('total', 'home_total', 'away_total', 'handicap', 'handicap_3way',"
            " 'period_winner', 'set_handicap')) = (line IS NOT NULL)",
            name="line",
        ),
        CheckConstraint("status IN ('open', 'suspended', 'closed', 'settled')", name="status"),
        CheckConstraint("version >= 1", name="version"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    id: Mapped[OurId]
    match_id: Mapped[int] = mapped_column(ForeignKey("matches.id", ondelete="CASCADE"))
    type: Mapped[str]
    line: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    status: Mapped[str]
    reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    overround: Mapped[Decimal | None] = mapped_column(Numeric(7, 4))
    updated_at: Mapped[Now]
    fresh_until: Mapped[datetime | None]


class Selection(Table):
    """One answer: the odds we offer, the best a bookmaker offers, and the chance without margin."""

    __tablename__ = "selections"
    __table_args__ = (
        UniqueConstraint("market_id", "key"),
        CheckConstraint(
            "key ~ '^(home|draw|away|over|under|yes|no|home_draw|home_away|draw_away"
            "|(0|[1-9][0-9]?)-(0|[1-9][0-9]?))$'",
            name="key",
        ),
        CheckConstraint("status IN ('open', 'suspended')", name="status"),
        CheckConstraint("odds > 1 AND best_odds > 1", name="odds"),
        CheckConstraint("status <> 'open' OR odds IS NOT NULL", name="priced"),
        CheckConstraint("fair_probability BETWEEN 0 AND 1", name="fair_probability"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    id: Mapped[OurId]
    market_id: Mapped[int] = mapped_column(ForeignKey("markets.id", ondelete="CASCADE"))
    key: Mapped[str]
    name: Mapped[str]
    odds: Mapped[Decimal | None] = mapped_column(_ODDS)
    best_odds: Mapped[Decimal | None] = mapped_column(_ODDS)
    best_provider: Mapped[str | None]
    fair_probability: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    status: Mapped[str] = mapped_column(server_default="suspended")
    updated_at: Mapped[Now]


class Quote(Table):
    """What one bookmaker, heard through one provider, offers for a selection; NULL: nothing."""

    __tablename__ = "quotes"
    __table_args__ = (
        CheckConstraint("odds > 1", name="odds"),
        {"postgresql_with": {"fillfactor": "70"}},
    )
    selection_id: Mapped[int] = mapped_column(
        ForeignKey("selections.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    bookmaker: Mapped[str] = mapped_column(primary_key=True)
    odds: Mapped[Decimal | None] = mapped_column(_ODDS)
    observed_at: Mapped[datetime]


class OddsHistory(Table):
    """Every price a selection had. Partitioned by day; old days are dropped."""

    __tablename__ = "odds_history"
    __table_args__ = (
        Index("odds_history_selection_id_at_idx", "selection_id", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    # No primary key in Postgres: a path, not a set. SQLAlchemy needs one to map rows.
    selection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    odds: Mapped[Decimal | None] = mapped_column(_ODDS)
    best_odds: Mapped[Decimal | None] = mapped_column(_ODDS)
    status: Mapped[str]
