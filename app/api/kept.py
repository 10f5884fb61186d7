"""Answers through the cache: what kinds there are, and how one about a match is found."""

from collections.abc import Awaitable, Callable, Mapping

from litestar.datastructures import State
from redis.asyncio import Redis

from app.cache.lifetimes import Kind, Made, made_of_match
from app.cache.memory import Entry
from app.cache.reads import Cache
from app.cache.redis_answers import RedisAnswers
from app.cache.tags import match_tag
from app.catalog import matches
from app.catalog.reads import Reads
from app.database import engine
from app.database.engine import Connection
from app.sports.match import Sport

# How long it is remembered that there is no such match. One that is made is announced; whoever is
# not told finds it after this.
NOTHING_S = 1.0
# How good forecasts were changes with every match that ends; as a mean of many it can wait.
ACCURACY_S = 30.0

MEGABYTE = 1_000_000
# What may be read from a replica. A score comes with the place to go on from, a forecast may be
# asked for anew while it is read, and by which match one is kept is never to be in doubt.
FROM_REPLICA = frozenset({"match", "odds"})

OfMatch = Callable[[Connection, int], Awaitable[bytes | Made | None]]


def kinds_of_answers(*, scores_ttl_s: float, lists_ttl_s: float) -> Mapping[str, Kind]:
    """Returns every kind of answer that is kept."""
    of_match = Kind(ttl_s=scores_ttl_s, nothing_ttl_s=NOTHING_S)
    lists = Kind(ttl_s=lists_ttl_s)
    return {
        "score": of_match,
        "match": of_match,
        "odds": of_match,
        "prediction": of_match,
        # Into which match one was merged.
        "merged": Kind(ttl_s=lists_ttl_s, nothing_ttl_s=NOTHING_S),
        "accuracy": Kind(ttl_s=ACCURACY_S),
        "events": lists,
        "markets": lists,
        "table": lists,
    }


def open_cache(
    redis: Redis,
    is_current: Callable[[], bool],
    *,
    kinds: Mapping[str, Kind],
    memory_mb: int,
) -> Cache:
    """Returns the cache of this process."""
    return Cache(
        RedisAnswers(redis),
        is_current=is_current,
        kinds=kinds,
        sports=[sport.value for sport in Sport],
        memory_bytes_max=memory_mb * MEGABYTE,
    )


async def of_match(state: State, kind: str, number: int, read: OfMatch) -> Entry | None:
    """Returns what `read` says of a match, or of the one it was merged into; None for none.

    What is said of another match is not kept for this one: by which it was kept may change.
    """
    entry = await _of(state, kind, number, read)
    if entry is not None:
        return entry
    kept = await _of(state, "merged", number, _merged_into)
    if kept is None:
        return None
    entry = await _of(state, kind, int(kept.body), read)
    return None if entry is None else entry.apart()


def number_of_match(entry: Entry) -> int:
    """Returns which match an entry of `of_match` is about: that asked for, or the one kept."""
    return int(entry.name.partition(":")[2])


async def _of(state: State, kind: str, number: int, read: OfMatch) -> Entry | None:
    cache: Cache = state.cache
    load = _Load(state, kind, number, read)
    return await cache.read(kind, str(number), load.tags, load)


class _Load:
    """Computes what is said of a match. Every answer keeps one, so it is small."""

    __slots__ = ("kind", "number", "read", "state", "tags")

    def __init__(self, state: State, kind: str, number: int, read: OfMatch) -> None:
        self.state = state
        self.kind = kind
        self.number = number
        self.read = read
        self.tags = (match_tag(number),)

    async def __call__(self) -> Made | None:
        if self.kind in FROM_REPLICA:
            reads: Reads = self.state.reads
            return await reads.made(self.tags, self._make)
        async with engine.connection(self.state.pool) as connection:
            return await self._make(connection)

    async def _make(self, connection: Connection) -> Made | None:
        found = await self.read(connection, self.number)
        return made_of_match(found) if isinstance(found, bytes) else found


async def _merged_into(connection: Connection, number: int) -> Made | None:
    kept = await matches.merged_into(connection, number)
    return None if kept is None else Made(body=str(kept).encode())
