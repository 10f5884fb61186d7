"""The application served as in production, and a client that says what bytes it is told to."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from litestar import Litestar

from app import metrics
from app.main import create_app
from app.serving.hot_reads import HotReads
from app.serving.server import Server, make_server
from app.settings import load
from tests.serving.conftest import PATIENCE_S

Header = tuple[str, str]


class Answer(msgspec.Struct, frozen=True):
    """One answer, its headers in their order."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return dict(self.headers)[name]


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> Answer:
        """Says it, and reads one answer."""
        self.writer.write(request)
        return await self.answer(has_body=not request.startswith(b"HEAD"))

    async def answer(self, *, has_body: bool = True) -> Answer:
        """Reads the next answer."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head[:-4].split("\r\n")
            headers = tuple((name, value) for name, _, value in (x.partition(": ") for x in lines))
            length = int(dict(headers).get("content-length", "0"))
            body = await self.reader.readexactly(length) if has_body else b""
        return Answer(int(first.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Waits until the other side closes; says whether nothing came before."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read(1) == b""
        return True


class HotDoor(msgspec.Struct, frozen=True):
    """A served application, a connection to write beside it, and lines to it."""

    app: Litestar
    server: Server
    port: int
    connection: asyncpg.Connection
    lines: list[Line]

    async def line(self, **options: int) -> Line:
        """Connects."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **options)
        self.lines.append(Line(reader, writer))
        return self.lines[-1]

    @property
    def hot(self) -> HotReads:
        """What the process knows."""
        hot: HotReads = self.app.state.hot_reads
        return hot

    async def warm(self, line: Line, *requests: bytes) -> None:
        """Asks until each is answered at once."""
        for request in requests:
            async with asyncio.timeout(PATIENCE_S):
                while not await self.is_hot(line, request):
                    await asyncio.sleep(0.002)

    async def is_hot(self, line: Line, request: bytes) -> bool:
        """Asks, and says whether that was answered at once."""
        before = self.answered()
        await line.ask(request)
        return self.answered() > before

    def answered(self) -> int:
        """How many requests were answered at once."""
        self.hot.tell()
        return hot_answers()


def hot_answers() -> int:
    """What the metric says."""
    metric = metrics.hot_reads
    samples = [s for family in metric.collect() for s in family.samples]
    return int(sum(s.value for s in samples if s.name.endswith("_total")))


def get(path: str, *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
    """A request."""
    lines = (f"{method} {path} HTTP/{version}", "Host: here", *headers)
    return "\r\n".join((*lines, "", "")).encode()


@asynccontextmanager
async def a_hot_door(
    database_url: str, redis_url: str, send_buffer: int | None = None, **more: str
) -> AsyncGenerator[HotDoor]:
    """Serves an application; `more` are settings by their variables.

    `send_buffer`: bytes the kernel takes for a client that does not read; else it takes megabytes.
    """
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "LIMIT_ANONYMOUS_PER_MINUTE": "10000000",
        "LIMIT_USER_PER_MINUTE": "10000000",
        "LIMIT_AUTH_PER_MINUTE": "1000",
        **more,
    }
    app = create_app(load(environment))
    server = make_server(
        app,
        lambda: app.state.sockets.pulse.drain(),  # noqa: PLW0108 - made when the app starts.
        host="127.0.0.1",
        port=0,
        graceful_shutdown_s=5,
    )
    connection = await asyncpg.connect(database_url)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        # As uvloop has it; asyncio does it for sockets of its own making only.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        running = asyncio.create_task(server.serve([listening]))
        door = HotDoor(app, server, listening.getsockname()[1], connection, [])
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (server.started and app.state.hub.current):
                    await asyncio.sleep(0.005)
            yield door
        finally:
            for line in door.lines:
                line.writer.close()
            server.should_exit = True
            await running
            await connection.close()
