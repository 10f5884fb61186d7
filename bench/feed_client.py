"""A feed that costs little: signed bodies over a few connections that stay open, and no more."""

import asyncio
import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FeedClient:
    """Pushes bodies; so many at once as there are connections, the others wait."""

    def __init__(self, port: int, feed: str, secret: str) -> None:
        self._port = port
        self._feed = feed
        self._secret = secret.encode()
        self._free: asyncio.Queue[Connection] = asyncio.Queue()

    async def open(self, connections: int) -> None:
        """Opens the connections."""
        for _ in range(connections):
            self._free.put_nowait(await self._connect())

    def request(self, body: bytes) -> bytes:
        """Returns a body with its signature as the bytes of a request."""
        signature = hmac.digest(self._secret, body, "sha256").hex()
        head = (
            f"POST /api/feeds/{self._feed} HTTP/1.1\r\nHost: bench\r\n"
            f"Content-Type: application/json\r\nX-Signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def push(self, request: bytes) -> None:
        """Sends a request and waits for its answer, which must be 202 and refuse no item."""
        connection = await self._free.get()
        if connection[0].at_eof():  # The server ends what is idle for some seconds.
            connection = await self._connect()
        reader, writer = connection
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if b" 202 " not in head.split(b"\r\n", 1)[0] or b'"rejected":[]' not in body:
            raise ConnectionError(f"{head.decode()}{body.decode()}")
        self._free.put_nowait(connection)

    async def _connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Closes the connections that are free, which are all of them once nothing is pushed."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()


@asynccontextmanager
async def feed_client(
    port: int, feed: str, secret: str, *, connections: int
) -> AsyncGenerator[FeedClient]:
    """Yields an open client, and closes it."""
    made = FeedClient(port, feed, secret)
    await made.open(connections)
    try:
        yield made
    finally:
        made.close()
