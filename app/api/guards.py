"""Who is asking and how much is left, before anything else is done for a request."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from app import metrics
from app.access import scopes
from app.access.buckets import Taken
from app.access.errors import RateLimited
from app.access.gate import Gate
from app.access.principal import Principal
from app.access.quotas import Quotas
from app.access.rate_limits import RateLimits
from app.access.tiers import Rate
from app.access.usage import REFUSED, Usage
from app.api.problems import MEDIA_TYPE, problem_of
from app.api.weights import weight_of
from app.errors import AppError, NotAllowed, NotAuthenticated
from app.sports.ids import UserId

# Pages, their files, documentation, probes: nobody is asked who they are, nothing is counted.
# Streams of events count as sockets do, and ask the gate themselves.
OPEN_PREFIXES = (
    "/health", "/metrics", "/docs", "/schema", "/static/", "/matches/", "/ops", "/live/",
)  # fmt: skip
# Feeds and payment providers say who they are by a signature of the body.
SIGNED_PREFIXES = ("/api/feeds/", "/api/payments/hook")
OPEN_PATHS = frozenset({"/", "/account", "/favicon.ico", "/robots.txt", "/.well-known/jwks.json"})
# Here credentials are asked for, so whatever the caller still holds does not count.
LOG_IN_PATHS = frozenset(
    {
        *("/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"),
        *("/auth/verification", "/auth/verify"),
        *("/auth/password/forgotten", "/auth/password/reset"),
    }
)
# What is read here takes credentials made for reading; of oneself one may always read.
READ_PREFIXES = ("/api/", "/live/")
OWN_PREFIX = "/api/me"

# What is counted of requests that no route answers.
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

Headers = list[tuple[bytes, bytes]]
Connection = ASGIConnection[Any, Any, Any, Any]
Check = Callable[[Connection, BaseRouteHandler], None]

_SLASHES = re.compile(r"/{2,}")


class Admission:
    """Puts the principal into `scope["state"]["principal"]`, limits, counts, says what is left.

    Wraps the whole application, unknown paths included; sockets pass, they ask the gate themselves.
    Reads `gate` (Gate), `rate_limits` (RateLimits), `quotas` (Quotas) and `usage` (Usage) from the
    app's state. Bad credentials and refusals are answered here, before the handler and its
    connections exist. Bad credentials cost their address a request, so guessing is limited too.
    """

    def __init__(self, app: ASGIApp, *, auth_per_minute: int) -> None:
        self._app = app
        self._log_ins = Rate(requests_per_minute=auth_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or answers 401 or 429."""
        path = plain_path(scope["path"])
        if scope["type"] != "http" or is_open(path):
            await self._app(scope, receive, send)
            return
        state = scope["litestar_app"].state
        gate: Gate = state.gate
        usage: Usage = state.usage
        principal, refusal = await who_asks(scope, gate, path=path)
        weight = weight_of(scope["method"], path)
        taken = await self._take(scope, principal, path, weight)
        refusal = _refused_by_limits(scope, principal, taken) or refusal
        if refusal is None and not may_ask(principal, path):
            refusal = NotAllowed("This API key is not made for 'read'.")
        send = with_limits(scope, send)
        if refusal is not None:
            usage.note(principal, REFUSED, refused=True)
            await refuse(refusal, scope, send)
            return
        scope["state"]["principal"] = principal
        scope["state"]["units"] = weight
        try:
            await self._app(scope, receive, send)
        finally:
            usage.note(principal, endpoint_of(scope), scope["state"]["units"])

    async def _take(self, scope: HTTPScope, principal: Principal, path: str, weight: int) -> Taken:
        state = scope["litestar_app"].state
        limits: RateLimits = state.rate_limits
        if path in LOG_IN_PATHS:
            taken = await limits.take(f"auth:{principal.key}", self._log_ins)
        else:
            taken = await limits.take(principal.key, state.gate.allowance_of(principal), weight)
        scope["state"]["taken"] = taken
        return taken


def endpoint_of(scope: Any) -> str:
    """Returns what a request is counted as, once it was routed: one of a few words of ours."""
    route: str | None = scope.get("path_template")
    return f"{scope['method']} {route}" if route and scope["method"] in _METHODS else UNMATCHED


async def charge(connection: Connection, units: int) -> None:
    """Takes further units for a request that turns out to be more work than its path says.

    Raises RateLimited; what was asked for must not be done then.
    """
    if units <= 0:
        return
    state, principal = connection.app.state, principal_of(connection)
    limits: RateLimits = state.rate_limits
    taken = await limits.take(principal.key, state.gate.allowance_of(principal), units)
    connection.scope["state"]["taken"] = taken
    refusal = _refused_by_limits(connection.scope, principal, taken)
    if refusal is not None:
        raise refusal
    connection.scope["state"]["units"] += units


def _refused_by_limits(scope: Any, principal: Principal, taken: Taken) -> AppError | None:
    """Returns what a limit or a quota says no with, counted."""
    state = scope["litestar_app"].state
    quotas: Quotas = state.quotas
    refusal: AppError | None = None
    if not taken.allowed:
        refusal = RateLimited(retry_after_s=taken.retry_after_s)
    else:
        refusal = quotas.check(principal, state.gate.allowance_of(principal))
    if refusal is not None:
        metrics.rate_limited.labels(principal.tier).inc()
    return refusal


def plain_path(path: str) -> str:
    """Returns a path as Litestar routes it: `/auth//login/` is `/auth/login`."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def is_open(path: str) -> bool:
    """Says whether a path is free for all and not counted."""
    return path in OPEN_PATHS or path.startswith((*OPEN_PREFIXES, *SIGNED_PREFIXES))


def may_ask(principal: Principal, path: str) -> bool:
    """Says whether credentials were made for what a path answers, as far as that is reading."""
    is_read = path.startswith(READ_PREFIXES) and not path.startswith(OWN_PREFIX)
    return not is_read or principal.may_read


async def who_asks(scope: HTTPScope, gate: Gate, *, path: str) -> tuple[Principal, AppError | None]:
    """Returns the principal, or the address as one beside what is wrong with its credentials."""
    client = scope.get("client")
    peer = client[0] if client else ""
    if path in LOG_IN_PATHS:
        return gate.stranger(scope["headers"], peer=peer), None
    try:
        return await gate.principal_of(scope["headers"], peer=peer), None
    except AppError as error:
        return gate.stranger(scope["headers"], peer=peer), error


def limit_headers(taken: Taken) -> Headers:
    """Returns the RateLimit headers."""
    return [
        (b"ratelimit-limit", str(taken.limit).encode()),
        (b"ratelimit-remaining", str(taken.remaining).encode()),
        (b"ratelimit-reset", str(taken.reset_s).encode()),
    ]


def with_headers(send: Send, headers: Headers) -> Send:
    """Returns a `send` that adds headers to the answer."""
    if not headers:
        return send

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return adding


def with_limits(scope: Scope, send: Send) -> Send:
    """Returns a `send` that says in the answer what is left, as `scope["state"]["taken"]` has it
    by then.
    """

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = limit_headers(scope["state"]["taken"])
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return adding


async def refuse(error: AppError, scope: Scope, send: Send) -> None:
    """Sends an error as a problem document."""
    body = msgspec.json.encode(problem_of(error, scope["state"].get("request_id")))
    headers: Headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if error.retry_s is not None:
        headers.append((b"retry-after", str(error.retry_s).encode()))
    if error.status == NotAuthenticated.status:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def principal_of(connection: Connection) -> Principal:
    """Returns who is asking, as Admission found it; raises NotAuthenticated on open paths."""
    found = connection.scope["state"].get("principal")
    if not isinstance(found, Principal):
        raise NotAuthenticated
    return found


def user_of(connection: Connection) -> UserId:
    """Returns the user who is asking; raises NotAuthenticated when it is none."""
    user_id = principal_of(connection).user_id
    if user_id is None:
        raise NotAuthenticated(
            "This needs credentials: Authorization: Bearer <token>, or X-API-Key: <key>."
        )
    return user_id


def require_user(connection: Connection, _: BaseRouteHandler) -> None:
    """Guards what takes a user; raises NotAuthenticated."""
    user_of(connection)


def require_operator(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guards what takes an operator; raises NotAuthenticated, NotAllowed."""
    require_user(connection, handler)
    if not principal_of(connection).is_operator:
        raise NotAllowed("This needs an operator.")


def require_scope(scope: scopes.Scope) -> Check:
    """Returns a guard of what takes a user whose credentials were made for `scope`.

    It raises NotAuthenticated, NotAllowed. A log-in has every scope; an API key those it was
    made with.
    """

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        require_user(connection, handler)
        if scope not in principal_of(connection).scopes:
            raise NotAllowed(f"This API key is not made for '{scope}'.")

    return guard


def require_log_in(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guards what an API key may not do, whatever its scopes; raises as `require_user` does."""
    require_user(connection, handler)
    if principal_of(connection).api_key_id is not None:
        raise NotAllowed("This takes a log-in: API keys cannot do it.")
