"""`app prepare`: all that `app up` needs done before it serves, by one process: each takes 1 s."""

from pathlib import Path

import click
from alembic import command

from app import settings
from app.commands.migrate import configuration
from app.commands.place import database
from app.commands.users import ensure_demo_users
from app.commands.wallet import give_demo_money


@click.command()
@click.option("--demo-users", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def prepare(demo_users: Path | None) -> None:
    """Brings the database up to date and makes the demo users of a file, if one is given."""
    read = settings.load()
    with database(read) as url:
        command.upgrade(configuration(url), "head")
        if demo_users is not None:
            users = ensure_demo_users(url, demo_users)
            wallet = read.wallet
            currency = wallet.currencies.split(",")[0]
            give_demo_money(url, users.user.email, wallet.demo_grant, currency)
