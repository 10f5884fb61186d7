"""One embedded Postgres: made, started, stopped, and started again on the same port and data."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from app.devstack import leftovers, ports, programs
from app.devstack.launch import Launch, end, kill, launch, tail

INITDB_S = 60.0  # 0.5 s on a laptop; a slow disk with its flushes needs some.
READY_S = 60.0  # Recovery after a crash reads what was written since the last checkpoint.
STOP_S = 2.5  # A fast shutdown takes 50 ms, plus the checkpoint.
STOP_AT_ONCE_S = 0.5
LOOK_AGAIN_S = 0.01

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresFailed(Exception):
    """The embedded Postgres did not start; the message ends with its last words."""


class EmbeddedPostgres:
    """A server under `directory`, which the caller has locked.

    `directory` holds `data/` (the cluster), `password` and `port`; `log` is appended to.
    `durable=False` gives up safety against a crash of the machine for speed: tests only.
    """

    name = "postgres"

    def __init__(self, directory: Path, *, log: Path, durable: bool = True) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = log.absolute()
        self.port = 0
        self._durable = durable
        self._programs = programs.postgres_programs()
        self._account = programs.account()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers: postgresql://app:password@127.0.0.1:port/postgres."""
        password = (self.directory / "password").read_text().strip()
        return f"postgresql://app:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The postmaster's process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts it and waits until it answers. Nothing happens when it already runs."""
        self.launch()
        until = time.monotonic() + READY_S
        while not self.ready():
            if time.monotonic() > until:
                self.kill()
                raise PostgresFailed(f"not ready after {READY_S:.0f} s: {tail(self.log)}")
            time.sleep(LOOK_AGAIN_S)

    def launch(self) -> None:
        """Starts it without waiting; makes the cluster when there is none."""
        if self.pid is not None:
            return
        leftovers.end_leftovers(self.data, "postgres")
        if not (self.directory / "password").exists():
            self._make()
        # Its owner is the lock's holder, and nothing runs here: what is left is stale.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.port = self.port or ports.keep(self.directory / "port")
        handed_down, place = self._open()
        settings = SETTINGS | ({} if self._durable else NOT_DURABLE) | self._extensions()
        try:
            self._process = launch(
                Launch(
                    command=[
                        str(self._programs / "postgres"),
                        *("-D", f"{place}/data", "-p", str(self.port)),
                        *(word for item in settings.items() for word in ("-c", "=".join(item))),
                    ],
                    environment=ENVIRONMENT,
                    log=self.log,
                    folder=Path("/"),
                    account=self._account,
                    death_signal=signal.SIGINT,  # A fast shutdown.
                    handed_down=(handed_down,),
                )
            )
        finally:
            os.close(handed_down)

    def ready(self) -> bool:
        """Says whether it answers; raises PostgresFailed when it has ended instead."""
        if self.pid is None:
            raise PostgresFailed(f"Postgres ended at its start: {tail(self.log)}")
        file = self.data / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        return len(lines) > 7 and lines[7].strip() == "ready"  # pidfile.h: LOCK_FILE_LINE_PM_STATUS

    def stop(self) -> None:
        """Stops it: open transactions are rolled back. Safe to call twice."""
        if self._process is not None:
            end(self._process, (signal.SIGINT, STOP_S), (signal.SIGQUIT, STOP_AT_ONCE_S))
            self._process = None

    def kill(self) -> None:
        """Kills the postmaster as a crash would; `start()` recovers. Safe to call twice."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def _make(self) -> None:
        """Makes the cluster beside its place and moves it there whole.

        The password is what is moved last, so a folder without it is half-made and made anew.
        """
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o700, parents=True)
        password = self.directory / "password.new"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if self._account.name:
            os.chown(self.directory, self._account.uid, self._account.gid)
            os.chown(password, self._account.uid, self._account.gid)
        self._initdb()
        password.rename(self.directory / "password")

    def _initdb(self) -> None:
        handed_down, place = self._open()
        process = launch(
            Launch(
                command=[
                    str(self._programs / "initdb"),
                    *("-D", f"{place}/data", "-U", "app", "-A", "scram-sha-256"),
                    *("--pwfile", f"{place}/password.new", "-E", "UTF8", "--no-instructions"),
                    # The same order of letters on every machine.
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                    *([] if self._durable else ["--no-sync"]),
                ],
                environment=ENVIRONMENT,
                log=self.log,
                folder=Path("/"),
                account=self._account,
                handed_down=(handed_down,),
            )
        )
        os.close(handed_down)
        try:
            process.wait(INITDB_S)
        except subprocess.TimeoutExpired:
            kill(process)
        if process.returncode != 0:
            raise PostgresFailed(f"initdb failed: {tail(self.log)}")

    def _open(self) -> tuple[int, str]:
        """Opens our folder; returns the open folder and the name the server has for it.

        As root the project may lie where the server's account cannot pass (/root, a private
        temporary folder). The open folder is handed down, and Linux lets it in by that.
        """
        folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        if self._account.name and sys.platform == "linux":
            return folder, f"/proc/self/fd/{folder}"
        return folder, str(self.directory)

    def _extensions(self) -> dict[str, str]:
        library = self._programs.parent / "lib"
        found = next(library.rglob("pg_stat_statements.*"), None)
        return {} if found is None else {"shared_preload_libraries": "pg_stat_statements"}
