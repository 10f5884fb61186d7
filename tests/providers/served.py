"""A provider's server for tests: real HTTP on loopback that answers what it is told to."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A request as it came; header names in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Told(msgspec.Struct, frozen=True):
    """What is answered."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}


class Server:
    """Where it is and what it was asked so far."""

    def __init__(self, answer: Callable[[Asked], Told]) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request a connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        address = urlsplit(line.split()[1])
        headers = dict(one.split(": ", 1) for one in rest if one)
        asked = Asked(
            address.path,
            dict(parse_qsl(address.query)),
            {name.lower(): value for name, value in headers.items()},
        )
        self.asked.append(asked)
        told = self._answer(asked)
        extra = "".join(f"{name}: {value}\r\n" for name, value in told.headers.items())
        length = f"content-length: {len(told.body)}\r\nconnection: close\r\n"
        writer.write(f"HTTP/1.1 {told.status} X\r\n{extra}{length}\r\n".encode() + told.body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(answer: Callable[[Asked], Told]) -> AsyncGenerator[Server, None]:
    """Serves while the block lasts."""
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server
