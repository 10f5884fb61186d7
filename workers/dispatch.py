"""Claims what is due and hands it to Arq; runs it here when Redis is away."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
from redis.exceptions import RedisError

from app.database import engine
from app.errors import DependencyDown
from app.logs import logger
from app.polling import plan
from app.polling.plan import Claim
from workers.context import Context
from workers.poll import run_poll

# How often due tasks are looked for; what was claimed here is looked for when it is due again.
TICK_S = 0.05
# So much after it: clocks of two machines go a little apart within an interval.
AFTER_DUE_S = 0.001
# A job nobody began within this time is thrown away; its lease is over by then.
JOB_EXPIRES_S = 5
# Longest a hand-over to Redis may take before the poll is run here.
ENQUEUE_TIMEOUT_S = 0.5
# Polls run here at once while Redis is away.
LOCAL_POLLS_MAX = 16
RETRY_S = 0.5

log = logger(__name__)
Enqueue = Callable[[Claim], Awaitable[None]]


class Dispatcher:
    """Claims and hands over until cancelled.

    Redis carries jobs and decides nothing: without it the claims are run in this process, so that
    scores go on while it is restarted.
    """

    def __init__(self, context: Context, enqueue: Enqueue) -> None:
        self._context = context
        self._enqueue = enqueue
        self._local: set[asyncio.Task[str]] = set()
        self._redis_up = True
        self._next: dict[int, float] = {}

    async def run(self) -> None:
        """Dispatches until cancelled; then waits for nothing."""
        providers = list(self._context.providers)
        sports = [sport.value for sport in self._context.serves.sports]
        try:
            while True:
                try:
                    async with engine.connection(self._context.pool) as connection:
                        claims = await plan.claim_due(connection, providers, sports)
                except (DependencyDown, asyncpg.PostgresError) as error:
                    log.warning("dispatch_waits", error=str(error))
                    await asyncio.sleep(RETRY_S)
                    continue
                now = asyncio.get_running_loop().time()
                for claim in claims:
                    self._next[claim.task_id] = now + claim.next_in_ms / 1000 + AFTER_DUE_S
                    await self._hand_over(claim)
                await asyncio.sleep(self._rest_s())
        finally:
            for task in self._local:
                task.cancel()

    def _rest_s(self) -> float:
        """Returns how long to rest: until the next of those claimed here is due, a tick at most.

        Another worker may be quicker, and the plan may change: then the tick finds what is due.
        """
        now = asyncio.get_running_loop().time()
        self._next = {task: at for task, at in self._next.items() if at > now}
        return min(TICK_S, min(self._next.values(), default=now + TICK_S) - now)

    async def _hand_over(self, claim: Claim) -> None:
        if self._redis_up or not self._local:
            try:
                async with asyncio.timeout(ENQUEUE_TIMEOUT_S):
                    await self._enqueue(claim)
            except (RedisError, OSError, TimeoutError) as error:
                if self._redis_up:
                    log.warning("redis_away", error=str(error) or type(error).__name__)
                self._redis_up = False
            else:
                self._redis_up = True
                return
        if len(self._local) >= LOCAL_POLLS_MAX:
            # The lease runs out and the task is claimed again.
            return
        task = asyncio.create_task(run_poll(self._context, claim))
        self._local.add(task)
        task.add_done_callback(self._local.discard)


def encoded(claim: Claim) -> dict[str, object]:
    """Returns a claim as a job's argument."""
    return msgspec.to_builtins(claim)
