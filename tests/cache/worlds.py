"""A cache as a process has it, and a truth to read through it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count

from app.cache.lifetimes import Kind, Made
from app.cache.reads import Cache
from app.cache.redis_answers import RedisAnswers, open_redis
from app.cache.tags import match_tag

SPORTS = ("football", "tennis")
FRESH_IDS = count(1)


@asynccontextmanager
async def a_cache(
    redis_url: str,
    *,
    is_current: Callable[[], bool] = lambda: True,
    memory_bytes_max: int = 1_000_000,
    ttl_s: float = 300,
    nothing_ttl_s: float = 0,
) -> AsyncGenerator[Cache]:
    """The cache of one process; entries live long, so that only a nudge can make them anew."""
    redis = open_redis(redis_url)
    cache = Cache(
        RedisAnswers(redis),
        is_current=is_current,
        kinds={"score": Kind(ttl_s=ttl_s, nothing_ttl_s=nothing_ttl_s)},
        sports=SPORTS,
        memory_bytes_max=memory_bytes_max,
    )
    telling = asyncio.create_task(cache.run())
    try:
        yield cache
    finally:
        telling.cancel()
        await asyncio.wait([telling])
        await redis.aclose()


class World:
    """One match's truth, and how often it was read."""

    def __init__(self) -> None:
        self.match_id = next(FRESH_IDS)
        self.value = 0
        self.loads = 0
        self.loading = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def load(self) -> Made:
        """Reads the truth; with a gate, answers only when that is opened."""
        self.loads += 1
        self.loading.set()
        value = self.value
        if self.gate is not None:
            await self.gate.wait()
        return Made(body=str(value).encode())

    async def read(self, cache: Cache, *tags: str) -> int:
        """Reads through the cache."""
        name = str(self.match_id)
        entry = await cache.read("score", name, tags or (match_tag(self.match_id),), self.load)
        assert entry is not None
        return int(entry.body)


async def until_kept(world: World, cache: Cache, *tags: str) -> None:
    """Reads until a read needs no load: the cache is in force and has the entry."""
    loads = -1
    while loads != world.loads:
        loads = world.loads
        await world.read(cache, *tags)
