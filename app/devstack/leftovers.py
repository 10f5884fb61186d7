"""Servers that a crash left running on a data folder of ours.

On Linux they are tied to us and end by themselves; this waits for them, and helps those that
don't. Whoever calls it holds the folder's lock, so no living owner can be robbed.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 3.0  # A fast shutdown under way takes some 50 ms.
STEPS = ((signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0))
LOOK_AGAIN_S = 0.02


class StillRunning(Exception):
    """A server of an earlier start does not end."""


def end_leftovers(data: Path, program: str) -> None:
    """Waits until no `program` works in the data folder any more; ends those that stay."""
    if _gone(data, program, GRACE_S):
        return
    for number, wait_s in STEPS:
        for pid in working_in(data, program):
            _send(pid, number)
        if _gone(data, program, wait_s):
            return
    raise StillRunning(f"{program} still runs on {data}: processes {working_in(data, program)}")


def working_in(data: Path, program: str) -> list[int]:
    """Returns the processes of that program whose working folder is the data folder."""
    if not data.exists():
        return []
    if sys.platform == "linux":
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _works_in(entry, data, program)
        ]
    return _by_pid_file(data, program)


def _works_in(entry: Path, data: Path, program: str) -> bool:
    try:
        # The name after a rebuild of the environment ends in " (deleted)".
        name = (entry / "exe").readlink().name.removesuffix(" (deleted)")
        return name == program and (entry / "cwd").samefile(data)
    except OSError:  # It has ended, or is somebody else's.
        return False


def _by_pid_file(data: Path, program: str) -> list[int]:
    file = data / "postmaster.pid"
    first = file.read_text().splitlines()[:1] if file.exists() else []
    if not first or not first[0].isdigit():
        return []
    asked = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "comm=", "-p", first[0]], capture_output=True, text=True, check=False
    )
    return [int(first[0])] if Path(asked.stdout.strip()).name == program else []


def _gone(data: Path, program: str, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while working_in(data, program):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
