"""Every environment variable, as one frozen tree. Only processes read it; rooms get values.

A field's `Meta` carries its text and, in `extra`, the name of its variable; the tree is the one
list of them: `app list settings` and `.env.example` are printed from it.
"""

import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from app.access_settings import DEVELOPMENT_SECRET, AccessSettings
from app.betting_settings import BettingSettings
from app.polling_settings import PollingSettings
from app.provider_settings import ProviderSettings
from app.pusher_settings import DEVELOPMENT_PUSHER_SECRET, PusherSettings
from app.reads_settings import ReadsSettings
from app.relay_settings import RelaySettings, nodes_of
from app.serving_settings import ServingSettings, origins_of
from app.socket_settings import SocketSettings
from app.variables import env
from app.wallet_settings import WalletSettings

# As long as what it signs with: HMAC-SHA256 keys below 32 bytes are weaker than the hash.
FEED_SECRET_LENGTH_MIN = 32
# Providers of our own: what they say is not for others to say.
NOT_FEEDS = frozenset({"redis", "replay"})
_FEED_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")


class BadSettings(Exception):
    """A setting is missing or wrong; the message names it and says what it takes."""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Postgres is and how much of it a process takes."""

    url: Annotated[
        str,
        env(
            "DATABASE_URL",
            "Postgres 17 or newer, postgresql://user:password@host:port/name. "
            "Empty: `app up` starts an embedded server.",
            secret=True,
        ),
    ] = ""
    listen_url: Annotated[
        str,
        env(
            "DATABASE_LISTEN_URL",
            "A direct address for LISTEN when DATABASE_URL is a pooler's. Empty: DATABASE_URL.",
            secret=True,
        ),
    ] = ""
    pool_connections_max: Annotated[
        int,
        env(
            "DATABASE_POOL_MAX",
            "Connections a process opens at most, the listener's not counted.",
            ge=2,
            le=200,
        ),
    ] = 8
    statement_timeout_s: Annotated[
        float,
        env("DATABASE_STATEMENT_TIMEOUT_S", "Longest a statement may run.", gt=0, le=600),
    ] = 10.0


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Redis or Valkey is."""

    url: Annotated[
        str,
        env(
            "REDIS_URL",
            "Redis 7 or newer, or Valkey 8 or newer. Empty: `app up` starts an embedded Valkey.",
            secret=True,
        ),
    ] = ""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The web process."""

    host: Annotated[str, env("HOST", "Address the API listens on.")] = "127.0.0.1"
    port: Annotated[
        int,
        env(
            "PORT",
            "Port the API listens on. Not set: `app up` takes the next free one from here.",
            ge=0,
            le=65535,
        ),
    ] = 8000
    graceful_shutdown_s: Annotated[
        int,
        env(
            "GRACEFUL_SHUTDOWN_S",
            "Longest a stopping API waits for requests and sockets.",
            ge=1,
            le=300,
        ),
    ] = 5
    forwarded_allow_ips: Annotated[
        str, env("FORWARDED_ALLOW_IPS", "Proxies whose X-Forwarded-For is believed, by comma.")
    ] = ""
    cache_scores_ttl_s: Annotated[
        float, env("CACHE_SCORES_TTL_S", "Longest a score may be served from Redis.", gt=0, le=60)
    ] = 1.0
    cache_markets_ttl_s: Annotated[
        float,
        env(
            "CACHE_MARKETS_TTL_S",
            "Longest lists and markets may be served from Redis.",
            gt=0,
            le=300,
        ),
    ] = 30.0
    metrics_allow_ips: Annotated[
        str,
        env("METRICS_ALLOW_IPS", "Networks that may read /metrics, by comma, as CIDR."),
    ] = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The log and what comes out of it."""

    changes_kept_hours: Annotated[
        int, env("CHANGES_KEPT_HOURS", "How long a match's log can be resumed.", ge=24, le=8760)
    ] = 48
    odds_kept_days: Annotated[
        int, env("ODDS_KEPT_DAYS", "How long the history of prices is kept.", ge=1, le=3650)
    ] = 14
    dead_letters_kept_days: Annotated[
        int,
        env(
            "DEAD_LETTERS_KEPT_DAYS",
            "How long what could not be taken in is kept.",
            ge=1,
            le=365,
        ),
    ] = 14


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The provider that plays recorded matches."""

    speed: Annotated[
        float,
        env(
            "REPLAY_SPEED",
            "How many times faster than it was a match is played.",
            ge=0.01,
            le=100_000,
        ),
    ] = 60.0
    recordings: Annotated[
        str, env("REPLAY_RECORDINGS", "Folder of recordings. Empty: those that come along.")
    ] = ""
    lanes: Annotated[
        int, env("REPLAY_LANES", "Matches of each sport that are on at once.", ge=1, le=200)
    ] = 2


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The worker process."""

    providers: Annotated[
        str,
        env(
            "PROVIDERS",
            "Providers that are switched on, by comma, the most believed first; those behind a | "
            "are asked only while none of the others is up.",
        ),
    ] = "replay"
    sports: Annotated[
        str, env("WORKER_SPORTS", "Sports this worker serves, by comma. Empty: all.")
    ] = ""
    jobs_max: Annotated[
        int, env("WORKER_JOBS_MAX", "Polls one worker runs at once.", ge=1, le=500)
    ] = 16
    metrics_port: Annotated[
        int,
        env(
            "WORKER_METRICS_PORT",
            "Port of the worker's own /metrics; 0 switches it off.",
            ge=0,
            le=65535,
        ),
    ] = 0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    environment: Annotated[
        Literal["development", "test", "production"],
        env("ENVIRONMENT", "production refuses default secrets and embedded servers."),
    ] = "development"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], env("LOG_LEVEL", "What is logged.")
    ] = "info"
    log_form: Annotated[Literal["json", "console"], env("LOG_FORM", "How it is logged.")] = "json"
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    api: ApiSettings = ApiSettings()
    serving: ServingSettings = ServingSettings()
    reads: ReadsSettings = ReadsSettings()
    sockets: SocketSettings = SocketSettings()
    access: AccessSettings = AccessSettings()
    stream: StreamSettings = StreamSettings()
    relay: RelaySettings = RelaySettings()
    replay: ReplaySettings = ReplaySettings()
    providers: ProviderSettings = ProviderSettings()
    polling: PollingSettings = PollingSettings()
    pusher: PusherSettings = PusherSettings()
    worker: WorkerSettings = WorkerSettings()
    wallet: WalletSettings = WalletSettings()
    betting: BettingSettings = BettingSettings()


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of settings."""

    name: str
    path: tuple[str, ...]
    type: Any
    default: Any
    description: str
    secret: bool


def every_setting(
    tree: type[msgspec.Struct] = Settings, at: tuple[str, ...] = ()
) -> Iterator[Setting]:
    """Yields every setting of the tree, in the order of the file."""
    hints = get_type_hints(tree, include_extras=True)
    for field in msgspec.structs.fields(tree):
        hint = hints[field.name]
        path = (*at, field.name)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from every_setting(hint, path)
            continue
        meta = next(m for m in hint.__metadata__ if isinstance(m, Meta))
        extra = meta.extra or {}
        yield Setting(
            name=extra["env"],
            path=path,
            type=hint,
            default=field.default,
            description=meta.description or "",
            secret=extra["secret"],
        )


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings; raises BadSettings that names every variable that is wrong.

    An empty variable counts as not set, so that `NAME=` in a file means the default.
    """
    given = os.environ if environment is None else environment
    tree: dict[str, Any] = {}
    wrong: list[str] = []
    for setting in every_setting():
        text = given.get(setting.name, "")
        if text == "":
            continue
        try:
            value = msgspec.convert(text, setting.type, strict=False)
        except msgspec.ValidationError as error:
            wrong.append(f"{setting.name}: {error} ({setting.description})")
            continue
        at = tree
        for step in setting.path[:-1]:
            at = at.setdefault(step, {})
        at[setting.path[-1]] = value
    if wrong:
        raise BadSettings("; ".join(wrong))
    settings = msgspec.convert(tree, Settings)
    check_networks("FORWARDED_ALLOW_IPS", settings.api.forwarded_allow_ips)
    check_networks("METRICS_ALLOW_IPS", settings.api.metrics_allow_ips)
    feed_keys(settings.providers.feeds.keys)
    check_relay(settings.relay)
    check_origins("CORS_ORIGINS", settings.serving.cors_origins)
    check_production(settings)
    return settings


def feed_keys(text: str) -> Mapping[str, tuple[str, ...]]:
    """Returns the secrets of each feed; two while one is replaced by the other.

    Raises BadSettings, which tells a pair by its number: what stands there may be a secret.
    """
    keys: dict[str, tuple[str, ...]] = {}
    for number, pair in enumerate(filter(None, (pair.strip() for pair in text.split(","))), 1):
        name, _, secret = pair.partition(":")
        if _FEED_NAME.match(name) is None or name in NOT_FEEDS:
            raise BadSettings(
                f"FEED_KEYS: pair {number} has no name of a feed before its colon: a-z, 0-9, _, -;"
                f" not {', '.join(sorted(NOT_FEEDS))}"
            )
        if len(secret) < FEED_SECRET_LENGTH_MIN or not secret.isascii():
            raise BadSettings(
                f"FEED_KEYS: the secret of pair {number} needs {FEED_SECRET_LENGTH_MIN} ASCII"
                " characters"
            )
        keys[name] = (*keys.get(name, ()), secret)
    return keys


def check_relay(relay: RelaySettings) -> None:
    """Raises BadSettings when a node of the relay's cluster is no address."""
    try:
        nodes_of(relay.urls)
    except ValueError as error:
        raise BadSettings(str(error)) from None


def check_origins(name: str, text: str) -> None:
    """Raises BadSettings when a word of a list is no origin."""
    try:
        origins_of(text)
    except ValueError as error:
        raise BadSettings(f"{name}: {error}") from None


def check_networks(name: str, text: str) -> None:
    """Raises BadSettings when a word of a list is neither an address, a network nor `*`."""
    for word in filter(None, (word.strip() for word in text.split(","))):
        try:
            ip_network("0.0.0.0/0" if word == "*" else word, strict=False)
        except ValueError as error:
            raise BadSettings(f"{name}: {error}") from None


def check_production(settings: Settings) -> None:
    """Raises BadSettings when production would run with something made for development."""
    if settings.environment != "production":
        return
    if settings.access.jwt_secret == DEVELOPMENT_SECRET:
        raise BadSettings("JWT_SECRET: production needs a secret of its own")
    if settings.pusher.app_secret == DEVELOPMENT_PUSHER_SECRET:
        raise BadSettings("PUSHER_APP_SECRET: production needs a secret of its own")
    if settings.access.email_verification and settings.access.mails_by == "console":
        raise BadSettings("EMAIL_VERIFICATION: production needs MAIL_COMMAND or MAIL_WEBHOOK_URL")
    if not settings.database.url or not settings.redis.url:
        raise BadSettings("DATABASE_URL, REDIS_URL: production does not run on embedded servers")
