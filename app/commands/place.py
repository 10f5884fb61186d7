"""Which database a command works on, and whom it asks, when nobody says."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import click

from app import settings
from app.commands.env_file import read_env_file
from app.database import engine
from app.database.engine import Pool
from app.devstack.stack import InUse, devstack
from app.errors import AppError
from app.settings import Settings
from app.supervisor import stadium
from app.supervisor.stack_file import read_database_url

RUN = Path(".run")
# Only Postgres is needed; an address that nobody calls takes the place of a Valkey.
NO_VALKEY = "redis://127.0.0.1:0/0"
T = TypeVar("T")


def settings_of_run() -> Settings:
    """Returns the settings a worker has here: `.env` counts, and where nobody named providers the
    stadium of the `app up` that runs in this folder, if it is its database we work on.
    """
    environment = read_env_file(Path(".env")) | os.environ
    asked = settings.load(environment)
    told = RUN / stadium.FOLDER / stadium.SETTINGS_FILE
    ours = asked.database.url in ("", read_database_url(RUN))
    if not (ours and stadium.is_wanted(environment, asked) and told.exists()):
        return asked
    return settings.load({**environment, **stadium.told_in(told, asked.replay)})


def with_pool(name: str, work: Callable[[Pool], Awaitable[T]]) -> T:
    """Runs it over a small pool of the database; what is wrong becomes one line."""

    async def run(url: str) -> T:
        pool = await engine.open_pool(
            url, connections_max=2, statement_timeout_s=30, name=f"touchline {name}"
        )
        try:
            return await work(pool)
        finally:
            pool.terminate()

    try:
        with database(settings.load()) as url:
            return asyncio.run(run(url))
    except AppError as error:
        raise click.ClickException(error.detail) from error


@contextmanager
def database(settings: Settings) -> Generator[str]:
    """Yields DATABASE_URL, else the database of the running `app up`, else starts one meanwhile."""
    if settings.database.url:
        yield settings.database.url
        return
    with ExitStack() as at_the_end:
        try:
            started = devstack(RUN, redis_url=NO_VALKEY)
            url = at_the_end.enter_context(started).database_url
        except InUse as error:
            url = read_database_url(RUN)
            if not url:
                raise click.ClickException(f"{error}, but is not ready; try again") from error
        yield url
