"""Starting a process that cannot outlive us, and ending one for certain."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

TIED = str(Path(__file__).with_name("tied.py"))
KILL_WAIT_S = 5.0  # SIGKILL needs no cooperation; past this the machine itself hangs.


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who a program runs as; (-1, -1) is whoever we are."""

    uid: int = -1
    gid: int = -1
    name: str = ""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """How a process is started."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None  # None: where ours goes.
    folder: Path
    account: Account = Account()
    death_signal: signal.Signals = signal.SIGKILL
    handed_down: tuple[int, ...] = ()
    input: bytes | None = None


def launch(how: Launch) -> subprocess.Popen[bytes]:
    """Starts it in a session of its own, its output appended to the log.

    On Linux it gets `death_signal` when we die, however we die. The kernel takes the end of the
    *thread* that started it for that, so only the main thread may.
    """
    assert threading.current_thread() is threading.main_thread(), "launched by a passing thread"
    tie = [str(os.getpid()), str(int(how.death_signal)), str(how.account.uid), str(how.account.gid)]
    with nullcontext() if how.log is None else how.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", TIED, *tie, *how.command],
            stdin=subprocess.DEVNULL if how.input is None else subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=how.folder,
            env=how.environment,
            pass_fds=how.handed_down,
            start_new_session=True,
        )
    if how.input is not None and process.stdin is not None:
        with process.stdin as pipe:
            pipe.write(how.input)
    return process


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Sends each signal in turn and waits its seconds; then SIGKILL. Safe when it is gone."""
    for number, wait_s in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
        return
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Sends SIGKILL and waits for the end. Safe when it is gone."""
    process.kill()
    process.wait(KILL_WAIT_S)


def tail(log: Path, lines: int = 15) -> str:
    """Returns the last lines of a log, for a message that says what went wrong."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
