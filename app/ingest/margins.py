"""From odds with a bookmaker's margin to chances that add up to one. Pure.

Three known ways, each taking the decimal odds of all answers of a market and returning their
chances in the same order. With `pi` = 1/odds and their sum `S` (1 + margin):

- multiplicative: `pi / S`. Simple; takes the same share of margin from everybody.
- power: `pi ** k` with the `k` that makes them add up.
- Shin (1992, 1993): the margin is a bookmaker's shield against a share `z` of insiders among those
  who bet, which weighs most on long shots.

Ours is Shin's. Bookmakers load long shots more than favourites (the favourite-long-shot bias);
the multiplicative way keeps that load in the chances, so that every long shot looks a little too
likely. Power corrects it, too, but by a formula without a reason, and overcorrects at the long end;
Shin's follows from a model with one number that can be looked at, predicts outcomes at least as
well as the others in published comparisons (Strumbelj 2014), and for two answers is exact without
iterating: half the margin from each (the additive way).
"""

from collections.abc import Callable, Sequence
from math import sqrt

# Chances are stored with four decimals; this is far below.
PRECISE = 1e-10
# Shin's iteration halves its error at every margin met in practice; 5 to 20 rounds suffice.
ROUNDS_MAX = 200

Chances = tuple[float, ...]
Method = Callable[[Sequence[float]], Chances]


def overround(odds: Sequence[float]) -> float:
    """Returns the sum of 1/odds: 1.05 is a margin of five hundredths."""
    return sum(1.0 / o for o in odds)


def multiplicative(odds: Sequence[float]) -> Chances:
    """Returns chances in proportion to 1/odds."""
    total = overround(odds)
    return tuple(1.0 / o / total for o in odds)


def power(odds: Sequence[float], whole: float = 1.0) -> Chances:
    """Returns chances as the one power of 1/odds that adds up to `whole`."""
    inverse = [1.0 / o for o in odds]
    low, high = 0.0, 1.0
    while sum(p**high for p in inverse) > whole and high < 1024.0:
        low, high = high, high * 2.0
    for _ in range(ROUNDS_MAX):
        middle = (low + high) / 2.0
        low, high = (middle, high) if sum(p**middle for p in inverse) > whole else (low, middle)
        if high - low < PRECISE:
            break
    found = [p**high for p in inverse]
    scale = whole / sum(found)
    return tuple(p * scale for p in found)


def two_of_three(odds: Sequence[float]) -> Chances:
    """Returns the chances of answers two of which come true, as of a double chance: they add up to
    two.

    By a power, which leaves every chance between nothing and one; a share of the sum does not.
    """
    return power(odds, 2.0)


def shin(odds: Sequence[float]) -> Chances:
    """Returns Shin's chances; see `shin_share` for the insiders' part in them."""
    inverse = [1.0 / o for o in odds]
    total = sum(inverse)
    if len(odds) == 2 and total > 1.0:
        return tuple(p - (total - 1.0) / 2.0 for p in inverse)
    z = shin_share(odds)
    if z == 0.0:
        return multiplicative(odds)
    found = [
        (sqrt(z * z + 4.0 * (1.0 - z) * p * p / total) - z) / (2.0 * (1.0 - z)) for p in inverse
    ]
    whole = sum(found)
    return tuple(p / whole for p in found)


def shin_share(odds: Sequence[float]) -> float:
    """Returns the share `z` of insiders; 0 for a book without margin, an exchange's for one."""
    inverse = [1.0 / o for o in odds]
    total = sum(inverse)
    if total <= 1.0:
        return 0.0
    if len(odds) == 2:
        apart = inverse[0] - inverse[1]
        return (total - 1.0) * (apart * apart - total) / (total * (apart * apart - 1.0))
    squares = [4.0 * p * p / total for p in inverse]
    z = 0.0
    for _ in range(ROUNDS_MAX):
        before = z
        z = (sum(sqrt(z * z + (1.0 - z) * s) for s in squares) - 2.0) / (len(odds) - 2)
        if abs(z - before) < PRECISE:
            break
    return min(max(z, 0.0), 0.999)
