"""A server of ours with an application of a few lines: a session that says what it is told."""

import asyncio
import base64
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, cast

import pytest
import uvloop
from litestar import Litestar
from litestar.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from app.serving.server import Carrying, Server, make_server
from app.sockets.asgi_line import GIVE_UP, WRITE_TEXTS, AsgiLine
from app.sockets.line import LINE, Line
from app.sockets.outgoing import Outgoing, pack

PATIENCE_S = 20


class Recorder:
    """A session that notes what it is told and sends every message back."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.told: list[Any] = []
        self.gone: list[int] = []
        self.echoes = True
        self._news = asyncio.Event()

    def on_message(self, message: str | bytes) -> None:
        """Notes a message and answers it."""
        self.told.append(message)
        if message == "fail":
            raise LookupError(message)
        if self.echoes:
            self.say(message if isinstance(message, str) else f"bytes {len(message)}")
        self._news.set()

    def on_gone(self, code: int) -> None:
        """Notes the end."""
        self.gone.append(code)
        self._news.set()

    def on_full(self) -> None:
        """Notes it."""
        self.told.append("FULL")
        self._news.set()

    def on_drained(self) -> None:
        """Notes it."""
        self.told.append("DRAINED")
        self._news.set()

    def say(self, text: str) -> None:
        """Writes one frame in the line's form."""
        self.line.write(pack([Outgoing(text, "said")], self.line.form))

    async def until(self, true: Callable[[Self], bool]) -> None:
        """Waits until something was told."""
        async with asyncio.timeout(PATIENCE_S):
            while not true(self):
                self._news.clear()
                await self._news.wait()


class House:
    """A server and the sessions it made. `arrive` is what its application does with a socket."""

    def __init__(self) -> None:
        self.sessions: list[Recorder] = []
        self.port = 0
        self.server: Server
        self.arrive: Callable[[Scope, Receive, Send], Awaitable[None]] = self.carry
        self._made = asyncio.Condition()
        self._raw: list[asyncio.StreamWriter] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Is the application."""
        await self.arrive(scope, receive, send)

    async def carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accepts, and lets a session be carried."""
        session = await self.accept(scope, receive, send)
        await session.line.carry(session)

    async def accept(self, scope: Scope, receive: Receive, send: Send) -> Recorder:
        """Accepts, and makes a session."""
        await receive()
        await send({"type": "websocket.accept"})  # type: ignore[typeddict-item]
        extensions: dict[str, Any] = dict(scope.get("extensions") or {})
        session = Recorder(extensions.get(LINE) or asgi_line(extensions, receive, send))
        async with self._made:
            self.sessions.append(session)
            self._made.notify_all()
        return session

    async def session(self, number: int = 0) -> Recorder:
        """Waits for a session."""
        async with asyncio.timeout(PATIENCE_S), self._made:
            await self._made.wait_for(lambda: len(self.sessions) > number)
        return self.sessions[number]

    async def open(self, **options: Any) -> tuple[ClientConnection, Recorder]:
        """Opens a socket; returns both its ends."""
        number = len(self.sessions)
        client = await connect(f"ws://127.0.0.1:{self.port}/", **options)
        return client, await self.session(number)

    async def raw(self) -> "Raw":
        """Opens a socket of which every byte is ours."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        self._raw.append(writer)
        return Raw(reader, writer)

    async def hang_up(self) -> None:
        """Cuts what clients left open."""
        for writer in self._raw:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Raw:
    """A client that may say anything."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        """Writes these bytes."""
        self.writer.write(data)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: its first byte, and its payload."""
        async with asyncio.timeout(PATIENCE_S):
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return first, await self.reader.readexactly(size)

    async def end(self) -> None:
        """Waits until nothing more comes."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass


def asgi_line(extensions: dict[str, Any], receive: Receive, send: Send) -> Line:
    """The line where the protocol class offers none."""
    return AsgiLine(
        receive,
        send,
        give_up=extensions.get(GIVE_UP),
        steps=True,
        write_texts=extensions.get(WRITE_TEXTS),
    )


def sent(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(Opcode(opcode), payload, fin).serialize(mask=True)


async def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    """How a socket was closed; what is told before is left."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code, client.close_reason


@asynccontextmanager
async def serving(house: House, carrying: Carrying) -> AsyncGenerator[None]:
    """Serves a house."""
    house.server = make_server(
        cast("Litestar", house), drain, host="127.0.0.1", port=0, graceful_shutdown_s=5,
        carrying=carrying,
    )  # fmt: skip
    house.server.config.lifespan = "off"
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        house.port = listening.getsockname()[1]
        running = asyncio.create_task(house.server.serve([listening]))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not house.server.started:
                    await asyncio.sleep(0.005)
            yield
        finally:
            await house.hang_up()
            house.server.should_exit = True
            await running


async def drain() -> None:
    """Says goodbye to nobody: what is left is uvicorn's to close."""


@pytest.fixture(params=["shared", "stock"])
async def house(request: pytest.FixtureRequest) -> AsyncGenerator[House]:
    """A running server, over our protocol class and over uvicorn's."""
    made = House()
    async with serving(made, Carrying(shared=request.param == "shared")):
        yield made


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of production: flow control is the transports' business, and theirs differ."""
    return {"uvloop": uvloop.new_event_loop}
