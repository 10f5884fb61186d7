"""Feeds that stay open: in one worker, and written whatever happens meanwhile."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.database import engine
from app.database.engine import Pool
from app.providers.provider import Answer, Pulse, Rejected, Take
from app.sports.observation import Observation
from tests.observed import a_score, a_winner, an_observation
from tests.workers.cable import Cable, cable
from workers import feeds as of_feeds
from workers.feeds import Feeds

WITHIN_S = 20


class Spoken:
    """A feed that says what a test says. `runs` counts its openings, `opened` is set while open."""

    def __init__(self, name: str = "told") -> None:
        self.name = name
        self.runs = 0
        self.opened = asyncio.Event()
        self.fails: Exception | None = None
        self.ends = False
        self.wanted: Callable[[], Awaitable[Sequence[str]]] | None = None
        self._take: Take | None = None

    async def run(self, take: Take, wanted: Callable[[], Awaitable[Sequence[str]]]) -> None:
        """Stays open until cancelled."""
        self.runs += 1
        if self.fails is not None:
            failure, self.fails = self.fails, None
            raise failure
        if self.ends:
            self.ends = False
            return
        self._take, self.wanted = take, wanted
        self.opened.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.opened.clear()
            self._take = None

    def pulse(self) -> Pulse:
        """Somebody else's to test."""
        return Pulse(silence_ms=1_000)

    async def is_open(self) -> None:
        """Returns when it is open."""
        async with asyncio.timeout(WITHIN_S):
            await self.opened.wait()

    async def says(self, *observations: Observation, rejected: Sequence[Rejected] = ()) -> None:
        """Tells something."""
        assert self._take is not None, "not open"
        await self._take(Answer(observations=observations, rejected=tuple(rejected)))


async def of(name: str) -> Sequence[str]:
    """Who is watched: one match of each provider."""
    return (f"{name}-1",)


@asynccontextmanager
async def keeping(feeds: Feeds) -> AsyncGenerator[None]:
    """Keeps feeds open while the block lasts."""
    running = asyncio.create_task(feeds.run())
    try:
        yield
    finally:
        assert not running.done()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """The pool of a worker."""
    pool = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-feeds"
    )
    yield pool
    pool.terminate()


@pytest.fixture
async def postgres(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(database_url)
    yield connection
    connection.terminate()


def priced(home: int, name: str = "m1") -> Observation:
    """A match of the feed in play, with a price and a score."""
    markets = (a_winner(str(home)),)
    return an_observation(name, provider="told", score=a_score(1), markets=markets)


async def quoted(postgres: asyncpg.Connection, odds: int) -> None:
    """Returns when the home side's quote is written."""
    query = (
        "SELECT q.odds FROM quotes q JOIN selections s ON s.id = q.selection_id"
        " WHERE s.key = 'home' AND q.bookmaker = 'sim-north'"
    )
    await until(postgres, query, Decimal(odds))


async def until(postgres: asyncpg.Connection, query: str, value: object) -> None:
    """Returns when a query gives a value."""
    async with asyncio.timeout(WITHIN_S):
        while await postgres.fetchval(query) != value:
            await asyncio.sleep(0.01)


async def test_what_a_feed_says_is_written(
    pool: Pool, database_url: str, postgres: asyncpg.Connection
):
    feed = Spoken()
    feeds = Feeds([feed], pool=pool, lock_url=database_url, wanted=of)
    async with keeping(feeds):
        await feed.is_open()
        assert feeds.held == {"told"}
        await feed.says(
            priced(2), rejected=[Rejected(index=0, code="unreadable", message="x", raw=b"y")]
        )
        await quoted(postgres, 2)
        await until(
            postgres,
            "SELECT provider || scope || code FROM dead_letters",
            "toldstreamunreadable",
        )
        await feed.says(priced(3))
        await quoted(postgres, 3)
        assert feed.wanted is not None
        assert await feed.wanted() == ("told-1",)
    assert feeds.held == frozenset()


async def test_a_feed_is_open_in_one_worker_and_in_the_other_when_that_one_stops(
    pool: Pool, database_url: str
):
    first, second = Spoken(), Spoken()
    async with keeping(Feeds([second], pool=pool, lock_url=database_url, wanted=of)):
        await second.is_open()
        async with keeping(Feeds([first], pool=pool, lock_url=database_url, wanted=of)):
            await asyncio.sleep(of_feeds.LOCK_EVERY_S * 1.5)
            assert first.runs == 0
        assert second.runs == 1
    async with keeping(Feeds([first], pool=pool, lock_url=database_url, wanted=of)):
        await first.is_open()
    assert (first.runs, second.runs) == (1, 1)


async def test_each_feed_has_its_own_lock(pool: Pool, database_url: str):
    one, other = Spoken("told"), Spoken("heard")
    async with (
        keeping(Feeds([one], pool=pool, lock_url=database_url, wanted=of)),
        keeping(Feeds([other], pool=pool, lock_url=database_url, wanted=of)),
    ):
        await one.is_open()
        await other.is_open()


async def test_a_feed_is_taken_over_from_a_worker_that_was_killed(pool: Pool, database_url: str):
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.workers.feed_holder",
        database_url,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            # Its log goes the same way.
            while await holder.stdout.readline() != b"open\n":
                assert holder.returncode is None
        feed = Spoken()
        async with keeping(Feeds([feed], pool=pool, lock_url=database_url, wanted=of)):
            await asyncio.sleep(of_feeds.LOCK_EVERY_S * 1.5)
            assert feed.runs == 0
            holder.kill()
            await feed.is_open()
    finally:
        with contextlib.suppress(ProcessLookupError):
            holder.kill()
        await holder.wait()


async def test_a_lock_that_was_lost_closes_the_feed_and_it_begins_anew(
    pool: Pool, database_url: str, postgres: asyncpg.Connection
):
    feed = Spoken()
    async with keeping(Feeds([feed], pool=pool, lock_url=database_url, wanted=of)):
        await feed.is_open()
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'touchline-feed-told'"
        )
        async with asyncio.timeout(WITHIN_S):
            while feed.runs < 2:
                await asyncio.sleep(0.01)
        await feed.is_open()
        await feed.says(priced(4))
        await quoted(postgres, 4)


async def test_after_an_outage_a_feed_begins_anew(database_url: str, postgres: asyncpg.Connection):
    async with cable(database_url) as line, through(line) as pool:
        feed = Spoken()
        async with keeping(Feeds([feed], pool=pool, lock_url=line.url, wanted=of)):
            await feed.is_open()
            await feed.says(priced(2))
            await quoted(postgres, 2)
            line.pull()
            await feed.says(priced(3))
            async with asyncio.timeout(WITHIN_S):
                while feed.opened.is_set():
                    await asyncio.sleep(0.01)
            line.plug()
            await feed.is_open()
            assert feed.runs == 2
            # A feed that begins anew tells what is true now.
            await feed.says(priced(5))
            await quoted(postgres, 5)


async def test_while_only_writing_fails_the_newest_state_waits(
    database_url: str, postgres: asyncpg.Connection
):
    async with cable(database_url) as line, through(line) as pool:
        feed = Spoken()
        async with keeping(Feeds([feed], pool=pool, lock_url=database_url, wanted=of)):
            await feed.is_open()
            await feed.says(priced(2))
            await quoted(postgres, 2)
            line.pull()
            for home in range(3, 50):
                await feed.says(priced(home), priced(home, "m2"))
                await asyncio.sleep(0)
            line.plug()
            await quoted_all(postgres, 49)
            assert feed.runs == 1


async def quoted_all(postgres: asyncpg.Connection, odds: int) -> None:
    """Returns when two matches have the same home odds."""
    query = (
        "SELECT count(*) FROM quotes q JOIN selections s ON s.id = q.selection_id"
        f" WHERE s.key = 'home' AND q.bookmaker = 'sim-north' AND q.odds = {odds}"
    )
    await until(postgres, query, 2)


async def test_a_slow_writer_writes_the_newest_word_only(
    pool: Pool, database_url: str, postgres: asyncpg.Connection
):
    feed = Spoken()
    async with keeping(Feeds([feed], pool=pool, lock_url=database_url, wanted=of)):
        await feed.is_open()
        await feed.says(priced(2))
        await quoted(postgres, 2)
        async with postgres.transaction():
            await postgres.execute("LOCK TABLE quotes IN EXCLUSIVE MODE")
            for home in range(3, 100):
                await feed.says(priced(home))
                await asyncio.sleep(0)
        await quoted(postgres, 99)
    versions = await postgres.fetchval("SELECT max(version) FROM markets") or 0
    # The first, perhaps the one that was held up, and the last.
    assert versions <= 4


async def test_a_feed_that_fails_is_opened_again_and_stops_no_other(
    pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_feeds, "FAILED_WAIT_S", 0.01)
    bad, idle, good = Spoken("told"), Spoken("idle"), Spoken("heard")
    bad.fails = RuntimeError("a mistake of ours")
    idle.ends = True
    every = [bad, idle, good]
    async with keeping(Feeds(every, pool=pool, lock_url=database_url, wanted=of)):
        for feed in every:
            await feed.is_open()
    assert [feed.runs for feed in every] == [2, 2, 1]


async def test_a_feed_that_tells_too_much_waits_for_the_writer(
    pool: Pool, database_url: str, postgres: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_feeds, "PENDING_MATCHES_MAX", 2)
    feed = Spoken()
    async with keeping(Feeds([feed], pool=pool, lock_url=database_url, wanted=of)):
        await feed.is_open()
        async with postgres.transaction():
            await postgres.execute("LOCK TABLE provider_refs IN EXCLUSIVE MODE")
            telling = asyncio.create_task(tell_many(feed))
            # The writer stands before the table, and what waits for it is full.
            await until(postgres, "SELECT count(*) FROM pg_locks WHERE NOT granted", 1)
            assert not telling.done()
        async with asyncio.timeout(WITHIN_S):
            await telling
        await until(postgres, "SELECT count(*) FROM matches", 10)


async def tell_many(feed: Spoken) -> None:
    for n in range(10):
        await feed.says(an_observation(f"m{n}", provider="told", score=a_score(1)))


async def test_without_feeds_it_runs_on(pool: Pool, database_url: str):
    async with keeping(Feeds([], pool=pool, lock_url=database_url, wanted=of)):
        await asyncio.sleep(0.05)


@asynccontextmanager
async def through(line: Cable) -> AsyncGenerator[Pool]:
    """A pool whose connections go through a cable."""
    pool: Any = await engine.open_pool(
        line.url, connections_max=4, statement_timeout_s=10, name="test-feeds"
    )
    yield pool
    pool.terminate()
