"""What is remembered of Betfair's markets: who plays whom, and which runner answers what.

Both change rarely and cost a request each time they are asked for, so they are kept for a while;
bounded, the least asked for goes first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from app.providers.betfair.normalize import Followed, MarketKey, follow, match_of
from app.providers.betfair.payloads import MarketCatalogue, refused
from app.providers.items import Unfit
from app.providers.provider import Rejected
from app.sports.observation import ObservedMatch

T = TypeVar("T")

# How long a market's catalogue counts. New markets of a match appear, closed ones go, in minutes.
MARKETS_AGE_S = 300.0
# Teams and leagues of an event hardly ever change; its start is read anew with every listing.
MATCH_AGE_S = 3_600.0
# All football of a week is some 3,000 events; what is remembered of one takes 5 kB with markets.
MATCHES_MAX = 10_000
EVENTS_MAX = 1_000


class Kept(Generic[T]):
    """Values by event for `age_s` each, at most `limit`; the least used goes first."""

    def __init__(self, *, limit: int, age_s: float, clock: Callable[[], float]) -> None:
        self._values: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._limit = limit
        self._age_s = age_s
        self._clock = clock

    def get(self, event_id: str) -> T | None:
        """Returns what is known of an event, however old."""
        found = self._values.get(event_id)
        return found[1] if found else None

    def stale(self, event_ids: Iterable[str]) -> list[str]:
        """Returns the events to ask for: unknown ones and those known for too long."""
        oldest = self._clock() - self._age_s
        return [e for e in event_ids if e not in self._values or self._values[e][0] < oldest]

    def put(self, event_id: str, value: T) -> None:
        """Remembers what was just asked."""
        self._values[event_id] = (self._clock(), value)
        self._values.move_to_end(event_id)
        while len(self._values) > self._limit:
            self._values.popitem(last=False)

    def touch(self, event_ids: Iterable[str]) -> None:
        """Notes that these are wanted, so that others go first."""
        for event_id in event_ids:
            if event_id in self._values:
                self._values.move_to_end(event_id)


class Catalogue:
    """Matches and markets of events. `told` are the lines of a market that once had an offer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.matches: Kept[ObservedMatch | None] = Kept(
            limit=MATCHES_MAX, age_s=MATCH_AGE_S, clock=clock
        )
        self.markets: Kept[tuple[Followed, ...]] = Kept(
            limit=EVENTS_MAX, age_s=MARKETS_AGE_S, clock=clock
        )
        self._told: OrderedDict[str, set[MarketKey]] = OrderedDict()

    def learn_matches(
        self, event_ids: Sequence[str], catalogues: Sequence[MarketCatalogue]
    ) -> list[Rejected]:
        """Remembers who plays whom in the events that were asked for, nobody where it is unknown.

        Returns what could not be read.
        """
        found: dict[str, ObservedMatch] = {}
        rejected: list[Rejected] = []
        for index, catalogue in enumerate(catalogues):
            try:
                match = match_of(catalogue)
            except Unfit as error:
                raw = msgspec.json.encode(catalogue)
                rejected.append(refused(index, error.code, str(error), raw))
                continue
            if match is not None and catalogue.event is not None:
                found.setdefault(catalogue.event.id, match)
        for event_id in event_ids:
            self.matches.put(event_id, found.get(event_id))
        return rejected

    def learn_markets(
        self, event_ids: Sequence[str], catalogues: Sequence[MarketCatalogue]
    ) -> list[Rejected]:
        """Remembers the markets of the events that were asked for; returns what is ambiguous."""
        followed, rejected = follow(catalogues)
        by_event: dict[str, list[Followed]] = {event_id: [] for event_id in event_ids}
        for one in followed:
            if one.event_id in by_event:
                by_event[one.event_id].append(one)
        for event_id, markets in by_event.items():
            self.markets.put(event_id, tuple(sorted(markets, key=lambda one: one.rank)))
        return rejected

    def markets_of(self, event_ids: Sequence[str]) -> list[Followed]:
        """Returns the markets known of these events, in the order of the events."""
        self.markets.touch(reversed(event_ids))
        return [one for event_id in event_ids for one in self.markets.get(event_id) or ()]

    def matches_of(self, event_ids: Iterable[str]) -> Mapping[str, ObservedMatch]:
        """Returns who plays in these events, where it is known."""
        known = ((event_id, self.matches.get(event_id)) for event_id in event_ids)
        return {event_id: match for event_id, match in known if match is not None}

    def told(self, market_id: str) -> set[MarketKey]:
        """Returns the lines of a market that had an offer, to be added to."""
        lines = self._told.setdefault(market_id, set())
        self._told.move_to_end(market_id)
        while len(self._told) > EVENTS_MAX * 10:
            self._told.popitem(last=False)
        return lines
