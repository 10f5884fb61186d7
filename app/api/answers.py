"""Answers of reads: JSON bytes with ETag and Cache-Control, or 304 when the caller has them.

Who shows no credentials gets what anybody gets, so a cache between us may keep it (`public`); it
asks anew after a second. What is answered to credentials says how much *they* have left, and is the
caller's own (`private`). `Vary` keeps the two apart.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response

from app.access.principal import Principal
from app.api.requests import seal
from app.cache.memory import Entry, tag_of
from app.catalog.pages import Page

Asked = Request[Any, Any, Any]

JSON = "application/json"
VARY = "authorization, x-api-key"


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """What Cache-Control says to those without credentials, and to those with."""

    public: str
    private: str


# What is live may be kept by the caller, but has to be asked for anew each time. A cache for many
# may answer with what it has for a second: as long as a score may go without being confirmed.
LIVE = Keeping(public="public, max-age=0, s-maxage=1", private="private, no-cache")
# Names of sports and leagues change about once a season, and the past does not.
SLOW = Keeping(public="public, max-age=60", private="private, max-age=60")


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Says of an answer, in `scope["state"]["ready"]`, that the same request is answered by the
    entry while that is good. `wanted` notes each time that it was read.
    """

    entry: Entry
    wanted: Callable[[], None]


def names_tag(given: str, tag: str) -> bool:
    """Says whether an If-None-Match names what would be sent (RFC 9110 13.1.2)."""
    plain = tag.removeprefix("W/")
    return given.strip() == "*" or any(
        one.strip().removeprefix("W/") == plain for one in given.split(",")
    )


def answer(
    request: Asked, body: bytes, *, tag: str | None = None, kept: Keeping = LIVE
) -> Response[Any]:
    """Returns 200 with the body, or 304 without; `tag` is of the bytes unless it is given."""
    tag = tag or tag_of(body)
    principal: Principal | None = request.scope["state"].get("principal")
    is_anybody = principal is not None and principal.user_id is None
    headers = {
        "etag": tag,
        "cache-control": kept.public if is_anybody else kept.private,
        "vary": VARY,
    }
    given = request.headers.get("if-none-match")
    if given is not None and names_tag(given, tag):
        return Response(content=None, status_code=304, headers=headers)
    return Response(content=body, media_type=JSON, headers=headers)


def ready_answer(request: Asked, entry: Entry, wanted: Callable[[], None]) -> Response[Any]:
    """Returns the answer, and says that it is ready for whoever asks the same again.

    What is read for the first time may be for the last time too: most details are. Learning each of
    them would cost those who ask for many more than it gives anybody.
    """
    wanted()
    was_read, entry.is_read = entry.is_read, True
    if was_read and entry.is_kept:
        request.scope["state"]["ready"] = Ready(entry=entry, wanted=wanted)
    return answer(request, entry.body, tag=entry.tag)


def page_body(page: Page, about: str, key: Callable[..., tuple[Any, ...]] | None = None) -> bytes:
    """Returns a page as the wire has it; `key` turns the key of its last item into plain values."""
    cursor = None
    if page.last is not None:
        cursor = seal(about, key(*page.last) if key is not None else page.last)
    return f'{{"items":[{",".join(page.items)}],"nextCursor":{_text(cursor)}}}'.encode()


def _text(value: str | None) -> str:
    return msgspec.json.encode(value).decode()
