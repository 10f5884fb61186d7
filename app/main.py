"""The web process: the one place where rooms and doors are joined."""

# Before Litestar, which loads advanced-alchemy, which would load numpy.
import app.database.alchemy  # noqa: F401 # pyright: ignore[reportUnusedImport]

# isort: split
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import msgspec
from litestar import Litestar
from redis.asyncio import Redis

from app.access.access_news import CHANNEL as ACCESS_CHANNEL
from app.access.access_news import AccessNews
from app.access.accounts import Accounts
from app.access.addresses import networks
from app.access.audit import AuthEvents
from app.access.channel_grants import ChannelGrants
from app.access.gate import Gate
from app.access.known_keys import KnownKeys
from app.access.lockout import Lockout
from app.access.log_ins import LogIns
from app.access.mail import Command, Console, Nowhere, Outbox, Sender, Webhook
from app.access.quotas import Quotas
from app.access.rate_limits import RateLimits
from app.access.revocations import Revocations
from app.access.socket_leases import SocketLeases
from app.access.tickets import Tickets
from app.access.tiers import Tiers, settings_of
from app.access.tokens import AccessTokens
from app.access.usage import SOCKET, Usage
from app.api.bets import BetDoor
from app.api.feeds import Feeds
from app.api.kept import kinds_of_answers, open_cache
from app.api.money_shapes import MoneyRules
from app.api.open_api import Numbers, open_api
from app.betting.desk import Desk
from app.betting.told import state_of
from app.bookmaking import house_of
from app.cache.reads import Cache
from app.cache.redis_answers import open_redis
from app.catalog.reads import Reads
from app.database.engine import Pool, open_pool
from app.database.listener import Listener, Nudge
from app.database.replica import Replica
from app.database.sessions import open_engine, session_maker
from app.hidden import hidden
from app.logs import logger
from app.ops.health import Vitals
from app.payments.deposits import DepositRules
from app.polling.demand import Demand, holder_name
from app.relay_settings import nodes_of
from app.routes import ERRORS, ROUTES
from app.serving.hot_reads import hot_reads_of
from app.serving.surroundings import surrounded
from app.settings import DatabaseSettings, Settings, feed_keys
from app.sockets.crowds import Crowds
from app.sockets.granted import Grantees
from app.sockets.opening import Sockets
from app.sockets.process import Bounds, Shared
from app.sockets.pusher import PusherFollows
from app.sockets.revoking import Revoking
from app.sockets.snapshots import FirstStates
from app.sockets.ws import WsFollows
from app.stream import user_log
from app.stream.hub import Hub
from app.stream.relay_listener import RelayListener
from app.stream.relay_nodes import Nodes
from app.stream.run import Run
from app.wallet.money import parse_currency
from app.wallet_settings import WalletSettings

NAME = "touchline-api"
# Bodies of our own endpoints are small; a feed's are read by their own route.
BODY_BYTES_MAX = 1_048_576
RESTART_S = 1.0
# What tasks may take to let go; more than they need whose servers answer.
STOPS_WITHIN_S = 1.0

log = logger(__name__)
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_app(settings: Settings) -> Litestar:
    """Returns the application; it starts, and says so on /health, while Postgres is away."""
    # Litestar loads pydantic where it is installed, 7 MB, for models that nobody here has.
    with hidden("pydantic"):
        app = Litestar(
            route_handlers=ROUTES,
            lifespan=[_lifespan(settings)],
            exception_handlers=ERRORS,
            openapi_config=open_api(version("touchline")),
            plugins=[Numbers()],
            request_max_body_size=BODY_BYTES_MAX,
            logging_config=None,
        )
    return surrounded(app, settings.serving, auth_per_minute=settings.access.auth_per_minute)


def _lifespan(settings: Settings) -> Lifespan:
    @asynccontextmanager
    async def run(app: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, settings, stack)
            yield

    return run


async def _open(app: Litestar, settings: Settings, stack: AsyncExitStack) -> None:
    """Opens what the process holds, in an order that closing may reverse."""
    pool = await _pool(settings.database)
    stack.callback(pool.terminate)
    engine = open_engine(settings.database.url, name=NAME)
    stack.push_async_callback(engine.dispose)
    redis = open_redis(settings.redis.url)
    stack.push_async_callback(redis.aclose)
    hub, follows = Hub(pool), WsFollows(pool, state_of)

    def is_current() -> bool:
        return hub.current and listener.up

    cache = _cache(settings, redis, is_current)

    def on_nudge(ids: Nudge) -> None:
        # The cache first: from the moment the hub is current again, the cache may be believed.
        cache.forget(ids)
        hub.nudge(ids)
        follows.nudge(ids)

    def on_runs(runs: Sequence[Run]) -> None:
        ids = frozenset(run.match_id for run in runs)
        cache.forget(ids)
        hub.offer(runs)
        follows.nudge(ids)

    state = app.state
    tiers = _tiers(settings)
    state.gate = _gate(settings, redis, pool, tiers)
    tokens, revocations = state.gate.tokens, state.gate.revocations
    is_told = settings.relay.source == "postgres"
    news = AccessNews(pool, revocations, tokens.ring, is_told=is_told, tiers=tiers)
    listener = _listener(
        settings,
        on_nudge,
        on_runs=on_runs,
        on_lost=hub.listener_lost,
        also={ACCESS_CHANNEL: lambda _: news.nudge(), user_log.CHANNEL: follows.users.nudge},
    )
    state.pool, state.engine, state.sessions = pool, engine, session_maker(engine)
    state.redis, state.cache = redis, cache
    read_runs = await _open_reads(app, settings, stack, is_current)
    state.hub, state.listener, state.ws_follows = hub, listener, follows
    holder = holder_name()
    state.demand = Demand(pool, holder)
    state.socket_leases = SocketLeases(redis, holder)
    state.sockets = _sockets(app, settings)
    revoking = Revoking(state.sockets.shared)
    _open_pusher(app, settings)
    state.rate_limits = RateLimits(redis, holder)
    _open_doors(app, settings, stack)
    access_runs = (*_open_accounts(app, settings, stack), news.run, revoking.run)
    state.vitals = _vitals(app, must_listen=is_told)
    runs = (listener.run, hub.run, cache.run, state.sockets.pulse.run, state.demand.run)
    access_runs = (*access_runs, state.socket_leases.run, state.rate_limits.run)
    read_runs = (*read_runs, *_open_hot_reads(app, settings))
    all_runs = (*runs, *follows.runs, *access_runs, *read_runs)
    stack.push_async_callback(_stop, [asyncio.create_task(_keep_running(one)) for one in all_runs])


def _vitals(app: Litestar, *, must_listen: bool) -> Vitals:
    """Returns what /health asks. A relay that is gone is gone for every process: the timer serves
    until it is back.
    """
    state = app.state
    return Vitals(
        pool=state.pool,
        ping_redis=state.redis.ping,
        listens=lambda: state.listener.up,
        must_listen=must_listen,
        replica_is_used=state.replica and state.replica.is_used,
        version=version("touchline"),
    )


async def _pool(database: DatabaseSettings) -> Pool:
    return await open_pool(
        database.url,
        connections_max=database.pool_connections_max,
        statement_timeout_s=database.statement_timeout_s,
        name=NAME,
    )


async def _open_reads(
    app: Litestar, settings: Settings, stack: AsyncExitStack, is_current: Callable[[], bool]
) -> Sequence[Callable[[], Awaitable[None]]]:
    """Opens reads, and a replica for them, if there is to be one; returns what runs for ever."""
    state, reads = app.state, settings.reads
    replica: Replica | None = None
    if reads.replica_url:
        pool = await _pool(msgspec.structs.replace(settings.database, url=reads.replica_url))
        stack.callback(pool.terminate)
        replica = Replica(pool, state.pool, lag_max_s=reads.replica_lag_max_s)
    state.replica = replica
    state.reads = Reads(state.pool, replica, heard=state.cache.heard, is_current=is_current)
    return () if replica is None else (replica.run,)


def _open_doors(app: Litestar, settings: Settings, stack: AsyncExitStack) -> None:
    """Gives doors what only they use."""
    state, feeds = app.state, settings.providers.feeds
    state.metrics_networks = networks(settings.api.metrics_allow_ips)
    state.proxies = networks(settings.api.forwarded_allow_ips)
    state.money = _money(settings.wallet)
    house = house_of(settings.betting)
    desk = Desk(state.pool, house)
    stack.push_async_callback(desk.close)
    state.bets = BetDoor(house=house, desk=desk, cash_out_margin=settings.betting.cash_out_margin)
    state.feeds = Feeds(
        state.pool, feed_keys(feeds.keys), state.rate_limits, per_minute=feeds.per_minute
    )


def _sockets(app: Litestar, settings: Settings) -> Sockets:
    state, sockets = app.state, settings.sockets
    bytes_max = sockets.waiting_bytes_max
    return Sockets(
        Shared(
            crowds=Crowds(state.hub, FirstStates(state.pool), bytes_max=bytes_max),
            gate=state.gate,
            demand=state.demand,
            leases=state.socket_leases,
            bounds=Bounds(
                waiting_bytes_max=bytes_max,
                full_s_max=sockets.send_timeout_s,
                authenticate_within_s=sockets.authenticate_within_s,
                origins=frozenset(one for one in sockets.origins.split(",") if one),
            ),
        )
    )


def _open_pusher(app: Litestar, settings: Settings) -> None:
    """Opens the Pusher protocol over what /ws follows."""
    state = app.state
    state.channel_grants = ChannelGrants(settings.pusher.app_key, settings.pusher.app_secret)
    state.pusher_follows = PusherFollows(
        state.channel_grants,
        Grantees(state.gate.revocations),
        pool=state.pool,
        directory=state.ws_follows.directory,
        bets=state.ws_follows.bets,
        anonymous_access=settings.access.anonymous_access,
    )


def _tiers(settings: Settings) -> Tiers:
    access = settings.access
    return Tiers(
        settings_of(
            anonymous_per_minute=access.anonymous_per_minute,
            user_per_minute=access.user_per_minute,
            anonymous_sockets=access.anonymous_sockets,
            user_sockets=access.user_sockets,
        )
    )


def _gate(settings: Settings, redis: Redis, pool: Pool, tiers: Tiers) -> Gate:
    access = settings.access
    revocations = Revocations()
    return Gate(
        AccessTokens(
            access.jwt_secret,
            ttl_s=access.access_token_ttl_s,
            secret_before=access.jwt_secret_before,
        ),
        Tickets(redis),
        revocations=revocations,
        keys=KnownKeys(pool, revocations),
        allowances=tiers,
        anonymous_access=access.anonymous_access,
        proxies=networks(settings.api.forwarded_allow_ips),
    )


def _open_accounts(
    app: Litestar, settings: Settings, stack: AsyncExitStack
) -> Sequence[Callable[[], Awaitable[None]]]:
    """Opens what users log in with; returns what runs for ever. What waits is written last."""
    state = app.state
    gate: Gate = state.gate
    events, lockout = AuthEvents(state.pool), Lockout(state.redis)
    outbox = Outbox(_sender(settings))
    state.auth_events = events
    state.log_ins = LogIns(
        state.sessions,
        gate.tokens,
        refresh_ttl_s=settings.access.refresh_token_ttl_s,
        lockout=lockout,
        events=events,
        verification=settings.access.email_verification,
    )
    state.accounts = Accounts(state.sessions, state.log_ins, outbox, lockout=lockout, events=events)
    state.quotas = Quotas(gate.allowances, outbox.post)
    usage = state.usage = Usage(state.pool, state.quotas)
    state.sockets.shared.opened = lambda principal: usage.note(principal, SOCKET, 0)
    stack.push_async_callback(usage.flush)
    stack.push_async_callback(events.flush)
    stack.push_async_callback(gate.keys.flush)
    return events.run, gate.keys.run, outbox.run, state.accounts.run, usage.run


def _sender(settings: Settings) -> Sender:
    mail, by = settings.access.mail, settings.access.mails_by
    if by == "command":
        return Command(mail.command)
    if by == "webhook":
        return Webhook(mail.webhook_url, mail.webhook_secret)
    return Nowhere() if settings.environment == "production" else Console()


def _listener(
    settings: Settings,
    on_nudge: Callable[[Nudge], None],
    *,
    on_runs: Callable[[Sequence[Run]], None],
    on_lost: Callable[[], None],
    also: Mapping[str, Callable[[Nudge], None]],
) -> Listener | RelayListener:
    """Returns what hears of changes: a LISTEN of our own, or a relay's shards."""
    database, relay = settings.database, settings.relay
    if relay.source == "postgres":
        url = database.listen_url or database.url
        return Listener(url, on_nudge=on_nudge, on_lost=on_lost, also=also)
    return RelayListener(
        Nodes(nodes_of(relay.urls, otherwise=settings.redis.url), shards=relay.shards),
        shards=relay.shards,
        on_nudge=on_nudge,
        on_runs=on_runs,
        on_lost=on_lost,
        also=also,
    )


def _open_hot_reads(app: Litestar, settings: Settings) -> Sequence[Callable[[], Awaitable[None]]]:
    """Opens the lane for reads that are ready; what it answers stands in no log."""
    if not settings.reads.hot or settings.log_level == "debug":
        return ()
    app.state.hot_reads = hot_reads_of(app)
    return (app.state.hot_reads.run,)


def _cache(settings: Settings, redis: Redis, is_current: Callable[[], bool]) -> Cache:
    kinds = kinds_of_answers(
        scores_ttl_s=settings.api.cache_scores_ttl_s, lists_ttl_s=settings.api.cache_markets_ttl_s
    )
    return open_cache(redis, is_current, kinds=kinds, memory_mb=settings.reads.memory_mb)


def _money(settings: WalletSettings) -> MoneyRules:
    return MoneyRules(
        currencies=tuple(map(parse_currency, settings.currencies.split(","))),
        deposits=DepositRules(
            play_money=not settings.payment_hook_secret,
            per_day_max=settings.deposit_per_day_max,
        ),
        hook_secret=settings.payment_hook_secret,
    )


async def _keep_running(forever: Callable[[], Awaitable[None]]) -> None:
    """Runs what should never end; should it, by a mistake of ours, that is told and it goes on."""
    while True:
        try:
            await forever()
        except Exception:
            log.exception("task_failed", task=forever.__qualname__)
        await asyncio.sleep(RESTART_S)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ends what runs for ever; what waits for a Postgres that does not answer, nor refuses, is
    left: its connection is terminated after it.
    """
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=STOPS_WITHIN_S)
