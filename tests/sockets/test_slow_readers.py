"""Readers that do not read: bounded, conflated, closed; and nobody else notices."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from app.sockets import close_codes
from tests.sockets.conftest import PATIENCE_S, Door, a_door, closed, frame, sockets_of

BYTES_MAX = 131_072
PADDING = "x" * 20_000
# Enough to fill what the kernel keeps between two ends that do not read.
FRAMES = 300
STUCK = 1_000
PAGE_BYTES = resource.getpagesize()

_APPEND = """
SELECT append_changes(array_agg($1::bigint), array_agg($2::text), array_agg(b))
FROM (
    SELECT json_build_object(
        'marketId', (n % $4)::text, 'id', (n % $4)::text, 'version', n + 2, 'updatedAt', 'now',
        'padding', $3::text, 'selections', '[]'::json
    )::text AS b FROM generate_series($5::int, $6::int) AS n ORDER BY n
) AS bodies
"""


@pytest.fixture(params=["shared", "stock"])
async def door(
    request: pytest.FixtureRequest, database_url: str, redis_url: str
) -> AsyncGenerator[Door]:
    """The application, with little room for each socket."""
    more = {"SOCKET_WAITING_BYTES_MAX": str(BYTES_MAX), "SOCKET_SEND_TIMEOUT_S": "2"}
    async with a_door(
        database_url, redis_url, send_buffer=16_384, SOCKETS=request.param, **more
    ) as served:
        yield served


async def change(door: Door, match_id: int, kind: str, about: int, *, last: int) -> None:
    """Appends long entries, each about one of so many things, ten a commit."""
    for n in range(1, last + 1, 10):
        await door.connection.execute(_APPEND, match_id, kind, PADDING, about, n, min(n + 9, last))


async def all_until(client: ClientConnection, seq: int) -> list[dict[str, Any]]:
    """Every frame up to a place."""
    heard = [await frame(client)]
    while heard[-1]["seq"] < seq:
        heard.append(await frame(client))
    return heard


async def test_a_reader_that_falls_behind_hears_the_newest_of_each_and_the_end(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, max_queue=1, compression=None)
    start = (await frame(client))["seq"]
    client.transport.pause_reading()
    await change(door, match_id, "odds_update", 3, last=FRAMES)
    head = start + FRAMES
    assert await door.seq_of(match_id) == head
    reader = await door.open(match_id)
    assert (await frame(reader))["seq"] == head
    client.transport.resume_reading()
    heard = await all_until(client, head)
    burst = [one for one in heard if one.get("conflated")]
    assert [one["type"] for one in heard if one["type"] == "snapshot"] == []
    assert 0 < len(burst) < len(heard) < FRAMES
    # Whole up to the burst, then the newest of each.
    plain = [one["seq"] for one in heard if not one.get("conflated")]
    assert plain == list(range(start + 1, start + 1 + len(plain)))
    newest = {one["data"]["marketId"]: one["data"]["version"] for one in heard}
    assert newest == {"0": FRAMES + 2, "1": FRAMES, "2": FRAMES + 1}
    await door.tick(match_id, "9'")
    for one in (client, reader):
        assert (await frame(one))["seq"] == head + 1
        await one.close()


async def test_a_reader_for_whom_even_that_is_too_much_gets_a_snapshot(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, max_queue=1, compression=None)
    start = (await frame(client))["seq"]
    client.transport.pause_reading()
    # Incidents are many things: there is nothing to merge.
    await change(door, match_id, "incident", FRAMES, last=FRAMES)
    client.transport.resume_reading()
    heard = await all_until(client, start + FRAMES)
    assert (heard[-1]["type"], heard[-1]["reason"]) == ("snapshot", "slow_consumer")
    await door.tick(match_id, "9'")
    assert (await frame(client))["seq"] == start + FRAMES + 1
    await client.close()


async def test_a_reader_that_never_reads_is_closed_as_too_slow(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, max_queue=1, compression=None)
    await frame(client)
    client.transport.pause_reading()
    await change(door, match_id, "odds_update", 3, last=FRAMES)
    async with asyncio.timeout(PATIENCE_S):
        while sockets_of(door):
            await asyncio.sleep(0.02)
    client.transport.resume_reading()
    assert await closed(client) in (close_codes.TOO_SLOW.code, 1006, None)


async def a_deaf_socket(door: Door, match_id: int) -> socket.socket:
    """A WebSocket that was opened, and never reads."""
    return await deaf(
        door,
        f"GET /live/{match_id} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )


async def deaf(door: Door, asked: str) -> socket.socket:
    """A line on which this is asked, and nothing read."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", door.port))
    await loop.sock_sendall(line, asked.encode())
    return line


async def test_a_stream_of_events_that_nobody_reads_ends_and_that_is_no_error(
    door: Door, caplog: pytest.LogCaptureFixture
):
    match_id = await door.a_match()
    with await deaf(door, f"GET /live/{match_id}/events HTTP/1.1\r\nHost: here\r\n\r\n"):
        async with asyncio.timeout(PATIENCE_S):
            while not sockets_of(door):
                await asyncio.sleep(0.01)
        await change(door, match_id, "incident", FRAMES, last=FRAMES)
        async with asyncio.timeout(PATIENCE_S):
            while sockets_of(door) or door.app.state.hub.is_followed(match_id):
                await asyncio.sleep(0.02)
    assert [
        record.getMessage() for record in caplog.records if record.name == "uvicorn.error"
    ] == []


def resident_bytes() -> int:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def test_a_thousand_that_never_read_neither_bother_nor_bloat(door: Door):
    match_id = await door.a_match()
    readers = [await door.open(match_id) for _ in range(5)]
    starts = {(await frame(reader))["seq"] for reader in readers}
    (start,) = starts
    with contextlib.ExitStack() as stuck:
        for _ in range(STUCK):
            stuck.enter_context(await a_deaf_socket(door, match_id))
        await _bother(door, match_id, readers, start)
    for reader in readers:
        await reader.close()


async def _bother(door: Door, match_id: int, readers: list[ClientConnection], start: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while sockets_of(door) < STUCK + len(readers):
            await asyncio.sleep(0.01)
    before = resident_bytes()
    # A megabyte for each, were it kept for each: a gigabyte.
    entries = 50
    changing = asyncio.create_task(change(door, match_id, "odds_update", 3, last=entries))
    for reader in readers:
        told = await all_until(reader, start + entries)
        # While a slow machine connects the thousand, the first heartbeats fall due.
        heard = [one for one in told if one["type"] != "heartbeat"]
        assert [one["seq"] for one in heard] == list(range(start + 1, start + entries + 1))
        assert not any(one.get("conflated") for one in heard)
    await changing
    # What a line holds before it says it is full, and what this loop copies of it.
    assert resident_bytes() - before < STUCK * 200_000
    async with asyncio.timeout(PATIENCE_S):
        while sockets_of(door) > len(readers):
            await asyncio.sleep(0.05)
