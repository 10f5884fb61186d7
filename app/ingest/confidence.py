"""How far to believe a score. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from app.sports.match import Score


def confidence_of(believed: Score, told: Sequence[Score]) -> Decimal:
    """Returns the share of the tellers that agree on status and points, 0 to 1, in thousandths."""
    if not told:
        return Decimal(0)
    agreeing = sum(
        (score.status, score.home, score.away) == (believed.status, believed.home, believed.away)
        for score in told
    )
    return round(Decimal(agreeing) / len(told), 3)
