"""A pool, a writer, and a hub that follows the test's own database."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from app.database.engine import Pool, open_pool
from app.database.listener import Listener
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from app.stream.hub import Hub
from tests.observed import a_score, an_observation


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool as the API opens it."""
    opened = await open_pool(database_url, connections_max=4, statement_timeout_s=10, name="test")
    yield opened
    opened.terminate()


@pytest.fixture
async def writer(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """The connection the test writes over."""
    opened = await asyncpg.connect(database_url)
    yield opened
    opened.terminate()


@pytest.fixture
async def match_id(writer: asyncpg.Connection) -> int:
    """A match in play."""
    return await a_match(writer)


@pytest.fixture
async def hub(pool: Pool, database_url: str) -> AsyncGenerator[Hub]:
    """A hub with its listener, both running."""
    made = Hub(pool)
    listener = Listener(database_url, on_nudge=made.nudge, on_lost=made.listener_lost)
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(made.run())]
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def a_match(writer: asyncpg.Connection, name: str = "m1") -> int:
    """Makes a match in play; returns its id."""
    await ingest(writer, [an_observation(name, score=a_score())], Known())
    match_id: int = await writer.fetchval(  # pyright: ignore[reportAssignmentType]
        "SELECT match_id FROM provider_refs WHERE kind = 'match' AND external_id = $1", name
    )
    return match_id


async def tick(writer: asyncpg.Connection, match_id: int, clock: str) -> None:
    """Changes a match: one entry of its log."""
    await writer.execute("UPDATE live_scores SET clock = $2 WHERE match_id = $1", match_id, clock)
