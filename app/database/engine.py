"""The asyncpg pool: every way to Postgres but that of users and lists (`sessions`)."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, cast

import asyncpg

from app.errors import DependencyDown

# Longest a caller waits for a free connection, and for a new one to be made.
ACQUIRE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5

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


class _Lent(asyncpg.Connection):
    """A connection of a pool, which knows whether its last use was broken off.

    asyncpg prepares a statement without ending what Postgres calls an implicit transaction: running
    it does. When it is not run (a task that is cancelled in between, an argument that cannot be
    encoded), that transaction stays open without asyncpg knowing: the next user's `now()` would be
    as old, and a transaction with an isolation level of its own be refused.
    """

    is_broken_off = False

    def break_off(self) -> None:
        """Says that a statement may have been prepared and not run."""
        self.is_broken_off = True


async def _reset(connection: _Lent) -> None:
    """Ends a transaction that was left open, and leaves locks that whoever was broken off held.
    asyncpg's own reset is a round trip every time, for session state that nobody here makes.
    """
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
    if connection.is_broken_off:
        # Without parameters it is a simple query, which ends an implicit transaction, too.
        await connection.execute("SELECT pg_advisory_unlock_all()")
        connection.is_broken_off = False


async def open_pool(
    url: str,
    *,
    connections_max: int,
    statement_timeout_s: float,
    name: str,
    more: Mapping[str, str] | None = None,
    on_connect: Callable[[], None] | None = None,
) -> Pool:
    """Opens a pool that connects when first used, so that a process starts while Postgres is away.

    JIT is off: it costs 100 ms on statements that take one. `more` are settings of Postgres.
    `on_connect` is called for every connection that is made, before it is used.
    """

    async def connected(_: object) -> None:
        if on_connect is not None:
            on_connect()

    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=connections_max,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=statement_timeout_s,
        reset=_reset,
        init=connected,
        connection_class=_Lent,
        server_settings={"application_name": name, "jit": "off", **(more or {})},
    )


@asynccontextmanager
async def connection(pool: Pool) -> AsyncGenerator[Connection]:
    """Lends a connection; raises DependencyDown when Postgres is out of reach or goes away."""
    # To wait with a limit makes a task; who finds one free need not wait.
    timeout_s = None if pool.get_idle_size() else ACQUIRE_TIMEOUT_S
    try:
        async with pool.acquire(timeout=timeout_s) as lent:
            # The connection's own: one that is lost is no longer behind what was lent.
            break_off = cast("_Lent", lent).break_off
            try:
                yield cast("Connection", lent)
            except BaseException:  # Above all, that its user is cancelled.
                break_off()
                raise
    except GONE as error:
        raise DependencyDown("The database is out of reach.") from error
