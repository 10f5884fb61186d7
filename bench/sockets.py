"""A client that costs little: it opens sockets and hands over frames as bytes, and no more.

A full client library would spend several times what the server does on each frame, and the figures
would be its own. Only what a server sends is understood: unmasked, unfragmented frames.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import cast

# 10,000 are opened at most, each with its first state.
OPENED_WITHIN_S = 120.0
# Handshakes under way at once.
AT_ONCE = 100

OnFrame = Callable[[bytes], None]


class Socket(asyncio.Protocol):
    """One socket: the handshake, then every frame's payload to `on_frame`."""

    def __init__(self, path: str, on_frame: OnFrame) -> None:
        self._path = path
        self._on_frame = on_frame
        self._rest = b""
        self._open = False
        self.first_frame = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Takes bytes apart into frames."""
        data = self._rest + data if self._rest else data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.first_frame.set_exception(ConnectionError(head.decode()))
                return
            self._open = True
        at, end = 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length == 126:
                if end - at < 4:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif length == 127:
                if end - at < 10:
                    break
                length, start = struct.unpack_from("!Q", data, at + 2)[0], at + 10
            if end - start < length:
                break
            if data[at] & 0x0F == 1:
                self._take(data[start : start + length])
            elif data[at] & 0x0F == 9:
                # An empty mask: what is sent is what was got.
                body = data[start : start + length]
                self.transport.write(bytes([0x8A, 0x80 | length, 0, 0, 0, 0]) + body)
            at = start + length
        self._rest = data[at:]

    def _take(self, payload: bytes) -> None:
        if self.first_frame.done():
            self._on_frame(payload)
        else:
            self.first_frame.set_result(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails whoever still waits for the first frame."""
        if not self.first_frame.done():
            self.first_frame.set_exception(exc or ConnectionError("closed"))


async def open_sockets(port: int, paths: list[str], on_frame: OnFrame) -> list[Socket]:
    """Opens a socket for each path and waits for the first frame of each."""
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(AT_ONCE)

    async def open_one(path: str) -> Socket:
        async with turns:
            _, made = await loop.create_connection(
                lambda: Socket(path, on_frame), "127.0.0.1", port
            )
            await made.first_frame
            return made

    async with asyncio.timeout(OPENED_WITHIN_S):
        return list(await asyncio.gather(*(open_one(path) for path in paths)))
