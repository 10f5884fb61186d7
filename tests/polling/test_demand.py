"""Leases of what is wanted: written in batches, renewed, written again, forgotten."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from app.database import engine
from app.database.engine import Pool
from app.polling import demand
from app.polling.demand import Demand, holder_name


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """The pool of an API process."""
    opened = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-demand"
    )
    yield opened
    opened.terminate()


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection beside it."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def wanted(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Sockets that want scores and markets, by subject."""
    rows = await connection.fetch("SELECT subject, scores, markets FROM demand ORDER BY subject")
    return {row["subject"]: (row["scores"], row["markets"]) for row in rows}


async def test_sockets_are_counted_and_forgotten(pool: Pool, connection: asyncpg.Connection):
    mine = Demand(pool, "one")
    for _ in range(3):
        mine.watch(4)
    mine.watch(5, markets=False)
    await mine.flush()
    assert await wanted(connection) == {"match.4": (3, 3), "match.5": (1, 0)}
    mine.unwatch(4)
    mine.unwatch(5, markets=False)
    await mine.flush()
    assert await wanted(connection) == {"match.4": (2, 2)}


async def test_processes_do_not_touch_each_others_demand(
    pool: Pool, connection: asyncpg.Connection
):
    one, two = Demand(pool, "one"), Demand(pool, "two")
    one.watch(4)
    two.watch(4)
    await one.flush()
    await two.flush()
    one.unwatch(4)
    await one.flush()
    assert await connection.fetchval("SELECT holder FROM demand") == "two"


async def test_a_reader_counts_for_half_a_minute_however_often_it_reads(
    pool: Pool, connection: asyncpg.Connection
):
    mine = Demand(pool, "one")
    mine.touch(4, markets=False)
    await mine.flush()
    lasts_s = await connection.fetchval(
        "SELECT extract(epoch FROM scores_until - now())::float8 FROM demand"
    )
    assert lasts_s == pytest.approx(demand.READER_S, abs=5)
    before = await connection.fetchval("SELECT xmin::text FROM demand")
    mine.touch(4, markets=False)
    await mine.flush()
    assert await connection.fetchval("SELECT xmin::text FROM demand") == before
    assert not await connection.fetchval("SELECT markets_until > now() FROM demand")


async def test_a_reader_is_forgotten_when_its_time_is_over(
    pool: Pool, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    mine = Demand(pool, "one")
    monkeypatch.setattr(demand, "READER_S", -1.0)
    mine.touch(4)
    mine.touch_list("football", None)
    await mine.flush()
    assert await wanted(connection) == {}


async def test_lists_are_of_a_league_a_sport_or_everything(
    pool: Pool, connection: asyncpg.Connection
):
    mine = Demand(pool, "one")
    mine.touch_list("football", "serie-a")
    mine.touch_list("football", None)
    mine.touch_list(None, None)
    await mine.flush()
    rows = await connection.fetch("SELECT subject, sport_id, league_slug FROM demand ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("everything", None, None),
        ("league.serie-a", None, "serie-a"),
        ("sport.football", "football", None),
    ]


async def test_lists_are_wanted_by_sockets_for_as_long_as_one_is_open(
    pool: Pool, connection: asyncpg.Connection
):
    mine = Demand(pool, "one")
    for sport in ("football", None):
        mine.watch_list(sport, "serie-a")
    mine.watch_list(None, None, markets=False)
    await mine.flush()
    assert await wanted(connection) == {"everything": (1, 0), "league.serie-a": (2, 2)}
    mine.unwatch_list("football", "serie-a")
    mine.unwatch_list(None, None, markets=False)
    await mine.flush()
    assert await wanted(connection) == {"league.serie-a": (1, 1)}


async def test_a_holder_that_was_forgotten_says_everything_again(
    pool: Pool, connection: asyncpg.Connection
):
    mine = Demand(pool, "one")
    mine.watch(4)
    await mine.flush()
    await connection.execute("DELETE FROM demand_holders")
    assert await wanted(connection) == {}
    await mine.flush()
    assert await wanted(connection) == {"match.4": (1, 1)}


async def test_while_postgres_is_away_nothing_is_lost(
    pool: Pool, connection: asyncpg.Connection, database_url: str
):
    away = await engine.open_pool(
        "postgresql://nobody@127.0.0.1:1/none", connections_max=1, statement_timeout_s=1, name="x"
    )
    mine = Demand(away, "one")
    mine.watch(4)
    await mine.flush()
    mine.watch(5)
    mine.touch(6)
    await mine.flush()
    mine._pool = pool  # pyright: ignore[reportPrivateUsage]
    await mine.flush()
    assert await wanted(connection) == {"match.4": (1, 1), "match.5": (1, 1), "match.6": (0, 0)}
    away.terminate()


async def test_readers_past_the_bound_are_not_noted_and_sockets_are(
    pool: Pool, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(demand, "SUBJECTS_MAX", 1)
    mine = Demand(pool, "one")
    for number in (1, 2, 3):
        mine.touch(number)
    mine.watch(4)
    await mine.flush()
    assert set(await wanted(connection)) == {"match.1", "match.4"}


async def test_a_running_process_tells_and_a_stopped_one_is_forgotten(
    pool: Pool, connection: asyncpg.Connection
):
    mine = Demand(pool, holder_name())
    running = asyncio.create_task(mine.run())
    mine.watch(4)
    async with asyncio.timeout(20):
        while not await wanted(connection):
            await asyncio.sleep(0.01)
    assert await connection.fetchval("SELECT until <= now() + interval '15 s' FROM demand_holders")
    running.cancel()
    await asyncio.wait([running])
    assert await connection.fetchval("SELECT count(*) FROM demand_holders") == 0
    assert await wanted(connection) == {}
