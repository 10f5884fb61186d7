"""uvicorn's WebSocket protocol, with what it lacks for us.

ASGI has no way to give up on a reader that does not read: a close waits behind the frames that do
not leave, for ever; nor one to hand over several messages for one call of the kernel. Ours are
offered in the scope's extensions; without them, on another server, a stuck socket lives until TCP
gives up, and each message is written by itself.
"""

import asyncio
from asyncio.transports import BaseTransport
from collections.abc import Callable, Sequence
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from app import framing
from app.serving.pings import Pings
from app.serving.places import Place
from app.sockets.close_codes import NO_PONG
from app.sockets.line import WireForm

GIVE_UP = "touchline.give_up"
WRITE_TEXTS = "touchline.write_texts"
# A reader that wakes up within this time still reads why; then the line is cut.
CUT_AFTER_S = 2.0
# Texts whose frames are kept: some more than go to the many sockets of a match in one turn.
NEWEST_MAX = 64

# No message refers to one before, either way: so a deflated frame is the same for every socket,
# and no socket holds the 4 to 64 KiB of a window between two messages.
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=framing.WINDOW_BITS,
    compress_settings={"memLevel": framing.MEMORY_LEVEL, "level": framing.LEVEL},
)


class ServingConfig(uvicorn.Config):
    """uvicorn's configuration, and what our protocol classes want to know beside."""

    def __init__(self, *args: Any, deflates: bool, pings: Pings, **more: Any) -> None:
        # uvicorn's own permessage-deflate keeps a context for each socket.
        super().__init__(*args, ws_per_message_deflate=False, **more)
        self.deflates = deflates
        self.pings = pings
        self.frames = {WireForm.FRAMED: Newest(framing.frame)}
        self.frames[WireForm.DEFLATED] = Newest(framing.deflated_frame)


class Newest:
    """The newest texts as frames: what goes to many goes to them one after the other."""

    def __init__(self, make: Callable[[bytes], bytes]) -> None:
        self._make = make
        self._frames: dict[str, bytes] = {}

    def of(self, text: str) -> bytes:
        """Returns the frame of a text; the same text again costs next to nothing."""
        frame = self._frames.get(text)
        if frame is None:
            if len(self._frames) >= NEWEST_MAX:
                self._frames.clear()
            frame = self._frames[text] = self._make(text.encode())
        return frame


def shape_of(config: uvicorn.Config) -> ServingConfig:
    """Returns a configuration as ours, which it has to be."""
    assert isinstance(config, ServingConfig), "our protocol classes serve under our configuration"
    return config


class SocketProtocol(WebSocketsSansIOProtocol):
    """As uvicorn's, and `scope["extensions"][GIVE_UP](code, reason)` closes past flow control,
    `[WRITE_TEXTS](texts)` writes several at once.

    A text that goes to many sockets is framed, and deflated, once.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._shape = shape_of(self.config)
        self.conn.available_extensions = [DEFLATE] if self._shape.deflates else None
        self._newest: Newest | None = None
        self.place: Place | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Takes the connection over from the HTTP protocol, with its place."""
        before = cast("asyncio.Transport", transport).get_protocol()
        self.place = getattr(before, "place", None)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves."""
        if self.place is not None:
            self.place.leave()
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        """Offers the way out before the application sees the scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]  # type: ignore[assignment]
            extensions |= {GIVE_UP: self.give_up, WRITE_TEXTS: self.write_texts}

    async def send(self, message: Any) -> None:
        """Sends at once what nothing stands in the way of; all else is uvicorn's to decide."""
        text = message.get("text") if message["type"] == "websocket.send" else None
        if text is None or not self.write_texts((text,)):
            await super().send(message)

    def write_texts(self, texts: Sequence[str]) -> bool:
        """Writes texts at once; False, and nothing written, where something stands in the way."""
        if not self._flows:
            return False
        if self._newest is None:
            self._newest = self._shape.frames[form_of(self.conn)]
        self.transport.write(b"".join(map(self._newest.of, texts)))
        return True

    @property
    def _flows(self) -> bool:
        return (
            self.conn.state is State.OPEN
            and self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and self.writable.is_set()
        )

    def give_up(self, code: int, reason: str) -> None:
        """Puts a close frame behind what waits, ends the application's side, cuts soon after."""
        if self.disconnected or self.close_sent:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CUT_AFTER_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Gives up who answered no ping, with the code of our catalogue."""
        self.pong_timer = None
        self.pending_ping_payload = None
        self.give_up(NO_PONG.code, NO_PONG.name)


def form_of(handshake: ServerProtocol) -> WireForm:
    """Returns in what form a client takes frames, as agreed on in the handshake.

    A client that wants a smaller window than our shared frames have gets them as they are, which
    RFC 7692 allows; what it deflates is understood all the same.
    """
    for extension in handshake.extensions:
        if isinstance(extension, PerMessageDeflate):
            fits = extension.local_max_window_bits >= framing.WINDOW_BITS
            return WireForm.DEFLATED if fits else WireForm.FRAMED
    return WireForm.FRAMED
