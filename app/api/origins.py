"""Cross-origin requests: which pages of other origins may read what we answer.

Nothing here rests on cookies: credentials stand in headers that a page sets itself, so answers
never allow the browser's own (`Access-Control-Allow-Credentials`), and an origin that is not listed
learns nothing it could not ask for without a browser.
"""

from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.api.guards import Headers, refuse, with_headers
from app.errors import AppError

# What browsers let no page send unless it is named; the safelisted ones need no word.
REQUEST_HEADERS = (
    "Authorization, X-API-Key, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, "
    "X-Request-Id"
)
# What browsers let no page read unless it is named.
ANSWER_HEADERS = (
    "ETag, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
# How long a browser asks no more; Chromium caps it at two hours, and a list that changed is
# to be felt within minutes.
KEPT_S = 600
ANY = "*"
_PREFLIGHT = b"access-control-request-method"


class CrossOriginRefused(AppError):
    """Pages of this origin may not ask across origins here; see CORS_ORIGINS."""

    code = "cross_origin_refused"
    status = 403


class Origins:
    """Answers preflights, and lets pages of the listed origins read all other answers.

    Stands before credentials and limits: a browser sends a preflight without credentials, and the
    problem of a 401 or 429 is to be read by the page as well. With no origins it does nothing.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = {origin.encode() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers a preflight."""
        origin = origin_of(scope) if scope["type"] == "http" and self._origins else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(origin)
        if _is_preflight(cast("HTTPScope", scope)):
            await _answer_preflight(scope, send, allowed)
            return
        if allowed is not None:
            exposed = (b"access-control-expose-headers", ANSWER_HEADERS.encode())
            send = with_headers(send, [_allow(allowed), exposed])
        await self._app(scope, receive, send)

    def _allowed(self, origin: bytes) -> bytes | None:
        if ANY.encode() in self._origins:
            return ANY.encode()
        return origin if origin in self._origins else None


def origin_of(scope: Scope) -> bytes | None:
    """Returns the origin that a browser says it asks for, as it stands in the request."""
    return next((value for name, value in scope["headers"] if name == b"origin"), None)


def _is_preflight(scope: HTTPScope) -> bool:
    return scope["method"] == "OPTIONS" and any(name == _PREFLIGHT for name, _ in scope["headers"])


def _allow(origin: bytes) -> tuple[bytes, bytes]:
    return b"access-control-allow-origin", origin


async def _answer_preflight(scope: Scope, send: Send, allowed: bytes | None) -> None:
    if allowed is None:
        await refuse(CrossOriginRefused(), scope, send)
        return
    headers: Headers = [
        _allow(allowed),
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", REQUEST_HEADERS.encode()),
        (b"access-control-max-age", str(KEPT_S).encode()),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
