"""Bets, their legs, what hangs on markets, and the rules they are struck under."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table

_STATUSES = (
    "'pending', 'accepted', 'refused', 'won', 'lost', 'void', 'half_won', 'half_lost', 'cashed_out'"
)
_RESULTS = "'won', 'lost', 'void', 'half_won', 'half_lost'"


class Bet(Table):
    """What a user asked for, whether it was struck, and what became of it. Money in minor units.

    A refused request is kept too, with its `refusal` as the problem it was answered with: the same
    request gets the same answer for ever. `decide_at`: when a pending one is looked at again.
    """

    __tablename__ = "bets"
    __table_args__ = (
        UniqueConstraint("user_id", "request_id"),
        CheckConstraint("length(request_id) BETWEEN 1 AND 64", name="request_id"),
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("odds_change IN ('none', 'higher', 'any')", name="odds_change"),
        CheckConstraint("stake > 0 AND stake_cashed_out BETWEEN 0 AND stake", name="stake"),
        CheckConstraint("odds > 1", name="odds"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refusal"),
        CheckConstraint("(status = 'pending') <= (decide_at IS NOT NULL)", name="pending"),
        Index("bets_user_id_id_idx", "user_id", "id"),
        Index("bets_accepted_idx", "id", postgresql_where=text("status = 'accepted'")),
        Index("bets_decide_at_idx", "decide_at", postgresql_where=text("status = 'pending'")),
        {"postgresql_with": {"fillfactor": 80}},
    )
    id: Mapped[OurId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    request_id: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str]
    stake: Mapped[int]
    currency: Mapped[str]
    odds: Mapped[Decimal] = mapped_column(Numeric(24, 3))
    potential_return: Mapped[int]
    odds_change: Mapped[str]
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    answer: Mapped[str | None]
    placed_at: Mapped[Now]
    decide_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    returned: Mapped[int] = mapped_column(server_default="0")
    stake_cashed_out: Mapped[int] = mapped_column(server_default="0")
    cashed_out_paid: Mapped[int] = mapped_column(server_default="0")


class BetLeg(Table):
    """One selection of a bet, with everything it is settled by: markets may come and go.

    Score and start are those at placement: a match that is put off for too long is void. What an
    operator said of a leg (`by_hand`) stays until it is released; NULL then: it waits for a word.
    """

    __tablename__ = "bet_legs"
    __table_args__ = (
        UniqueConstraint("bet_id", "match_id"),
        CheckConstraint("odds > 1 AND odds_requested > 1", name="odds"),
        CheckConstraint(f"result IN ({_RESULTS})", name="result"),
        Index("bet_legs_match_id_bet_id_idx", "match_id", "bet_id"),
        {"postgresql_with": {"fillfactor": 80}},
    )
    bet_id: Mapped[int] = mapped_column(ForeignKey("bets.id"), primary_key=True)
    n: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    selection_id: Mapped[int]
    market_id: Mapped[int]
    match_id: Mapped[int] = mapped_column(ForeignKey("matches.id"))
    sport_id: Mapped[str]
    market_type: Mapped[str]
    line: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    selection_key: Mapped[str]
    odds_requested: Mapped[Decimal] = mapped_column(Numeric(7, 3))
    odds: Mapped[Decimal] = mapped_column(Numeric(7, 3))
    market_version: Mapped[int]
    match_status: Mapped[str]
    home_score: Mapped[int | None] = mapped_column(Integer)
    away_score: Mapped[int | None] = mapped_column(Integer)
    starts_at: Mapped[datetime]
    result: Mapped[str | None]
    by_hand: Mapped[bool] = mapped_column(server_default="false")


class MarketExposure(Table):
    """What hangs on a market in one currency: all stakes, and what each answer would pay back.

    `payouts` maps a selection's id to minor units. Its row is what bets of a market wait for.
    """

    __tablename__ = "market_exposures"
    __table_args__ = (
        Index("market_exposures_match_id_idx", "match_id"),
        {"postgresql_with": {"fillfactor": 50}},
    )
    market_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    currency: Mapped[str] = mapped_column(primary_key=True)
    match_id: Mapped[int] = mapped_column(ForeignKey("matches.id"))
    staked: Mapped[int]
    payouts: Mapped[dict[str, int]] = mapped_column(JSONB)


class BetRule(Table):
    """Rules of a scope: `league.{slug}` before `sport.{sport}` before `default`; NULL: the wider's.

    Amounts in units of the currency of the bet.
    """

    __tablename__ = "bet_rules"
    __table_args__ = (
        CheckConstraint("scope ~ '^(default|sport[.][a-z]+|league[.][a-z0-9-]+)$'", name="scope"),
        CheckConstraint("delay_ms BETWEEN 0 AND 60000", name="delay_ms"),
    )
    scope: Mapped[str] = mapped_column(primary_key=True)
    delay_ms: Mapped[int | None] = mapped_column(Integer)
    stake_min: Mapped[Decimal | None] = mapped_column(Numeric(12, 3))
    stake_max: Mapped[Decimal | None] = mapped_column(Numeric(12, 3))
    return_max: Mapped[Decimal | None] = mapped_column(Numeric(14, 3))
    liability_max: Mapped[Decimal | None] = mapped_column(Numeric(14, 3))
    user_day_max: Mapped[Decimal | None] = mapped_column(Numeric(14, 3))
    set_at: Mapped[Now]


class Settlement(Table):
    """One settlement of a bet. A corrected one is reversed, to the cent, by the next."""

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("bet_id", "number"),
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("cause IN ('result', 'correction', 'by_hand')", name="cause"),
        CheckConstraint("returned >= 0", name="returned"),
    )
    id: Mapped[OurId]
    bet_id: Mapped[int] = mapped_column(ForeignKey("bets.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str]
    returned: Mapped[int]
    cause: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    settled_at: Mapped[Now]


class SettlementPlace(Table):
    """Up to where in its log a match's bets are settled."""

    __tablename__ = "settlement_places"
    match_id: Mapped[int] = mapped_column(
        ForeignKey("matches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int]
    at: Mapped[Now]
