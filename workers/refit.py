"""Fits the models anew each night, in a process of its own.

What a fit reads, the results of decades, would stay in the memory of the worker for good, and its
polls would wait for the interpreter meanwhile.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import asyncpg
import msgspec

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger
from app.predictions.fitting import FITTED, model_of
from app.predictions.keeping import NEVER, newest_fit
from app.sports.match import Sport

# Whether it is time to fit is looked at so often; it is done in the hour after REFIT_HOUR (UTC).
REFIT_LOOK_S = 60.0
REFIT_HOUR = 4
RETRY_S = 1.0
# Some seconds, with results of all leagues that come along; who has many more has time at night.
REFIT_WITHIN_S = 1_800.0
# Of what a process that failed said, so much is logged, its end.
SAID_MAX = 500
# Of several workers one fits at a time.
_FITTING = 7146831
_TRY = "SELECT pg_try_advisory_lock($1)"
_LEAVE = "SELECT pg_advisory_unlock($1)"

log = logger(__name__)


class Row(msgspec.Struct, frozen=True):
    """What `app predictions refit` prints of a league."""

    sport: Sport
    league: str
    version: str
    because: str
    seconds: str


class Refitting:
    """Fits models when there are none, and every night."""

    def __init__(self, pool: Pool, database_url: str) -> None:
        self._pool = pool
        self._database_url = database_url
        self._fitted_on: date | None = None

    async def run(self) -> None:
        """Fits when it is time, until cancelled."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("fitting_waits", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            await asyncio.sleep(REFIT_LOOK_S)

    async def look(self, now: datetime) -> bool:
        """Fits if it is time; returns whether it did."""
        async with engine.connection(self._pool) as connection:
            newest = await newest_fit(connection)
            if not is_time(now, newest, self._fitted_on):
                return False
            if not await connection.fetchval(_TRY, _FITTING):
                return False
            try:
                rows = await self._fit()
            finally:
                await connection.execute(_LEAVE, _FITTING)
        if rows is None:
            return False
        for row in rows:
            _count(row)
        self._fitted_on = now.date()
        return True

    async def _fit(self) -> Sequence[Row] | None:
        """Returns what came of each league; None when the process failed, which is logged."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "predictions", "refit", "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "DATABASE_URL": self._database_url},
        )
        try:
            async with asyncio.timeout(REFIT_WITHIN_S):
                told, said = await process.communicate()
        except TimeoutError:
            log.warning("fitting_failed", error=f"not done within {REFIT_WITHIN_S:.0f} s")
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.warning("fitting_failed", error=said.decode(errors="replace")[-SAID_MAX:])
            return None
        return msgspec.json.decode(told, type=list[Row])


def _count(row: Row) -> None:
    log.info("model_looked_at", league=row.league, version=row.version, because=row.because)
    if row.because == FITTED:
        metrics.model_fits.labels(model_of(row.sport, row.league)).inc()
        metrics.model_fit_seconds.observe(float(row.seconds))


def is_time(now: datetime, newest: datetime, fitted_on: date | None) -> bool:
    """Says whether to fit: at once without any fit, else once a night."""
    if newest == NEVER:
        return True
    tonight = now.replace(hour=REFIT_HOUR, minute=0, second=0, microsecond=0)
    is_night = tonight <= now < tonight + timedelta(hours=1)
    return is_night and fitted_on != now.date()
