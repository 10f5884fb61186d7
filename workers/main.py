"""The worker process: everything that works beside the web process, joined, and a clean way out."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from prometheus_client import start_http_server
from redis.exceptions import RedisError

from app import collector, logs, metrics
from app.bookmaking import house_of, waits_of
from app.cache.redis_answers import open_redis as redis_client
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.health.noting import Place, keep_provider
from app.ingest.held import Memory
from app.ingest.sports import keep_sports
from app.logs import logger
from app.polling import plan
from app.polling.plan import Claim
from app.polling.planner import Planner
from app.polling.schedule import Paces
from app.providers.archive import Archive
from app.providers.provider import PollRule
from app.providers.registry import Named
from app.settings import Settings
from app.sports.ids import ExternalId, ProviderName
from workers.bets import PendingBets
from workers.books import Books
from workers.context import Context, Serves, worker_id
from workers.dispatch import JOB_EXPIRES_S, Dispatcher, Enqueue, encoded
from workers.feeds import Feeds
from workers.housekeeping import housekeep
from workers.predict import Predicting
from workers.providers import Makers, shared, sports_of
from workers.publications import Publications
from workers.queues import Queue, open_redis, queue_of, run_queue
from workers.refit import Refitting
from workers.settle import Settling
from workers.tending import Tending

RETRY_S = 0.5
# Bets are decided and settled one after the other, each by a transaction of its own.
MONEY_CONNECTIONS_MAX = 4
MEGABYTE = 1024 * 1024

log = logger(__name__)


async def _begin(context: Context) -> None:
    """Makes today's partitions and the providers' tasks; waits for Postgres as long as it takes."""
    while True:
        try:
            async with engine.connection(context.pool) as connection:
                await keep_sports(connection)
                for named in context.serves.names:
                    await _keep(connection, context.providers[named.name].rules(), named)
            break
        except DependencyDown as error:
            log.warning("worker_waits", error=str(error))
            await asyncio.sleep(RETRY_S)
    await housekeep({"context": context})


async def _keep(connection: Connection, rules: Sequence[PollRule], named: Named) -> None:
    """Makes a provider's tasks what its rules say, and says where it stands."""
    async with connection.transaction():
        await plan.keep_tasks(connection, named.name, rules)
        place = Place(priority=named.priority, standby=named.standby)
        await keep_provider(connection, named.name, [rule.sport for rule in rules], place)


async def _until(
    stopping: asyncio.Event,
    endless: Sequence[Coroutine[Any, Any, None]],
    ending: Sequence[Coroutine[Any, Any, None]],
) -> None:
    """Runs pieces of work until we are to stop, or one of them fails, which it must not.

    What is endless is cancelled then; the others see `stopping` and end when their jobs have.
    """
    ends = [asyncio.create_task(piece) for piece in ending]
    runs = [asyncio.create_task(piece) for piece in endless]
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({*ends, *runs, stop}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    for task in (stop, *runs):
        task.cancel()
    for ended in await asyncio.gather(*ends, *runs, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def open_context(settings: Settings) -> Context:
    """Opens what the jobs share. A lost tail of the log is polled again: commits do not wait."""
    memory = Memory()
    pool: Pool = await engine.open_pool(
        settings.database.url,
        connections_max=settings.database.pool_connections_max,
        statement_timeout_s=settings.database.statement_timeout_s,
        name="touchline-worker",
        more={"synchronous_commit": "off"},
        on_connect=memory.clear,
    )
    folder = settings.providers.archive.folder
    bytes_max = settings.providers.archive.megabytes_max * MEGABYTE
    archive = Archive(Path(folder), bytes_max=bytes_max) if folder else None
    made = Makers(settings, shared(pool, settings), archive.keep if archive else None)
    names, providers = made.switched_on(settings.worker.providers)
    serves = Serves(
        names=names,
        sports=sports_of(settings.worker.sports),
        simulated=made.simulated(),
        speed=settings.polling.speed,
        feeds=made.feeds(providers),
        archive=archive,
    )
    return Context(
        pool,
        providers,
        memory=memory,
        serves=serves,
        changes_kept_hours=settings.stream.changes_kept_hours,
        odds_kept_days=settings.stream.odds_kept_days,
        dead_letters_kept_days=settings.stream.dead_letters_kept_days,
    )


async def open_money_pool(settings: Settings) -> Pool:
    """Opens what money is moved by: commits that wait for the disk, unlike all else here."""
    return await engine.open_pool(
        settings.database.url,
        connections_max=MONEY_CONNECTIONS_MAX,
        statement_timeout_s=settings.database.statement_timeout_s,
        name="touchline-money",
    )


async def work(settings: Settings, stopping: asyncio.Event) -> None:
    """Works until `stopping` is set."""
    context = await open_context(settings)
    sender = open_redis(settings.redis.url)

    queues = {
        sport.value: Queue(sport=sport, handed=asyncio.Event()) for sport in context.serves.sports
    }

    async def enqueue(claim: Claim) -> None:
        await sender.enqueue_job(
            "poll",
            encoded(claim),
            _job_id=f"poll:{claim.task_id}:{claim.generation}",
            _queue_name=queue_of(claim.sport),
            _expires=JOB_EXPIRES_S,
        )
        queues[claim.sport].handed.set()

    log.info("worker_started", worker_id=worker_id(), providers=list(context.providers))
    beginning = asyncio.create_task(_begin(context))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({beginning, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    try:
        if beginning.done():
            beginning.result()
            await _run(context, settings, Hand(enqueue, tuple(queues.values())), stopping)
    finally:
        beginning.cancel()
        await context.close()
        with contextlib.suppress(RedisError, OSError):
            # Redis may be away; there is nothing to tell it.
            await sender.aclose(close_connection_pool=True)
        log.info("worker_stopped", worker_id=worker_id())


class Hand(msgspec.Struct, frozen=True):
    """How polls are handed over, and the queues they are handed over to."""

    enqueue: Enqueue
    queues: Sequence[Queue]


async def _run(context: Context, settings: Settings, hand: Hand, stopping: asyncio.Event) -> None:
    """Dispatches, and runs the jobs of every sport with an equal share of what runs at once."""
    share = max(1, settings.worker.jobs_max // len(context.serves.sports))
    queues = [
        run_queue(context, settings.redis.url, queue, jobs_max=share, stopping=stopping)
        for queue in hand.queues
    ]
    database = settings.database
    heard = redis_client(settings.redis.url)
    money = await open_money_pool(settings)
    feeds = Feeds(
        context.serves.feeds,
        pool=context.pool,
        lock_url=database.listen_url or database.url,
        wanted=partial(_watched, context),
        memory=context.memory,
    )
    endless = [
        feeds.run(),
        Publications(context.pool, heard, worker=worker_id(), memory=context.memory).run(),
        Dispatcher(context, hand.enqueue).run(),
        Planner(context.pool, paces_of(settings)).run(),
        Tending(
            context.pool,
            list(context.providers),
            streamed=[feed.name for feed in context.serves.feeds],
        ).run(),
        Books(context.pool, every_s=settings.wallet.check_every_s).run(),
        PendingBets(money, house_of(settings.betting)).run(),
        Settling(money, waits_of(settings.betting)).run(),
        Predicting(context.pool).run(),
        Refitting(context.pool, settings.database.url).run(),
    ]
    try:
        await _until(stopping, endless, queues)
    finally:
        money.terminate()
        with contextlib.suppress(RedisError, OSError):
            await heard.aclose()


async def _watched(context: Context, provider: ProviderName) -> Sequence[ExternalId]:
    async with engine.connection(context.pool) as connection:
        return await plan.watched(connection, provider)


def paces_of(settings: Settings) -> Paces:
    """Returns how often what is asked for, as set."""
    return msgspec.convert(settings.polling, Paces, from_attributes=True)


def run(settings: Settings) -> None:
    """Runs the worker process until SIGINT or SIGTERM."""
    logs.set_up(level=settings.log_level, form=settings.log_form)
    collector.calm()
    if settings.worker.metrics_port:
        start_http_server(settings.worker.metrics_port, registry=metrics.REGISTRY)

    async def main() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await work(settings, stopping)

    uvloop.run(main())
