"""Tokens that go by mail: random, kept as hashes, good once and not for long."""

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.errors import MailedTokenInvalid
from app.database.tables.access import MailedToken, User

RANDOM_BYTES = 24


class Purpose(StrEnum):
    """What a mailed token is good for, and nothing else."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105


# A mail is read the next morning; a reset is asked for by somebody who waits for it.
TTL = {Purpose.VERIFY_EMAIL: timedelta(hours=24), Purpose.RESET_PASSWORD: timedelta(hours=1)}


async def issue(session: AsyncSession, user: User, purpose: Purpose) -> tuple[str, datetime]:
    """Records a token in place of earlier ones; returns it and its end. The caller commits."""
    token = secrets.token_urlsafe(RANDOM_BYTES)
    expires_at = datetime.now(UTC) + TTL[purpose]
    await forget(session, user, purpose)
    session.add(
        MailedToken(
            token_hash=_hash(token),
            user_id=user.id,
            purpose=purpose.value,
            expires_at=expires_at,
        )
    )
    await session.flush()
    return token, expires_at


async def take(session: AsyncSession, token: str, purpose: Purpose) -> User:
    """Uses a token up and returns its user, locked; the caller commits.

    Raises MailedTokenInvalid: unknown, used, too old, for something else, or its user is gone.
    """
    taken = (
        delete(MailedToken)
        .where(MailedToken.token_hash == _hash(token), MailedToken.purpose == purpose.value)
        .returning(MailedToken.user_id, MailedToken.expires_at)
    )
    found = (await session.execute(taken)).one_or_none()
    if found is None or found.expires_at <= datetime.now(UTC):
        raise MailedTokenInvalid
    user = await session.scalar(
        select(User).where(User.id == found.user_id).with_for_update(key_share=True)
    )
    if user is None or user.disabled_at is not None:
        raise MailedTokenInvalid
    return user


async def forget(session: AsyncSession, user: User, purpose: Purpose) -> None:
    """Makes a user's tokens for this useless; the caller commits."""
    await session.execute(
        delete(MailedToken).where(
            MailedToken.user_id == user.id, MailedToken.purpose == purpose.value
        )
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
