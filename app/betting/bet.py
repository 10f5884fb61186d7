"""Bets, legs, and the legal moves between a bet's states. Pure."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from app.sports.ids import MarketId, MatchId, SelectionId, UserId
from app.wallet.money import Money


class BetStatus(StrEnum):
    """Where a bet is in its life; the value is the wire's."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WON = "won"
    LOST = "lost"
    VOID = "void"
    HALF_WON = "half_won"
    HALF_LOST = "half_lost"
    CASHED_OUT = "cashed_out"


class LegResult(StrEnum):
    """What became of a leg; the halves are quarter lines that fell between."""

    WON = "won"
    LOST = "lost"
    VOID = "void"
    HALF_WON = "half_won"
    HALF_LOST = "half_lost"


class OddsChange(StrEnum):
    """What to do when the price has moved: refuse, take a better one only, take any."""

    NONE = "none"
    HIGHER = "higher"
    ANY = "any"


_S = BetStatus
SETTLED = frozenset({_S.WON, _S.LOST, _S.VOID, _S.HALF_WON, _S.HALF_LOST})
# A settlement may be rolled back (to ACCEPTED) or corrected (to another result); a bet that was
# refused or cashed out whole has no more to settle.
LEGAL_MOVES: dict[BetStatus, frozenset[BetStatus]] = {
    _S.PENDING: frozenset({_S.ACCEPTED, _S.REFUSED, _S.VOID}),
    _S.ACCEPTED: SETTLED | {_S.CASHED_OUT},
    _S.REFUSED: frozenset(),
    _S.CASHED_OUT: frozenset(),
    **{settled: SETTLED | {_S.ACCEPTED} for settled in SETTLED},
}


def may_move(old: BetStatus, new: BetStatus) -> bool:
    """Says whether a bet may go from one state to the other."""
    return new in LEGAL_MOVES[old]


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One selection of a bet, as it stood when the bet was struck."""

    selection_id: SelectionId
    market_id: MarketId
    match_id: MatchId
    sport_id: str
    market_type: str
    line: Decimal | None
    selection_key: str
    odds_requested: Decimal
    odds: Decimal
    market_version: int
    match_status: str
    home_score: int | None
    away_score: int | None
    starts_at: datetime
    result: LegResult | None = None
    by_hand: bool = False


class Bet(msgspec.Struct, frozen=True, kw_only=True):
    """A bet. `refusal` is the problem document a refused one was answered with; `returned` all
    that was paid back, of which `cashed_out_paid` for `stake_cashed_out`.
    """

    id: int
    user_id: UserId
    request_id: str
    status: BetStatus
    legs: tuple[Leg, ...]
    stake: Money
    odds: Decimal
    potential_return: Money
    odds_change: OddsChange
    placed_at: datetime
    decide_at: datetime | None = None
    decided_at: datetime | None = None
    settled_at: datetime | None = None
    returned: Money
    stake_cashed_out: Money
    cashed_out_paid: Money
    refusal: dict[str, Any] | None = None
