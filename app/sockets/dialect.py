"""Dialect: the shapes of one protocol. No state, no rules: those are the session's."""

from typing import Any, Literal, Protocol

import msgspec

from app.access.principal import Principal
from app.database.places import Place
from app.errors import AppError
from app.sockets.close_codes import CloseCode
from app.stream.change import Change
from app.stream.log_state import LogState

SnapshotReason = Literal["start", "resume_expired", "slow_consumer"]


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants a pong. `echo` is what came with it, for dialects that send it back."""

    echo: Any = None


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    """The client answers a ping of its dialect; nothing follows from it."""


class Authenticate(msgspec.Struct, frozen=True, kw_only=True):
    """The client says who it is, first or anew: an access token, a ticket or an API key."""

    token: str


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants what happens on a channel or, with `*`, on all that match.

    `since`: the last resume token it has, by match (`{"7": "8i-hocvl15vvi"}`). `auth` and
    `channel_data` are what Pusher's private channels bring along.
    """

    channel: str
    since: dict[str, str] = {}
    kinds: tuple[str, ...] = ()
    auth: str | None = None
    channel_data: str | None = None


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants no more of what has this key: a channel, `events`, `market.7`, `bets`."""

    key: str


class FollowEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants the list of what is on, now and whenever it changes."""


class FollowMarket(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants the markets of an event, now and whenever they change."""

    event_id: str


class FollowBets(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants its own bets and balance. `since`: the last resume token it has of them."""

    since: str | None = None


Follow = Subscribe | FollowEvents | FollowMarket | FollowBets
Command = Ping | Pong | Authenticate | Unsubscribe | Follow


class Dialect(Protocol):
    """What a protocol looks like. One instance serves all its sockets; every method is pure.

    Two dialects that are equal share frames, so an instance is a module's constant. A method that
    returns None says that the protocol has no such frame, and nothing is sent. `channel` is what
    the following was given as its channel's name ("" on /live, where there is only one).
    """

    # The label of the metrics: live, events, ws, pusher.
    name: str

    def read(self, message: str | bytes) -> Command:
        """Returns what a message asks for; raises MalformedRequest."""
        ...

    def greeting(self, socket_id: str) -> str | None:
        """Returns what is said first of all, before anybody asked: once `Ask.begin` went well, so
        that a socket that is refused hears the error and the close only.
        """
        ...

    def change(self, change: Change, channel: str) -> str:
        """Returns a change of a match's log; a conflated one says so (`change.conflated`)."""
        ...

    def snapshot(self, snapshot: "Snapshot", reason: SnapshotReason, channel: str) -> str:
        """Returns a match's whole state."""
        ...

    def heartbeat(self, match_id: int, place: Place, channel: str) -> str | None:
        """Returns what fills the silence of a match: still here, still at this place."""
        ...

    def log_state(self, match_id: int, place: Place, state: LogState, channel: str) -> str | None:
        """Returns that changes of a match cannot be read, or can be again; still at this place."""
        ...

    def silence(self) -> str | None:
        """Returns what fills the silence of a session that follows no match."""
        ...

    def pong(self, ping: Ping) -> str:
        """Returns the answer to a ping."""
        ...

    def error(self, code: str, message: str) -> str:
        """Returns what is said of a bad message, or before a close."""
        ...

    def refused(self, key: str, error: AppError) -> str:
        """Returns that what has this key (a channel) is not followed, or no longer, and why."""
        ...

    def told(self, frame: str, kind: str, channel: str) -> str:
        """Returns a ready frame that is of no match (`bets`, `balance_update`), as the protocol
        carries it; `kind` is its type, `channel` the key of the following that tells it.
        """
        ...

    def closing(self, code: CloseCode, error: AppError | None) -> CloseCode:
        """Returns a close code of ours as the protocol numbers it; `error` is why, if it was one.

        The session closes its line with it and counts it; most dialects return `code`.
        """
        ...

    def subscribed(self, key: str) -> str | None:
        """Returns that a following has begun; it is sent before its first state."""
        ...

    def unsubscribed(self, key: str) -> str | None:
        """Returns that a following has ended at the client's wish."""
        ...

    def authenticated(self, principal: Principal, expires_in_s: int | None) -> str | None:
        """Returns that a token was taken, whose it is, and for how long it is good."""
        ...

    def expiring(self, expires_in_s: int) -> str | None:
        """Returns that the token ends soon: authenticate anew, or be closed with 4401."""
        ...

    def going_away(self, reconnect_in_ms: int) -> str | None:
        """Returns that the server stops: reconnect after so long (drawn for each socket)."""
        ...


class Snapshot(msgspec.Struct, frozen=True):
    """A match's state as a frame's `data` (JSON), and the place it is true at."""

    match_id: int
    place: Place
    data: str
