"""A market is a question on a match, a selection one answer to it, a price its decimal odds."""

from decimal import Decimal
from enum import StrEnum


class MarketType(StrEnum):
    """The questions we know; the value is the wire's `type`."""

    # home, draw, away; two answers where the sport has no draw, extra time counted there.
    WINNER = "winner"
    TOTAL = "total"  # over, under a line
    HANDICAP = "handicap"  # home, away, with `line` added to the home side's score
    BOTH_TO_SCORE = "both_to_score"  # yes, no


class MarketStatus(StrEnum):
    """Whether a market takes bets."""

    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    SETTLED = "settled"


class SelectionKey(StrEnum):
    """Which answer; unique within a market."""

    HOME = "home"
    DRAW = "draw"
    AWAY = "away"
    OVER = "over"
    UNDER = "under"
    YES = "yes"
    NO = "no"


LINED = frozenset({MarketType.TOTAL, MarketType.HANDICAP})
# What a market may be answered with, in the order it is shown; a sport without draws has no draw.
ANSWERS: dict[MarketType, tuple[SelectionKey, ...]] = {
    MarketType.WINNER: (SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY),
    MarketType.TOTAL: (SelectionKey.OVER, SelectionKey.UNDER),
    MarketType.HANDICAP: (SelectionKey.HOME, SelectionKey.AWAY),
    MarketType.BOTH_TO_SCORE: (SelectionKey.YES, SelectionKey.NO),
}


# Above 1, because a bet that returns less than its stake is none; exchange ladders end at 1000.
ODDS_MIN = Decimal("1.001")
ODDS_MAX = Decimal(1000)
THREE_PLACES = Decimal("0.001")


def is_odds(odds: Decimal) -> bool:
    """Says whether a number can be decimal odds of ours: 1.001 to 1000, at most 3 decimals."""
    return odds.is_finite() and ODDS_MIN <= odds <= ODDS_MAX and odds == round(odds, 3)
