"""What is known of a request before it is looked at: one question instead of four, as every round
trip is paid for by whoever waits for an answer.
"""

from datetime import datetime

import msgspec

from app.betting.record import Request
from app.database.engine import Connection

_OPEN = """
SELECT nextval(pg_get_serial_sequence('bets', 'id')) AS bet_id,
       EXISTS (SELECT FROM bets WHERE user_id = $1 AND request_id = $2) AS is_answered,
       EXISTS (SELECT FROM self_exclusions WHERE user_id = $1 AND until > $3)
           OR EXISTS (SELECT FROM user_limits WHERE user_id = $1) AS is_bound
"""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """`bet_id` is for a bet that may be written; one that is not used is nobody's. `is_answered`:
    the request was, before. `is_bound`: its user set limits, or stays away.
    """

    bet_id: int
    is_answered: bool
    is_bound: bool


async def open_request(connection: Connection, request: Request, now: datetime) -> Opening:
    """Returns what is known of a request."""
    row = await connection.fetchrow(_OPEN, request.user_id, request.request_id, now)
    assert row is not None, request
    return Opening(
        bet_id=row["bet_id"],
        is_answered=row["is_answered"],
        is_bound=row["is_bound"],
    )
