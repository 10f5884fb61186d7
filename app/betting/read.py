"""A user's bets, as values."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.betting.bet import Bet, BetStatus, Leg, LegResult, OddsChange
from app.database.engine import Connection, Row
from app.sports.ids import MarketId, MatchId, SelectionId, UserId
from app.wallet.money import Money

_BETS = """
SELECT b.id, b.user_id, b.request_id, b.fingerprint, b.status, b.stake, b.currency, b.odds,
       b.potential_return, b.odds_change, b.refusal::text AS refusal, b.answer, b.placed_at,
       b.decide_at, b.decided_at, b.settled_at, b.returned, b.stake_cashed_out,
       b.cashed_out_paid
FROM bets b
"""
_OF_REQUEST = _BETS + " WHERE b.user_id = $1 AND b.request_id = $2"
_OF_ID = _BETS + " WHERE b.id = $1"
_OF_IDS = _BETS + " WHERE b.id = ANY ($1::bigint[]) ORDER BY b.id"
_LOCKED = _OF_ID + " FOR NO KEY UPDATE"
_OF_USER = (
    _BETS
    + """
WHERE b.user_id = $1 AND b.id < $2 AND ($3::text[] IS NULL OR b.status = ANY ($3))
ORDER BY b.id DESC LIMIT $4
"""
)
_LEGS = "SELECT * FROM bet_legs WHERE bet_id = ANY ($1::bigint[]) ORDER BY bet_id, n"
_ID_BEYOND = 2**62
_REFUSAL = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Kept(msgspec.Struct, frozen=True):
    """A bet as it was kept for a request, the fingerprint of the slip that made it, and what the
    request was answered with, if it was struck.
    """

    bet: Bet
    fingerprint: bytes
    answer: bytes | None


async def bet_of_request(connection: Connection, user_id: UserId, request_id: str) -> Kept | None:
    """Returns what a request made, refused or not; None when there was none."""
    row = await connection.fetchrow(_OF_REQUEST, user_id, request_id)
    if row is None:
        return None
    [bet] = await _bets(connection, [row])
    answer = None if row["answer"] is None else row["answer"].encode()
    return Kept(bet, row["fingerprint"], answer)


async def bet_of(connection: Connection, bet_id: int, *, lock: bool = False) -> Bet | None:
    """Returns a bet; with `lock`, one that nobody else changes until the transaction ends."""
    row = await connection.fetchrow(_LOCKED if lock else _OF_ID, bet_id)
    if row is None:
        return None
    [bet] = await _bets(connection, [row])
    return bet


async def bets_of_ids(connection: Connection, bet_ids: Sequence[int]) -> list[Bet]:
    """Returns bets, by id."""
    return await _bets(connection, await connection.fetch(_OF_IDS, list(bet_ids)))


async def bets_before(
    connection: Connection,
    user_id: UserId,
    last: int | None,
    *,
    statuses: Sequence[BetStatus] | None = None,
    limit: int,
) -> list[Bet]:
    """Returns bets of a user, the newest first, older than `last`."""
    wanted = None if statuses is None else [status.value for status in statuses]
    rows = await connection.fetch(_OF_USER, user_id, last or _ID_BEYOND, wanted, limit)
    return await _bets(connection, rows)


async def _bets(connection: Connection, rows: Sequence[Row]) -> list[Bet]:
    if not rows:
        return []
    legs: dict[int, list[Leg]] = {}
    for row in await connection.fetch(_LEGS, [row["id"] for row in rows]):
        legs.setdefault(row["bet_id"], []).append(leg_of(row))
    return [_bet(row, tuple(legs.get(row["id"], ()))) for row in rows]


def leg_of(row: Mapping[str, Any]) -> Leg:
    """Returns the leg behind a row of bet_legs."""
    return Leg(
        selection_id=SelectionId(row["selection_id"]),
        market_id=MarketId(row["market_id"]),
        match_id=MatchId(row["match_id"]),
        sport_id=row["sport_id"],
        market_type=row["market_type"],
        line=row["line"],
        selection_key=row["selection_key"],
        odds_requested=row["odds_requested"],
        odds=row["odds"],
        market_version=row["market_version"],
        match_status=row["match_status"],
        home_score=row["home_score"],
        away_score=row["away_score"],
        starts_at=row["starts_at"],
        by_hand=row["by_hand"],
        result=None if row["result"] is None else LegResult(row["result"]),
    )


def _bet(row: Row, legs: tuple[Leg, ...]) -> Bet:
    currency = row["currency"]
    return Bet(
        id=row["id"],
        user_id=UserId(row["user_id"]),
        request_id=row["request_id"],
        status=BetStatus(row["status"]),
        legs=legs,
        stake=Money(row["stake"], currency),
        odds=row["odds"],
        potential_return=Money(row["potential_return"], currency),
        odds_change=OddsChange(row["odds_change"]),
        placed_at=row["placed_at"],
        decide_at=row["decide_at"],
        decided_at=row["decided_at"],
        settled_at=row["settled_at"],
        returned=Money(row["returned"], currency),
        stake_cashed_out=Money(row["stake_cashed_out"], currency),
        cashed_out_paid=Money(row["cashed_out_paid"], currency),
        refusal=None if row["refusal"] is None else _REFUSAL.decode(row["refusal"]),
    )
