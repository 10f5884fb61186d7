"""A streaming replica of an embedded Postgres, made by the programs of the same wheel."""

import os
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from app.devstack import programs
from app.devstack.postgres import EmbeddedPostgres
from tests.conftest import in_database


class Standby:
    """A replica whose replay can be held up; `server` is the process."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server

    def url(self, database_url: str) -> str:
        """Returns the address of the copy of a primary's database."""
        return in_database(self.server.url, urlsplit(database_url).path[1:])

    async def pause(self) -> None:
        """Stops replaying: what is committed from now on is not to be seen here."""
        async with self._connection() as connection:
            await connection.execute("SELECT pg_wal_replay_pause()")
            while await connection.fetchval("SELECT pg_get_wal_replay_pause_state()") != "paused":
                pass

    async def resume(self) -> None:
        """Goes on replaying."""
        async with self._connection() as connection:
            await connection.execute("SELECT pg_wal_replay_resume()")

    async def until_there_is(self, database: str) -> None:
        """Waits until a database that was made is here too."""
        async with self._connection() as connection:
            while not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database
            ):
                pass

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.server.url)
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def a_standby(primary_url: str, folder: Path) -> Generator[Standby]:
    """Runs a replica in a folder that is to be made."""
    folder.mkdir(mode=0o700)
    server = EmbeddedPostgres(folder, log=folder.with_suffix(".log"), durable=False)
    command = [
        str(programs.postgres_programs() / "pg_basebackup"),
        *("-D", str(folder / "data"), "-d", primary_url),
        *("-R", "-X", "stream", "-c", "fast", "--no-sync"),
    ]
    subprocess.run(command, check=True)
    (folder / "password").write_text(urlsplit(primary_url).password or "")
    account = programs.account()
    if account.name:
        for place, folders, files in os.walk(folder):
            for name in (".", *folders, *files):
                os.chown(Path(place, name), account.uid, account.gid)
    server.start()
    try:
        yield Standby(server)
    finally:
        server.stop()
