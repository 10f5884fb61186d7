"""Clients that say anything, half open, or all at once: a clear end for each, nothing left, and
nobody else notices.
"""

import asyncio
import gc
import random
import resource
import struct
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import cast

import pytest
from websockets.frames import Frame, Opcode

from app.serving.shared_frames import SharedFrames, SharedLine
from app.sockets.session import Session
from tests.sockets.conftest import PATIENCE_S, Door, a_door, a_token, frame, sockets_of
from tests.sockets.test_slow_readers import resident_bytes

# Sockets that come within two seconds; fewer where the machine gives no files for both of their
# ends, or would take longer than this to answer them.
STORM = 5_000
STORM_LEAST = 2_000
STORM_WITHIN_S = 2.0
ANSWERED_WITHIN_S = 8.0
SAMPLE = 100
# What is open anyhow: the servers' lines, libraries, the test's own.
FILES_SPARE = 300
# The rest are one too many of their caller.
LET_IN = 500
# What a storm may leave in the allocator's hands, both ends of a socket and its first state.
LEFT_BYTES_EACH_MAX = 40_000
# Clients that talk nonsense, of seeds 0 to this; a seed is one client, again and again the same.
FUZZERS = 240
ALL_CLOSED_WITHIN_S = 60

HEAD = (
    "GET {} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(params=["shared", "stock"])
async def door(
    request: pytest.FixtureRequest, database_url: str, redis_url: str
) -> AsyncGenerator[Door]:
    """The application, over both ways to carry sockets."""
    async with a_door(
        database_url, redis_url, SOCKETS=request.param, LIMIT_ANONYMOUS_SOCKETS=str(LET_IN)
    ) as served:
        yield served


class Raw(asyncio.Protocol):
    """A client of which every byte is ours; `ended` is done when the server has closed."""

    def __init__(self, say: bytes, enough: Callable[[bytes], bool] = lambda _: False) -> None:
        self._say = say
        self._enough = enough
        self.heard = bytearray()
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.answered: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says all it has to say."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._say)

    def data_received(self, data: bytes) -> None:
        """Keeps what it hears."""
        self.heard += data
        if not self.answered.done() and self._enough(bytes(self.heard)):
            self.answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notes the end, however it was."""
        del exc
        for future in (self.ended, self.answered):
            if not future.done():
                future.set_result(None)

    @property
    def close_code(self) -> int | None:
        """The code of the close frame that came last; None without one."""
        at = self.heard.rfind(b"\x88")
        return struct.unpack_from("!H", self.heard, at + 2)[0] if at >= 0 else None


async def raw(door: Door, say: bytes, enough: Callable[[bytes], bool] = lambda _: False) -> Raw:
    """Connects, and says this."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Raw(say, enough), "127.0.0.1", door.port)
    return client


def sent(dice: random.Random) -> bytes:
    """A frame as a client could send it, or never should."""
    words = ('{"type":"ping"}', '{"type":"auth","token":"x"}', '{"type":"subscribe"}', "[" * 9_000)
    payload = dice.choice(
        [dice.choice(words).encode(), dice.randbytes(dice.randrange(300)), b"\xff\xfe", b""]
    )
    if dice.random() < 0.05:
        payload = bytes(70_000)
    opcode = dice.choice([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING])
    if opcode is Opcode.PING:
        payload = payload[:125]
    whole = opcode is Opcode.PING or dice.random() < 0.8
    wire = bytearray(Frame(opcode, payload, fin=whole).serialize(mask=True))
    if dice.random() < 0.1:
        wire[0] ^= 1 << dice.randrange(8)
    if dice.random() < 0.1:
        wire[1] ^= 1 << dice.randrange(8)
    return bytes(wire)


def nonsense(seed: int, match_id: int) -> bytes:
    """All that one client says: a handshake, mostly whole, and what no client of ours would."""
    dice = random.Random(seed)
    path = dice.choice([f"/live/{match_id}", "/live/x", "/ws", "/app/touchline", "/app/nobody"])
    head = HEAD.format(path).encode()
    if dice.random() < 0.15:
        return head[: dice.randrange(1, len(head))]
    if dice.random() < 0.1:
        spoilt = bytearray(head)
        spoilt[dice.randrange(len(head))] = dice.randrange(256)
        return bytes(spoilt)
    said = head + b"".join(sent(dice) for _ in range(dice.randrange(1, 30)))
    return said[: dice.randrange(len(head), len(said) + 1)] if dice.random() < 0.3 else said


async def nobody_left_but(door: Door, count: int) -> None:
    """Waits until the sockets are those there were before."""
    async with asyncio.timeout(ALL_CLOSED_WITHIN_S):
        while sockets_of(door) != count:
            await asyncio.sleep(0.02)


async def files_back_to(before: int) -> None:
    """Waits until no more files are open than before; one may be a timer's or a pool's."""
    async with asyncio.timeout(ALL_CLOSED_WITHIN_S):
        while files() > before + 5:
            await asyncio.sleep(0.02)


def files() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def carriers() -> int:
    """How many objects there are that stand for a socket."""
    gc.collect()
    return sum(isinstance(one, (Session, SharedLine, SharedFrames)) for one in gc.get_objects())


async def test_who_talks_nonsense_is_ended_and_leaves_nothing(door: Door):
    match_id = await door.a_match()
    reader = await door.open(match_id)
    seq = (await frame(reader))["seq"]
    before = files()
    for first in range(0, FUZZERS, 40):
        clients = [await raw(door, nonsense(seed, match_id)) for seed in range(first, first + 40)]
        await door.tick(match_id, f"{first}'")
        seq += 1
        assert (await frame(reader))["seq"] == seq
        # Half of them go without a word; of the rest the server ends those it has to.
        for client in clients[::2]:
            client.transport.abort()
        # A ping of ours is answered, with what was said before it: so the server has read it all.
        for client in clients[1::2]:
            client.transport.write(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
            if client.transport.can_write_eof() and not client.transport.is_closing():
                client.transport.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(client.ended for client in clients))
        # Whoever was told a code was told one of the protocol or of the catalogue.
        codes = {client.close_code for client in clients if b" 101 " in client.heard[:20]}
        assert codes <= {None, 1000, 1002, 1007, 1009, *range(4_000, 4_600)}, (first, codes)
    await nobody_left_but(door, 1)
    await files_back_to(before)
    await door.tick(match_id, "90'")
    assert (await frame(reader))["seq"] == seq + 1
    await reader.close()


def storm_size() -> int:
    """As many sockets as there may be files for, both ends of each in this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * STORM + FILES_SPARE
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return min(STORM, (allowed - FILES_SPARE) // 2)


@pytest.mark.parametrize("door", ["shared"], indirect=True)
async def test_a_storm_of_connections_is_let_in_or_sent_away_and_leaves_nothing(door: Door):
    kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = storm_size()
    if count < STORM_LEAST:
        pytest.skip(f"this machine gives files for {count} sockets only")
    try:
        match_id = await door.a_match()
        # Without heartbeats: a machine that is busy takes a while to answer so many.
        patient = f"?heartbeatMs=120000&token={await a_token(door)}"
        reader = await door.open(match_id, patient)
        seq = (await frame(reader))["seq"]
        count = max(
            STORM_LEAST, min(count, await answered_within(door, match_id, ANSWERED_WITHIN_S))
        )
        gc.collect()
        before, resident, carried = files(), resident_bytes(), carriers()
        clients = await a_storm(door, match_id, count)
        await door.tick(match_id, "9'")
        assert (await frame(reader))["seq"] == seq + 1
        async with asyncio.timeout(ALL_CLOSED_WITHIN_S):
            await asyncio.gather(*(client.answered for client in clients))
        let_in = [client for client in clients if b'"type":"snapshot"' in client.heard]
        away = [client for client in clients if client.close_code == 4429]
        assert len(let_in) == LET_IN
        assert len(away) == count - LET_IN
        assert all(b'"code":"too_many_sockets"' in client.heard for client in away)
        for client in clients:
            client.transport.abort()
        await nobody_left_but(door, 1)
        clients.clear()
        let_in.clear()
        away.clear()
        await files_back_to(before)
        gc.collect()
        assert carriers() == carried
        assert resident_bytes() - resident < count * LEFT_BYTES_EACH_MAX
        await door.tick(match_id, "10'")
        assert (await frame(reader))["seq"] == seq + 2
        await reader.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, kept)


async def answered_within(door: Door, match_id: int, seconds: float) -> int:
    """About how many sockets this machine answers in so long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for client in await a_storm(door, match_id, SAMPLE, within_s=0.0):
        await client.answered
        client.transport.abort()
    await nobody_left_but(door, 1)
    return int(seconds * SAMPLE / (loop.time() - began))


async def a_storm(
    door: Door, match_id: int, count: int, *, within_s: float = STORM_WITHIN_S
) -> list[Raw]:
    """So many handshakes, spread evenly over the time of a storm, whoever has been answered."""
    said = HEAD.format(f"/live/{match_id}").encode()
    loop = asyncio.get_running_loop()
    began = loop.time()

    def enough(heard: bytes) -> bool:
        return b'"type":"snapshot"' in heard or b"\x88" in heard

    async def come(number: int) -> Raw:
        await asyncio.sleep(began + number * within_s / count - loop.time())
        return await raw(door, said, enough)

    return list(await asyncio.gather(*(come(number) for number in range(count))))
