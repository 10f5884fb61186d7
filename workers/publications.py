"""Hears what is published on Redis' channels `match:{id}`; one worker writes it.

Every worker hears every message. The one that holds the lease takes them in; the others remember
the last seconds, so that the next one begins where the last one may have been cut off. What both
took in changes nothing: an older word of one provider never overwrites a newer one.

Redis delivers what is published to those who listen at that moment, and to nobody later: what is
published while no worker listens is lost. Who needs more than that pushes to /api/feeds.
"""

import asyncio
import contextlib
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app import metrics
from app.database.engine import Pool
from app.errors import DependencyDown
from app.ingest.held import Memory
from app.ingest.known import Known
from app.ingest.publications import CHANNEL_PREFIX, Message, take_messages
from app.logs import logger

LEASE_KEY = "touchline:publications:lease"
# Longest nobody writes after the writing worker was killed.
LEASE_MS = 3_000
RENEW_S = 1.0
# What the others remember: longer than the lease, so that nothing falls between two workers.
REMEMBERED = timedelta(seconds=5)
# Messages that wait; at 16 KiB each this is 32 MB. Past it the oldest go: newer ones say more.
WAITING_MAX = 2_000
# Taken in by one transaction.
BATCH_MAX = 200
RETRY_S = 0.5
ANSWERS_WITHIN_S = 2.0

_LEASE = """
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('pexpire', KEYS[1], ARGV[2])
return 1
"""
_LEAVE = """
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
return 0
"""

log = logger(__name__)


class Publications:
    """Hears and writes until cancelled; `worker` is a name no other worker has."""

    def __init__(
        self, pool: Pool, redis: Redis, *, worker: str, memory: Memory | None = None
    ) -> None:
        self._pool = pool
        self._redis = redis
        self._worker = worker
        self._known = Known(memory)
        self._waiting: deque[Message] = deque()
        self._news = asyncio.Event()
        self._leads = False
        self._hears = asyncio.Event()

    async def run(self) -> None:
        """Runs until cancelled, through every outage of Redis and Postgres."""
        try:
            await asyncio.gather(self._hear(), self._lead(), self._write())
        finally:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._ask(_LEAVE)

    async def until_hearing(self) -> None:
        """Returns once messages are heard."""
        await self._hears.wait()

    async def _hear(self) -> None:
        while True:
            pubsub = self._redis.pubsub()
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    await pubsub.psubscribe(f"{CHANNEL_PREFIX}*")
                self._hears.set()
                await self._listen(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("publications_unheard", error=str(error) or type(error).__name__)
            finally:
                self._hears.clear()
                with contextlib.suppress(RedisError, OSError):
                    await cast("Any", pubsub).aclose()
            await asyncio.sleep(RETRY_S)

    async def _listen(self, pubsub: PubSub) -> None:
        """Hears until the line is lost; one that is cut without a word does not answer a ping."""
        unanswered = False
        while True:
            heard: Any = await pubsub.get_message(timeout=ANSWERS_WITHIN_S)
            if heard is None:
                if unanswered:
                    raise TimeoutError("Redis does not answer")
                unanswered = True
                await pubsub.ping()
                continue
            unanswered = False
            if heard["type"] == "pmessage":
                self._take_note(heard["channel"], heard["data"])

    def _take_note(self, channel: bytes, payload: bytes) -> None:
        name = channel.decode(errors="replace").removeprefix(CHANNEL_PREFIX)
        message = Message(name=name, payload=payload, received_at=datetime.now(UTC))
        self._waiting.append(message)
        if self._leads and len(self._waiting) > WAITING_MAX:
            metrics.publications.labels("overflow").inc()
        self._forget()
        self._news.set()

    def _forget(self) -> None:
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
        since = datetime.now(UTC) - REMEMBERED
        while not self._leads and self._waiting and self._waiting[0].received_at < since:
            self._waiting.popleft()

    async def _lead(self) -> None:
        """Holds the lease, or waits for it."""
        while True:
            try:
                leads = bool(await self._ask(_LEASE, LEASE_MS))
            except (RedisError, OSError, TimeoutError):
                # Nothing is published either; what waits is still ours to write.
                await asyncio.sleep(RETRY_S)
                continue
            if leads != self._leads:
                log.info("publications_lease", leads=leads)
                self._leads = leads
                self._forget()
                self._news.set()
            await asyncio.sleep(RENEW_S)

    async def _ask(self, script: str, *arguments: int) -> Any:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            told = map(str, arguments)
            asked: Any = self._redis.eval(script, 1, LEASE_KEY, self._worker, *told)
            return await asked

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._leads and self._waiting:
                count = min(len(self._waiting), BATCH_MAX)
                batch = [self._waiting.popleft() for _ in range(count)]
                if not await self._written(batch):
                    self._waiting.extendleft(reversed(batch))
                    self._forget()
                    await asyncio.sleep(RETRY_S)

    async def _written(self, batch: list[Message]) -> bool:
        """Writes messages; False when Postgres is away, so that they wait."""
        try:
            taken = await take_messages(self._pool, batch, self._known)
        except (DependencyDown, asyncpg.PostgresError) as error:
            log.warning("publications_wait", error=str(error))
            return False
        metrics.publications.labels("accepted").inc(taken.accepted)
        metrics.publications.labels("refused").inc(taken.refused)
        return True
