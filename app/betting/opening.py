"""What is known of requests before they are looked at: one question instead of four, for all that
are struck together.
"""

from collections.abc import Sequence

import msgspec

from app.betting.wish import Asked
from app.database.engine import Connection

# Scalar subqueries: an EXISTS may be answered by reading the whole table into a hash first.
_OPEN = """
SELECT nextval('bets_id_seq') AS bet_id,
       (SELECT true FROM bets b WHERE b.user_id = k.user_id AND b.request_id = k.request_id)
           IS NOT NULL AS is_answered,
       (SELECT true FROM self_exclusions s WHERE s.user_id = k.user_id AND s.until > k.at)
           IS NOT NULL
           OR (SELECT true FROM user_limits l WHERE l.user_id = k.user_id LIMIT 1)
           IS NOT NULL AS is_bound
FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
     WITH ORDINALITY AS k (user_id, request_id, at, place)
ORDER BY k.place
"""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """`bet_id` is for a bet that may be written; one that is not used is nobody's. `is_answered`:
    the request was, before. `is_bound`: its user set limits, or stays away.
    """

    bet_id: int
    is_answered: bool
    is_bound: bool


async def open_requests(connection: Connection, asked: Sequence[Asked]) -> list[Opening]:
    """Returns what is known of each request, in their order."""
    rows = await connection.fetch(
        _OPEN,
        [one.request.user_id for one in asked],
        [one.request.request_id for one in asked],
        [one.at for one in asked],
    )
    return [
        Opening(bet_id=row["bet_id"], is_answered=row["is_answered"], is_bound=row["is_bound"])
        for row in rows
    ]
