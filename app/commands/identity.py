"""`app identity ...`: which matches of providers are which of ours."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from app.commands.place import with_pool
from app.commands.table import print_rows
from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest.merging import merge_matches, merge_rows, split_match
from app.ingest.reviews import reviews_after
from app.ingest.verdicts import Verdict, decide_review

T = TypeVar("T")

BY = "command line"
LIST_MAX = 1_000
ID = click.IntRange(min=1)
KINDS = ("match", "league", "participant")
_ALIASES = """
SELECT p.id, p.sport_id, p.name, n.name AS other, n.provider
FROM participant_names n JOIN participants p ON p.id = n.participant_id
WHERE $1::text IS NULL OR p.name ILIKE '%' || $1 || '%' OR n.name ILIKE '%' || $1 || '%'
ORDER BY p.name, p.id, n.name LIMIT $2
"""
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command("list")
@click.option("--provider", help="Those of this provider.")
@click.option("--limit", type=click.IntRange(1, LIST_MAX), default=50, show_default=True)
@JSON
def list_reviews(provider: str | None, limit: int, *, as_json: bool) -> None:
    """Prints what is undecided, the oldest first."""
    found = _asked(lambda c: reviews_after(c, 0, limit=limit, provider=provider))
    rows = [
        (
            one.id,
            one.provider,
            one.external_id,
            f"{one.described.home.name} v {one.described.away.name}",
            one.described.league.name,
            one.described.start_time.isoformat(timespec="minutes"),
            " ".join(
                f"{c.match_id}{' inverted' if c.inverted else ''} ({', '.join(c.reasons)})"
                for c in one.candidates
            ),
        )
        for one in found
    ]
    titles = ("id", "provider", "theirs", "match", "league", "start", "may be")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@click.argument("review_id", type=ID)
@click.argument("match_id", type=ID, required=False)
@click.option("--inverted/--straight", default=None, help="Its sides are the other way round.")
def same(review_id: int, match_id: int | None, *, inverted: bool | None) -> None:
    """Says that a review's match is MATCH_ID, or the only candidate."""
    _decide(review_id, "same", match_id=match_id, inverted=inverted)


@click.command()
@click.argument("review_id", type=ID)
def new(review_id: int) -> None:
    """Says that a review's match is none of ours yet."""
    _decide(review_id, "new")


@click.command()
@click.argument("review_id", type=ID)
def dismiss(review_id: int) -> None:
    """Says that a review's match is never to be taken in."""
    _decide(review_id, "dismiss")


@click.command()
@click.argument("keep", type=ID)
@click.argument("drop", type=ID)
@click.option("--kind", type=click.Choice(KINDS), default="match", show_default=True)
@click.option("--inverted/--straight", default=None, help="Of matches; else their names tell.")
def merge(keep: int, drop: int, kind: str, *, inverted: bool | None) -> None:
    """Makes DROP part of KEEP; its id goes on leading there."""

    async def ask(connection: Connection) -> None:
        if kind == "match":
            await merge_matches(connection, keep, drop, inverted=inverted)
        else:
            await merge_rows(
                connection, "leagues" if kind == "league" else "participants", keep, drop
            )

    _asked(ask)
    click.echo(f"{kind} {drop} is part of {keep} now")


@click.command()
@click.argument("provider")
@click.argument("external_id")
def split(provider: str, external_id: str) -> None:
    """Gives a provider's match, by its own id, a match of ours to itself."""
    own = _asked(lambda c: split_match(c, provider, external_id))
    click.echo(f"{provider} {external_id} is match {own} now")


@click.command()
@click.argument("part", required=False)
@click.option("--limit", type=click.IntRange(1, LIST_MAX), default=200, show_default=True)
@JSON
def aliases(part: str | None, limit: int, *, as_json: bool) -> None:
    """Prints the names that were learnt, of all sides or of those with PART in one."""
    rows = _asked(lambda c: c.fetch(_ALIASES, part, limit))
    titles = ("id", "sport", "name", "also", "heard from")
    print_rows(titles, [tuple(row) for row in rows], as_json=as_json)


def _decide(
    review_id: int, verdict: Verdict, *, match_id: int | None = None, inverted: bool | None = None
) -> None:
    decided = _asked(
        lambda c: decide_review(c, review_id, verdict, by=BY, match_id=match_id, inverted=inverted)
    )
    click.echo(f"review {review_id}: " + ("dismissed" if decided is None else f"match {decided}"))


def _asked(ask: Callable[[Connection], Awaitable[T]]) -> T:
    """Runs it in one transaction; what is wrong becomes one line."""

    async def run(pool: Pool) -> T:
        async with engine.connection(pool) as connection, connection.transaction():
            return await ask(connection)

    return with_pool("identity", run)
