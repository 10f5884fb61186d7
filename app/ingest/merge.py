"""What providers say of one match, or one market, to what we believe of it. Pure.

The seam for several providers: every function takes all that was told. Today the newest score
counts; a price is the median of the bookmakers, so that one bookmaker's error moves it little.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

import msgspec

from app.ingest.confidence import confidence_of
from app.sports.market import THREE_PLACES
from app.sports.match import MatchStatus, Score, may_move

FOUR_PLACES = Decimal("0.0001")


class ToldScore(msgspec.Struct, frozen=True):
    """The newest score one provider told."""

    provider: str
    score: Score
    observed_at: datetime


class BelievedScore(msgspec.Struct, frozen=True):
    """A score and how far we believe it."""

    score: Score
    confidence: Decimal


def merge_scores(told: Sequence[ToldScore], status_now: MatchStatus | None) -> BelievedScore | None:
    """Returns the newest score that is a legal move from where the match is; None without one."""
    legal = [t for t in told if status_now is None or may_move(status_now, t.score.status)]
    if not legal:
        return None
    chosen = max(legal, key=lambda t: t.observed_at).score
    return BelievedScore(chosen, confidence_of(chosen, [t.score for t in told]))


class PricedSelection(msgspec.Struct, frozen=True):
    """What we hold of one selection: consensus odds, the best offer and whose, the fair chance."""

    odds: Decimal
    best_odds: Decimal
    best_provider: str
    fair_probability: Decimal | None


def merge_quotes(
    quotes: Mapping[str, Sequence[tuple[str, Decimal]]],
) -> tuple[dict[str, PricedSelection], Decimal | None]:
    """Returns the priced selections of one market by key, and its overround.

    Takes (bookmaker, odds) by selection; a selection nobody quotes is left out. Odds are the lower
    median. The overround is the sum of 1/odds; a chance without margin is a selection's share of
    it. Both need a price for every selection that was named.
    """
    medians: dict[str, Decimal] = {}
    for key, offers in quotes.items():
        if offers:
            ordered = sorted([odds for _, odds in offers])
            medians[key] = ordered[(len(ordered) - 1) // 2]
    complete = len(medians) == len(quotes) and len(medians) > 1
    inverse = {key: 1 / odds for key, odds in medians.items()}
    total = sum(inverse.values(), Decimal(0))
    priced: dict[str, PricedSelection] = {}
    for key, odds in medians.items():
        best_provider, best_odds = max(quotes[key], key=lambda offer: offer[1])
        fair = (inverse[key] / total).quantize(FOUR_PLACES) if complete else None
        priced[key] = PricedSelection(
            odds.quantize(THREE_PLACES, ROUND_DOWN), best_odds, best_provider, fair
        )
    return priced, total.quantize(FOUR_PLACES) if complete else None
