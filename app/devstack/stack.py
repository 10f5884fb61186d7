"""A stack: one Postgres and one Valkey under one folder, with one owner."""

import fcntl
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.devstack.postgres import EmbeddedPostgres
from app.devstack.valkey import EmbeddedValkey


class InUse(Exception):
    """Another process owns this folder's servers."""


class Stack:
    """Where Postgres and Valkey are, and the embedded servers, if it is them."""

    def __init__(
        self, directory: Path, *, durable: bool, database_url: str, redis_url: str
    ) -> None:
        logs = directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._given = (database_url, redis_url)
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        if not database_url:
            log = logs / "postgres.log"
            self.postgres = EmbeddedPostgres(directory / "postgres", log=log, durable=durable)
        if not redis_url:
            self.valkey = EmbeddedValkey(directory / "valkey", log=logs / "valkey.log")

    @property
    def servers(self) -> list[EmbeddedPostgres | EmbeddedValkey]:
        """The embedded servers, in the order they are started."""
        return [server for server in (self.postgres, self.valkey) if server is not None]

    @property
    def is_new(self) -> bool:
        """Says whether Postgres is an embedded one whose data is yet to be made."""
        return self.postgres is not None and not self.postgres.data.exists()

    @property
    def database_url(self) -> str:
        """Where Postgres is."""
        return self._given[0] if self.postgres is None else self.postgres.url

    @property
    def redis_url(self) -> str:
        """Where Valkey is."""
        return self._given[1] if self.valkey is None else self.valkey.url

    def start(self) -> None:
        """Starts the servers and waits until they answer."""
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.start()

    def stop(self) -> None:
        """Stops the servers, the last started first. Safe to call twice."""
        for server in reversed(self.servers):
            server.stop()


@contextmanager
def owned(directory: Path) -> Generator[None]:
    """Owns the folder as long as the context lasts; raises InUse when somebody else does.

    The kernel gives the lock back when its holder dies, however it dies.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / "lock"
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = file.read_text().strip() or "unknown"
            raise InUse(
                f"{directory} is in use by process {owner}: this clone already runs"
            ) from error
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


@contextmanager
def devstack(
    directory: Path, *, durable: bool = True, database_url: str = "", redis_url: str = ""
) -> Generator[Stack]:
    """Yields a running stack, stopped at the end. An address that is given replaces a server."""
    with owned(directory), ExitStack() as at_the_end:
        stack = Stack(directory, durable=durable, database_url=database_url, redis_url=redis_url)
        at_the_end.callback(stack.stop)
        stack.start()
        yield stack
