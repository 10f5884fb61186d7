"""A copy of Postgres that follows the primary: how far it is known to have come, and reading there.

It is never trusted to be up to date. The primary is asked again and again how far its log goes; a
`Mark` is that position, and the moment before it was asked for. Whatever anybody was told before
that moment had been committed by then, so it lies behind the mark. A copy that has replayed the
mark has it all, and each connection proves that anew before it is read from: an address may lead to
a server that was restored, promoted, or to one of several.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from app import metrics
from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.errors import DependencyDown
from app.logs import logger

# How long after it was told a change is read from the primary at least.
CHECK_EVERY_S = 0.2
# A server that takes longer over so little is away.
CHECK_WITHIN_S = 1.0
# Longest one read may take there, until the primary is asked instead.
READ_WITHIN_S = 2.0
# Marks that are yet to be reached: of a minute. A copy further behind is of no use anyway.
MARKS_MAX = 300
# Behind so much of the bound a copy comes back, so that it does not come and go.
BACK_AT = 0.5
# `XLogPageHeaderData` and the long one of a segment's first page (access/xlog_internal.h): the
# next entry begins behind one, the last one ended before it.
_PAGE_BYTES, _HEADERS_BYTES = 8_192, (24, 40)

# Of what is inserted, not of what is written: with synchronous_commit=off the latter lags behind
# what others see already.
_PRIMARY = """
SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS position,
       system_identifier || '/' || current_database() AS name FROM pg_control_system()
"""
_COPY = """
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END
           AS position,
       system_identifier || '/' || current_database() AS name FROM pg_control_system()
"""
_PROOF = """
SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() - '0/0'::pg_lsn >= $1::bigint
"""

log = logger(__name__)


class NotReplayed(Exception):
    """This connection's server has not come as far as it was thought to have."""


# What makes the primary be asked instead. A statement that is wrong is wrong there too.
FAILED = (NotReplayed, DependencyDown, TimeoutError, asyncpg.PostgresError)


class Mark(msgspec.Struct, frozen=True):
    """What was told before `at` (monotonic seconds) was committed before `position` of the log."""

    at: float
    position: int


class Replica:
    """One replica, by a pool of its own. `run` watches it; `why_not` says why it is not used."""

    def __init__(self, pool: Pool, primary: Pool, *, lag_max_s: float) -> None:
        self._pool = pool
        self._primary = primary
        self._lag_max_s = lag_max_s
        self._marks: deque[Mark] = deque()
        self._reached: Mark | None = None
        self.why_not = "not looked at yet"

    def is_used(self) -> bool:
        """Says whether reads may go there at all."""
        return not self.why_not

    def mark(self, told_at: float) -> Mark | None:
        """Returns what has to be replayed to read what was told last at that moment; None where
        that is not known to have happened, or the copy is not to be used.
        """
        reached = self._reached
        if self.why_not or reached is None or told_at >= reached.at:
            return None
        return reached

    @asynccontextmanager
    async def connection(self, mark: Mark) -> AsyncGenerator[Connection]:
        """Lends a connection to a server that has replayed a mark; raises one of FAILED."""
        async with asyncio.timeout(READ_WITHIN_S), engine.connection(self._pool) as lent:
            if not await lent.fetchval(_PROOF, mark.position):
                raise NotReplayed
            yield lent

    async def run(self) -> None:
        """Watches it until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(CHECK_EVERY_S)

    async def look(self) -> None:
        """Asks both how far they are."""
        try:
            self._turn(await self._look())
        except (DependencyDown, TimeoutError, asyncpg.PostgresError) as error:
            self._turn(f"it does not answer: {str(error) or type(error).__name__}")

    async def _look(self) -> str:
        """Returns what is wrong with it, "" for nothing."""
        at = time.monotonic()
        primary = await _asked(self._primary, _PRIMARY)
        if len(self._marks) < MARKS_MAX:
            self._marks.append(Mark(at, without_header(primary["position"])))
        copy = await _asked(self._pool, _COPY)
        if copy["name"] != primary["name"]:
            return "it is of another database"
        if copy["position"] is None:
            return "it is not in recovery"
        while self._marks and self._marks[0].position <= copy["position"]:
            self._reached = self._marks.popleft()
        return self._behind()

    def _behind(self) -> str:
        if self._reached is None:
            return "it has not come so far yet"
        lag_s = time.monotonic() - self._reached.at
        metrics.replica_lag_seconds.set(lag_s)
        bound_s = self._lag_max_s * (BACK_AT if self.why_not else 1)
        return "" if lag_s <= bound_s else "it lags behind"

    def _turn(self, why_not: str) -> None:
        """Takes it into use, or out of it; says so once."""
        if why_not and not self.why_not:
            log.warning("replica_left", reason=why_not)
        elif self.why_not and not why_not:
            log.info("replica_in_use")
        self.why_not = why_not
        metrics.replica_up.set(not why_not)
        if why_not and why_not != "it lags behind":
            # Whoever answers next has to show anew how far it is.
            self._reached = None


def without_header(position: int) -> int:
    """Returns where the last entry ended, of where the next one begins."""
    return position - position % _PAGE_BYTES * (position % _PAGE_BYTES in _HEADERS_BYTES)


async def _asked(pool: Pool, statement: str) -> Row:
    async with asyncio.timeout(CHECK_WITHIN_S), engine.connection(pool) as connection:
        row = await connection.fetchrow(statement)
    assert row is not None, "functions have a row"
    return row
