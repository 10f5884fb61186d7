"""Reading through both layers: one computation at a time, forgotten at every nudge."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from app import metrics
from app.cache.heard import Heard
from app.cache.lifetimes import Kind, Made, lifetime_s
from app.cache.memory import Entry, Load, Memory
from app.cache.redis_answers import REST_S, Found, RedisAnswers
from app.cache.tags import ANY_SPORT, EVERYTHING, match_tag, sport_tag

# More forgotten matches than this at once are forgotten as "everything".
FORGOTTEN_MAX = 1_000
# Matches whose sport is remembered, so that a goal in one sport leaves the lists of the others.
SPORTS_OF_MATCHES_MAX = 50_000
# An answer is computed anew from somewhere between these shares of its time on: of many processes
# one is the first, and the others find what it stored.
RENEW_FROM, RENEW_TO = 0.5, 0.8


class _Flight:
    """One computation under way that several readers wait for."""

    __slots__ = ("entry", "kind", "load", "name", "tags", "task")

    def __init__(self, kind: str, name: str, tags: tuple[str, ...], load: Load) -> None:
        self.kind = kind
        self.name = name
        self.tags = tags
        self.load = load
        # What is to be renewed; None: there is nothing.
        self.entry: Entry | None = None
        self.task: asyncio.Task[Entry]


class Cache:
    """Answers by kind and key. `forget` is called with every nudge; `run` tells Redis.

    `kinds` names the kinds of answers and how long each may be kept. `sports` are all there are: a
    change of a match whose sport is not known makes the lists of every one of them invalid.
    """

    def __init__(
        self,
        shared: RedisAnswers,
        *,
        is_current: Callable[[], bool],
        kinds: Mapping[str, Kind],
        sports: Iterable[str],
        memory_bytes_max: int,
    ) -> None:
        self.is_current = is_current
        self.memory = Memory(memory_bytes_max)
        self.heard = Heard()
        self._shared = shared
        self._kinds = kinds
        self._sport_tags = frozenset(sport_tag(sport) for sport in sports)
        self._sport_of: OrderedDict[int, str] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        # Nothing stored before this process listened may be believed.
        self._forgotten: set[str] = {EVERYTHING}
        self._being_told: frozenset[str] = frozenset()
        self._wake = asyncio.Event()
        self._wake.set()

    def learn(self, match_ids: Iterable[int], sport: str) -> None:
        """Remembers of which sport matches are."""
        for match_id in match_ids:
            self._sport_of[match_id] = sport
            self._sport_of.move_to_end(match_id)
        while len(self._sport_of) > SPORTS_OF_MATCHES_MAX:
            self._sport_of.popitem(last=False)

    def forget(self, match_ids: frozenset[int] | None) -> None:
        """Makes what is kept about these matches invalid, at once; None: about everything."""
        tags = {EVERYTHING} if match_ids is None else self._tags_of(match_ids)
        self.heard.note(tags)
        self.memory.forget(tags)
        self._forgotten |= tags
        if len(self._forgotten) > FORGOTTEN_MAX:
            self._forgotten = {EVERYTHING}
        # Who asks from now on must not join a computation that began before the change.
        for name in [n for n, f in self._flights.items() if not tags.isdisjoint(f.tags)]:
            del self._flights[name]
        self._wake.set()

    def good(self, name: str, now: float) -> Entry | None:
        """Returns what memory has under a name, while it may be believed; waits for nothing.

        What is to be renewed is renewed behind the reader's back. `now` is monotonic.
        """
        if not self.is_current():
            return None
        entry = self.memory.get(name, now)
        if entry is not None and entry.renew_from <= now and entry.load is not None:
            self._renew(entry)
        return entry

    @property
    def is_settled(self) -> bool:
        """Whether Redis has heard of all that was forgotten here, and may be believed."""
        return self._is_shared((EVERYTHING, *self._being_told, *self._forgotten))

    async def read(self, kind: str, key: str, tags: tuple[str, ...], load: Load) -> Entry | None:
        """Returns the answer, kept or as `load` computes it; None when there is no such thing.

        `tags` name what the answer is about (`match_tag`, `sport_tag`). Readers of one key at once
        share one computation.
        """
        name = f"{kind}:{key}"
        entry = self.good(name, time.monotonic())
        if entry is not None:
            metrics.cache_reads.labels(kind, "nothing" if entry.is_nothing else "memory").inc()
        else:
            flight = self._flights.get(name)
            if flight is None:
                flight = self._begin(_Flight(kind, name, (EVERYTHING, *tags), load))
            # A reader who goes away does not take the answer from those who stay.
            entry = await asyncio.shield(flight.task)
        return None if entry.is_nothing else entry

    async def run(self) -> None:
        """Tells Redis what was forgotten, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            # A tag that is forgotten again meanwhile needs yet another token: it is noted anew.
            self._being_told = frozenset(self._forgotten)
            self._forgotten = set()
            told = await self._shared.renew_tokens(self._being_told)
            if not told:
                # What was stored while Redis was out of reach is not to be trusted either.
                self._forgotten = {EVERYTHING}
                self._wake.set()
            self._being_told = frozenset()
            if not told:
                await asyncio.sleep(REST_S)

    def _begin(self, flight: _Flight) -> _Flight:
        self._flights[flight.name] = flight
        flight.task = asyncio.create_task(self._fly(flight))
        flight.task.add_done_callback(lambda _: self._land(flight))
        return flight

    def _renew(self, entry: Entry) -> None:
        """Computes a good answer anew, once however many read it meanwhile."""
        if entry.name in self._flights or entry.load is None:
            return
        flight = _Flight(entry.kind, entry.name, entry.tags, entry.load)
        flight.entry = entry
        self._begin(flight)

    def _land(self, flight: _Flight) -> None:
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
        if not flight.task.cancelled():
            flight.task.exception()  # Seen, so that asyncio does not report it as lost.

    def _tags_of(self, match_ids: frozenset[int]) -> set[str]:
        tags = {match_tag(match_id) for match_id in match_ids}
        tags.add(ANY_SPORT)
        for match_id in match_ids:
            sport = self._sport_of.get(match_id)
            if sport is None:
                return tags | self._sport_tags
            tags.add(sport_tag(sport))
        return tags

    def _is_shared(self, tags: tuple[str, ...]) -> bool:
        """Says whether Redis knows all that was forgotten about these."""
        return (
            self.is_current()
            and self._forgotten.isdisjoint(tags)
            and self._being_told.isdisjoint(tags)
            and not self._shared.is_away
        )

    async def _fly(self, flight: _Flight) -> Entry:
        kind = flight.kind
        found: Found | None = None
        if self._is_shared(flight.tags):
            found = await self._shared.look_up(flight.name, flight.tags)
            if found is not None and found.made is not None and self._will_do(flight, found):
                metrics.cache_reads.labels(kind, "redis").inc()
                return self._keep(flight, found.made, found.left_s, found.lifetime_s)
            metrics.cache_reads.labels(kind, "away" if found is None else "miss").inc()
        else:
            metrics.cache_reads.labels(kind, "off").inc()
        made = await flight.load()
        rules = self._kinds[kind]
        if made is None:
            return self._keep(flight, None, rules.nothing_ttl_s, rules.nothing_ttl_s)
        lifetime = lifetime_s(rules, made)
        if found is not None and made.is_shared:
            await self._shared.store(flight.name, found, made, lifetime)
        return self._keep(flight, made, lifetime, lifetime)

    def _will_do(self, flight: _Flight, found: Found) -> bool:
        """Says whether what Redis has is worth taking: who renews takes only what was renewed."""
        if found.left_s <= 0:
            return False
        return flight.entry is None or found.left_s > (1 - RENEW_FROM) * found.lifetime_s

    def _keep(self, flight: _Flight, made: Made | None, left_s: float, lifetime_s: float) -> Entry:
        """Returns the answer as an entry; it is kept when nothing it is about was forgotten."""
        entry = Entry(kind=flight.kind, name=flight.name, tags=flight.tags, made=made)
        if left_s <= 0 or self._flights.get(flight.name) is not flight or not self.is_current():
            return entry
        now = time.monotonic()
        share = random.uniform(RENEW_FROM, RENEW_TO)  # noqa: S311 - no secret.
        until, renew_from = now + left_s, now + left_s - (1 - share) * lifetime_s
        before = flight.entry
        if before is not None and before.is_kept and before.body == entry.body and made is not None:
            before.until, before.renew_from = until, renew_from
            return before
        entry.until, entry.renew_from = until, renew_from
        # Nothing is not worth renewing: who goes on asking for it asks in vain.
        entry.load = None if made is None else flight.load
        self.memory.keep(entry)
        return entry
