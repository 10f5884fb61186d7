"""Ways to Postgres: the asyncpg pool of hot paths, SQLAlchemy's engine for the rest."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from app.errors import DependencyDown

# Longest a caller waits for a free connection, and for a new one to be made.
ACQUIRE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5
# The engine serves log-ins and lists: few, short.
ENGINE_CONNECTIONS_MAX = 4
ENGINE_STATEMENT_TIMEOUT_S = 10.0

Row = Mapping[str, Any]
Pool = asyncpg.Pool


class Connection(Protocol):
    """What rooms use of an asyncpg connection, lent by a pool or one's own."""

    async def execute(self, query: str, *args: Any) -> str:
        """Runs a statement; returns its tag, such as "UPDATE 3"."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Returns all rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        """Returns the first row, None without one."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Returns the first column of the first row, None without one."""
        ...

    def transaction(
        self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        """Opens a transaction, or a savepoint within one."""
        ...


# What asyncpg raises when the server, not the statement, is the trouble.
GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
)


def sqlalchemy_url(url: str) -> str:
    """Returns a postgresql:// address in SQLAlchemy's dialect for asyncpg."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


async def _reset(connection: asyncpg.Connection) -> None:
    """Ends a transaction that was left open. asyncpg's own reset is a round trip every time, for
    session state that nobody here makes.
    """
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def open_pool(
    url: str,
    *,
    connections_max: int,
    statement_timeout_s: float,
    name: str,
    more: Mapping[str, str] | None = None,
) -> Pool:
    """Opens a pool that connects when first used, so that a process starts while Postgres is away.

    JIT is off: it costs 100 ms on statements that take one. `more` are settings of Postgres.
    """
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=connections_max,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=statement_timeout_s,
        reset=_reset,
        server_settings={"application_name": name, "jit": "off", **(more or {})},
    )


@asynccontextmanager
async def connection(pool: Pool) -> AsyncGenerator[Connection]:
    """Lends a connection; raises DependencyDown when Postgres is out of reach or goes away."""
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as lent:
            yield cast("Connection", lent)
    except GONE as error:
        raise DependencyDown("The database is out of reach.") from error


def open_engine(url: str, *, name: str) -> AsyncEngine:
    """Opens SQLAlchemy's engine; it tries a pooled connection before it lends it."""
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=ENGINE_CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=ACQUIRE_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": ENGINE_STATEMENT_TIMEOUT_S,
            "server_settings": {"application_name": name},
        },
    )


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
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
