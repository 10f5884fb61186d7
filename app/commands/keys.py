"""`app keys ...`: API keys of users, and the keys that sign access tokens."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import click

from app import settings
from app.access import api_keys, signing_keys
from app.access.audit import COMMAND_LINE, AuthKind, event_of, write
from app.access.key_ring import Algorithm, KeyRing
from app.access.scopes import Scope
from app.access_settings import DEVELOPMENT_SECRET, AccessSettings
from app.commands.place import RUN, with_pool
from app.commands.table import print_rows
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import Invalid, NotFound
from app.sports.ids import UserId

# Where `app up` keeps the secret it made, when nobody gave it one.
_SECRET_OF_RUN = RUN / "jwt-secret"
T = TypeVar("T")


@click.command()
@click.option("--email", required=True, help="Whose key it is.")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=[Scope.READ.value],
    show_default=True,
    help="What it may be used for; may be given more than once.",
)
@click.option("--days", type=int, help="How long it is good. Not given: for ever.")
def create(email: str, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Makes an API key; its secret is printed once."""
    wanted = frozenset(map(Scope, scopes))
    expires_in = None if days is None else timedelta(days=days)

    async def work(connection: Connection) -> str:
        user_id = await _user_of(connection, email)
        try:
            made, secret = await api_keys.create(
                connection, user_id, name=name, scopes=wanted, expires_in=expires_in
            )
        except Invalid as error:
            wrong = "; ".join(f"{field.field} {field.message}" for field in error.errors)
            raise click.ClickException(wrong) from error
        event = event_of(AuthKind.KEY_CREATED, COMMAND_LINE, user_id=user_id, api_key_id=made.id)
        await write(connection, [event])
        return secret

    click.echo(_with_connection(work))


@click.command("list")
@click.option("--email", required=True, help="Whose keys.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_keys(email: str, *, as_json: bool) -> None:
    """Prints a user's API keys, the newest first; their secrets are kept nowhere."""

    async def work(connection: Connection) -> list[api_keys.ApiKey]:
        return await api_keys.list_keys(connection, await _user_of(connection, email))

    rows = [
        (
            key.id,
            key.prefix,
            key.name,
            ",".join(key.scopes),
            f"{key.created_at:%Y-%m-%d}",
            "" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}",
            "" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}",
        )
        for key in _with_connection(work)
    ]
    titles = ("id", "prefix", "name", "scopes", "created", "expires", "used")
    print_rows(titles, rows, as_json=as_json)


@click.command()
@click.argument("key_id", type=int)
def revoke(key_id: int) -> None:
    """Ends an API key, within a second in every process."""

    async def work(connection: Connection) -> None:
        owner = await api_keys.revoke(connection, key_id)
        event = event_of(AuthKind.KEY_REVOKED, COMMAND_LINE, user_id=owner, api_key_id=key_id)
        await write(connection, [event])

    _with_connection(work)
    click.echo(f"revoked {key_id}")


@click.command()
@click.option(
    "--algorithm",
    type=click.Choice([algorithm.value for algorithm in Algorithm]),
    default=Algorithm.EDDSA.value,
    show_default=True,
    help="How the new key signs; of EdDSA and RS256 others may check the tokens (JWKS).",
)
@click.option("--revoke", "ends", is_flag=True, help="Ends all tokens of the keys before, now.")
def rotate(algorithm: str, *, ends: bool) -> None:
    """Makes the key that signs access tokens from now on; those before it verify on."""
    access = settings.load().access
    ring = KeyRing(
        secret_of_run(access),
        ttl_s=access.access_token_ttl_s,
        secret_before=access.jwt_secret_before,
    )

    async def work(connection: Connection) -> str:
        made = await signing_keys.rotate(connection, ring, Algorithm(algorithm), revoke=ends)
        detail = f"{algorithm} {made.kid}{', those before revoked' if ends else ''}"
        event = event_of(AuthKind.SIGNING_KEYS_ROTATED, COMMAND_LINE, detail=detail)
        await write(connection, [event])
        return f"{made.kid} signs from {made.signs_from:%Y-%m-%d %H:%M:%S} UTC on"

    click.echo(_with_connection(work))


def secret_of_run(access: AccessSettings) -> str:
    """Returns the secret the processes sign with: JWT_SECRET, or the one `app up` made here."""
    if access.jwt_secret == DEVELOPMENT_SECRET and _SECRET_OF_RUN.exists():
        return _SECRET_OF_RUN.read_text()
    return access.jwt_secret


def _with_connection(work: Callable[[Connection], Awaitable[T]]) -> T:
    async def lent(pool: Pool) -> T:
        async with engine.connection(pool) as connection:
            return await work(connection)

    return with_pool("keys", lent)


async def _user_of(connection: Connection, email: str) -> UserId:
    found = await connection.fetchval("SELECT id FROM users WHERE email = $1", email.lower())
    if found is None:
        raise NotFound(f"There is no user {email}.")
    return UserId(found)
