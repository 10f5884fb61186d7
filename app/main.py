"""The web process: the one place where rooms and doors are joined."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler
from redis.asyncio import Redis

from app.access.addresses import networks
from app.access.channel_grants import ChannelGrants
from app.access.gate import Gate
from app.access.log_ins import LogIns
from app.access.rate_limits import RateLimits
from app.access.socket_leases import SocketLeases
from app.access.tickets import Tickets
from app.access.tiers import allowances
from app.access.tokens import AccessTokens
from app.api import problems
from app.api.auth import auth_routes
from app.api.broadcasting import broadcasting_routes
from app.api.conflicts import conflict_routes
from app.api.feeds import Feeds, feed_routes
from app.api.guards import Admission
from app.api.identity import identity_routes
from app.api.leagues import league_routes
from app.api.markets import market_routes
from app.api.matches import match_routes
from app.api.polling import polling_routes
from app.api.providers import provider_routes
from app.cache import Cache, open_redis
from app.database.engine import open_pool
from app.database.listener import Listener, Nudge
from app.database.sessions import open_engine, session_maker
from app.logs import logger
from app.ops.health import Vitals, health_routes
from app.ops.metrics import metrics_routes
from app.ops.traffic import Traffic
from app.pages.routes import page_routes
from app.polling.demand import Demand, holder_name
from app.relay_settings import nodes_of
from app.settings import Settings, feed_keys
from app.sockets.asyncapi import asyncapi_routes
from app.sockets.live import Live, live_routes
from app.sports.match import Sport
from app.stream.hub import Hub
from app.stream.relay_listener import RelayListener
from app.stream.relay_nodes import Nodes
from app.stream.run import Run

NAME = "touchline-api"
# Bodies of our own endpoints are small; a feed's are read by their own route.
BODY_BYTES_MAX = 1_048_576
RESTART_S = 1.0

log = logger(__name__)
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

_ROUTES: Sequence[ControllerRouterHandler] = (
    *auth_routes,
    *broadcasting_routes,
    *conflict_routes,
    *identity_routes,
    *health_routes,
    *metrics_routes,
    *league_routes,
    *match_routes,
    *market_routes,
    *polling_routes,
    *provider_routes,
    *feed_routes,
    *live_routes,
    *asyncapi_routes,
    *page_routes,
)


def create_app(settings: Settings) -> Litestar:
    """Returns the application; it starts, and says so on /health, while Postgres is away."""
    app = Litestar(
        route_handlers=_ROUTES,
        lifespan=[_lifespan(settings)],
        exception_handlers=problems.HANDLERS,
        openapi_config=OpenAPIConfig(
            title="Touchline",
            version=version("touchline"),
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
            use_handler_docstrings=True,
            description="Real-time sports data: matches, scores, markets, in one order.",
        ),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
    )
    admission = Admission(app.asgi_handler, auth_per_minute=settings.access.auth_per_minute)
    app.asgi_handler = Traffic(admission)
    return app


def _lifespan(settings: Settings) -> Lifespan:
    @asynccontextmanager
    async def run(app: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, settings, stack)
            yield

    return run


async def _open(app: Litestar, settings: Settings, stack: AsyncExitStack) -> None:
    """Opens what the process holds, in an order that closing may reverse."""
    database = settings.database
    pool = await open_pool(
        database.url,
        connections_max=database.pool_connections_max,
        statement_timeout_s=database.statement_timeout_s,
        name=NAME,
    )
    stack.callback(pool.terminate)
    engine = open_engine(database.url, name=NAME)
    stack.push_async_callback(engine.dispose)
    redis = open_redis(settings.redis.url)
    stack.push_async_callback(redis.aclose)
    hub = Hub(pool, queue_max=settings.stream.queue_frames_max)
    cache = _cache(settings, redis, lambda: hub.current and listener.up)

    def on_nudge(ids: Nudge) -> None:
        # The cache first: from the moment the hub is current again, the cache may be believed.
        cache.forget(ids)
        hub.nudge(ids)

    def on_runs(runs: Sequence[Run]) -> None:
        cache.forget(frozenset(run.match_id for run in runs))
        hub.offer(runs)

    listener = _listener(settings, on_nudge, on_runs=on_runs, on_lost=hub.listener_lost)
    state = app.state
    state.pool, state.engine, state.sessions = pool, engine, session_maker(engine)
    state.redis, state.cache = redis, cache
    state.hub, state.listener = hub, listener
    state.metrics_networks = networks(settings.api.metrics_allow_ips)
    state.proxies = networks(settings.api.forwarded_allow_ips)
    state.gate = _gate(settings, redis)
    state.channel_grants = ChannelGrants(settings.pusher.app_key, settings.pusher.app_secret)
    holder = holder_name()
    state.demand = Demand(pool, holder)
    state.socket_leases = SocketLeases(redis, holder)
    state.live = Live(
        hub, pool, state.gate, state.demand, send_timeout_s=settings.stream.send_timeout_s
    )
    state.rate_limits = RateLimits(redis)
    feeds = settings.providers.feeds
    state.feeds = Feeds(pool, feed_keys(feeds.keys), state.rate_limits, per_minute=feeds.per_minute)
    state.log_ins = LogIns(
        state.sessions,
        state.gate.tokens,
        refresh_ttl_s=settings.access.refresh_token_ttl_s,
    )
    state.vitals = Vitals(
        pool=pool,
        ping_redis=redis.ping,
        listens=lambda: listener.up,
        # A relay that is gone is gone for every process: the timer serves until it is back.
        must_listen=settings.relay.source == "postgres",
        version=version("touchline"),
    )
    runs = (listener.run, hub.run, cache.run, state.live.pulse.run, state.demand.run)
    for forever in (*runs, state.socket_leases.run):
        stack.push_async_callback(_stop, asyncio.create_task(_keep_running(forever)))


def _gate(settings: Settings, redis: Redis) -> Gate:
    access = settings.access
    return Gate(
        AccessTokens(access.jwt_secret, ttl_s=access.access_token_ttl_s),
        Tickets(redis),
        allowances=allowances(
            anonymous_per_minute=access.anonymous_per_minute,
            user_per_minute=access.user_per_minute,
            anonymous_sockets=access.anonymous_sockets,
            user_sockets=access.user_sockets,
        ),
        anonymous_access=access.anonymous_access,
        proxies=networks(settings.api.forwarded_allow_ips),
    )


def _listener(
    settings: Settings,
    on_nudge: Callable[[Nudge], None],
    *,
    on_runs: Callable[[Sequence[Run]], None],
    on_lost: Callable[[], None],
) -> Listener | RelayListener:
    """Returns what hears of changes: a LISTEN of our own, or a relay's shards."""
    database, relay = settings.database, settings.relay
    if relay.source == "postgres":
        url = database.listen_url or database.url
        return Listener(url, on_nudge=on_nudge, on_lost=on_lost)
    return RelayListener(
        Nodes(nodes_of(relay.urls, otherwise=settings.redis.url), shards=relay.shards),
        shards=relay.shards,
        on_nudge=on_nudge,
        on_runs=on_runs,
        on_lost=on_lost,
    )


def _cache(settings: Settings, redis: Redis, is_current: Callable[[], bool]) -> Cache:
    scores_ttl_s = settings.api.cache_scores_ttl_s
    lists_ttl_s = settings.api.cache_markets_ttl_s
    return Cache(
        redis,
        is_current=is_current,
        ttl_s={
            "score": scores_ttl_s,
            "match": scores_ttl_s,
            "events": lists_ttl_s,
            "markets": lists_ttl_s,
        },
        sports=[sport.value for sport in Sport],
    )


async def _keep_running(forever: Callable[[], Awaitable[None]]) -> None:
    """Runs what should never end; should it, by a mistake of ours, that is told and it goes on."""
    while True:
        try:
            await forever()
        except Exception:
            log.exception("task_failed", task=forever.__qualname__)
        await asyncio.sleep(RESTART_S)


async def _stop(task: asyncio.Task[None]) -> None:
    """Ends a task that runs for ever."""
    task.cancel()
    await asyncio.wait([task])
