"""A cable to a server, that a test can pull out and plug in again: a TCP proxy on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Cable:
    """Passes bytes both ways while it is plugged in; `url` is the server's, through the cable."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._open: set[asyncio.StreamWriter] = set()
        self._plugged = True
        self.url = url

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not self._plugged:
            writer.transport.abort()
            return
        to_server, server = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {writer, server}
        ways = [
            asyncio.create_task(_pass(reader, server)),
            asyncio.create_task(_pass(to_server, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, server):
            one.transport.abort()
            self._open.discard(one)
        await asyncio.gather(*ways, return_exceptions=True)

    def pull(self) -> None:
        """Cuts every connection and lets nobody in."""
        self._plugged = False
        for one in self._open:
            one.transport.abort()

    def plug(self) -> None:
        """Lets them in again."""
        self._plugged = True


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def cable(url: str) -> AsyncGenerator[Cable]:
    """A cable to the server of a URL."""
    made = Cable(url)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    user = f"{parts.username}:{parts.password}@" if parts.password else f"{parts.username}@"
    made.url = parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
    try:
        yield made
    finally:
        made.pull()
        listening.close()
