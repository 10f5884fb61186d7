"""Refresh tokens: random, kept as hashes, good once; a second use ends the whole log-in.

A log-in that ends takes its access tokens along: a revocation says so to every process.
"""

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.errors import RefreshTokenInvalid, RefreshTokenReused, TokenExpired
from app.access.revocations import Kind
from app.database.tables.access import RefreshToken, Revocation, User

RANDOM_BYTES = 32
# Clocks that differ, and processes that hear late.
MARGIN_S = 60


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rotation: whose it is, the next token, the log-in both belong to."""

    user: User
    token: str
    family: UUID


async def issue(session: AsyncSession, user: User, *, ttl_s: int, family: UUID) -> str:
    """Records a new token of the user's log-in and returns it; the caller commits."""
    token = secrets.token_urlsafe(RANDOM_BYTES)
    now = datetime.now(UTC)
    session.add(
        RefreshToken(
            user_id=user.id,
            family=family,
            token_hash=_hash(token),
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_s),
        )
    )
    await session.flush()
    return token


async def rotate(session: AsyncSession, token: str, *, ttl_s: int, access_ttl_s: int) -> Rotated:
    """Uses a token up; returns its user and the next one. Commits.

    Raises RefreshTokenInvalid, TokenExpired, and, for a token that was used before,
    RefreshTokenReused: either the thief or the owner is late, so the family ends for both.
    """
    held = await _lock(session, token)
    if held is None:
        raise RefreshTokenInvalid
    user, current = held
    if current.used_at is not None:
        await _revoke_family(session, current.family, access_ttl_s)
        await session.commit()
        raise RefreshTokenReused(user_id=user.id)
    if current.revoked_at is not None or user.disabled_at is not None:
        raise RefreshTokenInvalid
    if current.expires_at <= datetime.now(UTC):
        raise TokenExpired("The refresh token's time is over; log in again.")
    current.used_at = datetime.now(UTC)
    following = await issue(session, user, ttl_s=ttl_s, family=current.family)
    await session.commit()
    return Rotated(user=user, token=following, family=current.family)


async def revoke(session: AsyncSession, token: str, *, access_ttl_s: int) -> User | None:
    """Ends the log-in a token belongs to and returns its user. Commits.

    Unknown tokens are fine: they are over, and None is returned.
    """
    held = await _lock(session, token)
    if held is None:
        return None
    user, current = held
    await _revoke_family(session, current.family, access_ttl_s)
    await session.commit()
    return user


async def revoke_all(session: AsyncSession, user: User) -> None:
    """Ends all log-ins of a user, whose row the caller has locked; the caller commits."""
    await session.execute(
        update(RefreshToken)
        .where(RefreshToken.user_id == user.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )


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


async def _revoke_family(session: AsyncSession, family: UUID, access_ttl_s: int) -> None:
    now = datetime.now(UTC)
    ended = await session.scalars(
        update(RefreshToken)
        .where(RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(RefreshToken.id)
    )
    if ended.first() is not None:
        session.add(
            Revocation(
                kind=Kind.FAMILY.value,
                subject=str(family),
                expires_at=now + timedelta(seconds=access_ttl_s + MARGIN_S),
            )
        )


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
