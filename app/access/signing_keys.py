"""Signing keys as Postgres keeps them: read, and rotated."""

from datetime import UTC, datetime, timedelta

from app.access.key_ring import Algorithm, KeptKey, KeyRing
from app.database.engine import Connection

# By then every process has read the new key: they hear of it within a second, and look every few.
LEAD_S = 30
# Two rotations at once take turns.
_LOCK = 7146831


async def read_keys(connection: Connection) -> list[KeptKey]:
    """Returns all keys that are kept, the oldest first."""
    rows = await connection.fetch(
        "SELECT kid, algorithm, sealed, public, signs_from, revoked_at"
        " FROM signing_keys ORDER BY signs_from, kid"
    )
    return [
        KeptKey(
            kid=row["kid"],
            algorithm=Algorithm(row["algorithm"]),
            sealed=row["sealed"],
            public=row["public"],
            signs_from=row["signs_from"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    ]


async def rotate(
    connection: Connection, ring: KeyRing, algorithm: Algorithm, *, revoke: bool
) -> KeptKey:
    """Makes the key that signs from now on and returns it.

    Tokens of the keys before it stay good until their time is over; with `revoke` they are over
    now, those of JWT_SECRET too, and the new key signs at once.
    """
    now = datetime.now(UTC)
    made = ring.made(algorithm, signs_from=now if revoke else now + timedelta(seconds=LEAD_S))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if revoke:
            for own in ring.own_kept():
                await _insert(connection, own)
            await connection.execute(
                "UPDATE signing_keys SET revoked_at = now() WHERE revoked_at IS NULL"
            )
        await _insert(connection, made)
    return made


async def _insert(connection: Connection, key: KeptKey) -> None:
    await connection.execute(
        "INSERT INTO signing_keys (kid, algorithm, sealed, public, signs_from)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kid) DO NOTHING",
        key.kid,
        key.algorithm.value,
        key.sealed,
        key.public,
        key.signs_from,
    )
