"""`app polling status|update`: how often providers are asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import click
import msgspec

from app import settings
from app.commands.lists import JSON
from app.commands.place import database
from app.commands.table import print_rows
from app.database.engine import Connection
from app.errors import AppError
from app.polling.overrides import intervals_set, set_interval, tasks_after

# More tasks than anybody has; a terminal shows no pages.
TASKS_MAX = 10_000
T = TypeVar("T")
_TITLES = ("task", "state", "every ms", "watchers", "failures", "next", "because")


@click.command()
@click.option("--provider", help="Of this provider only.")
@click.option("--sport", help="Of this sport only.")
@JSON
def status(provider: str | None, sport: str | None, *, as_json: bool) -> None:
    """Prints every task: how often it is asked, and why."""

    async def read(connection: Connection) -> list[dict[str, Any]]:
        items, _ = await tasks_after(
            connection, None, limit=TASKS_MAX, provider=provider, sport=sport
        )
        return [msgspec.json.decode(item) for item in items]

    async def by_hand(connection: Connection) -> list[str]:
        found, _ = await intervals_set(connection, None, limit=TASKS_MAX)
        return [f"set by hand: {one.task_id} {one.interval} ms" for one in found]

    with database(settings.load()) as url:
        found = asyncio.run(_with(url, read))
        lines = asyncio.run(_with(url, by_hand))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    print_rows(_TITLES, [_row(one) for one in found], as_json=False)
    for line in lines:
        click.echo(line)


@click.command()
@click.argument("task_id")
@click.argument("interval", type=int)
def update(task_id: str, interval: int) -> None:
    """Sets how often TASK_ID is asked: INTERVAL in milliseconds, 0 goes back to the rule.

    TASK_ID is a task's, or match.{id}, league.{slug}, sport.{sport}, default.
    """
    try:
        with database(settings.load()) as url:
            asyncio.run(_with(url, lambda c: set_interval(c, task_id, interval)))
    except AppError as error:
        raise click.ClickException(error.detail) from error
    click.echo(f"{task_id}: {interval} ms" if interval else f"{task_id}: back to the rule")


async def _with(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    connection = await asyncpg.connect(url)
    try:
        return await work(connection)
    finally:
        await connection.close()


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    return (
        one["taskId"],
        one["state"],
        one["intervalMs"],
        one["watchers"],
        one["failures"],
        one["nextRunAt"] or "-",
        one["because"],
    )
