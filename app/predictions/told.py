"""Chances as they are told: four decimals that add up to exactly 1. Pure, without numpy."""

from collections.abc import Sequence
from decimal import Decimal

_PARTS = 10_000
_PART = Decimal("0.0001")


def told_chances(chances: Sequence[float], *, is_over: bool = False) -> tuple[Decimal, ...]:
    """Returns chances in ten-thousandths that add up to exactly 1, by largest remainders.

    Before a match is over nothing is said to be certain: what may still come about at all has at
    least 0.0001. Raises ValueError for what is no distribution.
    """
    total = sum(chances)
    # A NaN compares as false, and fails here.
    if not (0.999 < total < 1.001 and all(0.0 <= chance <= 1.0 for chance in chances)):
        raise ValueError(f"these are no chances: {chances}")
    exact = [chance / total * _PARTS for chance in chances]
    parts = [int(part) for part in exact]
    rest = _PARTS - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda way: (parts[way] - exact[way], way))
    for way in by_remainder[:rest]:
        parts[way] += 1
    if not is_over:
        for way, chance in enumerate(chances):
            if parts[way] == 0 and chance > 0.0:
                parts[way] = 1
                parts[parts.index(max(parts))] -= 1
    return tuple(part * _PART for part in parts)
