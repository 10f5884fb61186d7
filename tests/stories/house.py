"""The whole house in real processes, each to be killed and started again."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from app.devstack import ports
from app.devstack.stack import Stack
from tests.conftest import NO_TLS

PROJECT = Path(__file__).parents[2]
ANSWERS_WITHIN_S = 30.0
ENDS_WITHIN_S = 20.0
LOOK_AGAIN_S = 0.05
PATIENCE_S = 60.0


class House:
    """API and worker over a stack. `parts` are what can be killed."""

    def __init__(self, stack: Stack, folder: Path, **settings: str) -> None:
        self.stack = stack
        self.modules: dict[str, tuple[str, ...]] = {
            "api": ("app", "api"),
            "worker": ("app", "worker"),
        }
        self.port = ports.pick()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {
            **os.environ,
            "DATABASE_URL": stack.database_url,
            "REDIS_URL": stack.redis_url,
            "PORT": str(self.port),
            "LIMIT_ANONYMOUS_PER_MINUTE": "1000000",
            "LIMIT_ANONYMOUS_SOCKETS": "1000000",
            **settings,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, part: str) -> None:
        """Starts `api` or `worker`."""
        with (self._folder / f"{part}.log").open("ab") as log:
            self._processes[part] = subprocess.Popen(
                [sys.executable, "-m", *self.modules[part]],
                cwd=PROJECT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self, part: str) -> None:
        """Kills a part as a crash would, and starts it again."""
        if part == "postgres":
            assert self.stack.postgres
            self.stack.postgres.kill()
            self.stack.postgres.start()
        elif part == "valkey":
            assert self.stack.valkey
            self.stack.valkey.kill()
            self.stack.valkey.start()
        else:
            self._processes[part].send_signal(signal.SIGKILL)
            self._processes[part].wait()
            self.start(part)

    def end(self, part: str) -> None:
        """Stops a part as an operator would; it must end cleanly."""
        process = self._processes.pop(part)
        process.terminate()
        assert process.wait(ENDS_WITHIN_S) == 0, self.logs()

    def wait_until_ready(self) -> None:
        """Waits until the API answers that it is ready."""
        until = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            try:
                if httpx.get(f"{self.url}/health/ready", verify=NO_TLS).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, self.logs()
            time.sleep(LOOK_AGAIN_S)

    async def until(self, path: str, is_so: Callable[[Any], bool]) -> Any:
        """Asks the API until an answer's JSON is what is waited for, whatever dies meanwhile."""
        limit = time.monotonic() + PATIENCE_S
        while True:
            told = None
            with contextlib.suppress(httpx.TransportError):
                told = self.ask(path).json()
                if is_so(told):
                    return told
            assert time.monotonic() < limit, (told, self.logs())
            await asyncio.sleep(LOOK_AGAIN_S)

    def ask(self, path: str) -> httpx.Response:
        """Asks the API, whatever it answers."""
        return httpx.get(self.url + path, verify=NO_TLS)

    def get(self, path: str) -> Any:
        """Returns a JSON answer that is to be 200."""
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def logs(self) -> str:
        """Returns the last words of every process."""
        return "\n".join(
            f"== {file.name}\n{file.read_text()[-3000:]}" for file in self._folder.glob("*.log")
        )

    def stop(self) -> None:
        """Stops what runs."""
        for part in list(self._processes):
            self.end(part)
