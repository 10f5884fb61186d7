"""`app worker`: one worker process."""

import click

from app import settings
from workers.main import run


@click.command()
def worker() -> None:
    """Runs one worker until SIGINT or SIGTERM."""
    run(settings.load())
