"""One thing that runs, and how it is started again when it ends."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from app.devstack.launch import Launch, kill, launch, tail

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
LAST_LINES = 5
STEADY_S = 10.0  # Whoever ran this long starts its backoff anew.
# A log that grows past this is emptied: it is a window on the newest, not an archive.
LOG_BYTES_MAX = 32 * 1024 * 1024


class Part(Protocol):
    """What is watched: a child of ours, or an embedded server."""

    name: str
    log: Path

    @property
    def pid(self) -> int | None:
        """Its process, None when it does not run."""
        ...

    def launch(self) -> None:
        """Starts it without waiting."""
        ...


class Child:
    """A process of this program: the API, the worker, a step of the set-up."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        handed_down: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._how = Launch(
            command=command,
            environment=environment,
            log=log,
            folder=Path.cwd(),
            handed_down=handed_down,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs or before."""
        return self._process.poll() if self._process else None

    def launch(self) -> None:
        """Starts it without waiting. Nothing happens when it already runs."""
        if self.pid is None:
            self._process = launch(self._how)

    def ask_to_stop(self) -> None:
        """Sends SIGTERM. Safe when it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop_by(self, until: float) -> None:
        """Waits for its end until that moment (monotonic), then kills it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill(self._process)


class Watch:
    """Starts a part again when it has ended: soon at first, less often when that doesn't help."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._backoff_s = BACKOFF_FIRST_S
        self._started_at = time.monotonic()
        self._start_at: float | None = None

    def look(self) -> str:
        """Looks after the part; returns what there is to tell, mostly nothing."""
        now = time.monotonic()
        if self.part.pid is not None:
            self._bound_log()
            return ""
        if self._start_at is None:
            if now - self._started_at > STEADY_S:
                self._backoff_s = BACKOFF_FIRST_S
            self._start_at = now + self._backoff_s
            return self._obituary()
        if now < self._start_at:
            return ""
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)
        self._started_at, self._start_at = now, None
        return self._launch()

    def _obituary(self) -> str:
        """Returns that it ended, with its last words the first time in a row."""
        text = f"{self.part.name} ended; starting it again in {self._backoff_s:.1f} s"
        first = self._backoff_s == BACKOFF_FIRST_S
        return f"{text}\n{tail(self.part.log, LAST_LINES)}".rstrip() if first else text

    def _launch(self) -> str:
        try:
            self.part.launch()
        except Exception as error:  # noqa: BLE001 - whatever it is, we go on and try again.
            return f"{self.part.name} does not start: {error}"
        return ""

    def _bound_log(self) -> None:
        if self.part.log.exists() and self.part.log.stat().st_size > LOG_BYTES_MAX:
            os.truncate(self.part.log, 0)
