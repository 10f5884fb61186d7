"""What the tests of access share: sessions over a database of one's own, and Redis."""

from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.cache import open_redis
from app.database import sessions


@pytest.fixture
async def session_maker(
    database_url: str,
) -> AsyncGenerator[async_sessionmaker[AsyncSession]]:
    """Sessions over a migrated database of this test's own."""
    engine = sessions.open_engine(database_url, name="touchline-tests")
    yield sessions.session_maker(engine)
    await engine.dispose()


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    async with open_redis(redis_url) as client:
        yield client
