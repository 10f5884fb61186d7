"""Session: the one state machine behind every protocol.

opened -> authenticated -> (followings come and go) -> closed. What differs between protocols is
the dialect (shapes) and `Follows` (what a command makes it follow). A door is then this:

    @websocket("/ws")
    async def ws(socket: Socket) -> None:
        sockets: Sockets = socket.app.state.sockets
        await sockets.serve(socket, Ask(dialect=WS, follows=state.ws_follows, begin=None))

`Sockets.serve` (opening.py) accepts, picks the line, makes the session, lets it find out who asks
(header, `?token=`, subprotocol; else, where credentials are needed, the first message), takes a
lease of the caller's sockets, calls `begin(session)` once it is authenticated (the /live door
follows its match there), and carries the line.
"""

from collections.abc import Coroutine
from typing import Any, Protocol

from app.access.principal import Principal
from app.errors import AppError
from app.sockets.close_codes import CloseCode
from app.sockets.dialect import Dialect, Follow
from app.sockets.following import Following
from app.sockets.line import Line


class Follows(Protocol):
    """What a protocol lets its clients follow; one a door and process, shared by its sessions."""

    def following_of(self, session: "Session", command: Follow) -> Following:
        """Returns the following a command asks for, not yet started; raises AppError."""
        ...


class Session:
    """One socket: who is asking, what it follows, and how it ends. Never waits."""

    line: Line
    dialect: Dialect
    # None until it is known who is asking.
    principal: Principal | None
    followings: dict[str, Following]
    is_full: bool
    # Unique in this installation: Pusher's socket_id.
    socket_id: str

    def send(self, text: str | None, kind: str) -> None:
        """Writes one frame of its own (an answer, a state); None writes nothing.

        `kind` is its type, for counting. For what many sockets get, see `Crowds`.
        """
        raise NotImplementedError

    def follow(self, following: Following) -> None:
        """Takes a following in and starts it; one with the same key is told again from its start.

        Raises TooManySubscriptions, which says the limit, and what `start` raises.
        """
        raise NotImplementedError

    def unfollow(self, key: str) -> bool:
        """Ends a following; False when there is none of this key."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what must be awaited for this session; ends with it. An AppError is sent."""
        raise NotImplementedError

    def refuse(self, error: AppError) -> None:
        """Says an error and goes on."""
        raise NotImplementedError

    def close(self, code: CloseCode, error: AppError | None = None) -> None:
        """Says why, and closes behind what was written. Safe to call twice."""
        raise NotImplementedError

    def on_message(self, message: str | bytes) -> None:
        """Takes a message: counts it, reads it in the dialect, does what it asks."""
        raise NotImplementedError

    def on_gone(self, code: int) -> None:
        """Lets go of everything."""
        raise NotImplementedError

    def on_full(self) -> None:
        """Tells the followings to owe; a line that is full for too long is closed with 4008."""
        raise NotImplementedError

    def on_drained(self) -> None:
        """Tells the followings to say what they owe."""
        raise NotImplementedError
