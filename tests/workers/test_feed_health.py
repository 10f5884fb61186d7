"""A stream's health of its own: up, behind while it says so, down when it is cut or silent."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.health import state
from app.health.read import providers_of
from app.health.watch import watch
from app.providers.betfair.client import Betfair
from app.providers.provider import Ask, Scope, StreamFeed, Unlimited
from app.providers.replay.player import milliseconds
from app.sports.match import Sport
from app.stadium.faults import Fault, FaultKind
from app.stadium.ground import KEY, Ground
from tests.providers.betfair.exchange import PACE
from tests.stadium.grounds import ground, opened
from workers import feeds as of_feeds
from workers.feeds import Feeds
from workers.tending import Tending

WITHIN_S = 20
# What is twenty seconds for a real one.
SOON = timedelta(seconds=0.4)
STREAM = "betfair-stream"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """States change within a second."""
    monkeypatch.setattr(state, "DOWN_AFTER", SOON)
    monkeypatch.setattr(state, "BEHIND_AFTER", SOON)
    monkeypatch.setattr(of_feeds, "NOTE_EVERY_S", 0.05)


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """The pool of a worker."""
    opened_pool = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-feed-health"
    )
    yield opened_pool
    opened_pool.terminate()


class Watching:
    """Somebody who watches all of football, or nobody; and what is told of the stream's health."""

    def __init__(self, pool: Pool, place: Ground) -> None:
        self.ids: Sequence[str] = ()
        self._pool = pool
        self._place = place

    async def wanted(self, name: str) -> Sequence[str]:
        """Who is watched."""
        assert name == "betfair"
        return self.ids

    def goes_wrong(self, kind: FaultKind) -> None:
        """Lets the stream go wrong from now on."""
        fault = Fault(provider="betfair", kind=kind, path="" if kind == "stale" else "/stream")
        self._place.faults.add([fault], now_ms=milliseconds(self._place.now()))

    def is_mended(self) -> None:
        """Ends whatever is wrong."""
        self._place.faults.clear(now_ms=milliseconds(self._place.now()))

    async def told(self) -> dict[str, Any]:
        """What operators are told of it now; empty when nothing is."""
        await watch(self._pool)
        async with engine.connection(self._pool) as connection:
            rows = map(msgspec.json.decode, await providers_of(connection))
        return next((row for row in rows if row["provider"] == STREAM), {})

    async def until(self, wanted: str) -> dict[str, Any]:
        """Returns what is told once its state is that."""
        async with asyncio.timeout(WITHIN_S):
            while (told := await self.told()).get("state") != wanted:
                await asyncio.sleep(0.02)
        return told


@asynccontextmanager
async def listening(pool: Pool, url: str, folder: Path) -> AsyncGenerator[Watching]:
    """A worker's feeds over a stadium's stream, with somebody who watches football there."""
    place = ground(lanes=4)
    async with opened(place, folder) as stadium:
        at = f"{stadium.url}/betfair"
        client = Betfair(
            app_key=KEY,
            username=KEY,
            password=KEY,
            url=at,
            identity_url=at,
            certificate_url=at,
            allowance=Unlimited(),
            tls=ssl.create_default_context(cafile=stadium.ca_file),
        )
        pace = msgspec.structs.replace(PACE, heartbeat_ms=500)
        stream: StreamFeed = client.stream(f"127.0.0.1:{stadium.stream_port}", pace)
        listed = await client.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL))
        watching = Watching(pool, place)
        watching.ids = tuple(said.external_id for said in listed.observations)
        feeds = Feeds([stream], pool=pool, lock_url=url, wanted=watching.wanted)
        running = asyncio.create_task(feeds.run())
        try:
            yield watching
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await client.close()


async def test_a_stream_is_up_behind_down_recovers_and_rests_as_polls_do(
    pool: Pool, database_url: str, tmp_path: Path
):
    async with listening(pool, database_url, tmp_path) as stream:
        told = await stream.until("up")
        assert told["sport"] == "football"
        assert told["responseMs"]["p50"] >= 0
        assert told["dataAgeMs"] is not None
        # It says that its own data may be old: status 503.
        stream.goes_wrong(FaultKind.STALE)
        assert (await stream.until("behind"))["failures"] == 0
        stream.is_mended()
        await stream.until("up")
        # Every line is cut before a word is said.
        stream.goes_wrong(FaultKind.REFUSED)
        told = await stream.until("down")
        assert told["failures"] > 0
        assert told["errors"].keys() <= {"unavailable", "timeout"}
        assert told["circuit"]["state"] == "closed"
        stream.is_mended()
        await stream.until("recovering")
        assert (await stream.until("up"))["failures"] == 0
        # The line stands, and not even heartbeats come.
        stream.goes_wrong(FaultKind.SILENT)
        await stream.until("down")
        stream.is_mended()
        await stream.until("up")
        # Nobody watches any more: it may be silent.
        stream.ids = ()
        async with asyncio.timeout(WITHIN_S):
            while (await stream.told())["dataAgeMs"] is not None:
                await asyncio.sleep(0.02)
        silent = datetime.now(UTC) + 2 * SOON
        while datetime.now(UTC) < silent:
            assert (await stream.told())["state"] == "up"
            await asyncio.sleep(0.05)
    labels = {"provider": STREAM, "sport": "football"}
    assert metrics.REGISTRY.get_sample_value("touchline_provider_state", {**labels, "state": "up"})
    latency = "touchline_feed_latency_seconds_count"
    assert metrics.REGISTRY.get_sample_value(latency, {"provider": "betfair"})


async def test_a_stream_that_is_switched_off_is_forgotten(
    pool: Pool, database_url: str, tmp_path: Path
):
    async with listening(pool, database_url, tmp_path) as stream:
        await stream.until("up")
    add = "INSERT INTO provider_health (provider, sport_id) VALUES ('odds-api-stream', 'football')"
    names = "SELECT DISTINCT provider FROM provider_health"
    # It was read by a worker that is gone. Of those that run some have it switched off.
    for streamed, left in ((["betfair"], {STREAM}), ([], set[str]())):
        tending = Tending(pool, ["betfair", "odds-api"], streamed=streamed)
        running = asyncio.create_task(tending.run())
        async with engine.connection(pool) as connection, asyncio.timeout(WITHIN_S):
            await connection.execute(add)
            told = {"odds-api-stream"}
            while "odds-api-stream" in told:
                await asyncio.sleep(0.02)
                told = {row["provider"] for row in await connection.fetch(names)}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert told == left
