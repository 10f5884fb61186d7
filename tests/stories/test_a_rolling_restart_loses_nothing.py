"""Two API processes on one port are renewed one by one under a thousand clients."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.devstack import ports
from tests.builders import a_match
from tests.stories.processes import processes

pytestmark = pytest.mark.story

CLIENTS = 1_000
MATCHES = 10
# Handshakes under way at once, so that the clients' own loop keeps up.
CONNECTING_MAX = 50
PATIENCE_S = 90
# Between two rounds of changes, one of each match.
APART_S = 0.1


class Client:
    """Keeps its place and comes back with it, when it is told to."""

    def __init__(self, url: str, match_id: int, door: asyncio.Semaphore) -> None:
        self._url = f"{url}/live/{match_id}?heartbeatMs=60000"
        self._door = door
        self._resume = ""
        self._come_back_s = 0.1
        self.match_id = match_id
        self.seq = 0
        self.connections = 0
        self.snapshots = 0
        self.closes: list[int | None] = []

    async def follow(self) -> None:
        """Follows until cancelled; a frame that is not the next one ends it."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._connect()
            await asyncio.sleep(self._come_back_s)

    async def _connect(self) -> None:
        since = f"&since={self._resume}" if self._resume else ""
        async with self._door:
            socket = await connect(self._url + since, compression=None, ping_interval=None)
        self.connections += 1
        try:
            async for text in socket:
                self._take(msgspec.json.decode(text))
        finally:
            self.closes.append(socket.close_code)
            await socket.close()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "going_away":
            self._come_back_s = frame["reconnectInMs"] / 1000
            return
        if frame["type"] == "snapshot":
            self.snapshots += 1
        elif frame["type"] != "heartbeat":
            assert frame["seq"] == self.seq + 1, (frame, self.seq)
        self.seq, self._resume = frame["seq"], frame["resume"]


async def write(url: str, matches: list[int]) -> None:
    """Changes every match again and again."""
    connection = await asyncpg.connect(url)
    try:
        for n in range(1_000_000):
            await connection.execute("UPDATE live_scores SET clock = $1", f"{n}''")
            await asyncio.sleep(APART_S)
    finally:
        connection.terminate()


@pytest.mark.timeout(240)
async def test_a_thousand_clients_miss_nothing_while_both_processes_are_renewed(
    database_url: str, redis_url: str, tmp_path: Path
):
    port = ports.pick()
    connection = await asyncpg.connect(database_url)
    matches = [await a_match(connection, f"H{n}", f"A{n}") for n in range(MATCHES)]
    door = asyncio.Semaphore(CONNECTING_MAX)
    url = f"ws://127.0.0.1:{port}"
    clients = [Client(url, matches[n % MATCHES], door) for n in range(CLIENTS)]
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port)}
    with processes(tmp_path, **settings, API_PROCESSES="2") as ours:
        ours.start("api", "api")
        health = f"http://127.0.0.1:{port}/health"
        await ours.until(health, lambda h: h["dependencies"]["listener"]["status"] == "up")
        tasks = [asyncio.create_task(client.follow()) for client in clients]
        writing = asyncio.create_task(write(database_url, matches))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await until(tasks, lambda: all(client.snapshots for client in clients))
                ours.tell("api", signal.SIGHUP)
                await until(tasks, lambda: all(client.connections > 1 for client in clients))
                writing.cancel()
                await asyncio.wait([writing])
                rows = await connection.fetch("SELECT match_id, seq FROM match_heads")
                heads = {row["match_id"]: row["seq"] for row in rows}
                await until(tasks, lambda: all(c.seq == heads[c.match_id] for c in clients))
        finally:
            writing.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(writing, *tasks, return_exceptions=True)
            await connection.close()
    # One snapshot, the first: whatever was missed while away came one by one.
    assert {client.snapshots for client in clients} == {1}
    assert {client.closes[0] for client in clients} == {1001}


async def until(tasks: list[asyncio.Task[None]], is_so: Any) -> None:
    """Waits until it is so; what a client found wrong ends the wait."""
    while not is_so():
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.05)
