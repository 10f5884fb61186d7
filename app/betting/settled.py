"""Writes settlements down, and reads back what they moved."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from app.betting.bet import Bet, BetStatus, LegResult, may_move
from app.betting.settling import Verdict
from app.database.engine import Connection
from app.sports.ids import UserId
from app.wallet.money import Money
from app.wallet.moves import Holder, Move

_LEGS = """
UPDATE bet_legs AS l SET result = n.result, by_hand = n.by_hand
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::boolean[]) AS n (bet_id, n, result, by_hand)
WHERE l.bet_id = n.bet_id AND l.n = n.n
"""
_INSERT = """
INSERT INTO settlements (bet_id, number, status, returned, cause, note, decided_by, settled_at)
SELECT n.bet_id,
       coalesce((SELECT max(s.number) FROM settlements s WHERE s.bet_id = n.bet_id), 0) + 1,
       n.status, n.returned, n.cause, n.note, n.decided_by, $7
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
     AS n (bet_id, status, returned, cause, note, decided_by)
RETURNING bet_id, number
"""
_BETS = """
UPDATE bets AS b SET status = n.status, returned = b.cashed_out_paid + n.returned,
    settled_at = n.settled_at
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[])
     AS n (bet_id, status, returned, settled_at)
WHERE b.id = n.bet_id
"""
# What the newest settlement of each bet moved, in the order it did; what was lent or collected
# meanwhile is between the user and the house, and stays.
_MOVED = """
SELECT s.bet_id, t.key, t.kind, t.user_id, t.source, t.target, t.amount, t.currency, t.reference
FROM (SELECT bet_id, max(number) AS number FROM settlements
      WHERE bet_id = ANY ($1::bigint[]) GROUP BY bet_id) AS s
JOIN transfers t ON t.reference = 'bet:' || s.bet_id
 AND t.key LIKE 'bet:' || s.bet_id || ':settlement:' || s.number || ':%'
WHERE t.kind IN ('stake_returned', 'stake_lost', 'winnings')
ORDER BY t.id
"""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """Why a bet is settled, and by whom. `hands`: legs that are the operator's from now on (True)
    or the match's again (False), by number.
    """

    cause: str
    note: str = ""
    decided_by: UserId | None = None
    hands: Mapping[int, bool] = msgspec.field(default_factory=dict[int, bool])


async def write_settlements(
    connection: Connection,
    bets: Sequence[Bet],
    results: Mapping[int, Mapping[int, LegResult | None]],
    *,
    verdicts: Mapping[int, Verdict | None],
    moved: Sequence[Bet],
    notes: Mapping[int, Noted],
    now: datetime,
) -> dict[int, str]:
    """Writes legs, and for the bets that `moved` a settlement and their state; returns how the
    transfers of each settlement are named, by bet.
    """
    await _write_legs(connection, bets, results, notes)
    if not moved:
        return {}
    ids = [bet.id for bet in moved]
    found = [verdicts[bet.id] for bet in moved]
    becomes = [one.status if one else BetStatus.ACCEPTED for one in found]
    for bet, status in zip(moved, becomes, strict=True):
        assert may_move(bet.status, status), (bet, status)
    statuses = [status.value for status in becomes]
    returned = [one.returned.amount_minor if one else 0 for one in found]
    said = [notes[bet.id] for bet in moved]
    causes = [_cause(bet, note) for bet, note in zip(moved, said, strict=True)]
    rows = await connection.fetch(
        _INSERT,
        ids,
        statuses,
        returned,
        causes,
        [note.note for note in said],
        [note.decided_by for note in said],
        now,
    )
    settled_at = [now if one else None for one in found]
    await connection.execute(_BETS, ids, statuses, returned, settled_at)
    return {row["bet_id"]: f"bet:{row['bet_id']}:settlement:{row['number']}" for row in rows}


async def moves_before(connection: Connection, bets: Sequence[Bet]) -> dict[int, list[Move]]:
    """Returns what the newest settlement of each bet moved, in its order."""
    found: dict[int, list[Move]] = {}
    for row in await connection.fetch(_MOVED, [bet.id for bet in bets]) if bets else ():
        found.setdefault(row["bet_id"], []).append(
            Move(
                key=row["key"],
                kind=row["kind"],
                user_id=UserId(row["user_id"]),
                source=Holder(row["source"]),
                target=Holder(row["target"]),
                amount=Money(row["amount"], row["currency"]),
                reference=row["reference"],
            )
        )
    return found


async def _write_legs(
    connection: Connection,
    bets: Sequence[Bet],
    results: Mapping[int, Mapping[int, LegResult | None]],
    notes: Mapping[int, Noted],
) -> None:
    changed = [
        (bet.id, n, results[bet.id][n], notes[bet.id].hands.get(n, leg.by_hand))
        for bet in bets
        for n, leg in enumerate(bet.legs, 1)
        if results[bet.id][n] is not leg.result
        or notes[bet.id].hands.get(n) not in (None, leg.by_hand)
    ]
    if changed:
        columns = [list(column) for column in zip(*changed, strict=True)]
        await connection.execute(_LEGS, *columns)


def _cause(bet: Bet, note: Noted) -> str:
    is_first = bet.status is BetStatus.ACCEPTED
    return "correction" if note.cause == "result" and not is_first else note.cause
