"""Several API processes on one port: restarted when they die, renewed one by one on SIGHUP.

Each process has a listening socket of its own on the same port, and the kernel shares callers out
among them (SO_REUSEPORT). The sockets are ours and are handed down, so that whoever calls while a
process is restarted waits in its queue instead of being refused. A process is renewed by starting
its successor on the same socket, and asking it to stop when the successor lets callers in.
"""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from app import metrics
from app.devstack.launch import Launch, kill, launch
from app.logs import logger
from app.supervisor.parts import BACKOFF_FIRST_S, BACKOFF_MAX_S, STEADY_S
from app.supervisor.signals import Signals, Stopped

LOOK_EVERY_S = 0.5
STARTING_LOOK_EVERY_S = 0.05
# A process that takes longer to let callers in does not replace one that serves.
STARTS_WITHIN_S = 60.0
# Beyond what it may take to drain: its end, its lifespan's.
STOP_MARGIN_S = 5.0
BACKLOG = 4_096

log = logger(__name__)


class ApiRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `command` is one process; the sockets' numbers are put behind it."""

    command: Sequence[str]
    environment: Mapping[str, str]
    listening: Sequence[socket.socket]
    graceful_shutdown_s: int


class ApiProcess:
    """One process that serves."""

    def __init__(self, run: ApiRun, number: int) -> None:
        """Starts it without waiting, on the socket of this number."""
        listening = run.listening[number].fileno()
        self._told, ready = os.pipe()
        os.set_blocking(self._told, False)
        self._process = launch(
            Launch(
                command=[*run.command, "--socket", str(listening), "--ready", str(ready)],
                environment=run.environment,
                log=None,
                folder=Path.cwd(),
                # It drains when we are gone, as it does when it is asked to stop.
                death_signal=signal.SIGTERM,
                handed_down=(listening, ready),
            )
        )
        os.close(ready)
        self._is_ready = False
        self._metrics_folder = run.environment.get(metrics.TOGETHER)
        self.started_at = time.monotonic()
        self._stop_by_s = run.graceful_shutdown_s + STOP_MARGIN_S
        self._kill_at: float | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it has let callers in."""
        if not self._is_ready and self._told >= 0:
            readable, _, _ = select.select([self._told], [], [], 0)
            if readable:
                self._is_ready = os.read(self._told, 1) != b""
                self._forget()
        return self._is_ready

    def ask_to_stop(self) -> None:
        """Asks it to say goodbye and end. Safe to call twice, and when it is gone."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._stop_by_s
            self._process.send_signal(signal.SIGTERM)

    def is_gone(self) -> bool:
        """Says whether it has ended; one that was asked to and does not in time is killed."""
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            kill(self._process)
        if self.runs:
            return False
        self._forget()
        metrics.forget_process(self._metrics_folder, self.pid)
        return True

    def end(self) -> None:
        """Waits for its end as long as it was given, then kills it."""
        left = max(0.0, (self._kill_at or 0.0) - time.monotonic())
        try:
            self._process.wait(left)
        except subprocess.TimeoutExpired:
            kill(self._process)
        self._forget()

    def _forget(self) -> None:
        if self._told >= 0:
            os.close(self._told)
            self._told = -1


class ApiProcesses:
    """All of them."""

    def __init__(self, run: ApiRun, signals: Signals) -> None:
        self._run = run
        self._signals = signals
        self._serving: dict[int, ApiProcess] = {}
        self._leaving: list[ApiProcess] = []
        self._start_at = dict.fromkeys(range(len(run.listening)), 0.0)
        self._backoff_s = dict.fromkeys(self._start_at, BACKOFF_FIRST_S)

    def go(self) -> None:
        """Runs them until told to stop (Stopped)."""
        while True:
            self._look()
            if self._signals.take_renewal():
                self.renew()
            self._signals.pause(LOOK_EVERY_S)

    def renew(self) -> None:
        """Replaces each process by a new one, one after the other; the rest serve meanwhile."""
        log.info("api_renewal_began", processes=len(self._run.listening))
        for number in self._start_at:
            if not self._replace(number):
                log.error("api_renewal_given_up", process=number)
                return
        log.info("api_renewal_done")

    def stop(self) -> None:
        """Ends all of them, in the time one takes."""
        processes = [*self._serving.values(), *self._leaving]
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            process.end()

    def _replace(self, number: int) -> bool:
        """Replaces one; False when its successor does not start: then it stays."""
        successor = ApiProcess(self._run, number)
        self._leaving.append(successor)  # Until it serves: so that `stop` ends it too.
        until = time.monotonic() + STARTS_WITHIN_S
        self._wait(lambda: successor.is_ready or not successor.runs or time.monotonic() > until)
        if not successor.is_ready:
            successor.ask_to_stop()
            return False
        self._leaving.remove(successor)
        before = self._serving.get(number)
        self._serving[number] = successor
        if before is not None:
            before.ask_to_stop()
            self._leaving.append(before)
            self._wait(lambda: before not in self._leaving)
        return True

    def _wait(self, true: Callable[[], bool]) -> None:
        """Waits while it looks after the others."""
        while not true():
            self._look()
            self._signals.pause(STARTING_LOOK_EVERY_S)

    def _look(self) -> None:
        """Starts what is not running, less often when that doesn't help; buries who has left."""
        now = time.monotonic()
        self._leaving = [process for process in self._leaving if not process.is_gone()]
        for number, start_at in self._start_at.items():
            process = self._serving.get(number)
            if process is None and now >= start_at:
                self._serving[number] = ApiProcess(self._run, number)
            elif process is not None and process.is_gone():
                self._bury(number, process)

    def _bury(self, number: int, process: ApiProcess) -> None:
        now = time.monotonic()
        del self._serving[number]
        steady = now - process.started_at > STEADY_S
        backoff_s = BACKOFF_FIRST_S if steady else self._backoff_s[number]
        self._start_at[number] = now + backoff_s
        self._backoff_s[number] = min(2 * backoff_s, BACKOFF_MAX_S)
        log.error("api_process_ended", process=number, pid=process.pid, again_in_s=backoff_s)


def together(listening: socket.socket) -> socket.socket:
    """Returns a socket in place of one that was bound alone: others may listen beside it.

    Who binds alone first knows that nobody else has the port; sharing it from the start would
    share it with another Touchline of ours.
    """
    address = listening.getsockname()[:2]
    family = listening.family
    listening.close()
    return socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)


def beside(listening: socket.socket, count: int) -> list[socket.socket]:
    """Returns it and others on the same port, `count` together."""
    address = listening.getsockname()[:2]
    more = [
        socket.create_server(address, family=listening.family, backlog=BACKLOG, reuse_port=True)
        for _ in range(count - 1)
    ]
    return [listening, *more]


def run_api_processes(asked: ApiRun) -> None:
    """Runs API processes until SIGINT or SIGTERM; SIGHUP renews them."""
    with ExitStack() as at_the_end:
        processes = ApiProcesses(asked, at_the_end.enter_context(Signals(renewing=True)))
        at_the_end.callback(processes.stop)
        try:
            processes.go()
        except Stopped:
            log.info("api_processes_stop")
