"""A connection to a migrated database of the test's own."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from app.database.engine import Connection


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[Connection]:
    """The connection."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()
