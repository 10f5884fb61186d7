"""Plain requests: those whose headers are all known to change nothing, or are looked at here."""

from app.serving.ready_heads import Header

HEADERS_MAX = 32

# Headers whose values matter here, once each; by their place in what `read_headers` returns.
HOST, TOKEN, KEY, FORWARDED, ID, TAGS = range(6)
_PLACES = {
    b"host": HOST,
    b"authorization": TOKEN,
    b"x-api-key": KEY,
    b"x-forwarded-for": FORWARDED,
    b"x-request-id": ID,
    b"if-none-match": TAGS,
}
# Headers that change nothing of an answer. Any other makes a request odd, and so does `connection`
# with any word but keep-alive.
_NO_MATTER = frozenset(
    {
        *(b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"cookie", b"dnt"),
        *(b"pragma", b"priority", b"referer", b"sec-ch-ua", b"sec-ch-ua-mobile"),
        *(b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site"),
        *(b"sec-fetch-user", b"sec-gpc", b"traceparent", b"tracestate", b"user-agent"),
        *(b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip"),
    }
)

Said = list[bytes | None]


def read_headers(headers: list[Header]) -> Said | None:
    """Returns the values that matter, by their places; None when anything about them is odd."""
    said: Said = [None] * len(_PLACES)
    if len(headers) > HEADERS_MAX:
        return None
    for name, value in headers:
        place = _PLACES.get(name)
        if place is not None:
            if said[place] is not None:
                return None
            said[place] = value
        elif name not in _NO_MATTER and not (
            name == b"connection" and value.lower() == b"keep-alive"
        ):
            return None
    return said if said[HOST] is not None else None
