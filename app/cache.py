"""Answers kept in Redis for as long as they are known to be right.

An entry is valid only under the tokens it was made under. Every match, every sport, "any sport"
and "everything" has a key `gen:...` that holds a random token; a reader fetches the tokens and the
entry in one MGET, and the entry counts only if the tokens it was stored with are still current.
To forget is to set new tokens, so an entry that was computed before a change and stored after it is
never believed, whoever stored it.

Invariants:
- A read that begins after this process was nudged never gets an answer older than that nudge. Until
  Redis has the new tokens, what was forgotten is read from Postgres and not kept.
- Without Redis, or while changes are not heard of at once (`is_current`), every read goes to
  Postgres and nothing is kept. When Redis comes back, everything is forgotten first.
- The time to live of a kind is only the fallback for what no change announces.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from app import metrics
from app.logs import logger

Load = Callable[[], Awaitable[bytes | None]]

# One look-up; Redis answers in well under a millisecond, so this is "away", not "slow".
TIMEOUT_S = 0.25
# New tokens for everything that was forgotten, up to a thousand at once.
TELL_TIMEOUT_S = 2.0
# After a failure Redis is left alone this long, so that reads don't each pay the timeout.
REST_S = 0.5
CONNECTIONS_MAX = 32
# A token outlives every entry made under it; a match nobody reads costs nothing after that.
TOKEN_TTL_S = 3_600
ENTRY_BYTES_MAX = 1_048_576
# More forgotten matches than this at once are forgotten as "everything".
FORGOTTEN_MAX = 1_000
# Matches whose sport is remembered, so that a goal in one sport leaves the lists of the others.
SPORTS_OF_MATCHES_MAX = 50_000

EVERYTHING = "all"
ANY_SPORT = "sports"
AWAY = (RedisError, OSError, TimeoutError)

log = logger(__name__)


def open_redis(url: str) -> Redis:
    """Returns a client that connects when first used.

    It has no socket timeout: with one, Python 3.11 may swallow a cancellation in the middle of a
    call. Callers bound their calls with `asyncio.timeout`.
    """
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS_MAX, timeout=TIMEOUT_S, socket_timeout=None
    )
    # `from_pool`: closing the client closes its connections too.
    return Redis.from_pool(pool)


def match_tag(match_id: int) -> str:
    """Returns the tag of what is told about one match."""
    return f"match:{match_id}"


def sport_tag(sport: str | None) -> str:
    """Returns the tag of lists of a sport's matches; None: lists over all sports."""
    return ANY_SPORT if sport is None else f"sport:{sport}"


class _Redis(Protocol):
    """What is used of redis-py, whose own types say `Awaitable[X] | X`."""

    async def mget(self, keys: list[str]) -> list[bytes | None]: ...
    async def set(self, name: str, value: bytes, *, px: int) -> Any: ...
    def pipeline(self, *, transaction: bool) -> Any: ...


class _Flight:
    """One computation under way that several readers wait for."""

    def __init__(self, tags: tuple[str, ...], task: asyncio.Task[bytes | None]) -> None:
        self.tags = frozenset(tags)
        self.task = task


class Cache:
    """Reads through Redis. `forget` is called with every nudge; `run` tells Redis.

    `ttl_s` names the kinds of answers and how long each may be kept at most. `sports` are all there
    are: a change of a match whose sport is not known makes the lists of every one of them invalid.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        is_current: Callable[[], bool],
        ttl_s: Mapping[str, float],
        sports: Iterable[str],
    ) -> None:
        self._redis: _Redis = redis  # pyright: ignore[reportAttributeAccessIssue]
        self._is_current = is_current
        self._ttl_ms = {kind: max(1, int(ttl * 1000)) for kind, ttl in ttl_s.items()}
        self._sport_tags = frozenset(sport_tag(sport) for sport in sports)
        self._sport_of: OrderedDict[int, str] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        # Nothing stored before this process listened may be believed.
        self._forgotten: set[str] = {EVERYTHING}
        self._being_told: frozenset[str] = frozenset()
        self._wake = asyncio.Event()
        self._wake.set()
        self._resting_until = 0.0

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
        self._forgotten |= tags
        if len(self._forgotten) > FORGOTTEN_MAX:
            self._forgotten = {EVERYTHING}
        # Who asks from now on must not join a computation that began before the change.
        for key in [k for k, f in self._flights.items() if not tags.isdisjoint(f.tags)]:
            del self._flights[key]
        self._wake.set()

    async def read(self, kind: str, key: str, tags: tuple[str, ...], load: Load) -> bytes | None:
        """Returns the entry, or what `load` returns; readers of one key at once share one load.

        `tags` name what the answer is about (`match_tag`, `sport_tag`). None, no such thing, is
        never kept.
        """
        name = f"{kind}:{key}"
        flight = self._flights.get(name)
        if flight is None:
            tags = (EVERYTHING, *tags)
            task = asyncio.create_task(self._look_up(kind, name, tags, load))
            flight = self._flights[name] = _Flight(tags, task)
            landed = flight
            task.add_done_callback(lambda _: self._land(name, landed))
        # A reader who goes away does not take the answer from those who stay.
        return await asyncio.shield(flight.task)

    async def run(self) -> None:
        """Tells Redis what was forgotten, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            # A tag that is forgotten again meanwhile needs yet another token: it is noted anew.
            self._being_told = frozenset(self._forgotten)
            self._forgotten = set()
            told = await self._tell_redis(self._being_told)
            if not told:
                # What was stored while Redis was out of reach is not to be trusted either.
                self._forgotten = {EVERYTHING}
                self._wake.set()
            self._being_told = frozenset()
            if not told:
                await asyncio.sleep(REST_S)

    def _land(self, name: str, flight: _Flight) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]
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

    def _is_usable(self, tags: tuple[str, ...]) -> bool:
        return (
            self._is_current()
            and self._forgotten.isdisjoint(tags)
            and self._being_told.isdisjoint(tags)
            and time.monotonic() >= self._resting_until
        )

    async def _look_up(
        self, kind: str, name: str, tags: tuple[str, ...], load: Load
    ) -> bytes | None:
        if not self._is_usable(tags):
            metrics.cache_reads.labels(kind, "off").inc()
            return await load()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                generations, entry = await self._fetch(name, tags)
        except AWAY as error:
            self._rest(error)
            metrics.cache_reads.labels(kind, "away").inc()
            return await load()
        if entry is not None:
            metrics.cache_reads.labels(kind, "hit").inc()
            return entry
        metrics.cache_reads.labels(kind, "miss").inc()
        body = await load()
        if body is not None and len(body) <= ENTRY_BYTES_MAX:
            await self._store(name, generations + b"\n" + body, self._ttl_ms[kind])
        return body

    async def _fetch(self, name: str, tags: tuple[str, ...]) -> tuple[bytes, bytes | None]:
        """Returns the current tokens and, if it was made under them, the entry."""
        keys = [f"gen:{tag}" for tag in tags]
        *tokens, stored = await self._redis.mget([*keys, f"entry:{name}"])
        if None in tokens:
            await self._make_tokens([k for k, t in zip(keys, tokens, strict=True) if t is None])
            tokens = await self._redis.mget(keys)
        generations = b",".join(token or b"" for token in tokens)
        head, _, body = (stored or b"").partition(b"\n")
        return generations, body if stored is not None and head == generations else None

    async def _make_tokens(self, keys: list[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.set(key, secrets.token_hex(8), nx=True, ex=TOKEN_TTL_S)
            await pipeline.execute()

    async def _store(self, name: str, value: bytes, ttl_ms: int) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._redis.set(f"entry:{name}", value, px=ttl_ms)
        except AWAY as error:
            self._rest(error)

    async def _tell_redis(self, tags: frozenset[str]) -> bool:
        try:
            async with (
                asyncio.timeout(TELL_TIMEOUT_S),
                self._redis.pipeline(transaction=False) as pipeline,
            ):
                for tag in tags:
                    pipeline.set(f"gen:{tag}", secrets.token_hex(8), ex=TOKEN_TTL_S)
                await pipeline.execute()
        except AWAY as error:
            self._rest(error)
            return False
        return True

    def _rest(self, error: BaseException) -> None:
        if time.monotonic() >= self._resting_until:
            log.warning("redis_out_of_reach", error=str(error) or type(error).__name__)
        self._resting_until = time.monotonic() + REST_S
