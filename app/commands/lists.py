"""`app list settings|metrics|close-codes`: catalogues printed from the code."""

import click

from app import metrics as all_metrics
from app.commands.env_file import text_of
from app.commands.table import print_rows
from app.settings import every_setting
from app.sockets.close_codes import CLOSE_CODES

JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command()
@JSON
def settings(*, as_json: bool) -> None:
    """Prints every environment variable."""
    rows = [
        (found.name, "" if found.secret else text_of(found.default), found.description)
        for found in every_setting()
    ]
    print_rows(("name", "default", "description"), rows, as_json=as_json)


@click.command()
@JSON
def metrics(*, as_json: bool) -> None:
    """Prints every metric."""
    print_rows(("name", "kind", "labels", "help"), all_metrics.catalogue(), as_json=as_json)


@click.command()
@JSON
def close_codes(*, as_json: bool) -> None:
    """Prints every close code of a socket."""
    rows = [(code.code, code.name, code.reconnect, code.meaning) for code in CLOSE_CODES]
    print_rows(("code", "name", "reconnect", "meaning"), rows, as_json=as_json)
