"""SQLAlchemy's engine and its sessions, for users and lists.

Apart from `engine`, so that a worker does not load what it does not use.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from app.database.engine import ACQUIRE_TIMEOUT_S, CONNECT_TIMEOUT_S, GONE
from app.errors import DependencyDown

# Log-ins and lists: few, short.
CONNECTIONS_MAX = 4
STATEMENT_TIMEOUT_S = 10.0


def sqlalchemy_url(url: str) -> str:
    """Returns a postgresql:// address in SQLAlchemy's dialect for asyncpg."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


def open_engine(url: str, *, name: str) -> AsyncEngine:
    """Opens SQLAlchemy's engine; it tries a pooled connection before it lends it."""
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=ACQUIRE_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": {"application_name": name},
        },
    )


def session_maker(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Returns the maker of sessions over an engine."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def session(maker: async_sessionmaker[AsyncSession]) -> AsyncGenerator[AsyncSession]:
    """Lends a session; what is not committed is rolled back.

    Raises DependencyDown when Postgres is out of reach or goes away.
    """
    try:
        async with maker() as lent:
            yield lent
    except (*GONE, NoConnectionFree) as error:
        raise DependencyDown("The database is out of reach.") from error
    except DBAPIError as error:
        if isinstance(error.orig, BaseException) and isinstance(error.orig.__cause__, GONE):
            raise DependencyDown("The database is out of reach.") from error
        raise
