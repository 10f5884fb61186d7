"""The feeds that stay open: each read by one worker at a time, what it says written at once.

    lock of a feed (Postgres, session level) ── mine ──► feed.run ─► pending ─► writer ─► take_in
          ▲   somebody else's: ask again in a second         │
          └── connection lost, feed or writer failed ◄───────┘  stop all, forget what waits

The lock is on a connection of its own and goes with it: a worker that dies, or that Postgres cannot
reach any more, has lost it within seconds, and the next one begins with a whole image. So nothing
depends on what a lost worker had still to write. Two workers that both believe to hold it for a
moment do no harm: what was observed earlier never overwrites what was observed later.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import CONNECT_TIMEOUT_S, GONE, Pool
from app.errors import DependencyDown
from app.health.noting import note_stream
from app.ingest.conflation import MATCHES_MAX, Pending
from app.ingest.dead_letters import Origin
from app.ingest.held import Memory
from app.ingest.intake import take_in
from app.ingest.known import Known
from app.ingest.pipeline import OBSERVATIONS_MAX
from app.logs import logger
from app.providers.provider import Answer, Pulse, StreamFeed
from app.sports.ids import ExternalId, ProviderName

# How often those without the lock ask for it, and how often its holder asks whether Postgres is
# there: together the longest a feed is nobody's after a worker died.
LOCK_EVERY_S = 1.0
LOCK_ANSWERS_WITHIN_S = 2.0
# What a network that swallows everything adds: the server gives up on a silent client.
_KEEPALIVES = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
# States are looked at once a second.
NOTE_EVERY_S = 1.0
RETRY_FIRST_S = 0.05
RETRY_MAX_S = 1.0
# After something failed that should not: a mistake of ours is not to fill the log.
FAILED_WAIT_S = 5.0
PENDING_MATCHES_MAX = MATCHES_MAX
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 7146827))"

log = logger(__name__)
WantedOf = Callable[[ProviderName], Awaitable[Sequence[ExternalId]]]


class Feeds:
    """Keeps feeds open. `wanted` gives the matches of a provider that somebody watches, its ids.

    `lock_url` is a direct address of Postgres: a pooler would give the lock to whoever comes next.
    `held` are the feeds that this process reads now.
    """

    def __init__(
        self,
        feeds: Sequence[StreamFeed],
        *,
        pool: Pool,
        lock_url: str,
        wanted: WantedOf,
        memory: Memory | None = None,
    ) -> None:
        self._feeds = feeds
        self._memory = memory or Memory()
        self._pool = pool
        self._lock_url = lock_url
        self._wanted = wanted
        self.held: frozenset[ProviderName] = frozenset()

    async def run(self) -> None:
        """Keeps all of them open until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(self._keep(feed))
            # Without feeds there is nothing to do, and nothing to end for.
            await asyncio.Event().wait()

    async def _keep(self, feed: StreamFeed) -> None:
        """Holds the lock and reads the feed, again and again."""
        while True:
            try:
                async with self._locked(feed.name) as lock:
                    await self._read(feed, lock)
            except (*GONE, asyncpg.PostgresError) as error:
                log.warning("feed_lock_lost", provider=feed.name, error=type(error).__name__)
                await asyncio.sleep(LOCK_EVERY_S * random.uniform(0.2, 1.0))  # noqa: S311
            except Exception:
                # One feed's failure is not to end the others, nor the worker.
                log.exception("feed_failed", provider=feed.name)
                await asyncio.sleep(FAILED_WAIT_S)

    @asynccontextmanager
    async def _locked(self, name: ProviderName) -> AsyncGenerator[asyncpg.Connection]:
        """Waits for a feed's lock; gives the connection that holds it."""
        connection = await asyncpg.connect(
            self._lock_url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=LOCK_ANSWERS_WITHIN_S,
            server_settings={"application_name": f"touchline-feed-{name}", **_KEEPALIVES},
        )
        try:
            # To wait for it within Postgres would leave an error in its log every few seconds.
            while not await connection.fetchval(_TRY_LOCK, f"feed:{name}"):  # noqa: ASYNC110
                await asyncio.sleep(LOCK_EVERY_S * random.uniform(0.5, 1.0))  # noqa: S311
            self._holds(name, now=True)
            yield connection
        finally:
            self._holds(name, now=False)
            # The lock goes with the connection, at once.
            connection.terminate()

    async def _read(self, feed: StreamFeed, lock: asyncpg.Connection) -> None:
        """Reads and writes until the lock is lost or one of both fails."""
        waiting = _Waiting(feed.name)
        work = [
            asyncio.create_task(_watch(lock)),
            asyncio.create_task(self._note(feed)),
            asyncio.create_task(self._write(feed.name, waiting)),
            asyncio.create_task(feed.run(waiting.take, partial(self._wanted, feed.name))),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            ended = await asyncio.gather(*work, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one
        raise RuntimeError("a feed ended by itself")

    async def _write(self, name: ProviderName, waiting: "_Waiting") -> None:
        """Writes what waits as soon as it does; tries again for as long as Postgres is away."""
        known, origin = Known(self._memory), Origin(provider=name, scope="stream")
        retry_s = RETRY_FIRST_S
        while True:
            answer, since = await waiting.next()
            try:
                await take_in(self._pool, origin, answer, known)
            except DependencyDown:
                metrics.feed_writes.labels(name, "retried").inc()
                waiting.put_back(answer, since)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MAX_S)
                continue
            retry_s = RETRY_FIRST_S
            metrics.feed_writes.labels(name, "ok").inc()
            metrics.feed_write_seconds.labels(name).observe(time.monotonic() - since)

    async def _note(self, feed: StreamFeed) -> None:
        """Notes how the line is, as polls note how they went; a provider's stream is one more."""
        noted: Pulse | None = None
        while True:
            pulse = feed.pulse()
            if pulse != noted:
                try:
                    async with engine.connection(self._pool) as connection:
                        await note_stream(connection, feed.name, noted or pulse, pulse)
                    noted = pulse
                except (DependencyDown, asyncpg.PostgresError) as error:
                    log.warning("pulse_not_noted", provider=feed.name, error=str(error))
            await asyncio.sleep(NOTE_EVERY_S)

    def _holds(self, name: ProviderName, *, now: bool) -> None:
        self.held = self.held | {name} if now else self.held - {name}
        metrics.feed_held.labels(name).set(now)
        if now:
            log.info("feed_held", provider=name)


class _Waiting:
    """What a feed told and the writer has not yet taken; a feed waits when there is too much."""

    def __init__(self, name: ProviderName) -> None:
        self._name = name
        self._pending = Pending(PENDING_MATCHES_MAX)
        self._since = 0.0
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def take(self, answer: Answer) -> None:
        """Takes what a feed tells."""
        await self._room.wait()
        if not self._pending:
            self._since = time.monotonic()
        merges = self._pending.add(answer)
        metrics.feed_conflated.labels(self._name, "writer").inc(merges)
        if self._pending.full:
            self._room.clear()
        self._some.set()

    async def next(self) -> tuple[Answer, float]:
        """Returns what waits, once something does, and since when on our monotonic clock."""
        await self._some.wait()
        answer = self._pending.drain(OBSERVATIONS_MAX)
        if not self._pending:
            self._some.clear()
        self._room.set()
        return answer, self._since

    def put_back(self, answer: Answer, since: float) -> None:
        """Takes back what could not be written."""
        self._pending.put_back(answer)
        self._since = since
        self._some.set()
        if self._pending.full:
            self._room.clear()


async def _watch(lock: asyncpg.Connection) -> None:
    """Asks Postgres whether it is there; raises when the lock's connection is of no more use."""
    while True:
        await asyncio.sleep(LOCK_EVERY_S)
        await lock.execute("SELECT 1")
