"""200 schedules of faults on the lines client to API, API to Postgres and API to Valkey.

After every one of them snapshot + frames = truth, and no `seq` is missing or twice. What fails is
named by its seed and run again with SCHEDULES=first-last, or one alone with SCHEDULES=seed.
"""

import asyncio
import os
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from app.commands.relay import work
from app.database import engine
from app.settings import load
from tests.builders import a_match
from tests.sockets.conftest import a_door
from tests.stories.proxy import Target, a_proxy
from tests.stories.schedules import Play, Stage, schedule_of

pytestmark = pytest.mark.story

SCHEDULES = 200
RELAYED = 50
# Run at once. All of them share the lines to Postgres and Valkey, so that each has more trouble
# than its own.
BATCH = 25
WRITERS = 6


def seeds(count: int) -> range:
    """The seeds to run: so many, or those that SCHEDULES names."""
    first, _, last = os.environ.get("SCHEDULES", f"1-{count}").partition("-")
    return range(int(first), int(last or first) + 1)


def place_of(url: str) -> Target:
    """Where a server is."""
    found = urlsplit(url)
    assert found.hostname
    assert found.port
    return found.hostname, found.port


def through(url: str, port: int) -> str:
    """The same server, by way of a proxy."""
    found = urlsplit(url)
    credentials = found.netloc.rpartition("@")[0]
    return found._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()


@asynccontextmanager
async def relaying(environment: dict[str, str]) -> AsyncGenerator[None]:
    """Runs a relay over the same lines, when the API is to hear of changes from one."""
    if environment.get("STREAM_SOURCE") != "relay":
        yield
        return
    stopping = asyncio.Event()
    running = asyncio.create_task(work(load(environment), stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


@asynccontextmanager
async def a_stage(database_url: str, redis_url: str, **more: str) -> AsyncGenerator[Stage]:
    """An API whose lines to its servers can be broken; a test's own do not go through proxies."""
    async with (
        a_proxy(place_of(database_url)) as postgres,
        a_proxy(place_of(redis_url)) as valkey,
        await engine.open_pool(
            database_url, connections_max=WRITERS, statement_timeout_s=30, name="test-writers"
        ) as writers,
        # A line that is kept may be closed by the server as the next question is on its way.
        httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as reader,
    ):
        environment = {
            **more,
            "DATABASE_URL": through(database_url, postgres.port),
            "REDIS_URL": through(redis_url, valkey.port),
            # What is stalled is given up soon after it is healed.
            "DATABASE_STATEMENT_TIMEOUT_S": "2",
        }
        async with (
            relaying(environment),
            a_door(database_url, redis_url, send_buffer=None, **environment) as door,
        ):
            yield Stage(
                api_port=door.port, postgres=postgres, valkey=valkey, writers=writers, reader=reader
            )


async def play(seed: int, stage: Stage) -> str | None:
    """Runs one schedule; returns what went wrong."""
    schedule = schedule_of(seed)
    async with engine.connection(stage.writers) as connection:
        match_id = await a_match(connection, f"Home {seed}", f"Away {seed}")
    async with a_proxy(("127.0.0.1", stage.api_port)) as client:
        try:
            await Play(schedule, stage, client, match_id).run(schedule.steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its seed.
            steps = ", ".join(map(str, schedule.steps))
            return f"schedule {seed}: {steps}\n{''.join(traceback.format_exception(error))}"
    return None


async def run_through(seeds: range, stage: Stage) -> None:
    """Runs the schedules in batches; the first batch in which something is wrong ends it."""
    for first in range(seeds.start, seeds.stop, BATCH):
        batch = range(first, min(first + BATCH, seeds.stop))
        told = await asyncio.gather(*(play(seed, stage) for seed in batch))
        wrong = [text for text in told if text]
        again = f"run again with SCHEDULES={batch.start}-{batch.stop - 1}"
        assert not wrong, "\n".join([again, *wrong])
    # The lines were broken in earnest, or nothing was proven.
    assert stage.postgres.cuts >= len(seeds) // 10
    assert stage.valkey.cuts >= len(seeds) // 20


@pytest.mark.timeout(180)
async def test_snapshot_and_frames_are_the_truth_after_every_schedule(
    database_url: str, redis_url: str
):
    async with a_stage(database_url, redis_url) as stage:
        await run_through(seeds(SCHEDULES), stage)


@pytest.mark.timeout(180)
async def test_so_they_are_when_changes_are_heard_of_from_a_relay(
    database_url: str, redis_url: str
):
    async with a_stage(database_url, redis_url, STREAM_SOURCE="relay") as stage:
        await run_through(seeds(RELAYED), stage)


def test_a_seed_is_one_schedule():
    assert schedule_of(7) == schedule_of(7)
    assert len({schedule_of(seed).steps for seed in range(50)}) == 50
