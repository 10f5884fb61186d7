"""Every close code of ours: what it means, and whether to come back."""

import msgspec

from app.errors import AppError


class CloseCode(msgspec.Struct, frozen=True):
    """One code. `reconnect` says whether the same request may go well later."""

    code: int
    name: str
    meaning: str
    reconnect: bool


DONE = CloseCode(1000, "done", "The client closed, or there is nothing more to say.", False)
GOING_AWAY = CloseCode(
    1001, "going_away", "The server goes away; reconnect with jitter and `since`.", True
)
TOO_SLOW = CloseCode(
    4008, "too_slow", "A frame did not leave in time; reconnect when you can keep up.", True
)
BAD_REQUEST = CloseCode(4400, "bad_request", "A parameter or message cannot be read.", False)
NOT_AUTHENTICATED = CloseCode(
    4401, "not_authenticated", "No credentials, or bad or expired ones; get new ones first.", True
)
NOT_ALLOWED = CloseCode(4403, "not_allowed", "These credentials do not allow this.", False)
NO_SUCH_MATCH = CloseCode(4404, "no_such_match", "There is no match of this id.", False)
NO_PONG = CloseCode(4408, "no_pong", "The client answered no ping.", True)
TOO_MANY = CloseCode(
    4429, "too_many", "Too many connections or messages; reconnect later and less often.", True
)
OUR_FAULT = CloseCode(4500, "our_fault", "Something went wrong on our side; reconnect.", True)

CLOSE_CODES = (
    DONE,
    GOING_AWAY,
    TOO_SLOW,
    BAD_REQUEST,
    NOT_AUTHENTICATED,
    NOT_ALLOWED,
    NO_SUCH_MATCH,
    NO_PONG,
    TOO_MANY,
    OUR_FAULT,
)


def close_code_of(error: AppError) -> CloseCode:
    """Returns how a socket closes for an error."""
    by_status = {
        400: BAD_REQUEST,
        401: NOT_AUTHENTICATED,
        403: NOT_ALLOWED,
        404: NO_SUCH_MATCH,
        429: TOO_MANY,
    }
    return by_status.get(error.status, OUR_FAULT)


def going_away(reconnect_in_ms: int) -> CloseCode:
    """Returns GOING_AWAY with, as its reason, when this client may come back."""
    name = f"{GOING_AWAY.name}; reconnectInMs={reconnect_in_ms}"
    return CloseCode(GOING_AWAY.code, name, GOING_AWAY.meaning, GOING_AWAY.reconnect)
