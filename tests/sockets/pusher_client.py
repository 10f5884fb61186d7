"""pusher-js and Laravel Echo under Node.js, as processes that tests give commands to."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.sockets.node_packages import HERE, NODE, NotInstalled, installed

PATIENCE_S = 30
LINE_BYTES_MAX = 4 * 1024 * 1024


class Client:
    """One client of other people. What it says is kept in order and looked through by tests."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands = process.stdin
        self._said = process.stdout
        self.saw: list[dict[str, Any]] = []

    def do(self, what: str, channel: str = "", **more: object) -> None:
        """Gives a command."""
        command = {"do": what, "channel": channel, **more}
        self._commands.write(msgspec.json.encode(command) + b"\n")

    async def until(self, **wanted: object) -> dict[str, Any]:
        """Reads on until it says something with all of `wanted` in it."""
        async with asyncio.timeout(PATIENCE_S):
            while line := await self._said.readline():
                saying: dict[str, Any] = msgspec.json.decode(line)
                self.saw.append(saying)
                if wanted.items() <= saying.items():
                    return saying
        raise AssertionError(f"the client ended without saying {wanted}: {self.saw}")

    async def frame(self, kind: str, channel: str) -> dict[str, Any]:
        """The next frame of a type on a channel, as the application's listener gets it."""
        frame: dict[str, Any] = (await self.until(saw="event", event=kind, channel=channel))["data"]
        assert frame["type"] == kind
        return frame

    async def connected(self) -> str:
        """Waits until it is connected; returns its socket's id."""
        return (await self.until(saw="state", state="connected"))["socketId"]


@asynccontextmanager
async def a_client(kind: str, port: int, **more: object) -> AsyncGenerator[Client]:
    """Runs `pusher` or `echo`; skips the test where the packages are not to be had."""
    try:
        packages = await asyncio.to_thread(installed)
    except NotInstalled as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    asked = {"packages": str(packages), "key": "touchline", "port": port} | more
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(HERE / "client.mjs"),
        kind,
        msgspec.json.encode(asked).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        yield Client(process)
    finally:
        # The end of its commands ends it.
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
