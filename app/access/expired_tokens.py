"""Refresh tokens whose time is over. Apart, so that workers need not load how users are kept."""

from app.database.engine import Connection

# Rows one round of housekeeping deletes, so that it never holds locks for long.
DELETED_AT_ONCE_MAX = 5_000


async def delete_expired(connection: Connection) -> int:
    """Deletes tokens whose time is over, a bounded number at once; returns how many."""
    tag = await connection.execute(
        """
        DELETE FROM refresh_tokens WHERE id IN (
            SELECT id FROM refresh_tokens WHERE expires_at < now()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        """,
        DELETED_AT_ONCE_MAX,
    )
    return int(tag.split()[-1])
