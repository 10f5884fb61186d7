"""Refresh tokens: random, kept as hashes, good once; a second use ends the whole log-in."""

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.errors import RefreshTokenInvalid, RefreshTokenReused, TokenExpired
from app.database.tables.access import RefreshToken, User

RANDOM_BYTES = 32


async def issue(
    session: AsyncSession, user: User, *, ttl_s: int, family: UUID | None = None
) -> str:
    """Records a new token of the user and returns it; the caller commits.

    Without a family it begins one: a log-in.
    """
    token = secrets.token_urlsafe(RANDOM_BYTES)
    now = datetime.now(UTC)
    session.add(
        RefreshToken(
            user_id=user.id,
            family=family or uuid4(),
            token_hash=_hash(token),
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_s),
        )
    )
    await session.flush()
    return token


async def rotate(session: AsyncSession, token: str, *, ttl_s: int) -> tuple[User, str]:
    """Uses a token up; returns its user and the next one. Commits.

    Raises RefreshTokenInvalid, TokenExpired, and, for a token that was used before,
    RefreshTokenReused: either the thief or the owner is late, so the family ends for both.
    """
    held = await _lock(session, token)
    if held is None:
        raise RefreshTokenInvalid
    user, current = held
    if current.used_at is not None:
        await _revoke_family(session, current.family)
        await session.commit()
        raise RefreshTokenReused
    if current.revoked_at is not None or user.disabled_at is not None:
        raise RefreshTokenInvalid
    if current.expires_at <= datetime.now(UTC):
        raise TokenExpired("The refresh token's time is over; log in again.")
    current.used_at = datetime.now(UTC)
    following = await issue(session, user, ttl_s=ttl_s, family=current.family)
    await session.commit()
    return user, following


async def revoke(session: AsyncSession, token: str) -> None:
    """Ends the log-in a token belongs to. Commits. Unknown tokens are fine: they are over."""
    held = await _lock(session, token)
    if held is not None:
        await _revoke_family(session, held[1].family)
        await session.commit()


async def _lock(session: AsyncSession, token: str) -> tuple[User, RefreshToken] | None:
    """Returns a token with its user, whose row is locked first.

    The user's row is what takes turns, not the token's: a rotation adds a row that a revocation
    beside it would not see, and a stolen session would live on.
    """
    hashed = _hash(token)
    mine = select(RefreshToken.user_id).where(RefreshToken.token_hash == hashed).scalar_subquery()
    # FOR NO KEY UPDATE: log-ins, which only refer to the row, go on beside it.
    user = await session.scalar(select(User).where(User.id == mine).with_for_update(key_share=True))
    found = await session.scalar(select(RefreshToken).where(RefreshToken.token_hash == hashed))
    return None if user is None or found is None else (user, found)


async def _revoke_family(session: AsyncSession, family: UUID) -> None:
    await session.execute(
        update(RefreshToken)
        .where(RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
