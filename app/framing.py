"""WebSocket frames as bytes (RFC 6455), and messages deflated without memory (RFC 7692). Pure.

A server's frames carry no mask, so the same bytes are right for every reader: they are made once
and written to all. Deflated they are so too, for those readers with whom no context takeover and
a window of at least `WINDOW_BITS` was agreed: then no message refers to one before.
"""

import struct
import zlib

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

FINAL = 0x80
DEFLATED = 0x40  # RSV1 of a message's first frame.
# RFC 6455, 5.5: a control frame's payload; of a close two bytes are the code.
CONTROL_BYTES_MAX = 125
REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2

# 4 KiB: as good as 32 for frames of some hundred bytes, and a tenth of the time to set up.
WINDOW_BITS = 12
MEMORY_LEVEL = 5
LEVEL = 6
# What is shorter gains a few bytes at most.
DEFLATED_FROM_BYTES = 100
# What a flush ends with; taken off before sending, put back before inflating (RFC 7692, 7.2).
EMPTY_BLOCK = b"\x00\x00\xff\xff"


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Returns a whole, final frame as a server sends it."""
    return _head(FINAL | opcode, len(payload)) + payload


def deflated_frame(payload: bytes) -> bytes:
    """Returns a text frame, deflated where that is worth it: readers can tell from its head."""
    if len(payload) < DEFLATED_FROM_BYTES:
        return frame(payload)
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)
    deflated = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    size = len(deflated) - len(EMPTY_BLOCK)
    if size >= len(payload):
        return frame(payload)
    return _head(FINAL | DEFLATED | TEXT, size) + deflated[:size]


def close_frame(code: int, reason: str = "") -> bytes:
    """Returns a close frame; a reason that is too long is cut between two letters."""
    told = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore").encode()
    return frame(struct.pack("!H", code) + told, CLOSE)


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)
