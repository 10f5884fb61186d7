"""Heads of answers as a route wrote them once, with gaps where each answer differs. Pure.

What the gaps are is known by name. A head with any other header, one that is not in `SAME`, is
nobody's pattern: it might say to one caller what is another's.
"""

from collections.abc import Iterable, Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Header = tuple[bytes, bytes]

OK = 200
NOT_MODIFIED = 304
# Of an answer: the same for every caller.
_TAG, _LENGTH = b"etag", b"content-length"
# Of each request, in the order the application writes them.
_LIMIT, _REMAINING, _RESET = b"ratelimit-limit", b"ratelimit-remaining", b"ratelimit-reset"
_REQUEST_ID = b"x-request-id"
EACH = (_LIMIT, _REMAINING, _RESET, _REQUEST_ID)
_GAPS = {_LIMIT: b"%d", _REMAINING: b"%d", _RESET: b"%d", _REQUEST_ID: b"%b"}
# What a route or its surroundings say, whoever asks.
SAME = frozenset(
    {
        *(b"cache-control", b"content-type", b"vary"),
        *(b"content-security-policy", b"cross-origin-resource-policy", b"permissions-policy"),
        *(b"referrer-policy", b"strict-transport-security", b"x-content-type-options"),
        *(b"x-frame-options", b"cross-origin-opener-policy"),
    }
)

# What a pattern is kept by: two heads that differ only in gaps have the same.
Shape = tuple[Header, ...]


def shape_of(status: int, headers: Iterable[Header]) -> Shape | None:
    """Returns the pattern of a head, None when it is not one that may be written for others."""
    shape: list[Header] = []
    each: list[bytes] = []
    for name, value in ((name.lower(), value) for name, value in headers):
        if name in _GAPS:
            each.append(name)
            shape.append((name, b""))
        elif name == _TAG or (name == _LENGTH and status == OK):
            shape.append((name, b""))
        elif name in SAME or name == _LENGTH:
            shape.append((name, value))
        else:
            return None
    names = [name for name, _ in shape]
    is_whole = _TAG in names and (status != OK or _LENGTH in names)
    return tuple(shape) if is_whole and tuple(each) == EACH else None


def head_of(status: int, shape: Shape, *, tag: str, length: int) -> bytes:
    """Returns the head of an answer as a format of bytes.

    It takes the server's own headers as they are written (date), the three numbers of the limits,
    and the request's id.
    """
    lines: list[bytes] = [_plain(STATUS_LINE[status]), b"%b"]
    for name, value in shape:
        if name in _GAPS:
            said = _GAPS[name]
        elif name == _TAG:
            said = _plain(tag.encode())
        elif name == _LENGTH and status == OK:
            said = b"%d" % length
        else:
            said = _plain(value)
        lines.append(name + b": " + said + b"\r\n")
    return b"".join((*lines, b"\r\n"))


def written(headers: Sequence[Header]) -> bytes:
    """Returns headers as they stand in an answer."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _plain(said: bytes) -> bytes:
    return said.replace(b"%", b"%%")
