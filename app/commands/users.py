"""`app users ...`: users made and changed by whoever runs this."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import settings
from app.access.accounts import set_password
from app.access.audit import COMMAND_LINE, AuthKind, event_of, keep
from app.access.errors import EmailTaken, WrongCredentials
from app.access.passwords import PASSWORDS
from app.access.refresh_tokens import revoke_all
from app.access.users import (
    authenticate,
    check_password,
    create_user,
    locked_user,
    user_by_email,
    users_in,
)
from app.commands.place import database
from app.database.sessions import open_engine, session_maker
from app.errors import AppError, NotFound
from app.supervisor.demo import DemoUsers, LogIn

ROLES = ("user", "operator", "admin")
TIERS = ("free", "pro", "enterprise")


@click.command()
@click.option("--email", required=True, help="The e-mail address to log in with.")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    envvar="NEW_USER_PASSWORD",
    help="Asked for when it is not given; NEW_USER_PASSWORD keeps it out of `ps`.",
)
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
def create(email: str, password: str, role: str) -> None:
    """Creates a user."""
    log_in = LogIn(email=email, password=password)
    _told(lambda session: _create(session, log_in, role))
    click.echo(f"created {role} {email}")


@click.command()
@click.option("--email", required=True, help="Whom.")
@click.option("--role", type=click.Choice(ROLES), help="What somebody is here for.")
@click.option("--tier", type=click.Choice(TIERS), help="How much somebody may ask for.")
@click.option("--disable/--enable", default=None, help="Switches the user off, or on again.")
@click.option("--log-out", is_flag=True, help="Ends all log-ins.")
def change(
    email: str, role: str | None, tier: str | None, *, disable: bool | None, log_out: bool
) -> None:
    """Changes a user; tokens that are out end within a second in every process."""

    async def work(session: AsyncSession) -> None:
        user = await locked_user(session, await _id_of(session, email), disabled_too=True)
        events: list[AuthKind] = []
        if role is not None and role != user.role:
            user.role = role
            events.append(AuthKind.ROLE_CHANGED)
        user.tier = tier or user.tier
        if disable is not None and disable != (user.disabled_at is not None):
            user.disabled_at = datetime.now(UTC) if disable else None
            events.append(AuthKind.DISABLED if disable else AuthKind.ENABLED)
        if log_out or disable:
            user.logged_out_at = datetime.now(UTC)
            await revoke_all(session, user)
            events.append(AuthKind.LOGGED_OUT_EVERYWHERE)
        await keep(session, [event_of(kind, COMMAND_LINE, user_id=user.id) for kind in events])
        await session.commit()

    _told(work)
    click.echo(f"changed {email}")


@click.command()
@click.option("--email", required=True, help="Whose password.")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    envvar="NEW_USER_PASSWORD",
    help="Asked for when it is not given; NEW_USER_PASSWORD keeps it out of `ps`.",
)
def password(email: str, password: str) -> None:
    """Sets a password; all log-ins of the user end."""

    async def work(session: AsyncSession) -> None:
        check_password(password)
        hashed = await PASSWORDS.hash(password)
        user = await locked_user(session, await _id_of(session, email), disabled_too=True)
        await set_password(session, user, hashed)
        await keep(session, [event_of(AuthKind.PASSWORD_CHANGED, COMMAND_LINE, user_id=user.id)])
        await session.commit()

    _told(work)
    click.echo(f"changed the password of {email}")


def ensure_demo_users(url: str, file: Path) -> DemoUsers:
    """Creates the two demo users that the file names, or gives them the passwords in it; returns
    them.
    """
    users = msgspec.json.decode(file.read_bytes(), type=DemoUsers)

    async def ensure(session: AsyncSession) -> None:
        await _ensure(session, users.user, "user")
        await _ensure(session, users.operator, "operator")

    asyncio.run(_run(url, ensure))
    return users


def _told(work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """Runs it in a session of the database; what is wrong becomes one line."""
    try:
        with database(settings.load()) as url:
            asyncio.run(_run(url, work))
    except AppError as error:
        wrong = "; ".join(f"{field.field} {field.message}" for field in error.errors)
        raise click.ClickException(wrong or error.detail) from error


async def _id_of(session: AsyncSession, email: str) -> int:
    user = await user_by_email(session, email)
    if user is None:
        raise NotFound(f"There is no user {email}.")
    return user.id


async def _run(url: str, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    engine = open_engine(url, name="touchline users")
    try:
        async with session_maker(engine)() as session:
            await work(session)
    finally:
        await engine.dispose()


async def _create(session: AsyncSession, log_in: LogIn, role: str) -> None:
    await create_user(session, log_in.email, log_in.password, role=role)
    await session.commit()


async def _ensure(session: AsyncSession, log_in: LogIn, role: str) -> None:
    try:
        await _create(session, log_in, role)
    except EmailTaken:
        await session.rollback()
        await _correct_password(session, log_in)


async def _correct_password(session: AsyncSession, log_in: LogIn) -> None:
    """Gives a demo user the password that we tell: its database outlived our folder."""
    try:
        await authenticate(session, log_in.email, log_in.password)
    except WrongCredentials:
        users = users_in(session)
        user = await users.get_one(email=log_in.email)
        user.password_hash = await PASSWORDS.hash(log_in.password)
        await users.update(user)
    await session.commit()
