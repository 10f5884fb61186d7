"""The incidents of a match, in order."""

from app.database.engine import Connection

# Withdrawn ones stay, marked: a reader who was told of them is told that they are void.
_INCIDENTS = """
SELECT coalesce(json_agg(
    jsonb_build_object('id', id::text, 'ordinal', ordinal, 'withdrawn', withdrawn) || (body - 'key')
    ORDER BY ordinal, id
), '[]')::text
FROM incidents WHERE match_id = $1
"""


async def incidents_of(connection: Connection, match_id: int) -> bytes:
    """Returns a JSON array of incidents, each as its `incident` frame's data says it."""
    found: str = await connection.fetchval(_INCIDENTS, match_id)
    return found.encode()
