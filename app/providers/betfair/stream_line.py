"""One connection of the stream: TLS, a JSON message a line, CRLF at its end."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from app.providers.provider import ProviderTimeout, ProviderUnavailable, ProviderUnreadable

CONNECT_TIMEOUT_S = 10.0
# An image of 200 markets with 130 runners each has about 3 MB.
LINE_BYTES_MAX = 16 * 1024 * 1024
_END = b"\r\n"


class StreamLine:
    """Reads and writes messages; whatever goes wrong is a ProviderError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, within_s: float) -> bytes:
        """Returns the next line; raises ProviderError: too late, too long, cut."""
        try:
            async with asyncio.timeout(within_s):
                return await self._reader.readuntil(_END)
        except TimeoutError:
            raise ProviderTimeout(f"silent for {within_s:g} s") from None
        except asyncio.LimitOverrunError:
            raise ProviderUnreadable("a line without an end") from None
        except asyncio.IncompleteReadError as error:
            where = "in the middle of a line" if error.partial else "between two lines"
            raise ProviderUnavailable(f"cut {where}") from None
        except OSError as error:
            raise ProviderUnavailable(type(error).__name__) from None

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message; raises ProviderUnavailable."""
        try:
            self._writer.write(msgspec.json.encode(message) + _END)
            await self._writer.drain()
        except OSError as error:
            raise ProviderUnavailable(type(error).__name__) from None


@asynccontextmanager
async def connected(
    host: str, port: int, tls: ssl.SSLContext | None, line_bytes_max: int
) -> AsyncGenerator[StreamLine]:
    """Opens a connection and cuts it at the end; raises ProviderUnavailable."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=tls or ssl.create_default_context(), limit=line_bytes_max
            )
    except TimeoutError:
        raise ProviderTimeout("no connection in time") from None
    except OSError as error:
        raise ProviderUnavailable(type(error).__name__) from None
    try:
        yield StreamLine(reader, writer)
    finally:
        # Said goodbye to nobody: a peer that no longer reads would keep us waiting.
        writer.transport.abort()
