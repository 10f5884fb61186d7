"""What processes must hear of within a second: revocations, signing keys, tiers, from Postgres.

A notification says that there is something (`touchline_access`); should it be lost, the timer finds
it. Revocations are read by their time with an overlap, because one may commit after others that are
younger. While Postgres is away a process goes on by what it knows: nobody can
revoke anything then either.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from app import metrics
from app.access.key_ring import KeyRing
from app.access.revocations import Kind, Revocation, Revocations
from app.access.signing_keys import read_keys
from app.access.tiers import Tiers
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.logs import logger

CHANNEL = "touchline_access"
# The fallback for notifications that were lost.
LOOK_EVERY_S = 5.0
# Where no notifications arrive, a relay standing between: three small reads, twice a second.
LOOK_UNTOLD_S = 0.5
# Log-outs that come in a burst are read at once; twenty a second wake nobody more often.
LOOKS_APART_S = 0.05
# Longer than any transaction that revokes: statements end after 10 s.
OVERLAP_S = 60
# A user's and an API key's revocations count for what has no end of its own, sockets and cached
# keys; by then every process has heard. A log-in's count as long as its tokens would.
KEPT_S = 25 * 3_600
READ_MAX = 200_000

log = logger(__name__)


class AccessNews:
    """Keeps revocations, the key ring and the tiers of this process current.

    `is_told` says that `nudge` is called when there is news, so that looking is only the fallback.
    """

    def __init__(
        self,
        pool: Pool,
        revocations: Revocations,
        ring: KeyRing,
        *,
        is_told: bool,
        tiers: Tiers | None = None,
    ) -> None:
        self._pool = pool
        self._tiers = tiers
        self._look_every_s = LOOK_EVERY_S if is_told else LOOK_UNTOLD_S
        self._revocations = revocations
        self._ring = ring
        self._wanted = asyncio.Event()
        self._since = datetime.fromtimestamp(0, UTC)
        self._read_at: float | None = None
        self._unreadable: tuple[str, ...] = ()

    def nudge(self) -> None:
        """Has the tables read soon; called when Postgres says that there is news."""
        self._wanted.set()

    async def run(self) -> None:
        """Reads when nudged and every few seconds, until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.look()
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("access_news_missed", error=str(error))
            if self._read_at is not None:
                metrics.access_news_age_seconds.set(time.monotonic() - self._read_at)
            self._revocations.forget_expired()
            await asyncio.sleep(LOOKS_APART_S)
            try:
                async with asyncio.timeout(self._look_every_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Reads what is new; raises DependencyDown."""
        async with engine.connection(self._pool) as connection:
            keys = await read_keys(connection)
            news, until = await _read_revocations(connection, self._since)
            if self._tiers is not None:
                await self._tiers.look(connection)
        self._ring.replace(keys)
        if self._ring.unreadable != self._unreadable:
            self._unreadable = self._ring.unreadable
            log.error("signing_keys_unreadable", keys=self._unreadable)
        self._revocations.learn(news, signing_keys=self._ring.revoked)
        self._since = until - timedelta(seconds=OVERLAP_S)
        self._read_at = time.monotonic()


async def _read_revocations(
    connection: Connection, since: datetime
) -> tuple[list[Revocation], datetime]:
    """Returns what was revoked since then and still counts, and Postgres' time of the reading."""
    until: datetime = await connection.fetchval("SELECT now()")
    rows = await connection.fetch(
        "SELECT kind, subject, generation, expires_at FROM revocations"
        " WHERE created_at >= $1 AND expires_at > now() ORDER BY id LIMIT $2",
        since,
        READ_MAX,
    )
    return [
        Revocation(
            kind=Kind(row["kind"]),
            subject=row["subject"],
            generation=row["generation"],
            expires_at=row["expires_at"],
        )
        for row in rows
    ], until
