"""The worker process: Arq for the jobs, a dispatcher beside it, and a clean way out.

Arq ends its worker on any trouble with Redis, and cannot be stopped while a job is in the middle of
a call; so the Arq worker lives inside a loop of ours that makes a new one, and is stopped by first
taking its work away.
"""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

import msgspec
import uvloop
from arq import cron, func
from arq.connections import ArqRedis
from arq.worker import Worker
from prometheus_client import start_http_server
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app import logs, metrics
from app.database import engine
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger
from app.polling import plan
from app.polling.plan import Claim
from app.providers import registry
from app.settings import Settings
from workers.context import Context, worker_id
from workers.dispatch import JOB_EXPIRES_S, Dispatcher, encoded
from workers.housekeeping import housekeep
from workers.poll import poll

QUEUE = "touchline:jobs"
# Jobs are picked up by polling; this is most of the time between due and asked.
PICK_UP_S = 0.05
# Longest a stopping worker waits for the polls it runs; past it their leases run out.
JOBS_END_WITHIN_S = 3.0
# Longest job, a hung one: what a provider asks for is bounded by its rule, well below.
JOB_TIMEOUT_S = 60
RETRY_S = 0.5
REDIS_WATCH_S = 5.0
REDIS_ANSWERS_WITHIN_S = 2.0

log = logger(__name__)


def open_redis(url: str) -> ArqRedis:
    """Returns Arq's client. Without a socket timeout: on Python 3.11 one swallows cancellations."""
    return ArqRedis(
        connection_pool=ConnectionPool.from_url(url, socket_connect_timeout=REDIS_ANSWERS_WITHIN_S),
        job_serializer=msgspec.msgpack.encode,
        job_deserializer=msgspec.msgpack.decode,
        default_queue_name=QUEUE,
        expires_extra_ms=JOB_EXPIRES_S * 1000,
    )


def make_worker(context: Context, redis: ArqRedis, jobs_max: int) -> Worker:
    """Returns an Arq worker that runs our jobs; signals are ours to handle."""
    return Worker(
        functions=[
            func(poll, name="poll", max_tries=1, keep_result=0),  # pyright: ignore[reportArgumentType]
        ],
        cron_jobs=[cron(housekeep, minute=7, name="housekeep", keep_result=0)],  # pyright: ignore[reportArgumentType]
        redis_pool=redis,
        queue_name=QUEUE,
        ctx={"context": context},
        handle_signals=False,
        max_jobs=jobs_max,
        job_timeout=JOB_TIMEOUT_S,
        keep_result=0,
        max_tries=1,
        poll_delay=PICK_UP_S,
        health_check_interval=5,
        health_check_key=f"touchline:worker:{worker_id()}",
        job_serializer=msgspec.msgpack.encode,
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


async def _run_arq(context: Context, url: str, jobs_max: int, stopping: asyncio.Event) -> None:
    """Runs Arq workers, one after another, until we are to stop."""
    while not stopping.is_set():
        redis = open_redis(url)
        worker = make_worker(context, redis, jobs_max)
        running = asyncio.create_task(worker.async_run())
        watching = asyncio.create_task(_watch(redis))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, watching, stop}, return_when=asyncio.FIRST_COMPLETED)
        worker.allow_pick_jobs = False
        jobs = list(worker.tasks.values())
        if jobs:
            await asyncio.wait(jobs, timeout=JOBS_END_WITHIN_S)
        everything: list[asyncio.Task[Any]] = [running, watching, stop, *jobs]
        for task in everything:
            task.cancel()
        ended = await asyncio.gather(*everything, return_exceptions=True)
        if not stopping.is_set():
            log.warning("arq_ended", error=repr(ended[0]))
            await asyncio.sleep(RETRY_S)
        with contextlib.suppress(RedisError, OSError):
            # What is left of a connection that failed.
            await redis.aclose(close_connection_pool=True)


async def _begin(context: Context) -> None:
    """Makes today's partitions and the providers' tasks; waits for Postgres as long as it takes."""
    while True:
        try:
            async with engine.connection(context.pool) as connection:
                for name, provider in context.providers.items():
                    await plan.keep_tasks(connection, name, provider.rules())
            break
        except DependencyDown as error:
            log.warning("worker_waits", error=str(error))
            await asyncio.sleep(RETRY_S)
    await housekeep({"context": context})


async def _until(stopping: asyncio.Event, *work: Coroutine[Any, Any, None]) -> None:
    """Runs pieces of work until we are to stop, or one of them fails, which it must not."""
    tasks = [asyncio.create_task(piece) for piece in work]
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    stop.cancel()
    # The dispatcher ends at once, Arq when its jobs have ended.
    tasks[0].cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def open_context(settings: Settings) -> Context:
    """Opens what the jobs share. A lost tail of the log is polled again: commits do not wait."""
    pool: Pool = await engine.open_pool(
        settings.database.url,
        connections_max=settings.database.pool_connections_max,
        statement_timeout_s=settings.database.statement_timeout_s,
        name="touchline-worker",
        more={"synchronous_commit": "off"},
    )
    replay = settings.replay
    providers = registry.switched_on(
        settings.worker.providers,
        {"replay": lambda: registry.replay(replay.recordings, replay.speed, replay.lanes)},
    )
    return Context(
        pool,
        providers,
        changes_kept_hours=settings.stream.changes_kept_hours,
        odds_kept_days=settings.stream.odds_kept_days,
    )


async def work(settings: Settings, stopping: asyncio.Event) -> None:
    """Works until `stopping` is set."""
    context = await open_context(settings)
    sender = open_redis(settings.redis.url)

    async def enqueue(claim: Claim) -> None:
        await sender.enqueue_job(
            "poll",
            encoded(claim),
            _job_id=f"poll:{claim.task_id}:{claim.generation}",
            _expires=JOB_EXPIRES_S,
        )

    log.info("worker_started", worker_id=worker_id(), providers=list(context.providers))
    beginning = asyncio.create_task(_begin(context))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({beginning, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    try:
        if beginning.done():
            beginning.result()
            await _until(
                stopping,
                Dispatcher(context, enqueue).run(),
                _run_arq(context, settings.redis.url, settings.worker.jobs_max, stopping),
            )
    finally:
        beginning.cancel()
        for provider in context.providers.values():
            await provider.close()
        with contextlib.suppress(RedisError, OSError):
            # Redis may be away; there is nothing to tell it.
            await sender.aclose(close_connection_pool=True)
        context.pool.terminate()
        log.info("worker_stopped", worker_id=worker_id())


def run(settings: Settings) -> None:
    """Runs the worker process until SIGINT or SIGTERM."""
    logs.set_up(level=settings.log_level, form=settings.log_form)
    if settings.worker.metrics_port:
        start_http_server(settings.worker.metrics_port, registry=metrics.REGISTRY)

    async def main() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await work(settings, stopping)

    uvloop.run(main())
