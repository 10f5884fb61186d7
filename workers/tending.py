"""What follows from time alone: providers that fell silent, prices nobody confirms, matches that
stand still. Every worker tries; one at a time does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.health.noting import forget_streams
from app.health.watch import watch
from app.ingest.conflicts import count_conflicts
from app.ingest.frozen import mark_frozen
from app.ingest.prices import expire_prices
from app.ingest.reviews import count_open
from app.logs import logger
from app.polling import plan

TICK_S = 1.0
# Prices live for a minute; a sweep every few seconds ends each of them close to its time.
EXPIRE_EVERY_S = 3.0
# A match that stands still does so for many minutes before it is called frozen.
FROZEN_EVERY_S = 20.0
COUNT_EVERY_S = 10.0
STAY_EVERY_S = 30.0
_STAY = 0
_EXPIRE_LOCK = 7146829
_FROZEN_LOCK = 7146830
_COUNT_LOCK = 7146833

log = logger(__name__)
Sweep = Callable[[Connection], Awaitable[object]]


async def count(connection: Connection) -> None:
    """Sets the gauges of what is open: conflicts, and matches that wait for a decision."""
    await count_conflicts(connection)
    await count_open(connection)


class Tending:
    """Runs the sweeps until cancelled. `streamed` are the providers whose streams are read."""

    def __init__(
        self, pool: Pool, providers: Sequence[str], *, streamed: Sequence[str] = ()
    ) -> None:
        self._pool = pool
        self._providers = providers
        self._unstreamed = sorted(set(providers) - set(streamed))
        self._next: dict[int, float] = {}

    async def run(self) -> None:
        """Sweeps once a second what is due; a database that is away is waited for."""
        while True:
            try:
                await watch(self._pool)
                await self._stay()
                await self._sweep(_EXPIRE_LOCK, EXPIRE_EVERY_S, expire_prices)
                await self._sweep(_FROZEN_LOCK, FROZEN_EVERY_S, mark_frozen)
                await self._sweep(_COUNT_LOCK, COUNT_EVERY_S, count)
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("tending_waits", error=str(error))
            await asyncio.sleep(TICK_S)

    async def _stay(self) -> None:
        """Says now and then which providers are run here."""
        if time.monotonic() < self._next.get(_STAY, 0.0):
            return
        self._next[_STAY] = time.monotonic() + STAY_EVERY_S
        async with engine.connection(self._pool) as connection, connection.transaction():
            await plan.stay(connection, self._providers)
            await forget_streams(connection, self._unstreamed)

    async def _sweep(self, lock: int, every_s: float, sweep: Sweep) -> None:
        """Runs one sweep in a transaction of its own when it is due and nobody else does."""
        if time.monotonic() < self._next.get(lock, 0.0):
            return
        self._next[lock] = time.monotonic() + every_s
        async with engine.connection(self._pool) as connection, connection.transaction():
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock):
                await sweep(connection)
