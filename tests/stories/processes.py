"""Processes of ours over servers that are there: started, killed, told to stop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).parents[2]
PATIENCE_S = 60.0
ENDS_WITHIN_S = 30.0
LOOK_AGAIN_S = 0.05


class Processes:
    """Every process has a name, its own settings, and a log in the folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "ENVIRONMENT": "test",
            "LIMIT_ANONYMOUS_PER_MINUTE": "1000000",
            "LIMIT_ANONYMOUS_SOCKETS": "1000000",
            **settings,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str, **settings: str) -> None:
        """Starts `app WORDS`."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "app", *words],
                cwd=PROJECT,
                env={**self._environment, **settings},
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """Kills one as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def tell(self, name: str, number: signal.Signals) -> None:
        """Sends a signal."""
        self._running[name].send_signal(number)

    def end(self, name: str) -> None:
        """Stops one as an operator would; it must end cleanly."""
        process = self._running.pop(name)
        process.terminate()
        assert process.wait(ENDS_WITHIN_S) == 0, self.logs()

    def stop(self) -> None:
        """Stops all of them, however."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDS_WITHIN_S)
            process.kill()

    async def until(self, url: str, is_so: Callable[[Any], bool]) -> Any:
        """Asks until an answer's JSON is what is waited for."""
        limit, told = time.monotonic() + PATIENCE_S, None
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            while time.monotonic() < limit:
                with contextlib.suppress(httpx.TransportError):
                    told = (await client.get(url)).json()
                    if is_so(told):
                        return told
                await asyncio.sleep(LOOK_AGAIN_S)
        raise AssertionError((told, self.logs()))

    def logs(self) -> str:
        """Returns the last words of every process."""
        return "\n".join(
            f"== {file.name}\n{file.read_text()[-3000:]}" for file in self._folder.glob("*.log")
        )


@contextmanager
def processes(folder: Path, **settings: str) -> Generator[Processes]:
    """Yields processes that are stopped at the end."""
    made = Processes(folder, **settings)
    try:
        yield made
    finally:
        made.stop()
