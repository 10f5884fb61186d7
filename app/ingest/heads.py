"""The locks on matches that whoever writes takes first, and who remembers what was written."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from app.database.engine import Connection
from app.ingest.columns import numbers

# The head says which reading of what is told and believed of a match still holds.
_LOCK = """
WITH locked AS (
    SELECT match_id, refs_moved, holder FROM match_heads
    WHERE match_id = ANY (string_to_array($1, ',')::bigint[])
    ORDER BY match_id FOR NO KEY UPDATE
)
SELECT match_id, l.refs_moved, l.holder IS DISTINCT FROM e.holder AS outdated
FROM locked l
LEFT JOIN unnest(string_to_array($1, ',')::bigint[], string_to_array($2, ',', '')::bigint[])
     AS e (match_id, holder) USING (match_id)
WHERE l.refs_moved OR l.holder IS DISTINCT FROM e.holder
"""
_HOLD = """
UPDATE match_heads SET holder = $2
WHERE match_id = ANY (string_to_array($1, ',')::bigint[]) AND holder IS DISTINCT FROM $2
"""


class Locked(msgspec.Struct, frozen=True):
    """What the heads say of matches that are locked now.

    `moved` are those of which a provider's match was moved to another since it was identified, or
    earlier: what is remembered of their ids does not count. `outdated` are those that somebody else
    wrote since the reading asked about: what is remembered of their scores does not count.
    """

    moved: list[int]
    outdated: list[int]


async def lock_heads(
    connection: Connection, match_ids: Iterable[int], holders: Mapping[int, int] | None = None
) -> Locked:
    """Locks the heads of matches, in id order, until the transaction ends.

    Who writes the same matches waits; two who take their locks so never wait for each other.
    `holders` are the readings that the caller remembers.
    """
    ids = sorted(set(match_ids))
    remembered = holders or {}
    expected = ",".join([str(remembered.get(m, "")) for m in ids])
    rows = await connection.fetch(_LOCK, numbers(ids), expected)
    return Locked(
        moved=[row["match_id"] for row in rows if row["refs_moved"]],
        outdated=[row["match_id"] for row in rows if row["outdated"]],
    )


async def hold_heads(
    connection: Connection, match_ids: Collection[int], holder: int | None
) -> None:
    """Notes whose reading of matches holds from now on, None: nobody's. The caller holds the locks
    and writes what it likes; whoever remembers another reading will read again.
    """
    if match_ids:
        await connection.execute(_HOLD, numbers(match_ids), holder)
