"""A launched process ends when it is told to, and never outlives us."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.devstack.launch import Launch, end, launch, tail

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
HEEDS_NOTHING = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
DEAF = [sys.executable, "-c", HEEDS_NOTHING]
PARENT = """
import sys
from pathlib import Path
from app.devstack.launch import Launch, launch
folder = Path(sys.argv[1])
child = launch(Launch(command=sys.argv[2:], environment={}, log=folder / "log", folder=folder))
while "up" not in (folder / "log").read_text():
    pass
print(child.pid, flush=True)
sys.stdin.read()
"""


def started(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Launches the command and waits until it says that it is up."""
    log = folder / "log"
    process = launch(Launch(command=command, environment={}, log=log, folder=folder))
    while "up" not in tail(log):
        assert process.poll() is None, tail(log)
    return process


def test_a_process_ends_on_the_first_signal_it_heeds(tmp_path: Path):
    process = started(SLEEPER, tmp_path)
    end(process, (signal.SIGTERM, 10))
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_heeds_nothing_is_killed(tmp_path: Path):
    process = started(DEAF, tmp_path)
    end(process, (signal.SIGTERM, 0.1))
    assert process.returncode == -signal.SIGKILL
    end(process, (signal.SIGTERM, 0.1))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_parent_takes_its_child_along(tmp_path: Path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), *DEAF],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    # A pidfd can be read from when its process has ended; the test's own time limit bounds this.
    assert select.select([child], [], [])[0] == [child]
    os.close(child)
