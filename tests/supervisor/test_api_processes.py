"""Several processes on one port: all answer, the dead come back, renewing refuses nobody."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from app.devstack import ports
from tests.conftest import PROJECT

PATIENCE_S = 30
COUNT = 2


class Several:
    """A supervisor of small servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.pick()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.supervisor.answering",
                "supervise",
                str(self.port),
                str(COUNT),
                str(folder),
            ],
            cwd=PROJECT,
        )

    def call(self) -> int:
        """Returns the process that answers; waits as long as a caller would."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as caller:
            return int(caller.recv(64))

    def callers(self, count: int = 40) -> set[int]:
        """Returns the processes that answer so many callers."""
        return {self.call() for _ in range(count)}

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Waits."""
        until = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.05)

    def listens(self) -> bool:
        """Says whether callers are not refused."""
        try:
            self.call()
        except ConnectionRefusedError:
            return False
        return True


@pytest.fixture
def several(tmp_path: Path) -> Generator[Several]:
    """Two processes on one port."""
    made = Several(tmp_path)
    try:
        made.wait_until(made.listens)
        yield made
    finally:
        made.process.terminate()
        assert made.process.wait(PATIENCE_S) == 0


def test_callers_are_shared_out_among_all_processes(several: Several):
    assert len(several.callers()) == COUNT


def test_one_that_dies_comes_back_and_its_callers_wait_for_it(several: Several):
    before = several.callers()
    os.kill(min(before), signal.SIGKILL)
    after = several.callers()  # Not one is refused, or this raises.
    assert max(before) in after
    assert len(after) == COUNT
    assert min(before) not in after


def test_renewing_replaces_all_and_refuses_nobody(several: Several):
    before = several.callers()
    several.process.send_signal(signal.SIGHUP)
    # Who is refused raises. Of two that listen on one socket ten callers may meet one only.
    several.wait_until(lambda: bool(several.callers(10)) and all(map(is_gone, before)))
    after = several.callers()
    assert len(after) == COUNT
    assert after.isdisjoint(before)


def test_a_process_stays_when_its_successor_does_not_start(several: Several):
    before = several.callers()
    (several.folder / "broken").touch()
    several.process.send_signal(signal.SIGHUP)
    several.process.send_signal(signal.SIGHUP)
    assert several.callers() == before
    (several.folder / "broken").unlink()
    several.process.send_signal(signal.SIGHUP)
    several.wait_until(lambda: several.callers().isdisjoint(before))


def is_gone(process: int) -> bool:
    """Says whether a process has ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False
