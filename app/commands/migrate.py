"""`app migrate`, `app downgrade`, `app migration`: Alembic, on the database that is meant."""

from pathlib import Path

import click
from alembic import command
from alembic.config import Config

from app import settings
from app.commands.place import database

# In a clone beside `app`; in an installation the migrations stand there too, the file doesn't.
PLACE = Path(__file__).parents[2]
INI = PLACE / "alembic.ini"


def configuration(url: str) -> Config:
    """Returns Alembic's configuration for a database."""
    config = Config(INI) if INI.exists() else Config()
    config.set_main_option("script_location", str(PLACE / "migrations").replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


@click.command()
@click.option("--revision", default="head", show_default=True, help="Where to.")
def migrate(revision: str) -> None:
    """Brings the database to a revision. Safe to call twice, also at once."""
    with database(settings.load()) as url:
        command.upgrade(configuration(url), revision)


@click.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Takes the database back to REVISION; `base` is the beginning."""
    with database(settings.load()) as url:
        command.downgrade(configuration(url), revision)


@click.command()
@click.option("-m", "--message", required=True, help="What it does, in a few words.")
def migration(message: str) -> None:
    """Writes a migration: the difference between the models and the migrated database."""
    with database(settings.load()) as url:
        command.upgrade(configuration(url), "head")
        command.revision(configuration(url), message, autogenerate=True)
