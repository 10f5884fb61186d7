"""American and decimal odds, each as the other: exact where three decimals hold the number.

American odds are what a stake of 100 wins (+150), or what must be staked to win 100 (-200); evens
is 100 either way.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from app.sports.market import THREE_PLACES

# Below it, American odds do not exist; above it, decimal ones of 10,001 are beyond any bookmaker.
AMERICAN_MIN, AMERICAN_MAX = Decimal(100), Decimal(1_000_000)
_HUNDRED = Decimal(100)
_EVENS = Decimal(2)
_ONE = Decimal(1)
# Enough for a quotient that is rounded to three decimals; the caller's context must not matter.
_CONTEXT = Context(prec=50, rounding=ROUND_HALF_EVEN)


def is_american(odds: Decimal) -> bool:
    """Says whether a number can be American odds: 100 to 1,000,000 either way."""
    return odds.is_finite() and AMERICAN_MIN <= abs(odds) <= AMERICAN_MAX


def american_to_decimal(american: Decimal) -> Decimal:
    """Returns decimal odds with three places; raises ValueError for what is no American odds.

    Exact for odds above evens, which have two decimals at most if they are whole numbers; below
    evens the nearest thousandth, an even one when two are as near.
    """
    if not is_american(american):
        raise ValueError(f"{american} is no American odds")
    won = (
        _CONTEXT.divide(american, _HUNDRED)
        if american > 0
        else _CONTEXT.divide(_HUNDRED, -american)
    )
    return _CONTEXT.quantize(_CONTEXT.add(won, _ONE), THREE_PLACES)


def decimal_to_american(odds: Decimal) -> Decimal:
    """Returns American odds as a whole number; raises ValueError for odds that win nothing.

    Evens is +100. The way back from `american_to_decimal` for all whole odds above evens, and below
    them down to -300; further down, a thousandth is worth more than one.
    """
    if not odds.is_finite() or odds <= _ONE:
        raise ValueError(f"{odds} is no decimal odds")
    won = _CONTEXT.subtract(odds, _ONE)
    if odds >= _EVENS:
        american = _CONTEXT.multiply(won, _HUNDRED)
    else:
        american = _CONTEXT.divide(-_HUNDRED, won)
    return _CONTEXT.quantize(american, _ONE)
