"""Answers of reads: JSON bytes with ETag and Cache-Control, or 304 when the caller has them."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
from litestar import Request, Response

from app.api.requests import seal
from app.catalog.pages import Page

Asked = Request[Any, Any, Any]

JSON = "application/json"
# What is live may be kept by the caller, but has to be asked for anew each time.
LIVE = "private, no-cache"
# Names of sports and leagues change about once a season.
SLOW = "private, max-age=60"


def strong_tag(body: bytes) -> str:
    """Returns the entity tag of exactly these bytes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def has_it(request: Asked, tag: str) -> bool:
    """Says whether the caller's If-None-Match names what would be sent."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    plain = tag.removeprefix("W/")
    return asked.strip() == "*" or any(
        given.strip().removeprefix("W/") == plain for given in asked.split(",")
    )


def answer(
    request: Asked, body: bytes, *, tag: str | None = None, kept: str = LIVE
) -> Response[Any]:
    """Returns 200 with the body, or 304 without; `tag` is of the bytes unless it is given."""
    tag = tag or strong_tag(body)
    headers = {"etag": tag, "cache-control": kept}
    if has_it(request, tag):
        return Response(content=None, status_code=304, headers=headers)
    return Response(content=body, media_type=JSON, headers=headers)


def page_body(page: Page, about: str, key: Callable[..., tuple[Any, ...]] | None = None) -> bytes:
    """Returns a page as the wire has it; `key` turns the key of its last item into plain values."""
    cursor = None
    if page.last is not None:
        cursor = seal(about, key(*page.last) if key is not None else page.last)
    return f'{{"items":[{",".join(page.items)}],"nextCursor":{_text(cursor)}}}'.encode()


def _text(value: str | None) -> str:
    return msgspec.json.encode(value).decode()
