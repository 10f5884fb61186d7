"""What is published on Redis reaches Postgres once, through whichever worker writes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from app import metrics
from app.cache.redis_answers import open_redis
from app.database import engine
from app.database.engine import Pool
from app.ingest.dead_letters import find
from tests.builders import a_match
from tests.conftest import in_database
from workers import publications
from workers.publications import LEASE_KEY, Publications


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """One connection to the test's own database."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool of the test's own database."""
    opened = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-publications"
    )
    yield opened
    opened.terminate()


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """A client that publishes."""
    opened = open_redis(redis_url)
    yield opened
    await opened.aclose()


@asynccontextmanager
async def a_worker(pool: Pool, redis_url: str, name: str) -> AsyncGenerator[Publications]:
    """A worker's piece that hears; killed at the end, without leave, when it is told to."""
    client = open_redis(redis_url)
    publishing = Publications(pool, client, worker=name)
    running = asyncio.create_task(publishing.run())
    await publishing.until_hearing()
    try:
        yield publishing
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await client.aclose()


async def until(asked: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Waits until an answer is the one wanted."""
    async with asyncio.timeout(20):
        while await asked() != wanted:
            await asyncio.sleep(0.01)


def count(outcome: str) -> float:
    """How many messages ended so."""
    named = {"outcome": outcome}
    return metrics.REGISTRY.get_sample_value("touchline_publications_total", named) or 0


async def holder(redis: Redis) -> Any:
    """Who writes."""
    return await redis.get(LEASE_KEY)


async def test_a_published_score_is_stored_and_in_the_log(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str
):
    match_id = await a_match(connection)
    async with a_worker(pool, redis_url, "one"):
        await redis.publish(
            f"match:{match_id}", '{"homeScore":1,"awayScore":1,"period":"2nd Half"}'
        )
        await until(lambda: connection.fetchval("SELECT home_score FROM live_scores"), 1)
    row = await connection.fetchrow("SELECT away_score, period, status FROM live_scores")
    assert tuple(row or ()) == (1, "2nd Half", "live")
    told = await connection.fetch("SELECT provider FROM score_observations")
    assert [one["provider"] for one in told] == ["redis"]
    kinds = await connection.fetch("SELECT kind FROM changes WHERE kind = 'score_update'")
    assert kinds


async def test_what_is_no_score_is_counted_and_kept(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str
):
    match_id = await a_match(connection)
    before = count("refused")
    async with a_worker(pool, redis_url, "one"):
        for channel in (f"match:{match_id}", "match:999999", "match:\udc80x", "match:"):
            await redis.publish(channel.encode(errors="surrogateescape"), b"\x00\xff")
        await redis.publish("match:999999", '{"homeScore":1,"awayScore":0}')

        async def refused() -> float:
            return count("refused") - before

        await until(refused, 5)
    letters = await find(connection, provider="redis")
    assert {letter.origin.scope for letter in letters} == {"publish"}
    assert (
        sorted(letter.letter.code for letter in letters) == ["unknown_match"] + ["unreadable"] * 4
    )


async def counted(outcome: str) -> float:
    """As `count`, to be waited for."""
    return count(outcome)


async def test_one_worker_writes_and_another_goes_on_when_it_ends(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str
):
    match_id = await a_match(connection)
    before = count("accepted")
    async with a_worker(pool, redis_url, "two"):
        await until(lambda: holder(redis), b"two")
        async with a_worker(pool, redis_url, "one"):
            await redis.publish(f"match:{match_id}", '{"homeScore":1,"awayScore":0}')
            await until(lambda: connection.fetchval("SELECT home_score FROM live_scores"), 1)
            # It is counted when the commit is through, which the score told of a moment before.
            await until(lambda: counted("accepted"), before + 1)
            assert await holder(redis) == b"two"
    assert await holder(redis) is None


async def test_what_is_published_between_two_workers_is_not_lost(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str
):
    match_id = await a_match(connection)
    # The worker that writes was killed: its lease is still there, and nobody is behind it.
    await redis.set(LEASE_KEY, "killed", px=publications.LEASE_MS)
    async with a_worker(pool, redis_url, "next"):
        await redis.publish(f"match:{match_id}", '{"homeScore":1,"awayScore":0}')
        await until(lambda: connection.fetchval("SELECT home_score FROM live_scores"), 1)


async def test_a_cut_line_is_opened_again(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str
):
    match_id = await a_match(connection)
    async with a_worker(pool, redis_url, "one") as publishing:
        await until(lambda: holder(redis), b"one")
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        async def scored() -> Any:
            await publishing.until_hearing()
            await redis.publish(f"match:{match_id}", '{"homeScore":1,"awayScore":0}')
            return await connection.fetchval("SELECT home_score FROM live_scores")

        await until(scored, 1)


async def test_what_is_heard_while_postgres_is_away_waits(
    connection: asyncpg.Connection, pool: Pool, redis: Redis, redis_url: str, database_url: str
):
    match_id = await a_match(connection)
    name = database_url.rsplit("/", 1)[1]
    elsewhere = await asyncpg.connect(in_database(database_url, "postgres"))
    async with a_worker(pool, redis_url, "one"):
        await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await redis.publish(f"match:{match_id}", '{"homeScore":1,"awayScore":0}')
        await until(lambda: holder(redis), b"one")
        assert await connection.fetchval("SELECT home_score FROM live_scores") == 0
        await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await until(lambda: connection.fetchval("SELECT home_score FROM live_scores"), 1)
    await elsewhere.close()
