"""Sockets that are only counted: how many frames came, by hopping from head to head.

The same client for every server, ours and others', deflated or not: what it costs is the same for
a frame of each, and it is less than what any of the servers spends on it.
"""

import asyncio
import base64
import os
from collections.abc import Sequence
from typing import cast

OPENED_WITHIN_S = 60.0
RECEIVED_WITHIN_S = 120.0
# Handshakes under way at once.
AT_ONCE = 100

_PING = 0x9
_CONTROL = 0x8


class Tally:
    """What all sockets of a run have got."""

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def want(self, frames: int) -> None:
        """Starts to count anew, up to so many."""
        self.frames = self.bytes = 0
        self._wanted = frames
        self._reached.clear()

    def add(self, frames: int, size: int) -> None:
        """Counts what one socket got."""
        self.frames += frames
        self.bytes += size
        if self.frames >= self._wanted:
            self._reached.set()

    async def reached(self) -> None:
        """Waits until all came."""
        async with asyncio.timeout(RECEIVED_WITHIN_S):
            await self._reached.wait()


class CountedSocket(asyncio.Protocol):
    """One socket. `opened` is done after the handshake and the `first` frames of the server."""

    def __init__(self, path: str, tally: Tally, *, deflates: bool, first: int) -> None:
        self._head = _request(path, deflates=deflates)
        self._tally = tally
        self._first = first
        self._rest = b""
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails whoever waits."""
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed"))

    def say(self, text: bytes) -> None:
        """Sends a short text; an empty mask leaves it as it is."""
        self.transport.write(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)

    def data_received(self, data: bytes) -> None:
        """Counts the frames that are whole."""
        data = self._rest + data if self._rest else data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head.decode()))
                return
            self._open = True
        frames, at = self._hop(data)
        self._rest = data[at:] if at < len(data) else b""
        if self.opened.done():
            self._tally.add(frames, at)
        elif frames >= self._first:
            self.opened.set_result(None)
        else:
            self._first -= frames

    def _hop(self, data: bytes) -> tuple[int, int]:
        """Returns how many frames of data are whole, and where they end; answers pings."""
        frames = at = 0
        end = len(data)
        while at + 2 <= end:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[start : start + 2]), start + 2
            elif size == 127:
                size, start = int.from_bytes(data[start : start + 8]), start + 8
            if start + size > end:
                break
            opcode = data[at] & 0x0F
            if opcode < _CONTROL:
                frames += 1
            elif opcode == _PING:
                self.transport.write(bytes((0x8A, 0x80, 0, 0, 0, 0)))
            at = start + size
        return frames, at


async def open_counted(
    port: int, paths: Sequence[str], tally: Tally, *, deflates: bool = False, first: int = 0
) -> list[CountedSocket]:
    """Opens a socket for each path, and waits for the frames each server begins with."""
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(AT_ONCE)

    async def open_one(path: str) -> CountedSocket:
        async with turns:
            _, made = await loop.create_connection(
                lambda: CountedSocket(path, tally, deflates=deflates, first=first),
                "127.0.0.1",
                port,
            )
            await made.opened
            return made

    async with asyncio.timeout(OPENED_WITHIN_S):
        return list(await asyncio.gather(*(open_one(path) for path in paths)))


async def close_all(sockets: Sequence[CountedSocket]) -> None:
    """Cuts them."""
    for socket in sockets:
        socket.transport.abort()
    await asyncio.sleep(0)


def _request(path: str, *, deflates: bool) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer * deflates}\r\n"
    ).encode()
