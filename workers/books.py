"""Proves the ledger, again and again: money that does not add up is to be known at once."""

import asyncio
from typing import Any

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger
from app.wallet.check import Proof, check_ledger

# Of several workers one proves at a time; what another is at need not be done twice.
_LOCK = 7146828
_TRY = "SELECT pg_try_advisory_lock($1)"
_LEAVE = "SELECT pg_advisory_unlock($1)"

log = logger(__name__)


class Books:
    """Proves what moved, every `every_s` seconds, until cancelled."""

    def __init__(self, pool: Pool, *, every_s: float) -> None:
        self._pool = pool
        self._every_s = every_s

    async def run(self) -> None:
        """Proves, tells, waits, for ever."""
        while True:
            try:
                await self.prove()
            except (DependencyDown, asyncpg.PostgresError) as error:
                metrics.ledger_checks.labels("failed").inc()
                log.warning("ledger_not_checked", error=str(error))
            await asyncio.sleep(self._every_s)

    async def prove(self) -> Proof | None:
        """Proves once; returns what was found, None while another worker is at it."""
        async with engine.connection(self._pool) as connection:
            if not await connection.fetchval(_TRY, _LOCK):
                return None
            try:
                proof = await check_ledger(connection)
            finally:
                await connection.execute(_LEAVE, _LOCK)
        metrics.ledger_faults.set(len(proof.faults))
        metrics.ledger_checks.labels("faulty" if proof.faults else "right").inc()
        for fault in proof.faults:
            told: dict[str, Any] = {"account": fault.account_id, "what": fault.what}
            log.error("ledger_fault", **told)
        return proof
