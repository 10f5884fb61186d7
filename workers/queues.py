"""One Arq queue a sport, and a loop of ours around each Arq worker.

Arq ends its worker on any trouble with Redis, and cannot be stopped while a job is in the middle of
a call; so each lives inside a loop that makes a new one, and is stopped by first taking its work
away. A sport has its queue and its share of the jobs, so one sport's storm delays no other.
"""

import asyncio
import contextlib
from typing import Any

import msgspec
from arq import cron, func
from arq.connections import ArqRedis
from arq.utils import timestamp_ms
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app.logs import logger
from app.sports.match import Sport
from workers.context import Context, worker_id
from workers.dispatch import JOB_EXPIRES_S
from workers.housekeeping import housekeep
from workers.poll import poll

# Jobs that other workers hand over are picked up by polling, those of this one at once.
PICK_UP_S = 0.05
# Longest a stopping worker waits for the polls it runs; past it their leases run out.
JOBS_END_WITHIN_S = 3.0
# Longest job, a hung one: what a provider asks for is bounded by its rule, well below.
JOB_TIMEOUT_S = 60
RETRY_S = 0.5
REDIS_WATCH_S = 5.0
REDIS_ANSWERS_WITHIN_S = 2.0

log = logger(__name__)


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A sport's queue; `handed` is set whenever this process has put something into it."""

    sport: Sport
    handed: asyncio.Event


def _packed(data: object) -> bytes:
    """Encodes jobs, and what Arq says of one that expired: of an exception the text will do."""
    return msgspec.msgpack.encode(data, enc_hook=str)


def queue_of(sport: str) -> str:
    """Returns the name of a sport's queue."""
    return f"touchline:jobs:{sport}"


def open_redis(url: str) -> ArqRedis:
    """Returns Arq's client. Without a socket timeout: on Python 3.11 one swallows cancellations."""
    return ArqRedis(
        connection_pool=ConnectionPool.from_url(url, socket_connect_timeout=REDIS_ANSWERS_WITHIN_S),
        job_serializer=_packed,
        job_deserializer=msgspec.msgpack.decode,
        expires_extra_ms=JOB_EXPIRES_S * 1000,
    )


def make_worker(context: Context, redis: ArqRedis, sport: Sport, jobs_max: int) -> Worker:
    """Returns an Arq worker that runs a sport's jobs; signals are ours to handle."""
    return Worker(
        functions=[
            func(poll, name="poll", max_tries=1, keep_result=0),  # pyright: ignore[reportArgumentType]
        ],
        # Arq runs a cron job once, however many queues and workers offer it.
        cron_jobs=[cron(housekeep, minute=7, name="housekeep", keep_result=0)],  # pyright: ignore[reportArgumentType]
        redis_pool=redis,
        queue_name=queue_of(sport),
        ctx={"context": context},
        handle_signals=False,
        max_jobs=jobs_max,
        job_timeout=JOB_TIMEOUT_S,
        keep_result=0,
        max_tries=1,
        poll_delay=PICK_UP_S,
        health_check_interval=5,
        health_check_key=f"touchline:worker:{worker_id()}:{sport}",
        job_serializer=_packed,
        job_deserializer=msgspec.msgpack.decode,
        log_results=False,
    )


async def _watch(redis: ArqRedis) -> None:
    """Returns when Redis no longer answers: a line that is cut without a word hangs for ever."""
    while True:
        await asyncio.sleep(REDIS_WATCH_S)
        try:
            async with asyncio.timeout(REDIS_ANSWERS_WITHIN_S):
                await redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("redis_silent", error=str(error) or type(error).__name__)
            return


async def _pick_up(worker: Worker, handed: asyncio.Event) -> None:
    """Begins jobs as soon as this process hands them over; the worker's own look is the other way.

    Whichever looks first has a job: Arq marks it in Redis before it is begun. A Redis that is away
    is the worker's to find out.
    """
    while True:
        await handed.wait()
        handed.clear()
        if not worker.allow_pick_jobs or worker.job_counter >= worker.max_jobs:
            continue
        with contextlib.suppress(RedisError, OSError):
            jobs = await worker.pool.zrangebyscore(
                worker.queue_name, "-inf", timestamp_ms(), start=0, num=worker.queue_read_limit
            )
            await worker.start_jobs(jobs)


async def run_queue(
    context: Context, url: str, queue: Queue, *, jobs_max: int, stopping: asyncio.Event
) -> None:
    """Runs Arq workers on a sport's queue, one after another, until we are to stop."""
    sport = queue.sport
    while not stopping.is_set():
        redis = open_redis(url)
        worker = make_worker(context, redis, sport, jobs_max)
        running = asyncio.create_task(worker.async_run())
        watching = asyncio.create_task(_watch(redis))
        picking = asyncio.create_task(_pick_up(worker, queue.handed))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, watching, picking, stop}, return_when=asyncio.FIRST_COMPLETED)
        worker.allow_pick_jobs = False
        jobs = list(worker.tasks.values())
        if jobs:
            await asyncio.wait(jobs, timeout=JOBS_END_WITHIN_S)
        everything: list[asyncio.Task[Any]] = [running, watching, picking, stop, *jobs]
        for task in everything:
            task.cancel()
        ended = await asyncio.gather(*everything, return_exceptions=True)
        if not stopping.is_set():
            log.warning("arq_ended", sport=sport.value, error=repr(ended[0]))
            await asyncio.sleep(RETRY_S)
        with contextlib.suppress(RedisError, OSError):
            # What is left of a connection that failed.
            await redis.aclose(close_connection_pool=True)
