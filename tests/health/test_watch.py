"""States that change by time, and what that does to the matches a provider feeds."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.database import engine
from app.database.engine import Connection, Pool
from app.health.noting import Place, keep_provider, note_success
from app.health.state import DOWN_AFTER, State
from app.health.watch import watch
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in
from app.ingest.known import Known
from app.providers.provider import Answer
from app.sports.match import Sport
from app.sports.observation import Observation
from tests.observed import a_score, a_winner, an_observation

FOOTBALL = Sport.FOOTBALL.value
LONG_AGO = DOWN_AFTER + timedelta(seconds=1)


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool on the test's own database, with two push feeds that promised to be heard of."""
    opened = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-watch"
    )
    async with engine.connection(opened) as connection:
        for priority, name in enumerate(("one", "two")):
            place = Place(priority=priority, silence_ms=5_000)
            await keep_provider(connection, name, [Sport.FOOTBALL], place)
    yield opened
    opened.terminate()


def said_by(provider: str, *, home: int = 1) -> Observation:
    """A match in play with prices, as told by one of them."""
    return an_observation(
        score=a_score(home),
        markets=[a_winner()],
        provider=provider,
        incidents=None,
        start_time=datetime.now(UTC) - timedelta(minutes=10),
    )


async def hear(pool: Pool, provider: str, *, home: int = 1) -> None:
    """Takes in what a provider says now, and notes that it did."""
    said = said_by(provider, home=home)
    origin = Origin(provider=provider, scope="push", sport=FOOTBALL)
    await take_in(pool, origin, Answer(observations=(said,)), Known())
    async with engine.connection(pool) as connection:
        await note_success(connection, provider, FOOTBALL, took_ms=1, observations=[said])


async def silence(pool: Pool, provider: str) -> None:
    """Lets a provider have been silent for too long; what it said is as old."""
    async with engine.connection(pool) as connection:
        for table in ("quotes", "market_observations", "score_observations"):
            await connection.execute(
                f"UPDATE {table} SET observed_at = observed_at - $2::interval WHERE provider = $1",
                provider,
                LONG_AGO,
            )
        await connection.execute(
            "UPDATE provider_health SET last_success_at = now() - $2::interval,"
            " expected_since = now() - interval '1 hour', since = now() - interval '1 hour'"
            " WHERE provider = $1",
            provider,
            LONG_AGO,
        )


async def settled(pool: Pool, *providers: str) -> None:
    """Both providers up, each heard twice: once to recover, once more after that."""
    for _ in range(2):
        for provider in providers:
            await hear(pool, provider)
        await watch(pool)


async def fetch(pool: Pool, query: str) -> list[Any]:
    """Rows as tuples."""
    async with engine.connection(pool) as connection:
        return [tuple(row.values()) for row in await connection.fetch(query)]


async def frames(connection: Connection, kind: str) -> list[Any]:
    """The bodies of a match's changes of a kind, in order."""
    rows = await connection.fetch(
        "SELECT body::text AS body FROM changes WHERE kind = $1 ORDER BY seq", kind
    )
    return [msgspec.json.decode(row["body"]) for row in rows]


async def test_a_provider_comes_up_falls_silent_goes_down_and_recovers(pool: Pool):
    await hear(pool, "one")
    turns = [(turn.before, turn.after) for turn in await watch(pool)]
    assert turns == [(State.RECOVERING, State.UP)]
    await silence(pool, "one")
    assert [turn.after for turn in await watch(pool)] == [State.DOWN]
    assert await watch(pool) == []
    await hear(pool, "one")
    assert [turn.after for turn in await watch(pool)] == [State.RECOVERING]
    await hear(pool, "one")
    assert [turn.after for turn in await watch(pool)] == [State.UP]


async def test_the_prices_of_a_provider_that_is_down_are_out_and_its_market_is_suspended(
    pool: Pool,
):
    await settled(pool, "one")
    status = "SELECT status, reason FROM markets"
    assert await fetch(pool, status) == [("open", None)]
    assert await fetch(pool, "SELECT home_score FROM live_scores") == [(1,)]
    await silence(pool, "one")
    await watch(pool)
    ((found, reason),) = await fetch(pool, status)
    assert (found, bool(reason)) == ("suspended", True)
    await settled(pool, "one")
    assert await fetch(pool, status) == [("open", None)]


async def test_a_market_that_another_provider_feeds_stays_open(pool: Pool):
    async with engine.connection(pool) as connection:
        await keep_provider(connection, "two", [Sport.FOOTBALL], Place(priority=1))
    await settled(pool, "one", "two")
    if len(await fetch(pool, "SELECT id FROM matches")) > 1:
        pytest.fail("both tell of one match")
    await silence(pool, "one")
    await watch(pool)
    assert await fetch(pool, "SELECT status FROM markets") == [("open",)]


async def test_followers_are_told_once_when_a_feed_falls_and_once_when_it_is_back(pool: Pool):
    await settled(pool, "one")
    await silence(pool, "one")
    await watch(pool)
    await watch(pool)
    await settled(pool, "one")
    async with engine.connection(pool) as connection:
        told = await frames(connection, "feed_status")
    assert [frame["status"] for frame in told] == ["down", "stale", "ok"]
    assert told[0]["providers"] == [{"provider": "one", "state": "down"}]


async def test_a_match_whose_feeds_were_always_well_is_told_nothing(pool: Pool):
    await settled(pool, "one")
    async with engine.connection(pool) as connection:
        assert await frames(connection, "feed_status") == []


async def test_what_was_said_before_an_outage_counts_for_nothing_afterwards(pool: Pool):
    await settled(pool, "one")
    await silence(pool, "one")
    await watch(pool)
    assert await fetch(
        pool, "SELECT quarantined_before = 'infinity' FROM provider_health WHERE provider = 'one'"
    ) == [(True,)]
    ((went_down,),) = await fetch(pool, "SELECT since FROM provider_health WHERE provider = 'one'")
    await hear(pool, "one")
    await watch(pool)
    assert await fetch(
        pool, "SELECT quarantined_before FROM provider_health WHERE provider = 'one'"
    ) == [(went_down,)]


async def test_two_that_watch_at_once_do_not_wait_for_each_other(pool: Pool):
    async with engine.connection(pool) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7146828)")
        await silence(pool, "one")
        assert await watch(pool) == ()
    assert [turn.after for turn in await watch(pool)] == [State.DOWN]


async def test_a_provider_is_behind_with_old_data_of_what_is_in_play_and_not_when_all_is_over(
    pool: Pool,
):
    await settled(pool, "one")
    async with engine.connection(pool) as connection:
        await connection.execute(
            "UPDATE provider_health SET data_at = data_at - $1::interval", LONG_AGO
        )
    assert [turn.after for turn in await watch(pool)] == [State.BEHIND]
    async with engine.connection(pool) as connection:
        await connection.execute("UPDATE live_scores SET status = 'finished'")
    assert [turn.after for turn in await watch(pool)] == [State.UP]
