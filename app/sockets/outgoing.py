"""Outgoing: one frame, made ready once in each form that somebody takes it in."""

import zlib
from collections.abc import Sequence

from app.sockets.line import Ready, WireForm

# permessage-deflate as we speak it: the whole window, and nothing kept between frames, so that one
# deflated frame is right for every socket that agreed to `server_no_context_takeover`. A client
# that wants a smaller window of ours is answered without the extension.
DEFLATE_WINDOW_BITS = 15
# Level 1 is four times as fast as 6 and some percent larger, on frames of a few hundred bytes.
DEFLATE_LEVEL = 1
# Below it deflating makes nothing smaller; such frames go out as they are, which the extension
# allows.
DEFLATE_BYTES_MIN = 128
# What every deflated block flushed this way ends with; the extension leaves it away.
_TAIL = b"\x00\x00\xff\xff"
_TEXT_FRAME = 0x81  # FIN and the opcode of text.
_DEFLATED = 0x40  # RSV1.


def framed(payload: bytes, first: int = _TEXT_FRAME) -> bytes:
    """Returns a server's WebSocket frame (RFC 6455, 5.2): unmasked, whole, text."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65_536:
        return bytes((first, 126)) + length.to_bytes(2) + payload
    return bytes((first, 127)) + length.to_bytes(8) + payload


def deflated(payload: bytes) -> bytes:
    """Returns the frame deflated by itself (RFC 7692), or as it is when that is no longer."""
    if len(payload) < DEFLATE_BYTES_MIN:
        return framed(payload)
    squeezed = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -DEFLATE_WINDOW_BITS)
    small = (squeezed.compress(payload) + squeezed.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)
    if len(small) >= len(payload):
        return framed(payload)
    return framed(small, _TEXT_FRAME | _DEFLATED)


class Outgoing:
    """One frame of one dialect and channel, shared by all sockets that get it.

    `kind` is the frame's type, for counting. Each form is made when it is first asked for.
    """

    __slots__ = ("_deflated", "_framed", "_utf8", "kind", "text")

    def __init__(self, text: str, kind: str) -> None:
        self.text = text
        self.kind = kind
        self._utf8: bytes | None = None
        self._framed: bytes | None = None
        self._deflated: bytes | None = None

    @property
    def utf8(self) -> bytes:
        """The text's bytes."""
        if self._utf8 is None:
            self._utf8 = self.text.encode()
        return self._utf8

    @property
    def framed(self) -> bytes:
        """The WebSocket frame."""
        if self._framed is None:
            self._framed = framed(self.utf8)
        return self._framed

    @property
    def deflated(self) -> bytes:
        """The WebSocket frame for sockets with permessage-deflate."""
        if self._deflated is None:
            self._deflated = deflated(self.utf8)
        return self._deflated


def pack(frames: Sequence[Outgoing], form: WireForm) -> Ready:
    """Returns frames as a line of this form writes them, in one go."""
    if form is WireForm.TEXT:
        return [frame.text for frame in frames]
    if form is WireForm.UTF8:
        return b"".join([frame.utf8 for frame in frames])
    if form is WireForm.FRAMED:
        return b"".join([frame.framed for frame in frames])
    return b"".join([frame.deflated for frame in frames])
