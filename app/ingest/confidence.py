"""How far to believe whom, and how far to believe what came of it. Pure.

A provider's reliability is the share of its judged words that were right, with a prior: a Beta
distribution's mean. What it weighs in one question is that, less for every step its word is older
than the newest one. Both go in steps, so that whom we believe does not flutter from poll to poll.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.sports.match import Score

# What a provider nobody has judged yet is worth: as one that was right in 8 of 10.
PRIOR_AGREED = 8.0
PRIOR_DISAGREED = 2.0
# About so many judgements count, the newest most: a provider that turns bad is found out within a
# match day, and one bad day is forgotten within some.
MEMORY = 200
HALF_LIFE = timedelta(days=7)
# Below it a provider is no longer taken at its word.
GOOD_STANDING = 0.5
RELIABILITY_STEP = 0.05
# Observations in a row, each at a moment of its own, by which one provider confirms itself. Two
# are the shortest glitch of a cache between us; three at the usual intervals are some seconds.
CONFIRMATIONS = 3
# A word loses half its weight for each of these that it is older than the newest.
AGE_STEP = timedelta(seconds=30)
# The rank of a provider that has none in the declared order.
RANK_NONE = 1_000
# As old as this, while somebody has spoken since, a word does not count at all. The slowest feeds
# of live scores are renewed every two minutes.
TOLD_FRESH = timedelta(minutes=5)


class ToldScore(msgspec.Struct, frozen=True, kw_only=True):
    """The newest score one provider told, for how long it has told it, and what it is worth.

    `points_since` is when it began to tell these points, None when they were its first word;
    `points_repeats` is how many observations in a row, each at a moment of its own, have told them;
    likewise of the status. `back_since` is when it last took points back, None when never, and
    `back_repeats` counts the observations since. `rank` is its place in the order of providers.
    """

    provider: str
    score: Score
    observed_at: datetime
    received_at: datetime
    points_since: datetime | None = None
    points_repeats: int = 1
    back_since: datetime | None = None
    back_repeats: int = 1
    status_since: datetime | None = None
    status_repeats: int = 1
    reliability: float = PRIOR_AGREED / (PRIOR_AGREED + PRIOR_DISAGREED)
    rank: int = RANK_NONE

    @property
    def points(self) -> tuple[int, int] | None:
        """Home and away, None when it tells none."""
        home, away = self.score.home, self.score.away
        return None if home is None or away is None else (home, away)

    @property
    def confirmed(self) -> bool:
        """Says whether to be told the same once more counts for nothing."""
        least = min(self.points_repeats, self.back_repeats, self.status_repeats)
        return least >= CONFIRMATIONS

    @property
    def stands_well(self) -> bool:
        """Says whether the provider is taken at its word."""
        return self.reliability >= GOOD_STANDING


class Judged(msgspec.Struct, frozen=True):
    """How many words of a provider turned out right, and how many wrong; halves are for late."""

    agreed: float = 0.0
    disagreed: float = 0.0

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(self.agreed + other.agreed, self.disagreed + other.disagreed)


RIGHT, WRONG, LATE_WORD = Judged(1.0, 0.0), Judged(0.0, 1.0), Judged(0.5, 0.5)


_WHOLE = Decimal(1)


def reliability_of(agreed: float, disagreed: float) -> float:
    """Returns how reliable a provider with such a record is, 0 to 1, in steps."""
    right = PRIOR_AGREED + agreed
    mean = right / (right + PRIOR_DISAGREED + disagreed)
    return round(round(mean / RELIABILITY_STEP) * RELIABILITY_STEP, 2)


def counting(told: Iterable[ToldScore]) -> list[ToldScore]:
    """Returns the words that count, the newest first: not too old while others are fresh."""
    ordered = list(told)
    if len(ordered) < 2:
        return ordered
    ordered.sort(key=_freshness, reverse=True)
    return [t for t in ordered if t.observed_at >= ordered[0].observed_at - TOLD_FRESH]


def _freshness(told: ToldScore) -> tuple[datetime, int, str]:
    return told.observed_at, -told.rank, told.provider


def weight_of(told: ToldScore, newest: datetime) -> float:
    """Returns what a word weighs beside one observed at `newest`."""
    if told.observed_at >= newest:
        return told.reliability
    steps = (newest - told.observed_at) // AGE_STEP
    return told.reliability * 0.5**steps


def weight_of_all(told: Iterable[ToldScore], newest: datetime) -> float:
    """Returns what several words weigh together; rounded, so that equal sums compare equal."""
    return round(sum(weight_of(t, newest) for t in told), 4)


def standing(told: ToldScore, newest: datetime) -> tuple[float, int, str]:
    """Returns a key by which the word to prefer is the greatest: weight, declared order, name."""
    if told.observed_at >= newest:
        return (told.reliability, -told.rank, told.provider)
    return (round(weight_of(told, newest), 4), -told.rank, told.provider)


def confidence_of(believed: Score, told: Sequence[ToldScore]) -> Decimal:
    """Returns the share of the words' weight that agrees on status and points, in hundredths."""
    if not told:
        return Decimal(0)
    newest = max([t.observed_at for t in told])
    state = (believed.status, believed.home, believed.away)
    agreeing = [t for t in told if (t.score.status, t.score.home, t.score.away) == state]
    if len(agreeing) == len(told) and told[0].reliability:
        return _WHOLE
    everything = weight_of_all(told, newest)
    share = weight_of_all(agreeing, newest) / everything if everything else 0.0
    return Decimal(round(share * 100)) / 100
