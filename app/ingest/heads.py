"""The locks on matches that whoever writes takes first."""

from collections.abc import Iterable

from app.database.engine import Connection
from app.ingest.columns import numbers

_LOCK = """
WITH locked AS (
    SELECT match_id, refs_moved FROM match_heads
    WHERE match_id = ANY (string_to_array($1, ',')::bigint[])
    ORDER BY match_id FOR NO KEY UPDATE
)
SELECT match_id FROM locked WHERE refs_moved
"""


async def lock_heads(connection: Connection, match_ids: Iterable[int]) -> list[int]:
    """Locks the heads of matches, in id order, until the transaction ends.

    Who writes the same matches waits; two who take their locks so never wait for each other.
    Returns those of which a provider's match was moved to another since it was identified, or
    earlier: what is remembered of them does not count.
    """
    rows = await connection.fetch(_LOCK, numbers(sorted(set(match_ids))))
    return [row["match_id"] for row in rows]
