"""Two API processes on one port are renewed one by one; nobody connected misses anything."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.devstack import ports
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from tests.conftest import NO_TLS, PROJECT
from tests.observed import a_score, an_observation

PATIENCE_S = 90
CLIENTS = 60
PROCESSES = 2
TICK_S = 0.02


class Follower:
    """A client that comes back where it was, as every client may."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._resume = ""
        self.seqs: list[int] = []
        self.snapshots = 0
        self.closed_with: list[int] = []

    async def follow(self) -> None:
        """Follows until cancelled."""
        while True:
            since = f"&since={self._resume}" if self._resume else ""
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed):
                async with connect(f"{self._url}{since}", compression=None) as client:
                    await self._read(client)

    async def _read(self, client: Any) -> None:
        try:
            async for text in client:
                self._take(msgspec.json.decode(text))
        finally:
            self.closed_with.append(client.close_code)

    def _take(self, frame: dict[str, Any]) -> None:
        if "resume" not in frame:
            return
        self._resume = frame["resume"]
        if frame["type"] == "snapshot":
            self.snapshots += 1
            self.seqs.append(frame["seq"])
        elif frame["type"] != "heartbeat":
            self.seqs.append(frame["seq"])


class Api:
    """`app api` with two processes."""

    def __init__(self, database_url: str, redis_url: str, log: Path) -> None:
        self.port = ports.pick()
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "api"],
                cwd=PROJECT,
                env={
                    **os.environ,
                    "ENVIRONMENT": "test",
                    "DATABASE_URL": database_url,
                    "REDIS_URL": redis_url,
                    "PORT": str(self.port),
                    "API_PROCESSES": str(PROCESSES),
                    "LIMIT_ANONYMOUS_PER_MINUTE": "1000000",
                    "LIMIT_ANONYMOUS_SOCKETS": "1000000",
                },
                stdout=output,
                stderr=output,
            )

    def wait_for(self, words: str, times: int = 1) -> None:
        """Waits until the log says something so many times."""
        until = time.monotonic() + PATIENCE_S
        while self.log.read_text().count(words) < times:
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.05)


@pytest.fixture
def api(database_url: str, redis_url: str, tmp_path: Path) -> Generator[Api]:
    """A running API."""
    made = Api(database_url, redis_url, tmp_path / "api.log")
    try:
        until = time.monotonic() + PATIENCE_S
        while not is_ready(made):
            assert time.monotonic() < until, made.log.read_text()[-3000:]
            time.sleep(0.05)
        yield made
    finally:
        made.process.terminate()
        assert made.process.wait(PATIENCE_S) == 0, made.log.read_text()[-3000:]


def is_ready(api: Api) -> bool:
    """Says whether it answers."""
    with contextlib.suppress(httpx.TransportError):
        return (
            httpx.get(f"http://127.0.0.1:{api.port}/health/ready", verify=NO_TLS).status_code == 200
        )
    return False


async def test_a_rolling_restart_loses_no_client_anything(api: Api, database_url: str):
    connection = await asyncpg.connect(database_url)
    match_id = await write_a_match(connection)
    url = f"ws://127.0.0.1:{api.port}/live/{match_id}?kinds=score"
    followers = [Follower(url) for _ in range(CLIENTS)]
    following = [asyncio.create_task(one.follow()) for one in followers]
    stopping = asyncio.Event()
    writing = asyncio.create_task(write(connection, match_id, stopping))
    try:
        await until(lambda: all(one.seqs for one in followers))
        api.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(api.wait_for, "api_renewal_done")
        stopping.set()
        await writing
        last = await connection.fetchval(
            "SELECT seq FROM match_heads WHERE match_id = $1", match_id
        )
        await until(lambda: all(one.seqs[-1] == last for one in followers))
    finally:
        stopping.set()
        for task in following:
            task.cancel()
        await asyncio.wait([*following, writing])
        await connection.close()
    for one in followers:
        first = one.seqs[0]
        assert one.seqs == list(range(first, first + len(one.seqs)))
        assert one.snapshots == 1, "whoever came back was told what was missed, and only that"
    closes = [code for one in followers for code in one.closed_with]
    assert closes.count(1001) >= CLIENTS, "everybody was told that their server goes"


async def write_a_match(connection: asyncpg.Connection) -> int:
    """A match in play."""
    async with connection.transaction():
        await ingest(connection, [an_observation("m1", score=a_score(1))], Known())
    match_id: int = await connection.fetchval("SELECT id FROM matches")  # pyright: ignore
    return match_id


async def write(connection: asyncpg.Connection, match_id: int, stopping: asyncio.Event) -> None:
    """Changes a match over and over."""
    number = 0
    while not stopping.is_set():
        number += 1
        await connection.execute(
            "UPDATE live_scores SET clock = $2 WHERE match_id = $1", match_id, str(number)
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), TICK_S)


async def until(true: Any) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.05)
