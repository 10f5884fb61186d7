"""The prices an exchange takes: steps that widen as odds grow, as Betfair publishes them."""

from bisect import bisect_right
from decimal import Decimal

# Up to these odds, in steps of so much.
_STEPS = (
    ("2", "0.01"), ("3", "0.02"), ("4", "0.05"), ("6", "0.1"), ("10", "0.2"), ("20", "0.5"),
    ("30", "1"), ("50", "2"), ("100", "5"), ("1000", "10"),
)  # fmt: skip


def _rungs() -> tuple[Decimal, ...]:
    rungs = [Decimal("1.01")]
    for top, step in _STEPS:
        while rungs[-1] < Decimal(top):
            rungs.append(rungs[-1] + Decimal(step))
    return tuple(rungs)


LADDER = _rungs()


def around(odds: Decimal, depth: int) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
    """Returns what may be backed and what may be laid around fair odds, the best first.

    The best to back is not above the fair odds, the best to lay above them; at the ladder's ends
    there are fewer.
    """
    place = bisect_right(LADDER, odds)
    back = LADDER[max(place - depth, 0) : place]
    return tuple(reversed(back)), LADDER[place : place + depth]
