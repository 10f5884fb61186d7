"""`app up`: the whole story of a run, from the lock on `.run/` to the last child's end."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from app.devstack.launch import tail
from app.devstack.stack import Stack, owned
from app.pusher_settings import DEVELOPMENT_PUSHER_SECRET
from app.settings import DEVELOPMENT_SECRET, Settings
from app.supervisor import answers, stack_file, stadium
from app.supervisor.demo import DemoUsers, keep_demo_users, keep_secret, read_demo_users
from app.supervisor.parts import Child, Part, Watch
from app.supervisor.signals import Signals, Stopped
from app.supervisor.stadium import StadiumPlace

# 10 s for everything: the children's 5, Postgres' 3 and Valkey's 1.5 at the worst.
CHILDREN_STOP_S = 5.0
GRACEFUL_SHUTDOWN_S_MAX = 3
LOOK_EVERY_S = 0.5
STARTING_LOOK_EVERY_S = 0.05
SERVERS_START_S = 90.0
PREPARE_S = 600.0
SLOW_AFTER_S = 30.0
LIVE_MATCH_S = 5.0


class CannotRun(Exception):
    """What was asked for cannot run; the message says why."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    folder: Path
    settings: Settings
    environment: Mapping[str, str]
    listening: socket.socket


class Supervisor:
    """Everything that runs, and what is told about it."""

    def __init__(self, run: Run, signals: Signals) -> None:
        self._run = run
        self._signals = signals
        self._stack = Stack(
            run.folder,
            durable=True,
            database_url=run.settings.database.url,
            redis_url=run.settings.redis.url,
        )
        self._stadium: StadiumPlace | None = None
        self._children: list[Child] = []
        self._watches: list[Watch] = []

    def go(self) -> None:
        """Starts everything, tells when it is ready, keeps it running until told to stop."""
        first_time = self._stack.is_new
        self._start_servers()
        if stadium.is_wanted(self._run.environment, self._run.settings):
            self._start_stadium()
        if first_time:
            # Nobody is there to be served from tables that aren't yet: this saves two seconds.
            self._start_api()
        demo = self._demo_users()
        file = ("--demo-users", str(demo)) if demo else ()
        self._finish(self._child("prepare", "prepare", *file), PREPARE_S)
        if not first_time:
            self._start_api()
        self._wait_for_stadium()
        self._watch(self._child("worker", "worker"))
        if self._run.settings.relay.source == "relay":
            self._watch(self._child("relay", "relay"))
        self._wait_until_ready()
        self._announce(read_demo_users(demo) if demo else None)
        while True:
            self._look(LOOK_EVERY_S)

    def stop(self) -> None:
        """Stops everything, in at most 10 s. Safe whatever has been started."""
        stack_file.remove(self._run.folder)
        self._run.listening.close()  # Nobody waits for an API that won't come back.
        for child in self._children:
            child.ask_to_stop()
        until = time.monotonic() + CHILDREN_STOP_S
        for child in self._children:
            child.stop_by(until)
        self._stack.stop()

    def _start_servers(self) -> None:
        for server in self._stack.servers:
            server.log.unlink(missing_ok=True)
            server.launch()
        until = time.monotonic() + SERVERS_START_S
        for server in self._stack.servers:
            while not server.ready():
                if time.monotonic() > until:
                    raise CannotRun(f"{server.name} is not ready: {tail(server.log)}")
                self._signals.pause(STARTING_LOOK_EVERY_S)
            self._watch(server)

    def _start_stadium(self) -> None:
        place = StadiumPlace(self._run.folder / stadium.FOLDER, self._run.settings.replay)
        place.file.unlink(missing_ok=True)  # Of an earlier run, with other ports.
        self._watch(self._child("stadium", *place.arguments()))
        self._stadium = place

    def _wait_for_stadium(self) -> None:
        """Waits until the providers to be asked are there; nobody named others."""
        until = time.monotonic() + SERVERS_START_S
        while self._stadium is not None and not self._stadium.is_open():
            if time.monotonic() > until:
                raise CannotRun(f"the stadium does not open; see {self._run.folder / 'logs'}")
            self._look(STARTING_LOOK_EVERY_S)

    def _start_api(self) -> None:
        listening = str(self._run.listening.fileno())
        self._watch(self._child("api", "api", "--socket", listening))

    def _demo_users(self) -> Path | None:
        """Returns the file of the demo users; production has none."""
        if self._run.settings.environment == "production":
            return None
        return keep_demo_users(self._run.folder)

    def _child(self, name: str, *arguments: str) -> Child:
        child = Child(
            name,
            [sys.executable, "-m", "app", *arguments],
            environment=self._environment(),
            log=self._run.folder / "logs" / f"{name}.log",
            handed_down=(self._run.listening.fileno(),) if name == "api" else (),
        )
        child.log.unlink(missing_ok=True)
        self._children.append(child)
        child.launch()
        return child

    def _watch(self, part: Part) -> None:
        self._watches.append(Watch(part))

    def _finish(self, step: Child, at_most_s: float) -> None:
        """Waits for a step of the set-up; raises CannotRun with its last words when it fails."""
        until = time.monotonic() + at_most_s
        while step.exit_code is None:
            if time.monotonic() > until:
                raise CannotRun(f"{step.name} takes longer than {at_most_s:.0f} s")
            self._look(STARTING_LOOK_EVERY_S)
        if step.exit_code != 0:
            raise CannotRun(f"{step.name} failed:\n{tail(step.log)}")

    def _wait_until_ready(self) -> None:
        slow_at = time.monotonic() + SLOW_AFTER_S
        while not answers.is_ready(self._base_url):
            self._look(STARTING_LOOK_EVERY_S)
            if time.monotonic() > slow_at:
                slow_at += SLOW_AFTER_S
                say(f"not ready yet; the logs are in {self._run.folder / 'logs'}")

    def _look(self, pause_s: float) -> None:
        self._signals.pause(pause_s)
        for watch in self._watches:
            news = watch.look()
            if news:
                say(news)

    def _announce(self, demo: DemoUsers | None) -> None:
        if demo is not None:
            content = stack_file.StackFile(
                url=self._base_url,
                user=demo.user,
                operator=demo.operator,
                database_url=self._stack.database_url,
                redis_url=self._stack.redis_url,
            )
            stack_file.write(self._run.folder, content)
        say(f"""
  page      {self._base_url}/
  API docs  {self._base_url}/docs/api""")
        if demo is not None:
            say(f"""\
  user      {demo.user.email}  {demo.user.password}
  operator  {demo.operator.email}  {demo.operator.password}""")
        say(f"""\
  socket    {self._socket_url()}
  logs      {self._run.folder / "logs"} (emptied at 32 MB)

Ctrl-C stops everything.""")

    def _socket_url(self) -> str:
        until = time.monotonic() + LIVE_MATCH_S
        match_id = answers.live_match(self._base_url)
        while not match_id and time.monotonic() < until:
            self._look(LOOK_EVERY_S)
            match_id = answers.live_match(self._base_url)
        return f"ws{self._base_url.removeprefix('http')}/live/{match_id or '{matchId}'}"

    @property
    def _base_url(self) -> str:
        host, port = self._run.listening.getsockname()[:2]
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
        shown = everywhere.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{shown}:{port}"

    def _environment(self) -> dict[str, str]:
        """Returns what a child is told: our own environment, and what we decided."""
        settings = self._run.settings
        told = {
            "DATABASE_URL": self._stack.database_url,
            "REDIS_URL": self._stack.redis_url,
            "PORT": str(self._run.listening.getsockname()[1]),
            "GRACEFUL_SHUTDOWN_S": str(
                min(settings.api.graceful_shutdown_s, GRACEFUL_SHUTDOWN_S_MAX)
            ),
            "PYTHONUNBUFFERED": "1",
        }
        if settings.access.jwt_secret == DEVELOPMENT_SECRET:
            told["JWT_SECRET"] = keep_secret(self._run.folder / "jwt-secret")
        if settings.pusher.app_secret == DEVELOPMENT_PUSHER_SECRET:
            told["PUSHER_APP_SECRET"] = keep_secret(self._run.folder / "pusher-app-secret")
        if self._stadium is not None and self._stadium.is_open():
            told |= self._stadium.settings()
        environment = {**self._run.environment, **told}
        if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
            # Compiling takes half of a process' start: whoever wants none in the tree has it here.
            environment["PYTHONPYCACHEPREFIX"] = str(self._run.folder.absolute() / "bytecode")
        return environment


def supervise(run: Run) -> None:
    """Runs everything until SIGINT or SIGTERM; raises what keeps it from running."""
    with ExitStack() as at_the_end:
        at_the_end.callback(run.listening.close)
        at_the_end.enter_context(owned(run.folder))
        stack_file.remove(run.folder)  # Of a run that was killed.
        supervisor = Supervisor(run, at_the_end.enter_context(Signals()))
        at_the_end.callback(supervisor.stop)
        try:
            supervisor.go()
        except Stopped:
            say("\nstopping")


def say(text: str) -> None:
    """Prints to whoever watches; when nobody does any more, goes on."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
