"""A market is a question on a match, a selection one answer to it, a price its decimal odds."""

from decimal import Decimal
from enum import StrEnum


class MarketType(StrEnum):
    """The questions we know; the value is the wire's `type`."""

    WINNER = "winner"  # home, draw (where the sport has one), away
    TOTAL = "total"  # over, under a line


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


# Above 1, because a bet that returns less than its stake is none; exchange ladders end at 1000.
ODDS_MIN = Decimal("1.001")
ODDS_MAX = Decimal(1000)
THREE_PLACES = Decimal("0.001")


def is_odds(odds: Decimal) -> bool:
    """Says whether a number can be decimal odds of ours: 1.001 to 1000, at most 3 decimals."""
    return odds.is_finite() and ODDS_MIN <= odds <= ODDS_MAX and odds == round(odds, 3)
