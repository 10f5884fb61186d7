"""The proxy does to lines what it says, else the stories behind it prove nothing."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.stories.proxy import Proxy, Way, a_proxy

PATIENCE_S = 10
# Something that must not arrive is waited for this long.
NOTHING_S = 0.05


class Caller:
    """One line to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self, text: bytes) -> bytes:
        """What comes back; nothing when the line is cut."""
        try:
            self.writer.write(text)
            async with asyncio.timeout(PATIENCE_S):
                return await self.reader.read(100)
        except OSError:
            return b""


@asynccontextmanager
async def calling(proxy: Proxy) -> AsyncGenerator[Caller]:
    """Opens a line and closes it."""
    caller = Caller(*await asyncio.open_connection("127.0.0.1", proxy.port))
    try:
        yield caller
    finally:
        caller.writer.transport.abort()


class Echo(asyncio.Protocol):
    """A server that says everything back."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the line."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Says it back."""
        self.transport.write(data)


@pytest.fixture
async def echo() -> AsyncGenerator[tuple[str, int]]:
    """Where the server is."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[:2]
    server.close()


async def test_it_carries_both_ways_and_ends_with_either_end(echo: tuple[str, int]):
    async with a_proxy(echo) as proxy:
        async with calling(proxy) as caller:
            assert await caller.answer(b"one") == b"one"
            assert len(proxy.lines) == 1
        async with asyncio.timeout(PATIENCE_S):
            while proxy.lines:
                await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_stalled_line_stays_open_and_loses_nothing(way: Way, echo: tuple[str, int]):
    async with a_proxy(echo) as proxy, calling(proxy) as caller:
        assert await caller.answer(b"one") == b"one"
        proxy.stall(way)
        caller.writer.write(b"late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(NOTHING_S):
                await caller.reader.read(100)
        proxy.heal()
        assert await caller.answer(b"r") in (b"late", b"later")


async def test_a_delayed_line_is_late_and_in_order(echo: tuple[str, int]):
    async with a_proxy(echo) as proxy, calling(proxy) as caller:
        proxy.delay_s = NOTHING_S
        for letter in (b"a", b"b", b"c"):
            caller.writer.write(letter)
        async with asyncio.timeout(PATIENCE_S):
            assert await caller.reader.readexactly(3) == b"abc"


async def test_what_comes_after_a_healed_delay_does_not_overtake(echo: tuple[str, int]):
    async with a_proxy(echo) as proxy, calling(proxy) as caller:
        assert await caller.answer(b"one") == b"one"
        proxy.delay_s = NOTHING_S
        caller.writer.write(b"a")
        (line,) = proxy.lines
        async with asyncio.timeout(PATIENCE_S):
            while not line.ends["up"].late:
                await asyncio.sleep(0)
        proxy.heal()
        caller.writer.write(b"b")
        # The loop is busy until the first is overdue: it finds both to be done at once.
        time.sleep(2 * NOTHING_S)  # noqa: ASYNC251
        async with asyncio.timeout(PATIENCE_S):
            assert await caller.reader.readexactly(2) == b"ab"


async def test_a_cut_line_is_reset_and_a_new_one_is_whole(echo: tuple[str, int]):
    async with a_proxy(echo) as proxy:
        async with calling(proxy) as caller:
            assert await caller.answer(b"one") == b"one"
            proxy.cut()
            assert await caller.answer(b"two") == b""
        async with calling(proxy) as caller:
            assert await caller.answer(b"three") == b"three"


async def test_it_lets_nobody_in_while_refusing(echo: tuple[str, int]):
    async with a_proxy(echo) as proxy:
        proxy.refusing = True
        async with calling(proxy) as caller:
            assert await caller.answer(b"one") == b""
        proxy.heal()
        async with calling(proxy) as caller:
            assert await caller.answer(b"two") == b"two"


async def test_a_target_that_is_away_is_passed_by(echo: tuple[str, int]):
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    away = server.sockets[0].getsockname()[:2]
    server.close()
    await server.wait_closed()
    async with a_proxy(away, echo) as proxy:
        for _ in range(4):
            async with calling(proxy) as caller:
                assert await caller.answer(b"one") == b"one"
