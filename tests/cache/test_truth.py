"""Over changes, cut connections, an emptied Redis and races, answers are what Postgres has.

Two processes read the same matches through their caches. In the midst of it an answer is never
older than what its process had heard of when it was asked; and once all was heard, every answer is
Postgres' own, byte for byte.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import pytest

from app.api.kept import kinds_of_answers, open_cache
from app.cache.lifetimes import Made, made_of_match
from app.cache.reads import Cache
from app.cache.redis_answers import open_redis
from app.cache.tags import match_tag, sport_tag
from app.catalog import markets, matches
from app.database import engine
from app.database.engine import Connection, Pool, open_pool
from app.database.listener import Listener, Nudge
from app.stream.hub import Hub
from tests.builders import a_market, a_match

PATIENCE_S = 60
STEPS = 120
# A minute: nothing gets right by itself while this runs.
KINDS = kinds_of_answers(scores_ttl_s=60, lists_ttl_s=60)
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'touchline-listener' AND datname = current_database()
"""


class Process:
    """What an API process reads with, and which nudges it had."""

    def __init__(self, pool: Pool, cache: Cache, listener: Listener) -> None:
        self.pool = pool
        self.cache = cache
        self.listener = listener
        self.heard: dict[int, int] = {}

    async def score(self, match_id: int) -> bytes:
        """Reads a score as the route does."""
        return await self._read("score", match_id, matches.score_of)

    async def match(self, match_id: int) -> bytes:
        """Reads a match as the route does."""
        return await self._read("match", match_id, matches.match_of)

    async def markets(self) -> bytes:
        """Reads a page of markets."""

        async def load() -> Made:
            async with engine.connection(self.pool) as connection:
                page = await some_markets(connection)
            self.cache.learn(page.match_ids, "football")
            return Made(body="".join(page.items).encode())

        entry = await self.cache.read("markets", "all", (sport_tag("football"),), load)
        assert entry is not None
        return entry.body

    async def _read(
        self, kind: str, match_id: int, read: Callable[[Connection, int], Awaitable[bytes | None]]
    ) -> bytes:
        async def load() -> Made | None:
            async with engine.connection(self.pool) as connection:
                body = await read(connection, match_id)
            return None if body is None else made_of_match(body)

        entry = await self.cache.read(kind, str(match_id), (match_tag(match_id),), load)
        assert entry is not None
        return entry.body


async def some_markets(connection: Connection) -> markets.Page:
    return await markets.markets_after(connection, markets.Wanted(sport="football"), None, limit=50)


@asynccontextmanager
async def a_process(database_url: str, redis_url: str) -> AsyncGenerator[Process]:
    """One process, joined as `app.main` joins it."""
    pool = await open_pool(database_url, connections_max=4, statement_timeout_s=10, name="truth")
    redis, hub = open_redis(redis_url), Hub(pool)
    cache = open_cache(redis, lambda: hub.current and listener.up, kinds=KINDS, memory_mb=1)

    def nudged(ids: Nudge) -> None:
        cache.forget(ids)
        hub.nudge(ids)

    listener = Listener(database_url, on_nudge=nudged, on_lost=hub.listener_lost)
    tasks = [asyncio.create_task(run()) for run in (listener.run, hub.run, cache.run)]
    try:
        yield Process(pool, cache, listener)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await redis.aclose()
        pool.terminate()


class World:
    """Matches that change, and two processes that read them."""

    def __init__(
        self, connection: asyncpg.Connection, redis_url: str, processes: list[Process], seed: int
    ) -> None:
        self.connection = connection
        self.redis_url = redis_url
        self.processes = processes
        self.chance = random.Random(seed)
        self.ids: list[int] = []
        self.reading: list[asyncio.Task[None]] = []

    async def step(self) -> None:
        """Does one thing."""
        deed = self.chance.choices(
            (self.change, self.ask, self.cut, self.empty, self.breathe), (6, 12, 0.3, 0.3, 3)
        )[0]
        await deed()

    async def change(self) -> None:
        """A score moves, or a market is suspended."""
        match_id = self.chance.choice(self.ids)
        if self.chance.random() < 0.7:
            await self.connection.execute(
                "UPDATE live_scores SET home_score = (home_score + 1) % 900,"
                " updated_at = clock_timestamp() WHERE match_id = $1",
                match_id,
            )
        else:
            await self.connection.execute(
                "UPDATE markets SET version = version + 1, updated_at = clock_timestamp(),"
                " status = CASE status WHEN 'open' THEN 'suspended' ELSE 'open' END"
                " WHERE match_id = $1",
                match_id,
            )

    async def ask(self) -> None:
        """A process is asked, and takes its time."""
        process, match_id = self.chance.choice(self.processes), self.chance.choice(self.ids)
        self.reading.append(asyncio.create_task(self._ask(process, match_id)))

    async def _ask(self, process: Process, match_id: int) -> None:
        before = process.heard.get(match_id, 0)
        told = msgspec.json.decode(await process.score(match_id))
        assert told["seq"] >= before
        await asyncio.gather(process.match(match_id), process.markets())
        process.heard[match_id] = max(process.heard.get(match_id, 0), told["seq"])

    async def cut(self) -> None:
        """Every listener is cut off."""
        await self.connection.execute(CUT)

    async def empty(self) -> None:
        """Redis forgets everything."""
        async with open_redis(self.redis_url) as redis:
            await redis.flushdb()

    async def breathe(self) -> None:
        """A moment passes."""
        await asyncio.sleep(self.chance.random() * 0.005)

    async def agree(self) -> None:
        """Waits until all was heard, and holds every answer against Postgres."""
        await asyncio.gather(*self.reading)
        self.reading.clear()
        for process in self.processes:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._agrees(process):
                    await asyncio.sleep(0.005)

    async def _agrees(self, process: Process) -> bool:
        for match_id in self.ids:
            reads = ((process.score, matches.score_of), (process.match, matches.match_of))
            for read, truth in reads:
                if await read(match_id) != await truth(self.connection, match_id):
                    return False
        page = await some_markets(self.connection)
        return await process.markets() == "".join(page.items).encode()


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_is_what_postgres_has(database_url: str, redis_url: str, seed: int):
    connection = await asyncpg.connect(database_url)
    try:
        async with (
            a_process(database_url, redis_url) as one,
            a_process(database_url, redis_url) as two,
        ):
            world = World(connection, redis_url, [one, two], seed)
            world.ids = [await a_match(connection) for _ in range(4)]
            for match_id in world.ids[:3]:
                await a_market(connection, match_id)
            for _ in range(3):
                for _ in range(STEPS // 3):
                    await world.step()
                await world.agree()
                # From memory now, and the same: nothing that was heard of is there as it was.
                await world.agree()
    finally:
        await connection.close()
