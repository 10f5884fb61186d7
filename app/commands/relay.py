"""`app relay`: one process that reads the whole log and says it to a cluster."""

import asyncio
import contextlib
import signal

import click
import uvloop
from prometheus_client import start_http_server

from app import collector, logs, metrics, settings
from app.access.access_news import CHANNEL as ACCESS_CHANNEL
from app.database.engine import open_pool
from app.database.listener import Listener
from app.logs import logger
from app.relay_settings import nodes_of
from app.settings import Settings
from app.stream import user_log
from app.stream.relay import Relay
from app.stream.relay_nodes import Nodes
from app.stream.relay_publisher import Publisher

NAME = "touchline-relay"
# One to read the log over; the other for the moment in which that one is replaced.
CONNECTIONS_MAX = 2
# What Postgres says besides changes of matches, and API processes want to hear.
PASSED_ON = (user_log.CHANNEL, ACCESS_CHANNEL)

log = logger(__name__)


@click.command()
def relay() -> None:
    """Runs the relay until SIGINT or SIGTERM."""
    asked = settings.load()
    logs.set_up(level=asked.log_level, form=asked.log_form)
    collector.calm()
    if asked.relay.metrics_port:
        start_http_server(asked.relay.metrics_port, registry=metrics.REGISTRY)

    async def main() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await work(asked, stopping)

    uvloop.run(main())


async def work(asked: Settings, stopping: asyncio.Event) -> None:
    """Relays until `stopping` is set, or a part of it fails, which it must not."""
    database, shards = asked.database, asked.relay.shards
    pool = await open_pool(
        database.url,
        connections_max=CONNECTIONS_MAX,
        statement_timeout_s=database.statement_timeout_s,
        name=NAME,
    )
    publisher = Publisher(
        Nodes(nodes_of(asked.relay.urls, otherwise=asked.redis.url), shards=shards), shards=shards
    )
    reader = Relay(pool, publisher, shards=shards)
    listener = Listener(
        database.listen_url or database.url,
        on_nudge=reader.nudge,
        on_lost=reader.listener_lost,
        also={channel: reader.also(channel) for channel in PASSED_ON},
    )
    log.info("relay_started", shards=shards)
    tasks = [
        asyncio.create_task(forever) for forever in (publisher.run(), reader.run(), listener.run())
    ]
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stop, *tasks):
            task.cancel()
        for task in (stop, *tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        pool.terminate()
        log.info("relay_stopped")
