"""`app list errors`: every error of the whole program, which is therefore loaded here."""

import importlib

import click

from app import errors as all_errors
from app.commands.table import print_rows

# Where the program is joined: what is loaded with it is all there is.
WHOLE_PROGRAM = ("app.main", "app.serving.server", "workers.main")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def errors(*, as_json: bool) -> None:
    """Prints every error code, its status and meaning."""
    for module in WHOLE_PROGRAM:
        importlib.import_module(module)
    rows = [(error.code, error.status, error.title()) for error in all_errors.catalogue()]
    print_rows(("code", "status", "title"), rows, as_json=as_json)
