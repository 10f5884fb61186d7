"""What is over: tokens, revocations, signing keys, old events of log-ins, old counts of use.

Apart, so that workers need not load how users are kept.
"""

from app.database.engine import Connection

# Rows one round of housekeeping deletes, so that it never holds locks for long.
DELETED_AT_ONCE_MAX = 5_000
# Events are one a log-in and one a renewal; a round an hour keeps up with ten a second.
EVENTS_AT_ONCE_MAX = 50_000
# Long enough to look into what somebody noticed late, and no longer: events hold addresses.
EVENTS_KEPT_DAYS = 90
# The longest an access token may be good is a day; nothing such a key signed is left.
SUPERSEDED_KEPT_DAYS = 7

# Keys without a private half stay: they say that a JWT_SECRET counts no more.
_SUPERSEDED = """
DELETE FROM signing_keys k WHERE sealed IS NOT NULL AND EXISTS (
    SELECT FROM signing_keys after
    WHERE after.signs_from > k.signs_from AND after.revoked_at IS NULL
        AND after.signs_from < now() - make_interval(days => $1)
)
"""

# This month and the same one of the year before, to compare them.
USAGE_KEPT_DAYS = 400
USAGE_AT_ONCE_MAX = 50_000
# A process that was stopped for longer and goes on may count its last batch twice.
WRITERS_KEPT_DAYS = 7

_OLD_USAGE = """
DELETE FROM usage WHERE ctid IN (
    SELECT ctid FROM usage WHERE day < current_date - $1::int ORDER BY day LIMIT $2
)
"""
_GONE_WRITERS = "DELETE FROM usage_writers WHERE written_at < now() - make_interval(days => $1)"


async def delete_expired(connection: Connection) -> int:
    """Deletes what is over, a bounded number at once; returns how many refresh tokens it was."""
    refresh_tokens = await _delete(connection, "refresh_tokens", "id", "expires_at < now()")
    await _delete(connection, "mailed_tokens", "token_hash", "expires_at < now()")
    await _delete(connection, "revocations", "id", "expires_at < now()")
    await connection.execute(
        "DELETE FROM auth_events WHERE id IN (SELECT id FROM auth_events"
        " WHERE at < now() - make_interval(days => $1) ORDER BY at LIMIT $2)",
        EVENTS_KEPT_DAYS,
        EVENTS_AT_ONCE_MAX,
    )
    await connection.execute(_SUPERSEDED, SUPERSEDED_KEPT_DAYS)
    await connection.execute(_OLD_USAGE, USAGE_KEPT_DAYS, USAGE_AT_ONCE_MAX)
    await connection.execute(_GONE_WRITERS, WRITERS_KEPT_DAYS)
    return refresh_tokens


async def _delete(connection: Connection, table: str, key: str, over: str) -> int:
    tag = await connection.execute(
        f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {over}"
        " ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        DELETED_AT_ONCE_MAX,
    )
    return int(tag.split()[-1])
