"""A connection, and what is written over it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest import held
from app.ingest.known import Known
from app.ingest.pipeline import Ingested, ingest, ingest_remembered
from app.sports.observation import Observation


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """One connection to the test's own database."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool of some connections to the test's own database."""
    opened = await engine.open_pool(
        database_url, connections_max=6, statement_timeout_s=30, name="test"
    )
    yield opened
    opened.terminate()


@pytest.fixture
def standings_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that takes its time is not one in which providers are looked at again."""
    monkeypatch.setattr(held, "STANDINGS_S", 3_600)


async def take_in(
    connection: Connection, *observations: Observation, known: Known | None = None
) -> Ingested:
    """Takes observations in, as a poll does: ticks ahead, the rest in one transaction; then what it
    taught is kept.
    """
    known = known or Known()
    ahead, left = await ingest_remembered(connection, observations, known)
    known.keep()
    if not left:
        return ahead
    async with connection.transaction():
        taken = await ingest(connection, left, known)
    known.keep()
    return ahead + taken


async def write(connection: Connection, observation: Observation, known: Known) -> None:
    """Takes an observation in, in the caller's transaction."""
    _, left = await ingest_remembered(connection, [observation], known)
    await ingest(connection, left, known)


async def log_of(connection: asyncpg.Connection) -> list[tuple[str, Any]]:
    """The whole log as (kind, body)."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT kind, body::text AS body FROM changes ORDER BY match_id, seq"
    )
    return [(row["kind"], msgspec.json.decode(row["body"])) for row in rows]


async def one(connection: asyncpg.Connection, query: str, *arguments: Any) -> Any:
    """The first row as a tuple."""
    row = await connection.fetchrow(query, *arguments)
    return tuple(row) if row else None
