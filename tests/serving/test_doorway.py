"""One address holds so many connections, whatever becomes of them; real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app import metrics
from app.serving.doorway import TOLD_AT_ONCE_MAX, Doorway
from app.serving.server import Carrying
from tests.serving.conftest import PATIENCE_S, House, serving

MOST = 3
ASKED = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Lines:
    """Connections of one test, all from one address."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.writers: list[asyncio.StreamWriter] = []

    async def open(self, says: bytes = b"") -> asyncio.StreamReader:
        """Connects, and says something at once."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.house.port)
        self.writers.append(writer)
        writer.write(says)
        return reader

    async def until_held(self, count: int) -> None:
        """Waits until the server counts so many of this address."""
        doorway = self.house.server.config.http_protocol_class
        assert isinstance(doorway, Doorway)
        async with asyncio.timeout(PATIENCE_S):
            while doorway.held.get("127.0.0.1", 0) != count:
                await asyncio.sleep(0.001)


@pytest.fixture(params=["shared", "stock"])
async def lines(request: pytest.FixtureRequest) -> AsyncGenerator[Lines]:
    house = House()
    carrying = Carrying(hot=False, shared=request.param == "shared", connections_each=MOST)
    async with serving(house, carrying):
        made = Lines(house)
        yield made
        for writer in made.writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


def refused() -> float:
    return metrics.REGISTRY.get_sample_value("touchline_connections_refused_total") or 0.0


async def test_one_more_is_told_why_and_one_that_went_makes_room(lines: Lines):
    for _ in range(MOST):
        await lines.open()
    await lines.until_held(MOST)
    before = refused()
    head, _, body = (await read(await lines.open(ASKED))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert {b"retry-after: 5", b"connection: close"} <= set(head.split(b"\r\n"))
    assert msgspec.json.decode(body)["code"] == "too_many_connections"
    assert refused() == before + 1
    with pytest.raises(InvalidStatus, match="429"):
        await connect(f"ws://127.0.0.1:{lines.house.port}/")

    lines.writers[0].transport.abort()
    await lines.until_held(MOST - 1)
    client, _ = await lines.house.open()
    await lines.until_held(MOST)
    await client.close()
    await lines.until_held(MOST - 1)


async def test_a_socket_holds_its_place_from_the_handshake_to_its_end(lines: Lines):
    clients = [(await lines.house.open())[0] for _ in range(MOST)]
    await lines.until_held(MOST)
    assert b"too_many_connections" in await read(await lines.open(ASKED))
    clients[0].transport.abort()
    await lines.until_held(MOST - 1)
    for client in clients[1:]:
        await client.close()
    await lines.until_held(0)


async def test_refused_connections_are_not_held_without_end(lines: Lines):
    for _ in range(MOST):
        await lines.open()
    await lines.until_held(MOST)
    readers = [await lines.open(ASKED) for _ in range(TOLD_AT_ONCE_MAX + 5)]
    answers = [await read(reader) for reader in readers]
    assert sum(b"too_many_connections" in answer for answer in answers) == TOLD_AT_ONCE_MAX
    await lines.until_held(MOST)


def test_under_uvloop_too():
    async def once() -> None:
        house = House()
        async with serving(house, Carrying(connections_each=1, hot=False)):
            client, _ = await house.open()
            lines = Lines(house)
            assert b"too_many_connections" in await read(await lines.open(ASKED))
            await client.close()
            await lines.until_held(0)
            for writer in lines.writers:
                writer.close()

    uvloop.run(once())
