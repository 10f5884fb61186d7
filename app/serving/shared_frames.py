"""uvicorn's WebSocket protocol that hands its line over: the same bytes to every transport.

Until a session carries the line, this is uvicorn's own class. From then on a `SharedLine` is the
transport's protocol: some hundred bytes, no task, no queue, no timer while nothing happens. A frame
is made ready once (`app.sockets.outgoing`) and given to the transports as it is.

The order of a line's life: the handshake (uvicorn's), the accept, the session's `carry`, messages
straight to the session, and one `on_gone`. An application that never asks for the line and
receives and sends as any other gets what uvicorn gives; so does one that runs elsewhere.
"""

import asyncio
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Close
from websockets.http11 import Request

from app import framing
from app.logs import logger
from app.serving.incoming import INVALID_DATA, PROTOCOL_ERROR, Broken, Incoming
from app.serving.pings import NOWHERE, Pings
from app.serving.places import Place
from app.serving.sockets import CUT_AFTER_S, SocketProtocol, form_of, shape_of
from app.sockets.close_codes import GOING_AWAY, NO_PONG, OUR_FAULT, CloseCode
from app.sockets.line import LINE, Carried, Ready

# A line is full when so much waits to be sent, and takes frames again below the other mark. What
# goes beyond waits with the session, where it is conflated; in the transport it only grows old.
FULL_FROM_BYTES = 65_536
DRAINED_BELOW_BYTES = 16_384
# How long a client may take to answer a close, with what was written before it.
CLOSE_WITHIN_S = 10.0
# What a client may send before its session is there; more waits with the kernel.
EARLY_BYTES_MAX = 65_536
# What a line ends with that died without a word; never stands in a frame (RFC 6455, 7.4.1).
LOST = 1006

_PING = framing.frame(b"", framing.PING)

log = logger(__name__)


def _nowhere(_ready: Ready) -> None:
    """Writes to a line that is closed."""


class SharedLine(asyncio.Protocol):
    """A line of `app.sockets.line`; from `carry` on the protocol of its transport."""

    __slots__ = (
        "_closing", "_code", "_connections", "_gone", "_group", "_handshake", "_incoming",
        "_is_full", "_pings", "_session", "_timer", "_transport", "form", "heard_at", "place",
        "write",
    )  # fmt: skip

    def __init__(self, handshake: "SharedFrames", pings: Pings) -> None:
        self._handshake: SharedFrames | None = handshake  # Until the line is ours.
        self._transport = handshake.transport
        self._connections: set[Any] = handshake.connections
        self._pings = pings
        self._group = NOWHERE
        self._session: Carried | None = None
        self._incoming: Incoming | None = None  # None: nobody listens any more.
        self._is_full = False
        self._closing = False
        self._gone = False
        self._code = LOST
        self._timer: asyncio.TimerHandle | None = None
        self.heard_at = 0
        self.place: Place | None = None
        self.form = form_of(handshake.conn)
        # The transport's own method: a frame costs no call of ours.
        self.write = cast("Callable[[Ready], None]", self._transport.write)

    @property
    def waiting(self) -> int:
        """Bytes that were written and are not yet with the kernel."""
        return 0 if self._gone else self._transport.get_write_buffer_size()

    async def carry(self, session: Carried) -> None:
        """Calls the session back from now on; returns at once."""
        early = self._take_over()
        if self._gone:
            session.on_gone(self._code)
            return
        self._session = session
        if self._is_full and not self._closing:
            session.on_full()
        if early:
            self.data_received(early)

    def close(self, code: CloseCode) -> None:
        """Closes behind what was written; then `on_gone`. Safe to call twice."""
        self._end(code, CLOSE_WITHIN_S)

    def abort(self, code: CloseCode) -> None:
        """Closes past flow control; `on_gone` at once. Safe to call twice."""
        self._end(code, CUT_AFTER_S)
        self._tell_gone()

    def shutdown(self) -> None:
        """Is told by uvicorn that the server stops: what was written goes out, then it closes."""
        self._end(GOING_AWAY, CUT_AFTER_S)
        self._transport.close()

    def lose(self) -> None:
        """Is told that the connection went before the line was ours."""
        self._handshake = None
        self.write = _nowhere
        self._closing = self._gone = True

    def ping(self) -> None:
        """Asks for a sign of life; who takes nothing more isn't asked: he is slow, not silent."""
        if not self._is_full:
            self._transport.write(_PING)

    def fall_silent(self) -> None:
        """Gives up a client that gave none."""
        self.abort(NO_PONG)

    # What the transport calls.

    def data_received(self, data: bytes) -> None:
        """Takes what the client sent."""
        self.heard_at = self._pings.clock
        if self._incoming is None:
            return
        try:
            for opcode, payload in self._incoming.read(data):
                self._take(opcode, payload)
                if self._incoming is None:  # pyright: ignore[reportUnnecessaryComparison]
                    return
        except Broken as broken:
            self._fail(broken.code, broken.reason)

    def pause_writing(self) -> None:
        """Stops the session; who doesn't read isn't listened to, so that answers are bounded."""
        self._is_full = True
        if not self._transport.is_closing():
            self._transport.pause_reading()
        if self._session is not None and not self._closing:
            self._session.on_full()

    def resume_writing(self) -> None:
        """Lets the session go on."""
        self._is_full = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
        if self._session is not None and not self._closing:
            self._session.on_drained()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's.
        """Lets go of everything."""
        if self.place is not None:
            self.place.leave()
        self._connections.discard(self)
        self._begin_closing(b"")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._incoming = None
        self._tell_gone()

    # The rest is ours.

    def _take_over(self) -> bytes:
        """Becomes the transport's protocol, once; returns what came meanwhile."""
        handshake, self._handshake = self._handshake, None
        if handshake is None:
            return b""
        self._is_full = not handshake.writable.is_set()
        self._incoming = Incoming(
            bytes_max=handshake.config.ws_max_size, inflates=bool(handshake.conn.extensions)
        )
        early = handshake.hand_over(self)
        self._connections.add(self)
        self._group = self._pings.add(self)
        self._transport.set_write_buffer_limits(FULL_FROM_BYTES, DRAINED_BELOW_BYTES)
        if self._is_full and not self._transport.is_closing():
            self._transport.pause_reading()
        return early

    def _take(self, opcode: int, payload: str | bytes) -> None:
        if opcode in {framing.TEXT, framing.BINARY}:
            self._take_message(payload)
            return
        assert isinstance(payload, bytes), "only text is str"
        if opcode == framing.CLOSE:
            self._take_close(payload)
        elif opcode == framing.PING:
            self.write(framing.frame(payload, framing.PONG))

    def _take_message(self, message: str | bytes) -> None:
        if self._session is None or self._closing:
            return  # Said after the close: nobody listens.
        try:
            self._session.on_message(message)
        except Exception:
            log.exception("socket_failed")
            self.close(OUR_FAULT)

    def _take_close(self, payload: bytes) -> None:
        """Answers a close with the same, or ends what we began."""
        try:
            told = Close.parse(payload)
        except ProtocolError as error:
            self._fail(PROTOCOL_ERROR, str(error))
            return
        except UnicodeDecodeError as error:
            self._fail(INVALID_DATA, error.reason)
            return
        self._incoming = None
        if not self._closing:
            self._code = int(told.code)
            self._begin_closing(framing.frame(payload, framing.CLOSE))
            self._cut_within(CUT_AFTER_S)
        self._transport.close()
        self._tell_gone()

    def _fail(self, code: int, reason: str) -> None:
        """Closes the line of a client that broke the protocol: it isn't understood any more.

        Only our half is closed at once: what the client still sends would turn a close into a
        reset, and the frame with the reason might never be read.
        """
        self._incoming = None
        if not self._closing:
            self._code = code
            self._begin_closing(framing.close_frame(code, reason))
        self._cut_within(CUT_AFTER_S)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._tell_gone()

    def _end(self, code: CloseCode, within_s: float) -> None:
        """Says goodbye, and waits for the answer only so long."""
        early = self._take_over()
        if self._gone:
            return
        if not self._closing:
            self._code = code.code
            self._begin_closing(framing.close_frame(code.code, code.name))
        self._cut_within(within_s)
        if early:
            self.data_received(early)

    def _begin_closing(self, last: bytes) -> None:
        """Writes the last frame; nothing comes after it. Safe to call twice."""
        if self._closing:
            return
        self._closing = True
        self._pings.discard(self, self._group)
        if last:
            self.write(last)
        self.write = _nowhere

    def _cut_within(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _tell_gone(self) -> None:
        """Tells the session, once."""
        self._gone = True
        session, self._session = self._session, None
        if session is not None:
            session.on_gone(self._code)


class SharedFrames(SocketProtocol):
    """As uvicorn's up to the accept; then the line is who asks for it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._line: SharedLine | None = None
        self._early = bytearray()
        self._listens = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Takes the connection over from the HTTP protocol, and lets that go.

        It and its parser hold each other: left so, they are memory until the collector's next turn.
        """
        before = cast("asyncio.Transport", transport).get_protocol()
        if isinstance(before, HttpToolsProtocol):
            before.parser = None  # pyright: ignore[reportAttributeAccessIssue]
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """Offers the line before the application sees the scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self._line = SharedLine(self, shape_of(self.config).pings)
            self.scope["extensions"][LINE] = self._line  # type: ignore[index, typeddict-item]

    def data_received(self, data: bytes) -> None:
        """Keeps what comes after the handshake for whoever will listen."""
        if self._listens or not self.handshake_initiated:
            super().data_received(data)
            return
        self._early += data
        if len(self._early) > EARLY_BYTES_MAX and not self.transport.is_closing():
            self.transport.pause_reading()

    async def receive(self) -> Any:
        """Returns the next event; an application that asks for messages is not given the line."""
        if self.handshake_complete and not self._listens and not self.disconnected:
            self._listens = True
            early, self._early = bytes(self._early), bytearray()
            if not self.transport.is_closing():
                self.transport.resume_reading()
            if early:
                super().data_received(early)
        return await super().receive()

    def hand_over(self, line: SharedLine) -> bytes:
        """Makes a line the transport's protocol; returns what came early, and lets all else go."""
        assert self.handshake_complete, "the accept comes first"
        self.stop_keepalive()
        self.connections.discard(self)
        line.place, self.place = self.place, None
        transport, self.transport = self.transport, _Spent()
        transport.set_protocol(line)
        if not transport.is_closing():
            transport.resume_reading()
        # The application's task may end, or go on: it has no line any more.
        self.disconnected = True
        self.writable.set()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": LOST})
        self.conn.parser.close()  # It holds what holds it.
        return bytes(self._early)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the line, which nobody carries yet."""
        if self._line is not None:
            self._line.lose()
        super().connection_lost(exc)


class _Spent(asyncio.Transport):
    """What stays with the application of a line that went to a session: nothing to close."""

    def is_closing(self) -> bool:
        """Is always closed."""
        return True

    def close(self) -> None:
        """Closes nothing."""
