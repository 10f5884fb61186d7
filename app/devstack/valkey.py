"""One embedded Valkey: cache and queue only, so nothing of it is kept on disk."""

import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from app.devstack import ports, programs
from app.devstack.launch import Launch, end, kill, launch, tail

READY_S = 15.0  # 34 ms on a laptop.
ANSWER_S = 1.0
STOP_S = 1.5
LOOK_AGAIN_S = 0.01
DATABASES = 64  # A test run gives each test a database of its own.

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class ValkeyFailed(Exception):
    """The embedded Valkey did not start; the message ends with its last words."""


class EmbeddedValkey:
    """A server whose `password` and `port` are kept under `directory`; `log` is appended to."""

    name = "valkey"

    def __init__(self, directory: Path, *, log: Path) -> None:
        self.directory = directory.absolute()
        self.log = log.absolute()
        self.port = 0
        self._program = programs.valkey_program()
        self._account = programs.account()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers: redis://:password@127.0.0.1:port/0."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Its process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts it and waits until it answers. Nothing happens when it already runs."""
        self.launch()
        until = time.monotonic() + READY_S
        while not self.ready():
            if time.monotonic() > until:
                self.kill()
                raise ValkeyFailed(f"not ready after {READY_S:.0f} s: {tail(self.log)}")
            time.sleep(LOOK_AGAIN_S)

    def launch(self) -> None:
        """Starts it without waiting."""
        if self.pid is not None:
            return
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.port = self.port or ports.keep(self.directory / "port")
        configuration = {
            "port": self.port,
            "bind": "127.0.0.1",
            "requirepass": self._password(),
            "databases": DATABASES,
            "save": '""',
            "appendonly": "no",
            "loglevel": "warning",
            "dir": "/",  # Never written to: nothing is saved.
        }
        self._process = launch(
            Launch(
                command=[str(self._program), "-"],  # Read from its input: `ps` shows no password.
                environment=ENVIRONMENT,
                log=self.log,
                folder=Path("/"),
                account=self._account,
                input="".join(
                    f"{name} {value}\n" for name, value in configuration.items()
                ).encode(),
            )
        )

    def ready(self) -> bool:
        """Says whether it answers; raises ValkeyFailed when it has ended instead."""
        if self.pid is None:
            raise ValkeyFailed(f"Valkey ended at its start: {tail(self.log)}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), ANSWER_S) as connection:
                connection.sendall(f"AUTH {self._password()}\r\n".encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False

    def stop(self) -> None:
        """Stops it. Safe to call twice."""
        if self._process is not None:
            end(self._process, (signal.SIGTERM, STOP_S))
            self._process = None

    def kill(self) -> None:
        """Kills it as a crash would; `start()` makes it answer again, empty. Safe to call twice."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def _password(self) -> str:
        file = self.directory / "password"
        if not file.exists() or not file.read_text():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()
