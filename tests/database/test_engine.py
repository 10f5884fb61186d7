"""A connection that was used badly is lent to the next as if it were new."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from app.database import engine
from app.database.engine import Pool

# Steps of the event loop after which a use is cancelled: to prepare and run a statement takes less.
STEPS = 150
# A statement nobody has prepared yet: asyncpg prepares it before it runs it.
_NEW = "SELECT $1::int + {}"
_OPEN = "SELECT xact_start FROM pg_stat_activity WHERE pid = $1"
_LOCKED = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND locktype = 'advisory'"


class Lender:
    """A pool of one connection, and another connection that looks at it."""

    def __init__(self, pool: Pool, beside: asyncpg.Connection) -> None:
        self.pool = pool
        self._beside = beside

    async def use(self, statement: str, argument: Any) -> None:
        """Runs a statement."""
        async with engine.connection(self.pool) as connection:
            await connection.fetchval(statement, argument)

    async def lock_and_fail(self) -> None:
        """Takes a lock of the session, and is broken off before it is given back."""
        async with engine.connection(self.pool) as connection:
            await connection.execute("SELECT pg_advisory_lock(7)")
            raise KeyError

    async def is_as_new(self) -> None:
        """Holds that nothing is open or locked, and that a transaction may begin as it likes."""
        async with engine.connection(self.pool) as connection:
            pid = connection.get_server_pid()  # type: ignore[attr-defined]
            assert await self._beside.fetchval(_OPEN, pid) is None
            assert await self._beside.fetchval(_LOCKED, pid) == 0
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                assert await connection.fetchval("SELECT 1") == 1


@pytest.fixture
async def lender(database_url: str) -> AsyncGenerator[Lender]:
    """One connection, lent again and again."""
    pool = await engine.open_pool(
        database_url, connections_max=1, statement_timeout_s=10, name="test-engine"
    )
    beside = await asyncpg.connect(database_url)
    yield Lender(pool, beside)
    await beside.close()
    await pool.close()


async def test_after_an_argument_that_cannot_be_encoded(lender: Lender):
    with pytest.raises(asyncpg.DataError):
        await lender.use(_NEW.format(0), "no number")
    await lender.is_as_new()


async def test_after_a_statement_that_fails(lender: Lender):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await lender.use("SELECT 1 / $1::int", 0)
    with pytest.raises(asyncpg.UndefinedTableError):
        await lender.use("SELECT $1::int FROM nowhere", 0)
    await lender.is_as_new()


async def test_after_a_transaction_that_was_left_open(lender: Lender):
    async with engine.connection(lender.pool) as connection:
        await connection.execute("BEGIN")
    await lender.is_as_new()


async def test_after_a_lock_that_whoever_failed_did_not_leave(lender: Lender):
    with pytest.raises(KeyError):
        await lender.lock_and_fail()
    await lender.is_as_new()


async def test_whenever_its_user_is_cancelled(lender: Lender):
    ended = 0
    for steps in range(STEPS):
        using = asyncio.create_task(lender.use(_NEW.format(steps), 1))
        for _ in range(steps):
            await asyncio.sleep(0)
        ended += using.done()
        using.cancel()
        with suppress(asyncio.CancelledError):
            await using
        await lender.is_as_new()
    assert 0 < ended < STEPS
