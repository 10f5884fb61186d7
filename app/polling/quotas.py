"""What may still be asked of each provider: one account in Postgres for all processes.

A take holds the provider's lock, so takes of any number of processes queue up and none is counted
twice or missed. There is no account in memory to fall back on: two processes that count for
themselves exceed a quota together. While Postgres is away nothing is asked; it is also where the
answer would be written.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.errors import DependencyDown
from app.logs import logger
from app.polling.windows import (
    Limit,
    Spending,
    begun,
    heard,
    longest_wait,
    remaining_of,
    renewed,
    taken,
)
from app.providers.provider import ProviderError, QuotaSpent, ToldQuota, Window

# How long a provider that says "too many" without saying for how long is left alone.
BLOCK_S = 60.0
# Whatever it says, we look again after a day.
BLOCK_S_MAX = 86_400.0
REASON_LENGTH_MAX = 200

_COLUMNS = 'provider, "window", configured, "limit", used, told_remaining, resets_at, recent'
# One taker at a time; and a crash must not forget what was taken, so the commit is waited for.
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended($1, 7146831)),
       set_config('synchronous_commit', 'on', true)
"""
_OF_ONE = f"SELECT {_COLUMNS}, clock_timestamp() AS now FROM provider_quotas WHERE provider = $1"
_ALL = f"SELECT {_COLUMNS}, clock_timestamp() AS now FROM provider_quotas"
_WRITE = """
INSERT INTO provider_quotas AS q (
    provider, "window", configured, "limit", used, told_remaining, remaining, resets_at, recent
)
SELECT $1, n.* FROM unnest(
    $2::text[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::timestamptz[],
    $9::jsonb[]
) AS n
ON CONFLICT (provider, "window") DO UPDATE
SET configured = excluded.configured, "limit" = excluded."limit", used = excluded.used,
    told_remaining = excluded.told_remaining, remaining = excluded.remaining,
    resets_at = excluded.resets_at, recent = excluded.recent
"""
_BLOCKED = "SELECT until, reason, clock_timestamp() AS now FROM provider_blocks WHERE provider = $1"
_BLOCK = """
INSERT INTO provider_blocks AS b (provider, until, reason)
VALUES ($1, clock_timestamp() + $2::interval, $3)
ON CONFLICT (provider) DO UPDATE
SET until = greatest(b.until, excluded.until), reason = excluded.reason
"""

log = logger(__name__)


class Withheld(QuotaSpent):
    """We do not ask: our account of the quota does not allow it, or cannot be reached."""


class SharedAllowance:
    """The Allowance of one provider, the same for every process that has this database.

    `limits` are what we allow ourselves; what the provider tells of other windows is learnt, and
    where its word is lower than ours it counts.
    """

    def __init__(self, pool: Pool, provider: str, limits: Sequence[Limit] = ()) -> None:
        self._pool = pool
        self._provider = provider
        self._limits = {limit.window: limit.limit for limit in limits}

    async def take(self, cost: int = 1) -> None:
        """Takes from every window or from none; raises Withheld, with when to ask again."""
        try:
            async with engine.connection(self._pool) as connection, connection.transaction():
                await self._take(connection, cost)
        except (DependencyDown, asyncpg.PostgresError) as error:
            raise Withheld(
                "The database is out of reach, so requests cannot be counted and none is made."
            ) from error

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Notes what the provider said. Without the database its next word will do."""
        if not quotas:
            return
        try:
            async with engine.connection(self._pool) as connection, connection.transaction():
                now, windows = await self._windows(connection)
                for said in quotas:
                    known = windows.get(said.window) or begun(
                        said.window, max(0, said.limit), now, configured=None
                    )
                    windows[said.window] = heard(known, said, now)
                await _write(connection, self._provider, list(windows.values()))
        except (DependencyDown, asyncpg.PostgresError) as error:
            log.warning("quota_not_noted", provider=self._provider, error=str(error))

    async def _take(self, connection: Connection, cost: int) -> None:
        now, windows = await self._windows(connection)
        await _check_block(connection, self._provider)
        wait_s = longest_wait(list(windows.values()), cost, now)
        if wait_s > 0:
            spent = ", ".join(
                f"{remaining_of(one)} of {one.limit} a {one.window.value}"
                for one in windows.values()
            )
            raise Withheld(
                f"The quota of {self._provider} has {spent} left, {cost} is needed.",
                retry_after_s=wait_s,
            )
        await _write(
            connection, self._provider, [taken(one, cost, now) for one in windows.values()]
        )

    async def _windows(self, connection: Connection) -> tuple[datetime, dict[Window, Spending]]:
        """Returns the provider's windows as they are now, locked; ours exist from now on."""
        await connection.execute(_LOCK, self._provider)
        rows = await connection.fetch(_OF_ONE, self._provider)
        now = rows[0]["now"] if rows else await connection.fetchval("SELECT clock_timestamp()")
        found = {one.window: one for one in map(_spending, rows)}
        return now, {w: renewed(one, now) for w, one in self._configured(found, now).items()}

    def _configured(
        self, found: Mapping[Window, Spending], now: datetime
    ) -> dict[Window, Spending]:
        """Returns windows with our limits in force, those we have no account of yet begun."""
        windows = dict(found)
        for window, limit in self._limits.items():
            there = found.get(window)
            if there is None:
                windows[window] = begun(window, limit, now, configured=limit)
            elif there.configured != limit:
                lower = min(limit, there.limit) if there.configured is None else limit
                windows[window] = msgspec.structs.replace(there, configured=limit, limit=lower)
        return windows


async def block(
    connection: Connection, provider: str, *, for_s: float | None, reason: str = ""
) -> None:
    """Leaves a provider alone for so long, in every process; None: for a minute."""
    held = timedelta(seconds=min(max(1.0, for_s or BLOCK_S), BLOCK_S_MAX))
    await connection.execute(_BLOCK, provider, held, reason[:REASON_LENGTH_MAX])


async def note(connection: Connection, provider: str, error: ProviderError) -> None:
    """Notes what a failed poll says of the quota: a provider that refused is left alone.

    What we withheld ourselves says nothing new.
    """
    if isinstance(error, QuotaSpent) and not isinstance(error, Withheld):
        await block(connection, provider, for_s=error.retry_after_s, reason=str(error))


async def windows_of_all(connection: Connection) -> dict[str, list[Spending]]:
    """Returns every provider's windows as they are now, without locking them."""
    found: dict[str, list[Spending]] = {}
    for row in await connection.fetch(_ALL):
        found.setdefault(row["provider"], []).append(renewed(_spending(row), row["now"]))
    return found


async def _check_block(connection: Connection, provider: str) -> None:
    blocked = await connection.fetchrow(_BLOCKED, provider)
    if blocked is not None and blocked["until"] > blocked["now"]:
        raise Withheld(
            f"{provider} asked to be left alone: {blocked['reason']}",
            retry_after_s=(blocked["until"] - blocked["now"]).total_seconds(),
        )


async def _write(connection: Connection, provider: str, windows: Sequence[Spending]) -> None:
    if windows:
        await connection.execute(
            _WRITE,
            provider,
            [one.window.value for one in windows],
            [one.configured for one in windows],
            [one.limit for one in windows],
            [one.used for one in windows],
            [one.told_remaining for one in windows],
            [remaining_of(one) for one in windows],
            [one.resets_at for one in windows],
            [msgspec.json.encode(one.recent).decode() for one in windows],
        )


def _spending(row: Row) -> Spending:
    return Spending(
        window=Window(row["window"]),
        configured=row["configured"],
        limit=row["limit"],
        resets_at=row["resets_at"],
        used=row["used"],
        told_remaining=row["told_remaining"],
        recent=msgspec.json.decode(row["recent"], type=tuple[tuple[int, int], ...]),
    )
