"""API keys: random, shown once, kept as hashes, made for some scopes, revoked by their owner.

A key is `tl_`, eight characters its owner knows it by, `_`, 32 random bytes, and a checksum, so
that what was cut off or mistyped is told apart without asking anybody. SHA-256 is enough for a
secret that nobody can guess; argon2 is for those that people choose.
"""

import re
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zlib import crc32

import msgspec

from app.access.errors import TooManyApiKeys
from app.access.revocations import Kind
from app.access.scopes import Scope
from app.database.engine import Connection, Row
from app.errors import FieldError, Invalid, NotFound
from app.sports.ids import UserId

# More than a user has programs; a list that anybody can look through.
KEYS_PER_USER_MAX = 50
NAME_LENGTH_MAX = 100
EXPIRES_IN_DAYS_MAX = 3_650
# How long a revocation is told to processes that come late; see access_news.
REVOCATION_KEPT = timedelta(hours=25)
_KEY = re.compile(r"tl_[a-z0-9]{8}_[A-Za-z0-9_-]{43}[0-9a-f]{8}\Z")
_PREFIX_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_COLUMNS = "id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its owner sees it: all but the secret."""

    id: int
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


def is_api_key(text: str) -> bool:
    """Says whether this is made like a key of ours, its checksum included."""
    return _KEY.match(text) is not None and text[-8:] == _checksum(text[:-8])


def hash_of(secret: str) -> bytes:
    """Returns what is kept of a key."""
    return sha256(secret.encode()).digest()


async def create(
    connection: Connection,
    user_id: UserId,
    *,
    name: str,
    scopes: frozenset[Scope],
    expires_in: timedelta | None = None,
) -> tuple[ApiKey, str]:
    """Makes a key; returns it and its secret, which is kept nowhere.

    Raises Invalid and TooManyApiKeys; the user must exist.
    """
    _check(name, scopes, expires_in)
    prefix = "tl_" + "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(8))
    unchecked = f"{prefix}_{secrets.token_urlsafe(32)}"
    secret = unchecked + _checksum(unchecked)
    async with connection.transaction():
        # The user's row is what takes turns, so that two at once cannot pass the bound.
        await connection.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)
        held = await connection.fetchval(
            "SELECT count(*) FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL", user_id
        )
        if held >= KEYS_PER_USER_MAX:
            raise TooManyApiKeys(f"A user holds {KEYS_PER_USER_MAX} API keys at most.")
        row = await connection.fetchrow(
            "INSERT INTO api_keys (user_id, name, prefix, secret_hash, scopes, expires_at)"
            f" VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}",
            user_id,
            name,
            prefix,
            hash_of(secret),
            sorted(scope.value for scope in scopes),
            None if expires_in is None else datetime.now(UTC) + expires_in,
        )
    assert row is not None
    return _of_row(row), secret


async def list_keys(connection: Connection, user_id: UserId) -> list[ApiKey]:
    """Returns a user's keys that are not revoked, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL"
        " ORDER BY id DESC",
        user_id,
    )
    return [_of_row(row) for row in rows]


async def revoke(connection: Connection, key_id: int, *, user_id: UserId | None = None) -> UserId:
    """Ends a key, of that user if one is given; returns whose it was. Every process hears of it.

    Raises NotFound for what is unknown, another's, or revoked already.
    """
    owner = await connection.fetchval(
        """
        WITH ended AS (
            UPDATE api_keys SET revoked_at = now()
            WHERE id = $1 AND revoked_at IS NULL AND ($2::bigint IS NULL OR user_id = $2)
            RETURNING id, user_id
        ), told AS (
            INSERT INTO revocations (kind, subject, expires_at)
            SELECT $3, id::text, now() + $4 FROM ended
        )
        SELECT user_id FROM ended
        """,
        key_id,
        user_id,
        Kind.API_KEY.value,
        REVOCATION_KEPT,
    )
    if owner is None:
        raise NotFound(f"There is no API key {key_id}.")
    return UserId(owner)


def _check(name: str, scopes: frozenset[Scope], expires_in: timedelta | None) -> None:
    wrong: list[FieldError] = []
    if not 1 <= len(name.strip()) <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        takes = f"takes 1 to {NAME_LENGTH_MAX} printable characters"
        wrong.append(FieldError(field="name", message=takes))
    if not scopes:
        wrong.append(FieldError(field="scopes", message=f"takes some of {', '.join(Scope)}"))
    if expires_in is not None and not 1 <= expires_in.days <= EXPIRES_IN_DAYS_MAX:
        takes = f"takes 1 to {EXPIRES_IN_DAYS_MAX} days"
        wrong.append(FieldError(field="expiresInDays", message=takes))
    if wrong:
        raise Invalid("The API key is not valid.", errors=tuple(wrong))


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


def _of_row(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
