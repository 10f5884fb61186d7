"""Every close code of ours: what it means, and whether to come back."""

import msgspec


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
