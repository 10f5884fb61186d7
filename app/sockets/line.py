"""Line: one connection that a session writes to, whatever carries it."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from app.sockets.close_codes import CloseCode


class WireForm(Enum):
    """In what form a line takes frames; members of a crowd with the same form share the bytes."""

    TEXT = "text"  # One str a frame: ASGI's websocket.send.
    UTF8 = "utf8"  # The texts' bytes, joined: Server-Sent Events.
    FRAMED = "framed"  # Ready WebSocket frames, joined: our protocol class.
    DEFLATED = "deflated"  # As FRAMED, permessage-deflate without context takeover.


# One or more frames in a line's form: texts for TEXT, one bytes object for all others.
Ready = Sequence[str] | bytes

# The extension of the scope by which a protocol class of ours offers to be the line itself: a Line,
# good from the accept on. The key is absent on any other server.
LINE = "touchline.line"


class Carried(Protocol):
    """What a line calls back: a session. All four are called on the event loop and never wait."""

    def on_message(self, message: str | bytes) -> None:
        """Takes one whole message of the client: str for text, bytes for binary."""
        ...

    def on_gone(self, code: int) -> None:
        """Is told once, at last, that nothing can be written any more; `code` is the close code
        (1006 when the connection died without a word).
        """
        ...

    def on_full(self) -> None:
        """Is told that the line takes no more for now. May be called from within `write`."""
        ...

    def on_drained(self) -> None:
        """Is told that the line takes frames again."""
        ...


class Line(Protocol):
    """One connection. Two carry WebSockets: `AsgiLine` on any server, and the protocol class of
    `app.serving.shared_frames`, which puts itself into `scope["extensions"][LINE]`.

    A door never picks: `Sockets.serve` does. The order of things on a line that a protocol class
    offers: the application accepts as usual; then the session is made; then `carry` is awaited,
    which returns at once, so that the ASGI task ends, and from then on messages go straight to
    `on_message`, those that came before `carry` first. That the task ended closes nothing then.
    """

    # Frames are written in this form. It does not change after the handshake.
    form: WireForm

    # An attribute, so that a line may put its transport's own method there. Takes frames in the
    # line's form; never waits, never raises; after the close it does nothing. It is called also
    # while the line is full (the answer to a ping): sessions write little then.
    def write(self, ready: Ready, /) -> None:
        """Writes one or more frames."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes that were written and are not yet with the kernel."""
        ...

    def close(self, code: CloseCode) -> None:
        """Closes behind what was written; then `on_gone`. Safe to call twice."""
        ...

    def abort(self, code: CloseCode) -> None:
        """Closes past flow control: a close frame for a reader that wakes up in time, then the
        connection is cut, whatever still waits; `on_gone` at once. Safe to call twice.
        """
        ...

    async def carry(self, session: Carried) -> None:
        """Calls the session back from now on, first with the messages that came already.

        Returns at once where a protocol class carries on by itself, else when the line is gone.
        """
        ...
