"""What a bet looks like on the wire, for OpenAPI and tests; `betting/told` writes it."""

from decimal import Decimal
from typing import Any

import msgspec

from app.api.money_shapes import MoneyShape
from app.betting.bet import BetStatus, LegResult, OddsChange


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class ScoreThen(_Shape, frozen=True, kw_only=True):
    """The score when the bet was asked for."""

    home: int | None
    away: int | None


class LegShape(_Shape, frozen=True, kw_only=True):
    """One selection of a bet, and what became of it."""

    selection_id: str
    market_id: str
    match_id: str
    sport: str
    market: str
    line: Decimal | None
    selection: str
    odds_requested: Decimal
    odds: Decimal
    score_at_placement: ScoreThen
    result: LegResult | None


class BetShape(_Shape, frozen=True, kw_only=True):
    """A bet. `refusal`: the problem it was refused with; `decideAt`: when a pending one is."""

    id: str
    request_id: str
    status: BetStatus
    legs: list[LegShape]
    stake: MoneyShape
    odds: Decimal
    potential_return: MoneyShape
    returned: MoneyShape
    stake_cashed_out: MoneyShape
    odds_change: OddsChange
    placed_at: str
    decide_at: str | None
    settled_at: str | None
    refusal: dict[str, Any] | None
