"""`app worker`: one worker process."""

import click

from app import settings
from app.providers.registry import UnknownProvider
from workers.main import run


@click.command()
def worker() -> None:
    """Runs one worker until SIGINT or SIGTERM."""
    try:
        run(settings.load())
    except UnknownProvider as error:
        raise click.ClickException(str(error)) from error
