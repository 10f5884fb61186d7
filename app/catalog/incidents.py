"""The incidents of a match, in order."""

from app.database.engine import Connection

# As its `incident` frame's data says each; to be followed by a WHERE.
INCIDENTS = """
SELECT coalesce(json_agg(
    jsonb_build_object('id', i.id::text, 'ordinal', i.ordinal, 'withdrawn', i.withdrawn)
    || (i.body - 'key') ORDER BY i.ordinal, i.id
), '[]')::text
FROM incidents AS i"""


async def incidents_of(connection: Connection, match_id: int) -> bytes:
    """Returns a JSON array of incidents, each as its `incident` frame's data says it.

    Withdrawn ones stay, marked: a reader who was told of them is told that they are void.
    """
    found: str = await connection.fetchval(f"{INCIDENTS} WHERE i.match_id = $1", match_id)
    return found.encode()
