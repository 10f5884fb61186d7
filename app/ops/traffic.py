"""What every request leaves behind: an id, a line in the log, a place in the metrics."""

import re
import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.logs import logger

SANE_ID = re.compile(rb"[A-Za-z0-9_.-]{1,100}\Z")
UNMATCHED = "unmatched"
Header = tuple[bytes, bytes]
# An answer is data: it is what it says it is, draws nothing, stands in no frame, and no page of
# another origin takes it in without CORS.
ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

log = logger(__name__)


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Returns the caller's X-Request-Id if it is a sane one, else a new id."""
    for name, value in headers:
        if name == b"x-request-id":
            return value.decode() if SANE_ID.match(value) else secrets.token_hex(8)
    return secrets.token_hex(8)


def always(*, hsts_max_age_s: int, varies_by_origin: bool) -> tuple[Header, ...]:
    """Returns the headers of every answer that does not say otherwise itself, as pages do."""
    more: list[Header] = []
    if hsts_max_age_s:
        more.append((b"strict-transport-security", f"max-age={hsts_max_age_s}".encode()))
    if varies_by_origin:
        # On answers to nobody's origin too, or a cache would hand those to a page that may read.
        more.append((b"vary", b"origin"))
    return (*ALWAYS, *more)


class Traffic:
    """Wraps the whole application, unknown paths and errors included.

    A HEAD is answered as the GET it stands for; the server leaves the body out.
    """

    def __init__(self, app: ASGIApp, always: Sequence[Header] = ALWAYS) -> None:
        self._app = app
        self._always = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and notes how it was answered."""
        request_id = request_id_of(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] != "http":
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, send)
            return
        method: str = scope["method"]
        if method == "HEAD":
            # A copy, because the server looks into its own to leave the body out.
            scope = cast("Scope", {**scope, "method": "GET"})
        status = 500
        header = (b"x-request-id", request_id.encode())

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*self._completed(message["headers"]), header]
            elif method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                _note(scope, method, status, time.perf_counter() - began)

    def _completed(self, headers: Iterable[Header]) -> list[Header]:
        said = list(headers)
        names = {name.lower() for name, _ in said} - {b"vary"}
        return [*said, *(one for one in self._always if one[0] not in names)]


def _note(scope: Any, method: str, status: int, seconds: float) -> None:
    """Counts and logs a request by its route's template; a raw path would be a label each."""
    route = scope.get("path_template") or UNMATCHED
    known = method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} else "OTHER"
    metrics.http_requests.labels(known, route, str(status)).inc()
    metrics.http_seconds.labels(route).observe(seconds)
    level = log.debug if status < 400 else log.info
    level(
        "request",
        method=known,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
    )
