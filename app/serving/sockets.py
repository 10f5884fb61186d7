"""uvicorn's WebSocket protocol, with a way to give up on a reader that does not read.

ASGI has none: a close waits behind the frames that do not leave, for ever. Ours is offered in the
scope's extensions; without it, on another server, a stuck socket lives until TCP gives up.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

GIVE_UP = "touchline.give_up"
# A reader that wakes up within this time still reads why; then the line is cut.
CUT_AFTER_S = 2.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """As uvicorn's, and `scope["extensions"][GIVE_UP](code, reason)` closes past flow control."""

    def handle_connect(self, event: Request) -> None:
        """Offers the way out before the application sees the scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][GIVE_UP] = self.give_up  # type: ignore[index, typeddict-item]

    def give_up(self, code: int, reason: str) -> None:
        """Puts a close frame behind what waits, ends the application's side, cuts soon after."""
        if self.disconnected or self.close_sent:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CUT_AFTER_S, self.transport.abort)
