"""`app history ...`: results of the past, taken in from files and listed."""

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from app.commands.place import with_pool
from app.commands.table import print_rows
from app.database import engine
from app.database.engine import Pool
from app.history.files import files_in, plain_name, read_file
from app.history.keeping import Kept, distinct, keep, leagues_known
from app.history.reading import LeftOut, UnreadableFile
from app.history.result import Result
from app.history.shipped import NAMES, shipped

# Of what was left out, so many are told one by one; the rest is counted.
TOLD_MAX = 10
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one file gives: results, and what of it was left out."""

    source: str
    results: list[Result]
    left_out: list[LeftOut]


@click.command("import")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
@click.option("--league", help="The league's slug; else the file says which.")
@click.option("--dry-run", is_flag=True, help="Reads and reports, writes nothing.")
@click.option("--all", "tell_all", is_flag=True, help="Tells of everything that was left out.")
def import_files(
    paths: tuple[Path, ...], league: str | None, *, dry_run: bool, tell_all: bool
) -> None:
    """Takes in CSV (football-data.co.uk's columns), openfootball JSON, recordings, or our lines.

    Folders are read whole. Taken in twice, nothing changes. Exit code 1: nothing could be read.
    """
    files = [file for path in paths for file in files_in(path)]
    if not files:
        raise click.ClickException("there is no .csv, .json or .jsonl there, packed or not")
    with click.progressbar(files, label="reading", file=sys.stderr) as bar:
        batches = [_read(file, league) for file in bar]
    kept = None if dry_run else _keep(batches)
    _report(batches, kept, tell_all=tell_all)
    if not any(batch.results for batch in batches):
        raise SystemExit(1)


@click.command("shipped")
def import_shipped() -> None:
    """Takes in the results that come along with the program."""
    batches = [Batch(source=f"shipped-{n}", results=shipped(n), left_out=[]) for n in NAMES]
    _report(batches, _keep(batches), tell_all=False)


@click.command("list")
@JSON
def list_leagues(*, as_json: bool) -> None:
    """Prints what is known, by league."""

    async def ask(pool: Pool) -> list[tuple[str, ...]]:
        async with engine.connection(pool) as connection:
            return [
                (sport.value, league, str(count), str(first), str(last))
                for sport, league, count, first, last in await leagues_known(connection)
            ]

    titles = ("sport", "league", "results", "first", "last")
    print_rows(titles, with_pool("history", ask), as_json=as_json)


def _read(file: Path, league: str | None) -> Batch:
    """Reads one file; one that is unreadable is left out as a whole."""
    results: list[Result] = []
    left_out: list[LeftOut] = []
    try:
        for one in read_file(file, today=datetime.now(UTC).date(), league=league):
            if isinstance(one, Result):
                results.append(one)
            else:
                left_out.append(msgspec.structs.replace(one, place=f"{file.name}, {one.place}"))
    except UnreadableFile as error:
        left_out.append(LeftOut(place=file.name, code=error.code, why=error.detail))
    once = distinct(results)
    left_out += [
        LeftOut(place=file.name, code="told_twice", why="a match the file tells of again")
    ] * (len(results) - len(once))
    return Batch(source=plain_name(file), results=once, left_out=left_out)


def _keep(batches: list[Batch]) -> Kept:
    async def write(pool: Pool) -> Kept:
        kept = Kept()
        with click.progressbar(batches, label="writing", file=sys.stderr) as bar:
            for batch in bar:
                # A file whole or not at all: what was broken off is taken in anew.
                async with engine.connection(pool) as connection, connection.transaction():
                    kept = kept.plus(await keep(connection, batch.results, batch.source))
        return kept

    return with_pool("history", write)


def _report(batches: list[Batch], kept: Kept | None, *, tell_all: bool) -> None:
    count = sum(len(batch.results) for batch in batches)
    if kept is None:
        click.echo(f"{count} results read, none written")
    else:
        click.echo(
            f"{count} results: {kept.new} new, {kept.changed} told more of, {kept.known} known"
        )
    left_out = [one for batch in batches for one in batch.left_out]
    for code, times in sorted(Counter(one.code for one in left_out).items()):
        click.echo(f"{times} left out: {code}")
    shown = left_out if tell_all else left_out[:TOLD_MAX]
    for one in shown:
        click.echo(f"  {one.place}: {one.code}: {one.why}")
    if len(shown) < len(left_out):
        click.echo(f"  and {len(left_out) - len(shown)} more; --all tells them")
