"""`app users ...`: users made by whoever runs this."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import settings
from app.access.errors import EmailTaken, WrongCredentials
from app.access.passwords import PASSWORDS
from app.access.users import authenticate, create_user, users_in
from app.commands.place import database
from app.database.sessions import open_engine, session_maker
from app.errors import AppError
from app.supervisor.demo import DemoUsers, LogIn

ROLES = ("user", "operator")


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
    try:
        with database(settings.load()) as url:
            asyncio.run(_run(url, lambda session: _create(session, log_in, role)))
    except AppError as error:
        wrong = "; ".join(f"{field.field} {field.message}" for field in error.errors)
        raise click.ClickException(wrong or error.detail) from error
    click.echo(f"created {role} {email}")


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
