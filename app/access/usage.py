"""What is used, counted per user, API key, endpoint and day, and written in batches.

Counting is synchronous and asks nobody. A batch has a number and is kept until Postgres has said
that it is in; told twice, it counts once. So after a clean stop the books are exact, and a process
that is killed loses what it counted within `FLUSH_EVERY_S`.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import msgspec

from app import metrics
from app.access.principal import Principal
from app.access.quotas import Quotas
from app.access.tiers import Tier
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.logs import logger

FLUSH_EVERY_S = 1.0
# Rows that wait while Postgres is away, some 300 bytes each. Rows are a caller and an endpoint, so
# this is 5,000 callers of ten endpoints; what finds no room is lost, and counted as lost.
WAITING_MAX = 50_000
# Written in one statement of some 100 ms.
WRITTEN_AT_ONCE_MAX = 5_000
# Of everybody without credentials together, and of log-ins as against keys.
NOBODY = 0
NO_KEY = 0
# What a caller sees of refusals, and of sockets: an opening each.
REFUSED = "refused"
SOCKET = "socket"

_WRITE = """
WITH writer AS (
    INSERT INTO usage_writers AS before (name, batch, written_at) VALUES ($1, $2, now())
    ON CONFLICT (name) DO UPDATE SET batch = excluded.batch, written_at = excluded.written_at
        WHERE before.batch < excluded.batch
    RETURNING 1
)
INSERT INTO usage AS before (user_id, day, api_key_id, endpoint, requests, units, refused)
SELECT * FROM unnest($3::bigint[], $4::date[], $5::bigint[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[])
WHERE EXISTS (SELECT FROM writer)
ON CONFLICT (user_id, day, api_key_id, endpoint) DO UPDATE SET
    requests = before.requests + excluded.requests,
    units = before.units + excluded.units,
    refused = before.refused + excluded.refused
"""

log = logger(__name__)
# User, day, API key, endpoint.
Row = tuple[int, date, int, str]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows on their way to Postgres, in the order of its key: batches of several processes that
    touch the same rows do not lock each other out. `watched` are users whose quota it counts to.
    """

    number: int
    rows: list[tuple[Row, list[int]]]
    watched: dict[int, Tier]


class Usage:
    """Counts what is used; one a process. `run` writes it, `flush` at the very end what is left."""

    def __init__(self, pool: Pool, quotas: Quotas) -> None:
        self._pool = pool
        self._quotas = quotas
        self._name = uuid4().hex
        self._number = 0
        # Requests, units, refused.
        self._counts: dict[Row, list[int]] = {}
        self._watched: dict[int, Tier] = {}
        self._batch: Batch | None = None
        self._writing = asyncio.Lock()
        self._tellers: list[Callable[[], None]] = []
        self._day = date.min
        self._day_ends = 0.0

    def count_first(self, tell: Callable[[], None]) -> None:
        """Has `tell` called before anything is written: by it, who counts by himself notes it."""
        self._tellers.append(tell)

    def note(
        self,
        principal: Principal,
        endpoint: str,
        weight: int = 1,
        *,
        requests: int = 1,
        refused: bool = False,
    ) -> None:
        """Counts requests that weighed so many units each. Costs below a microsecond, never waits.

        `endpoint` is one of a few: a method with a route's template, or a word of ours.
        """
        if time.time() >= self._day_ends:
            self._begin_day()
        row = (
            principal.user_id or NOBODY,
            self._day,
            principal.api_key_id or NO_KEY,
            endpoint,
        )
        counts = self._counts.get(row)
        if counts is None:
            counts = self._begin_row(row, principal, requests)
        if refused:
            counts[2] += requests
        else:
            counts[0] += requests
            counts[1] += requests * weight

    async def run(self) -> None:
        """Writes what waits, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Writes what was counted until now; without Postgres it goes on waiting. Safe to call at
        any time.
        """
        async with self._writing:
            for tell in self._tellers:
                tell()
            while (batch := self._next_batch()) is not None:
                try:
                    async with engine.connection(self._pool) as connection:
                        await self._write(connection, batch)
                except DependencyDown:
                    return
                except asyncpg.PostgresError as error:
                    # It would go wrong again.
                    metrics.usage_lost.inc(sum(sum(counts) for _, counts in batch.rows))
                    log.exception("usage_not_written", rows=len(batch.rows), error=str(error))
                self._batch = None
        metrics.usage_waiting.set(len(self._counts))

    def _begin_day(self) -> None:
        now = datetime.fromtimestamp(time.time(), UTC)
        self._day = now.date()
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        self._day_ends = midnight.timestamp()

    def _begin_row(self, row: Row, principal: Principal, requests: int) -> list[int]:
        if len(self._counts) >= WAITING_MAX:
            metrics.usage_lost.inc(requests)
            return [0, 0, 0]
        if principal.user_id is not None and self._quotas.has_quota(principal.tier):
            self._watched[principal.user_id] = principal.tier
        counts = self._counts[row] = [0, 0, 0]
        return counts

    def _next_batch(self) -> Batch | None:
        """Returns the batch that was not confirmed, or else one of what was counted since."""
        if self._batch is None and self._counts:
            rows = sorted(list(self._counts)[:WRITTEN_AT_ONCE_MAX])
            self._number += 1
            self._batch = Batch(
                number=self._number,
                rows=[(row, self._counts.pop(row)) for row in rows],
                watched=self._watched,
            )
            self._watched = {}
        return self._batch

    async def _write(self, connection: Connection, batch: Batch) -> None:
        columns = zip(*((*row, *counts) for row, counts in batch.rows), strict=True)
        await connection.execute(_WRITE, self._name, batch.number, *map(list, columns))
        metrics.usage_rows.inc(len(batch.rows))
        if batch.watched:
            await self._quotas.look(connection, batch.watched)
