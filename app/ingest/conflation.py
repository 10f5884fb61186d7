"""What waits to be written of a feed: one observation a match, the newest word on everything. Pure.

A feed may tell faster than Postgres writes. What is true now is all that counts, so what waits is
merged instead of queued: memory is bounded by matches, and a writer that was away finds the newest
state.
"""

from collections import OrderedDict
from decimal import Decimal

from msgspec.structs import replace

from app.providers.provider import Answer, Rejected
from app.sports.market import MarketType
from app.sports.observation import Observation, ObservedMarket

# Betfair's stream tells of 200 markets at most; a feed of all football has some 1,000 matches.
MATCHES_MAX = 2_000
# Of what could not be read; what is more is the same mistake again.
REJECTED_MAX = 200

_Key = tuple[str, str]


class Pending:
    """Observations by match, in the order in which their matches first came."""

    def __init__(self, matches_max: int = MATCHES_MAX) -> None:
        self._observations: OrderedDict[_Key, Observation] = OrderedDict()
        self._rejected: list[Rejected] = []
        self._matches_max = matches_max

    def __bool__(self) -> bool:
        return bool(self._observations or self._rejected)

    @property
    def full(self) -> bool:
        """True when no further match may be added; those that wait may still be told otherwise."""
        return len(self._observations) >= self._matches_max

    def add(self, answer: Answer) -> int:
        """Adds what was told; returns how many observations were merged into one that waited."""
        merges = 0
        for newer in answer.observations:
            key = (newer.provider, newer.external_id)
            older = self._observations.get(key)
            merges += older is not None
            self._observations[key] = newer if older is None else merged(older, newer)
        self._rejected = [*self._rejected, *answer.rejected][:REJECTED_MAX]
        return merges

    def put_back(self, answer: Answer) -> None:
        """Takes back what could not be written; what was told since then counts."""
        for older in reversed(answer.observations):
            key = (older.provider, older.external_id)
            newer = self._observations.get(key)
            self._observations[key] = older if newer is None else merged(older, newer)
            self._observations.move_to_end(key, last=False)
        self._rejected = [*answer.rejected, *self._rejected][:REJECTED_MAX]

    def drain(self, matches_max: int) -> Answer:
        """Takes out what waits, the matches that waited longest first."""
        count = min(matches_max, len(self._observations))
        taken = tuple(self._observations.popitem(last=False)[1] for _ in range(count))
        rejected, self._rejected = tuple(self._rejected), []
        return Answer(observations=taken, rejected=rejected)

    def clear(self) -> None:
        """Forgets everything."""
        self._observations.clear()
        self._rejected.clear()


def merged(older: Observation, newer: Observation) -> Observation:
    """Returns one observation of a match for two: the newer word on each thing that was told.

    Quotes that only the older told keep its time.
    """
    markets: dict[tuple[MarketType, Decimal | None], ObservedMarket] = {
        (market.type, market.line): _dated(market, older) for market in older.markets
    }
    markets.update(((market.type, market.line), market) for market in newer.markets)
    return replace(
        newer,
        match=newer.match or older.match,
        match_id=newer.match_id or older.match_id,
        score=newer.score or older.score,
        incidents=newer.incidents if newer.incidents is not None else older.incidents,
        markets=tuple(markets.values()),
    )


def _dated(market: ObservedMarket, told: Observation) -> ObservedMarket:
    """Returns a market whose quotes say themselves when they were told."""
    quotes = tuple(
        quote if quote.observed_at is not None else replace(quote, observed_at=told.observed_at)
        for quote in market.quotes
    )
    return replace(market, quotes=quotes)
