"""What the running API answers, asked with the standard library."""

import http.client
from urllib.parse import urlsplit

import msgspec

ANSWER_S = 1.0
BODY_BYTES_MAX = 1024 * 1024


class _Match(msgspec.Struct, frozen=True):
    id: str


class _Page(msgspec.Struct, frozen=True):
    items: list[_Match]


def is_ready(base_url: str) -> bool:
    """Says whether the API can serve."""
    return is_well(base_url, "/health/ready")


def is_well(base_url: str, path: str) -> bool:
    """Says whether the path is answered with 200."""
    return _get(base_url, path)[0] == http.client.OK


def live_match(base_url: str) -> str:
    """Returns the id of a match that is being played, or nothing."""
    status, body = _get(base_url, "/api/events?status=live&limit=1")
    if status != http.client.OK:
        return ""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except msgspec.DecodeError:
        return ""
    return page.items[0].id if page.items else ""


def _get(base_url: str, path: str) -> tuple[int, bytes]:
    """Returns status and body; status 0 when nobody answers in time."""
    place = urlsplit(base_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(BODY_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
