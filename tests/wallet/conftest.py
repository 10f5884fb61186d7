"""What the tests of money share: a database of one's own with users, and connections to it."""

from collections.abc import AsyncGenerator

import pytest

from app.database import engine
from app.database.engine import Connection, Pool
from app.sports.ids import UserId


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """Connections to a migrated database of this test's own."""
    opened = await engine.open_pool(
        database_url, connections_max=12, statement_timeout_s=30, name="touchline-tests"
    )
    yield opened
    await opened.close()


@pytest.fixture
async def connection(pool: Pool) -> AsyncGenerator[Connection]:
    """One connection of it."""
    async with engine.connection(pool) as lent:
        yield lent


@pytest.fixture
async def users(connection: Connection) -> list[UserId]:
    """Three users."""
    rows = await connection.fetch(
        "INSERT INTO users (email, password_hash)"
        " SELECT 'user' || n || '@example.org', 'x' FROM generate_series(1, 3) AS n RETURNING id"
    )
    return [UserId(row["id"]) for row in rows]
