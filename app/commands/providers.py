"""`app providers`: how each provider is."""

import asyncio
from typing import Any

import asyncpg
import click
import msgspec

from app import settings
from app.commands.lists import JSON
from app.commands.place import database
from app.commands.table import print_rows
from app.health.read import providers_of

_TITLES = (
    *("provider", "sport", "state", "since"),
    *("success", "p95 ms", "data age s", "circuit", "quota"),
)


@click.command()
@JSON
def providers(*, as_json: bool) -> None:
    """Prints how each provider is, sport by sport."""
    with database(settings.load()) as url:
        found = asyncio.run(_read(url))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    print_rows(_TITLES, [_row(one) for one in found], as_json=False)


async def _read(url: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [msgspec.json.decode(text) for text in await providers_of(connection)]
    finally:
        await connection.close()


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    rate, age_ms = one["successRate"], one["dataAgeMs"]
    quota = ", ".join(f"{q['remaining']}/{q['limit']} a {q['window']}" for q in one["quota"])
    return (
        one["provider"] + (" (standby)" if one["standby"] else ""),
        one["sport"],
        one["state"],
        one["since"],
        "-" if rate is None else f"{float(rate):.1%}",
        "-" if one["responseMs"]["p95"] is None else one["responseMs"]["p95"],
        "-" if age_ms is None else f"{age_ms / 1000:.1f}",
        one["circuit"]["state"],
        quota or "-",
    )
