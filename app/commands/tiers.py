"""`app tiers list|set`: how much each tier may."""

import asyncio
from collections.abc import Callable, Mapping

import asyncpg
import click

from app import settings
from app.access.tiers import Allowance, Tier, read_tiers
from app.commands.place import database
from app.commands.table import print_rows
from app.database.engine import CONNECT_TIMEOUT_S

# The option's name, the column's, and what it is.
LIMITS: Mapping[str, str] = {
    "requests_per_minute": "Requests a minute.",
    "burst": "Requests at once after a rest; 0: as many as a minute's.",
    "sockets": "Sockets open at once.",
    "subscriptions_per_socket": "Subscriptions of one socket.",
    "messages_per_second": "Messages a second on one socket.",
    "units_per_day": "Units a day (UTC); 0: no quota.",
    "units_per_month": "Units a month (UTC); 0: no quota.",
}
# In these no limit of its own is null.
_NULLABLE = ("burst", "units_per_day", "units_per_month")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_tiers(*, as_json: bool) -> None:
    """Prints what each tier may; settings (LIMIT_...) that are set have the last word."""
    with database(settings.load()) as url:
        tiers = asyncio.run(_read(url))
    rows = [[tier.value, *_limits_of(tiers[tier])] for tier in Tier if tier in tiers]
    print_rows(["tier", *LIMITS], rows, as_json=as_json)


def _with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command an option a limit."""
    for name, text in LIMITS.items():
        option = click.option(
            f"--{name.replace('_', '-')}", name, type=click.IntRange(min=0), help=text
        )
        command = option(command)
    return command


@click.command()
@click.argument("tier", type=click.Choice([tier.value for tier in Tier]))
@_with_limits
def set_tier(tier: str, **limits: int | None) -> None:
    """Changes what a tier may; every process goes by it within a second."""
    wanted = {name: value for name, value in limits.items() if value is not None}
    if not wanted:
        raise click.UsageError("name at least one limit to set")
    try:
        with database(settings.load()) as url:
            asyncio.run(_set(url, tier, wanted))
    except asyncpg.CheckViolationError as error:
        name = (
            str(getattr(error, "constraint_name", "")).removeprefix("tiers_").removesuffix("_check")
        )
        told = "the tier anonymous has no quota" if name == "quota" else f"{name} is out of range"
        raise click.ClickException(told) from error
    click.echo(f"changed {tier}")


def _limits_of(allowance: Allowance) -> list[int]:
    return [getattr(allowance, name) for name in LIMITS]


async def _read(url: str) -> Mapping[Tier, Allowance]:
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        return await read_tiers(connection)
    finally:
        await connection.close()


async def _set(url: str, tier: str, wanted: Mapping[str, int]) -> None:
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    values = [None if name in _NULLABLE and not wanted[name] else wanted[name] for name in wanted]
    columns = ", ".join(f"{name} = ${at}" for at, name in enumerate(wanted, 2))
    try:
        await connection.execute(
            f"UPDATE tiers SET {columns}, updated_at = now() WHERE name = $1", tier, *values
        )
    finally:
        await connection.close()
