"""Which database a command works on when nobody says."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from app.devstack.stack import InUse, devstack
from app.settings import Settings
from app.supervisor.stack_file import read_database_url

RUN = Path(".run")
# Only Postgres is needed; an address that nobody calls takes the place of a Valkey.
NO_VALKEY = "redis://127.0.0.1:0/0"


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
