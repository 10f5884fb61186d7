"""`app worker`: one worker process."""

import click
from msgspec.structs import replace

from app import settings
from app.providers.registry import UnknownProvider
from workers.main import run
from workers.providers import UnknownSport


@click.command()
@click.option("--sport", "sports", multiple=True, help="A sport it serves; all when not given.")
def worker(sports: tuple[str, ...]) -> None:
    """Runs one worker until SIGINT or SIGTERM."""
    asked = settings.load()
    if sports:
        asked = replace(asked, worker=replace(asked.worker, sports=",".join(sports)))
    try:
        run(asked)
    except (UnknownProvider, UnknownSport) as error:
        raise click.ClickException(str(error)) from error
