"""What a client sends, taken apart (RFC 6455, RFC 7692): bytes in, whole messages out. Pure.

Between two messages it holds nothing, whatever the client sent before; within one at most the
largest message allowed. It understands exactly what a client may send, and calls the rest `Broken`.
"""

import zlib
from collections.abc import Iterator

import msgspec
from websockets.utils import apply_mask

from app.framing import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL_BYTES_MAX,
    DEFLATED,
    EMPTY_BLOCK,
    FINAL,
    PING,
    PONG,
    TEXT,
)

# Close codes of RFC 6455, 7.4.1.
PROTOCOL_ERROR = 1002
INVALID_DATA = 1007
MESSAGE_TOO_BIG = 1009

_RESERVED = 0x30  # RSV2 and RSV3: no extension of ours uses them.
_MASKED = 0x80
_MASK_BYTES = 4
_CONTROL = 0x8
_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
# Memory of a client that keeps its context; it costs us nothing to be able to read it.
_WINDOW_BITS_MAX = 15

# The opcode of a message or a control frame, and its payload; of TEXT a str.
Received = tuple[int, str | bytes]


class Broken(Exception):
    """The client broke the protocol; the line is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Head(msgspec.Struct, frozen=True):
    """The beginning of a frame, and where its payload stands."""

    first: int
    mask: bytes
    start: int
    end: int


class Incoming:
    """The incoming half of one line."""

    __slots__ = ("_bytes_max", "_first", "_inflates", "_message", "_rest")

    def __init__(self, *, bytes_max: int, inflates: bool) -> None:
        """Takes messages of at most `bytes_max` bytes, counted deflated and inflated."""
        self._bytes_max = bytes_max
        self._inflates = inflates
        self._rest: bytearray | None = None  # Of a frame that has not come as a whole.
        self._message: bytearray | None = None  # Of a message that comes in fragments.
        self._first = 0  # The first byte of that message's first frame.

    def read(self, data: bytes) -> Iterator[Received]:
        """Yields what is whole now; raises Broken behind what came before the break."""
        rest, self._rest = self._rest, None
        held: bytes | bytearray = data
        if rest is not None:
            rest += data  # In place: a frame that comes byte by byte is not copied each time.
            held = rest
        at = 0
        while (head := self._head(held, at)) is not None and head.end <= len(held):
            payload = apply_mask(held[head.start : head.end], head.mask)
            at = head.end
            received = self._frame(head.first, payload)
            if received is not None:
                yield received
        if at == 0 and rest is not None:
            self._rest = rest
        elif at < len(held):
            self._rest = bytearray(held[at:])

    def _head(self, held: bytes | bytearray, at: int) -> _Head | None:
        """Returns the head of a frame, None when it has not come as a whole; raises Broken."""
        known = len(held) - at
        if known < 2:
            return None
        first, second = held[at], held[at + 1]
        size, start = second & 0x7F, at + 2
        self._check(first, second, size)
        if size >= 126:
            wide = 2 if size == 126 else 8
            if known < 2 + wide:
                return None
            size, start = int.from_bytes(held[start : start + wide]), start + wide
        already = len(self._message) if self._message is not None else 0
        if size + already > self._bytes_max:
            raise Broken(MESSAGE_TOO_BIG, f"a message has at most {self._bytes_max} bytes")
        payload = start + _MASK_BYTES
        return _Head(first, bytes(held[start:payload]), payload, payload + size)

    def _check(self, first: int, second: int, size: int) -> None:
        """Raises Broken when a frame may not begin so."""
        opcode = first & 0x0F
        if opcode not in _KNOWN or first & _RESERVED:
            raise Broken(PROTOCOL_ERROR, "unknown opcode or reserved bit")
        if not second & _MASKED:
            raise Broken(PROTOCOL_ERROR, "a client masks its frames")
        if opcode & _CONTROL and (size > CONTROL_BYTES_MAX or not first & FINAL):
            raise Broken(PROTOCOL_ERROR, "a control frame is short and whole")
        if first & DEFLATED and (not self._inflates or opcode not in {TEXT, BINARY}):
            raise Broken(PROTOCOL_ERROR, "deflated, which was not agreed on")
        if opcode == CONTINUATION and self._message is None:
            raise Broken(PROTOCOL_ERROR, "nothing to continue")
        if opcode in {TEXT, BINARY} and self._message is not None:
            raise Broken(PROTOCOL_ERROR, "a message within a message")

    def _frame(self, first: int, payload: bytes) -> Received | None:
        """Takes a frame; returns the message it ends, if it ends one."""
        opcode = first & 0x0F
        if opcode & _CONTROL:
            return opcode, payload
        if opcode != CONTINUATION:
            if first & FINAL:
                return self._whole(first, payload)
            self._first, self._message = first, bytearray(payload)
            return None
        assert self._message is not None, "checked with the head"
        self._message += payload
        if not first & FINAL:
            return None
        message, self._message = bytes(self._message), None
        return self._whole(self._first, message)

    def _whole(self, first: int, message: bytes) -> Received:
        if first & DEFLATED:
            message = self._inflated(message)
        if first & 0x0F == BINARY:
            return BINARY, message
        try:
            return TEXT, message.decode()
        except UnicodeDecodeError as error:
            raise Broken(INVALID_DATA, f"{error.reason} at {error.start}") from None

    def _inflated(self, message: bytes) -> bytes:
        """Returns a message inflated, never more of it than is allowed; raises Broken."""
        inflater = zlib.decompressobj(-_WINDOW_BITS_MAX)
        try:
            inflated = inflater.decompress(message + EMPTY_BLOCK, self._bytes_max + 1)
        except zlib.error:
            raise Broken(PROTOCOL_ERROR, "not deflated as agreed") from None
        if len(inflated) > self._bytes_max:
            raise Broken(MESSAGE_TOO_BIG, f"a message has at most {self._bytes_max} bytes")
        return inflated
