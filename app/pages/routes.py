"""Pages and their files: addresses, caching, and what a browser may load with them."""

import hashlib
from html import escape
from pathlib import Path
from typing import Any

from litestar import Request, Response, route
from litestar.enums import HttpMethod, MediaType
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from app.errors import AppError, NotFound, catalogue
from app.pages.files import StaticFile, release_of, static_files, template
from app.sports.ids import number_of

Asked = Request[Any, Any, Any]
Answer = Response[bytes | None]

_FILES = static_files()
RELEASE = release_of(_FILES)

_READ = [HttpMethod.GET, HttpMethod.HEAD]
# Everything from here and nothing inline; sockets are named because 'self' does not cover them in
# older Safari.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self'{images}; "
    "font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_STRICT = _POLICY.format(styles="", images="")
# Swagger UI writes style attributes and draws its icons from data: addresses.
_FOR_DOCUMENTATION = _POLICY.format(styles=" 'unsafe-inline'", images=" data:")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# A page names its release, so it must be asked for each time; an ETag makes that cheap.
_ASK_AGAIN = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"


def _page(
    request: Asked, name: str, *, policy: str = _STRICT, status: int = 200, errors: str = ""
) -> Answer:
    body = template(name, RELEASE).replace(b"{{errors}}", errors.encode())
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        **_ALWAYS,
        "Content-Security-Policy": policy,
        "Cache-Control": _ASK_AGAIN,
        "ETag": etag,
    }
    if status == 200 and request.headers.get("if-none-match") == etag:
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type=MediaType.HTML, status_code=status, headers=headers)


@route("/", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def board_page(request: Asked) -> Answer:
    """The scoreboard of all sports."""
    return _page(request, "board")


@route("/matches/{match_id:str}", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def match_page(request: Asked, match_id: FromPath[str]) -> Answer:
    """One match. The page itself says so when there is no such match; what can't be one is 404."""
    return _page(request, "match", status=200 if number_of(match_id) is not None else 404)


@route("/account", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def account_page(request: Asked) -> Answer:
    """One's account: log-in, API keys, what was used. The page asks for it all itself."""
    return _page(request, "account")


@route("/predictions", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def predictions_page(request: Asked) -> Answer:
    """How good predictions were."""
    return _page(request, "predictions")


@route("/ops/bets", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def bookmaking_page(request: Asked) -> Answer:
    """What operators see of bets and money. The page asks for it all itself, as whoever logs in."""
    return _page(request, "bookmaking")


@route("/docs/api", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def documentation_page(request: Asked) -> Answer:
    """The API's documentation, drawn from /schema/openapi.json."""
    return _page(request, "documentation", policy=_FOR_DOCUMENTATION)


@route("/docs/errors", http_method=_READ, include_in_schema=False, sync_to_thread=True)
def errors_page(request: Asked) -> Answer:
    """Every error an answer may be, as the program has them."""
    return _page(request, "errors", errors="\n".join(map(_row, catalogue())))


def lost_page(request: Asked) -> Answer | None:
    """The page of an address that is none of ours, for browsers; None for whoever else asks, and
    of addresses below /api, which are looked at in browsers as well.
    """
    reads_pages = "text/html" in request.headers.get("accept", "")
    if not reads_pages or request.method not in _READ or request.url.path.startswith("/api/"):
        return None
    return _page(request, "lost", status=404)


def _row(error: type[AppError]) -> str:
    after = "" if error.retry_after_s is None else f"{error.retry_after_s} s"
    return (
        f'<tr id="{error.code}"><td><code>{error.code}</code></td><td>{error.status}</td>'
        f"<td>{escape(error.title())}</td><td>{after}</td></tr>"
    )


@route(
    "/static/{release:str}/{name:path}",
    http_method=_READ,
    include_in_schema=False,
    sync_to_thread=True,
)
def static_file(request: Asked, release: FromPath[str], name: FromPath[Path]) -> Answer:
    """One file; kept for ever when it is asked for by this release, else to be asked for again."""
    file = _FILES.get(name.as_posix().lstrip("/"))
    if file is None:
        raise NotFound("there is no such file")
    return _answer(request, file, _FOR_EVER if release == RELEASE else _ASK_AGAIN)


def _answer(request: Asked, file: StaticFile, cache_control: str) -> Answer:
    headers = {**_ALWAYS, "Cache-Control": cache_control, "ETag": file.etag}
    if request.headers.get("if-none-match") == file.etag:
        return Response(None, status_code=304, headers=headers)
    return Response(file.path.read_bytes(), media_type=file.media_type, headers=headers)


page_routes: list[ControllerRouterHandler] = [
    board_page,
    match_page,
    predictions_page,
    account_page,
    bookmaking_page,
    documentation_page,
    errors_page,
    static_file,
]
