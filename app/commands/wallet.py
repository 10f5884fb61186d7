"""`app wallet check|grant`: proves the ledger, gives play money."""

import asyncio
from decimal import Decimal

import asyncpg
import click

from app import settings
from app.commands.place import database
from app.errors import AppError
from app.sports.ids import UserId
from app.wallet.check import check_ledger
from app.wallet.ledger import post
from app.wallet.money import Money, parse_money
from app.wallet.moves import Holder, Move
from app.wallet.read import balance_of

_USER = "SELECT id FROM users WHERE email = lower($1)"
KEY_LENGTH_MAX = 64


@click.command()
@click.option("--everything", is_flag=True, help="From the first entry, not from the last proof.")
def check(*, everything: bool) -> None:
    """Proves that every account is what its entries make, and that all sum to zero."""

    async def prove(url: str) -> int:
        connection = await asyncpg.connect(url)
        try:
            proof = await check_ledger(connection, everything=everything)
        finally:
            await connection.close()
        for fault in proof.faults:
            click.echo(fault.what, err=True)
        click.echo(f"{proof.accounts} accounts proved, {len(proof.faults)} faults")
        return len(proof.faults)

    with database(settings.load()) as url:
        if asyncio.run(prove(url)):
            raise click.exceptions.Exit(1)


@click.command()
@click.argument("email")
@click.argument("amount")
@click.option("--currency", default="EUR", show_default=True)
@click.option("--key", required=True, help="Names this grant: the same again gives nothing more.")
@click.option("--bonus", is_flag=True, help="To the bonus account, instead of what is available.")
def grant(email: str, amount: str, currency: str, key: str, *, bonus: bool) -> None:
    """Gives a user money of the house: play money, or a bonus."""
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise click.ClickException(f"a key has 1 to {KEY_LENGTH_MAX} characters")
    target = Holder.BONUS if bonus else Holder.AVAILABLE
    try:
        money = parse_money(amount, currency)
        with database(settings.load()) as url:
            click.echo(asyncio.run(give(url, email, money, key=key, target=target)))
    except AppError as error:
        raise click.ClickException(error.detail) from error


async def give(
    url: str, email: str, money: Money, *, key: str, target: Holder = Holder.AVAILABLE
) -> str:
    """Grants money once a key; returns what the user then has, in words."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval(_USER, email)
        if found is None:
            raise click.ClickException(f"there is no user {email}")
        user_id = UserId(found)
        async with connection.transaction():
            move = Move(
                key=f"grant:{user_id}:{key}",
                kind="grant",
                user_id=user_id,
                source=Holder.HOUSE,
                target=target,
                amount=money,
                reference=f"grant:{key}",
            )
            await post(connection, [move])
        balance = await balance_of(connection, user_id, money.currency)
        return f"{email}: {balance.available} {money.currency}, bonus {balance.bonus}"
    finally:
        await connection.close()


def give_demo_money(url: str, email: str, amount: Decimal, currency: str) -> None:
    """Gives the demo user what it begins with, once."""
    if amount > 0:
        asyncio.run(give(url, email, parse_money(amount, currency), key="demo"))
