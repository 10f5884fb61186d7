"""Users: sign up, look up, check a password."""

import re
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.errors import EmailTaken, WrongCredentials
from app.access.passwords import PASSWORDS, Passwords
from app.database.alchemy import SQLAlchemyAsyncRepository
from app.database.tables.access import User
from app.errors import FieldError, Invalid, NotAuthenticated
from app.sports.ids import UserId

# RFC 5321 4.5.3.1.3 less the angle brackets. ASCII only, so that Postgres and we agree on case.
EMAIL_LENGTH_MAX = 254
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}\Z"
)
# NIST SP 800-63B 3.1.1.2: at least 8, no rules of composition; the upper end bounds the work.
PASSWORD_LENGTH_MIN = 8
PASSWORD_LENGTH_MAX = 256


class Users(SQLAlchemyAsyncRepository[User]):
    """The users of the database."""

    model_type = User


def users_in(session: AsyncSession) -> Users:
    """Returns the users; errors stay SQLAlchemy's, as the wrapping calls all of them integrity."""
    return Users(session=session, wrap_exceptions=False)


async def create_user(
    session: AsyncSession,
    email: str,
    password: str,
    *,
    role: str = "user",
    tier: str = "free",
    verified: bool = True,
) -> User:
    """Signs somebody up; the caller commits. `verified` says that the address was confirmed.

    Raises Invalid with everything that is wrong with the two, and EmailTaken; after that the
    session is good for a rollback only.
    """
    email = checked_email(email, password)
    hashed = await PASSWORDS.hash(password)
    return await insert_user(session, email, hashed, role=role, tier=tier, verified=verified)


async def insert_user(
    session: AsyncSession,
    email: str,
    hashed: str,
    *,
    role: str = "user",
    tier: str = "free",
    verified: bool,
) -> User:
    """Adds a user with a checked address and the hash of a checked password.

    Raises EmailTaken, after which the session is good for a rollback only.
    """
    user = User(
        email=email,
        password_hash=hashed,
        role=role,
        tier=tier,
        email_verified_at=datetime.now(UTC) if verified else None,
    )
    try:
        return await users_in(session).add(user)
    except IntegrityError as error:
        if "users_email_key" not in str(error.orig):
            raise
        raise EmailTaken from error


async def authenticate(
    session: AsyncSession, email: str, password: str, *, passwords: Passwords = PASSWORDS
) -> User:
    """Returns the user behind e-mail address and password; the caller commits.

    Raises WrongCredentials, after the same work, whether the address is unknown, the password is
    wrong or the user is switched off. A hash made with older parameters is made anew.
    """
    users = users_in(session)
    user = await user_by_email(session, email)
    # Ends the look-up: no connection waits while argon2 works.
    await session.commit()
    hashed = user.password_hash if user is not None else passwords.nobody
    fits = await passwords.fits(hashed, password[: PASSWORD_LENGTH_MAX + 1])
    if user is None or not fits or user.disabled_at is not None:
        raise WrongCredentials
    if passwords.is_outdated(user.password_hash):
        user.password_hash = await passwords.hash(password)
        await users.update(user)
    return user


async def user_by_email(session: AsyncSession, email: str) -> User | None:
    """Returns the user of an e-mail address as somebody typed it, which may be anything."""
    if len(email) > EMAIL_LENGTH_MAX or _EMAIL.match(email) is None:
        return None
    return await users_in(session).get_one_or_none(email=email.lower())


async def user_of(session: AsyncSession, user_id: UserId) -> User:
    """Returns a user; raises NotAuthenticated when the user is gone or switched off."""
    user = await users_in(session).get_one_or_none(id=user_id)
    if user is None or user.disabled_at is not None:
        raise NotAuthenticated("This user no longer exists.")
    return user


async def locked_user(session: AsyncSession, user_id: int, *, disabled_too: bool = False) -> User:
    """Returns a user whose row nobody else changes until the caller's transaction ends.

    Raises NotAuthenticated when the user is gone or, unless those are wanted too, switched off.
    """
    query = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = await session.scalar(query.execution_options(populate_existing=True))
    if user is None or (user.disabled_at is not None and not disabled_too):
        raise NotAuthenticated("This user no longer exists.")
    return user


def check_password(password: str) -> None:
    """Raises Invalid when a new password is too short or too long."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        takes = f"takes {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters"
        raise Invalid(
            "The password is not valid.", errors=(FieldError(field="password", message=takes),)
        )


def checked_email(email: str, password: str) -> str:
    """Returns the address in lower case; raises Invalid with everything wrong with the two."""
    wrong: list[FieldError] = []
    if len(email) > EMAIL_LENGTH_MAX or not _EMAIL.match(email):
        wrong.append(FieldError(field="email", message="is not an e-mail address"))
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        takes = f"takes {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters"
        wrong.append(FieldError(field="password", message=takes))
    if wrong:
        raise Invalid("The sign-up is not valid.", errors=tuple(wrong))
    return email.lower()
