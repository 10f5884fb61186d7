"""What the tests of access share: sessions and a pool over a database of one's own, and Redis."""

from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access.audit import AuthEvents, Caller
from app.access.lockout import Lockout
from app.access.log_ins import LogIns
from app.access.tokens import AccessTokens
from app.cache.redis_answers import open_redis
from app.database import sessions
from app.database.engine import Pool, open_pool

SECRET = "a secret of the tests, long enough to sign"
TOKENS = AccessTokens(SECRET, ttl_s=900)
CALLER = Caller(address="192.0.2.1")


@pytest.fixture
async def session_maker(
    database_url: str,
) -> AsyncGenerator[async_sessionmaker[AsyncSession]]:
    """Sessions over a migrated database of this test's own."""
    engine = sessions.open_engine(database_url, name="touchline-tests")
    yield sessions.session_maker(engine)
    await engine.dispose()


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool over the same database."""
    opened = await open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="touchline-tests"
    )
    yield opened
    opened.terminate()


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture
def log_ins(session_maker: async_sessionmaker[AsyncSession], pool: Pool, redis: Redis) -> LogIns:
    """Log-ins whose refresh tokens are good for an hour."""
    return LogIns(
        session_maker,
        TOKENS,
        refresh_ttl_s=3600,
        lockout=Lockout(redis),
        events=AuthEvents(pool),
    )
