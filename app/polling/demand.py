"""Who wants what: each API process says so to Postgres, for as long as it lives.

A process is a holder with a lease that it renews; what it said counts while the lease does, so what
a process that died wanted is forgotten within `LEASE_S`. Sockets count while they are open, readers
for `READER_S` after they read. Noting either costs a look into a dict; what changed is written in
batches. While Postgres is away nothing is lost and nobody waits: when it is back, everything is
written again.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterable

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.logs import logger

# What changed is collected so long before it is written.
FLUSH_S = 0.1
# A lease outlives some renewals that fail; a dead process is forgotten after it.
RENEW_S = 3.0
LEASE_S = 12.0
# How long a reader wants what was read: pages ask again every few seconds.
READER_S = 30.0
# A reader is written anew only when so much of the time above is gone.
READER_REFRESH_S = 5.0
# Subjects a process speaks for: 5,000 matches and every league many times over. Past it readers
# are not noted; sockets have a limit of their own.
SUBJECTS_MAX = 50_000
RETRY_S = 0.5
# A stopping process does not wait for a Postgres that is away.
LEAVE_WITHIN_S = 1.0

_HOLD = """
INSERT INTO demand_holders (holder, until)
VALUES ($1, clock_timestamp() + $2 * interval '1 second')
ON CONFLICT (holder) DO UPDATE SET until = excluded.until RETURNING xmax = 0
"""
_WRITE = """
INSERT INTO demand (
    holder, subject, match_id, sport_id, league_slug, scores, markets, scores_until, markets_until
)
SELECT $1, subject, match_id, sport_id, league_slug, scores, markets,
       clock_timestamp() + scores_s * interval '1 second',
       clock_timestamp() + markets_s * interval '1 second'
FROM unnest(
    $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::int[], $8::float8[],
    $9::float8[]
) AS n (subject, match_id, sport_id, league_slug, scores, markets, scores_s, markets_s)
ON CONFLICT (holder, subject) DO UPDATE
SET scores = excluded.scores, markets = excluded.markets, scores_until = excluded.scores_until,
    markets_until = excluded.markets_until
"""
_FORGET = "DELETE FROM demand WHERE holder = $1 AND subject = ANY ($2::text[])"
_LEAVE = "DELETE FROM demand_holders WHERE holder = $1"

log = logger(__name__)


class _Want:
    """What is wanted of one subject. Times are monotonic; -inf: no reader."""

    __slots__ = (
        "league_slug", "markets", "markets_until", "match_id", "scores", "scores_until", "sport_id",
    )  # fmt: skip

    def __init__(
        self, match_id: int | None, sport_id: str | None = None, league_slug: str | None = None
    ) -> None:
        self.match_id = match_id
        self.sport_id = sport_id
        self.league_slug = league_slug
        self.scores = 0
        self.markets = 0
        self.scores_until = float("-inf")
        self.markets_until = float("-inf")

    def is_over(self, now: float) -> bool:
        """Says whether nobody wants it any more."""
        return not (
            self.scores or self.markets or self.scores_until > now or self.markets_until > now
        )


def _list_of(sport: str | None, league: str | None) -> tuple[str, str | None]:
    """Returns a list's name and sport. A league has one name, so the sport it is asked for with
    says nothing: a wrong one would be kept for everybody who asks for that league.
    """
    if league:
        return f"league.{league}", None
    return (f"sport.{sport}", sport) if sport else ("everything", None)


def holder_name() -> str:
    """Returns a name for this process that no other has, a restarted one included."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Demand:
    """What the readers of this process want. `run` tells Postgres, until cancelled."""

    def __init__(self, pool: Pool, holder: str) -> None:
        self._pool = pool
        self._holder = holder
        self._wants: dict[str, _Want] = {}
        self._changed: set[str] = set()
        self._all_changed = True
        self._wake = asyncio.Event()
        self._up = True

    def watch(self, match_id: int, *, scores: bool = True, markets: bool = True) -> None:
        """Notes a socket that follows a match, until `unwatch` with the same words."""
        self._count(match_id, scores=int(scores), markets=int(markets))

    def unwatch(self, match_id: int, *, scores: bool = True, markets: bool = True) -> None:
        """Notes that a socket is gone."""
        self._count(match_id, scores=-int(scores), markets=-int(markets))

    def watch_list(
        self, sport: str | None, league: str | None, *, scores: bool = True, markets: bool = True
    ) -> None:
        """Notes a socket that follows a list, of a league, a sport, or everything."""
        self._count_list(sport, league, scores=int(scores), markets=int(markets))

    def unwatch_list(
        self, sport: str | None, league: str | None, *, scores: bool = True, markets: bool = True
    ) -> None:
        """Notes that a socket is gone that was noted by `watch_list` with the same words."""
        self._count_list(sport, league, scores=-int(scores), markets=-int(markets))

    def touch(self, match_id: int, *, scores: bool = True, markets: bool = True) -> None:
        """Notes that somebody has just read a match."""
        self._read(f"match.{match_id}", (match_id, None, None), scores=scores, markets=markets)

    def touch_list(
        self, sport: str | None, league: str | None, *, scores: bool = True, markets: bool = True
    ) -> None:
        """Notes that somebody has just read a list, of a league, a sport, or everything."""
        name, sport = _list_of(sport, league)
        self._read(name, (None, sport, league), scores=scores, markets=markets)

    async def run(self) -> None:
        """Tells Postgres what changed, until cancelled; then says good-bye."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_S):
                        await self._wake.wait()
                # Others that come in the same moment are written with the first.
                await asyncio.sleep(FLUSH_S if self._up else RETRY_S)
                self._wake.clear()
                await self.flush()
        finally:
            await self._leave()

    async def flush(self) -> None:
        """Renews the lease and writes what changed; never raises for a Postgres that is away."""
        changed, self._changed = self._changed, set()
        try:
            async with engine.connection(self._pool) as connection, connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit = off")
                is_new = await connection.fetchval(_HOLD, self._holder, LEASE_S)
                now = time.monotonic()
                everything = is_new or self._all_changed
                names = set(self._wants) if everything else changed
                over = {n for n, want in self._wants.items() if want.is_over(now)}
                await self._write(connection, names - over, now)
                if over:
                    await connection.execute(_FORGET, self._holder, list(over))
        except (DependencyDown, asyncpg.PostgresError) as error:
            if self._up:
                log.warning("demand_waits", error=str(error))
            self._up, self._all_changed = False, True
            self._wake.set()
            return
        self._up, self._all_changed = True, False
        self._drop(over)
        metrics.demand_matches.set(sum(w.match_id is not None for w in self._wants.values()))

    def _count(self, match_id: int, *, scores: int, markets: int) -> None:
        name = f"match.{match_id}"
        want = self._wants.get(name) or _Want(match_id)
        self._add(name, want, scores=scores, markets=markets)

    def _count_list(
        self, sport: str | None, league: str | None, *, scores: int, markets: int
    ) -> None:
        name, sport = _list_of(sport, league)
        want = self._wants.get(name) or _Want(None, sport, league)
        self._add(name, want, scores=scores, markets=markets)

    def _add(self, name: str, want: _Want, *, scores: int, markets: int) -> None:
        self._wants[name] = want
        want.scores = max(0, want.scores + scores)
        want.markets = max(0, want.markets + markets)
        self._changed.add(name)
        self._wake.set()

    def _read(
        self,
        name: str,
        what: tuple[int | None, str | None, str | None],
        *,
        scores: bool,
        markets: bool,
    ) -> None:
        want = self._wants.get(name)
        if want is None:
            if len(self._wants) >= SUBJECTS_MAX:
                return
            want = self._wants[name] = _Want(*what)
        now = time.monotonic()
        stale = now + READER_S - READER_REFRESH_S
        if (scores and want.scores_until < stale) or (markets and want.markets_until < stale):
            until = now + READER_S
            want.scores_until = until if scores else want.scores_until
            want.markets_until = until if markets else want.markets_until
            self._changed.add(name)
            self._wake.set()

    def _drop(self, over: Iterable[str]) -> None:
        """Forgets what is over, unless somebody came back meanwhile."""
        now = time.monotonic()
        for name in over:
            if name not in self._changed and self._wants[name].is_over(now):
                del self._wants[name]

    async def _write(self, connection: Connection, names: Iterable[str], now: float) -> None:
        written = {name: self._wants[name] for name in names if name in self._wants}
        if not written:
            return
        wants = written.values()
        await connection.execute(
            _WRITE,
            self._holder,
            list(written),
            [want.match_id for want in wants],
            [want.sport_id for want in wants],
            [want.league_slug for want in wants],
            [want.scores for want in wants],
            [want.markets for want in wants],
            [max(0.0, want.scores_until - now) for want in wants],
            [max(0.0, want.markets_until - now) for want in wants],
        )

    async def _leave(self) -> None:
        with contextlib.suppress(DependencyDown, asyncpg.PostgresError, TimeoutError):
            async with (
                asyncio.timeout(LEAVE_WITHIN_S),
                engine.connection(self._pool) as connection,
            ):
                await connection.execute(_LEAVE, self._holder)
