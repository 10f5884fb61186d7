"""`app dead-letters ...`: what could not be taken in, looked at and taken in again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from app.commands.place import with_pool
from app.commands.table import print_rows
from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest import dead_letters
from app.ingest.dead_letters import FOUND_MAX, Buried
from app.ingest.known import Known
from app.ingest.replays import Replayed
from app.ingest.replays import replay as replay_letter

T = TypeVar("T")

JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")
PROVIDER = click.option("--provider", help="Those of this provider.")
CODE = click.option("--code", help="Those with this code.")
IDS = click.argument("ids", type=click.IntRange(min=1), nargs=-1, metavar="ID...")
# Of a letter's message, in a table.
MESSAGE_LENGTH_SHOWN = 60


@click.command("list")
@PROVIDER
@CODE
@click.option("--limit", type=click.IntRange(1, FOUND_MAX), default=50, show_default=True)
@JSON
def list_letters(provider: str | None, code: str | None, limit: int, *, as_json: bool) -> None:
    """Prints letters, the newest first."""

    async def ask(connection: Connection) -> list[Buried]:
        return await dead_letters.find(connection, provider=provider, code=code, limit=limit)

    rows = [
        (
            one.id,
            one.origin.provider,
            one.origin.scope,
            one.letter.code,
            one.count,
            one.last_at.isoformat(timespec="seconds"),
            one.replayed_at is not None,
            one.letter.external_id or "",
            one.letter.message[:MESSAGE_LENGTH_SHOWN],
        )
        for one in _asked(ask)
    ]
    titles = ("id", "provider", "scope", "code", "times", "last", "replayed", "match", "message")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@click.argument("id_", type=click.IntRange(min=1), metavar="ID")
def show(id_: int) -> None:
    """Prints one letter whole, with what was said."""

    async def ask(connection: Connection) -> list[Buried]:
        return await dead_letters.find(connection, ids=[id_])

    found = _asked(ask)
    if not found:
        raise click.ClickException(f"there is no letter {id_}")
    [one] = found
    facts = {
        "provider": one.origin.provider,
        "scope": one.origin.scope,
        "sport": one.origin.sport or "-",
        "code": one.letter.code,
        "message": one.letter.message,
        "match": one.letter.external_id or "-",
        "times": one.count,
        "first": one.first_at.isoformat(),
        "last": one.last_at.isoformat(),
        "replayed": one.replayed_at.isoformat() if one.replayed_at else "-",
        "form": one.letter.form + (", cut" if one.is_cut else ""),
    }
    for name, value in facts.items():
        click.echo(f"{name:9} {value}")
    click.echo()
    click.echo(one.letter.raw.decode(errors="backslashreplace"))


@click.command()
@JSON
def count(*, as_json: bool) -> None:
    """Counts letters by provider, scope and code."""
    rows = [
        (*(row[name] for name in ("provider", "scope", "code", "letters", "times", "replayed")),)
        for row in _asked(dead_letters.count)
    ]
    titles = ("provider", "scope", "code", "letters", "times", "replayed")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@IDS
@PROVIDER
@CODE
def replay(ids: Sequence[int], provider: str | None, code: str | None) -> None:
    """Takes letters in again: those named, or all that wait of a provider or with a code."""
    if not (ids or provider or code):
        raise click.UsageError("name letters, --provider or --code")

    async def run(pool: Pool) -> list[Replayed]:
        async with engine.connection(pool) as connection:
            found = await dead_letters.find(
                connection,
                provider=provider,
                code=code,
                ids=list(ids) or None,
                waiting_only=not ids,
            )
        known = Known()
        # In the order they came: the newest word of a match counts at the end.
        return [await replay_letter(pool, one, known) for one in reversed(found)]

    outcomes = with_pool("dead-letters", run)
    for one in outcomes:
        done = f"{one.accepted} taken in" if one.accepted else "not taken in"
        click.echo(f"{one.id} {done}{f': {one.message}' if one.message else ''}")
    failed = sum(1 for one in outcomes if one.message)
    click.echo(f"{len(outcomes) - failed} of {len(outcomes)} letters replayed")
    if failed:
        raise SystemExit(1)


def _asked(ask: Callable[[Connection], Awaitable[T]]) -> T:
    async def run(pool: Pool) -> T:
        async with engine.connection(pool) as connection:
            return await ask(connection)

    return with_pool("dead-letters", run)
