"""What operators look at: everybody's bets, what hangs on markets, what is owed to whom."""

from collections.abc import Sequence

import msgspec

from app.betting.bet import Bet, BetStatus
from app.betting.read import bets_of_ids
from app.database.engine import Connection, Row
from app.errors import NotFound
from app.wallet.money import Money

_FOUND = """
SELECT b.id FROM bets b
WHERE b.id < $1 AND ($2::bigint IS NULL OR b.user_id = $2)
  AND ($3::bigint IS NULL OR EXISTS (
      SELECT FROM bet_legs l WHERE l.bet_id = b.id AND l.match_id = $3))
  AND (cardinality($4::text[]) = 0 OR b.status = ANY ($4))
ORDER BY b.id DESC LIMIT $5
"""
_SETTLEMENTS = """
SELECT s.id, s.number, s.status, s.returned, b.currency, s.cause, s.note, s.decided_by,
       wire_time(s.settled_at) AS settled_at
FROM settlements s JOIN bets b ON b.id = s.bet_id
WHERE s.bet_id = $1 ORDER BY s.number
"""
_DEAREST = """
SELECT e.market_id, e.match_id, h.name || ' v ' || a.name AS event, k.type,
       trim_scale(k.line) AS line, e.currency, e.staked, e.payouts::text AS payouts,
       worst.paid - e.staked AS worst
FROM market_exposures e
JOIN matches m ON m.id = e.match_id
JOIN participants h ON h.id = m.home_id
JOIN participants a ON a.id = m.away_id
LEFT JOIN markets k ON k.id = e.market_id
CROSS JOIN LATERAL (SELECT coalesce(max(value::bigint), 0) AS paid
                    FROM jsonb_each_text(e.payouts)) AS worst
WHERE worst.paid > 0
ORDER BY worst.paid - e.staked DESC, e.market_id LIMIT $1
"""
# Its markets' worst cases together: more than can come true at once, so never too little.
_DEAREST_MATCHES = """
SELECT e.match_id, h.name || ' v ' || a.name AS event, e.currency, count(*) AS markets,
       sum(e.staked)::bigint AS staked,
       sum(greatest(worst.paid - e.staked, 0))::bigint AS worst
FROM market_exposures e
JOIN matches m ON m.id = e.match_id
JOIN participants h ON h.id = m.home_id
JOIN participants a ON a.id = m.away_id
CROSS JOIN LATERAL (SELECT coalesce(max(value::bigint), 0) AS paid
                    FROM jsonb_each_text(e.payouts)) AS worst
WHERE worst.paid > 0
GROUP BY e.match_id, h.name, a.name, e.currency
ORDER BY worst DESC, e.match_id LIMIT $1
"""
_DEAREST_USERS = """
SELECT user_id, currency, count(*) AS bets, sum(stake - stake_cashed_out)::bigint AS staked,
       sum(potential_return - (stake - stake_cashed_out))::bigint AS worst
FROM bets WHERE status IN ('accepted', 'pending')
GROUP BY user_id, currency
ORDER BY worst DESC, user_id LIMIT $1
"""
_LIABILITIES = """
WITH bet AS (
    SELECT currency, count(*) FILTER (WHERE status = 'accepted') AS open,
           count(*) FILTER (WHERE status = 'pending') AS pending,
           sum(stake - stake_cashed_out)::bigint AS staked,
           sum(potential_return)::bigint AS potential
    FROM bets WHERE status IN ('accepted', 'pending') GROUP BY currency
), held AS (
    SELECT currency, coalesce(sum(balance) FILTER (WHERE kind = 'available'), 0)::bigint AS users,
           coalesce(-sum(balance) FILTER (WHERE kind = 'owed'), 0)::bigint AS owed,
           coalesce(sum(balance) FILTER (WHERE kind = 'house'), 0)::bigint AS house
    FROM accounts GROUP BY currency
)
SELECT h.currency, coalesce(b.open, 0) AS open, coalesce(b.pending, 0) AS pending,
       coalesce(b.staked, 0) AS staked, coalesce(b.potential, 0) AS potential, h.users, h.owed,
       h.house
FROM held h LEFT JOIN bet b USING (currency) ORDER BY h.currency
"""
_ID_BEYOND = 2**62
_PAYOUTS = msgspec.json.Decoder(dict[str, int])
_ENCODER = msgspec.json.Encoder(decimal_format="number")


async def bets_found(
    connection: Connection,
    last: int | None,
    *,
    user_id: int | None,
    match_id: int | None,
    statuses: Sequence[BetStatus],
    limit: int,
) -> list[Bet]:
    """Returns bets, the newest first, older than `last`; None and nothing do not narrow."""
    rows = await connection.fetch(
        _FOUND,
        last or _ID_BEYOND,
        user_id,
        match_id,
        [status.value for status in statuses],
        limit,
    )
    bets = await bets_of_ids(connection, [row["id"] for row in rows])
    return bets[::-1]


async def settlements_of(connection: Connection, bet_id: int) -> list[str]:
    """Returns a bet's settlements as JSON, the first first; raises NotFound without the bet."""
    if not await bets_of_ids(connection, [bet_id]):
        raise NotFound(f"There is no bet {bet_id}.")
    items: list[str] = []
    for row in await connection.fetch(_SETTLEMENTS, bet_id):
        by = row["decided_by"]
        said = {
            "id": str(row["id"]),
            "number": row["number"],
            "status": row["status"],
            "returned": str(Money(row["returned"], row["currency"])),
            "cause": row["cause"],
            "note": row["note"],
            "decidedBy": None if by is None else str(by),
            "settledAt": row["settled_at"],
        }
        items.append(_ENCODER.encode(said).decode())
    return items


async def dearest_markets(connection: Connection, *, limit: int) -> list[str]:
    """Returns the markets whose worst case costs most, as JSON, the dearest first."""
    items: list[str] = []
    for row in await connection.fetch(_DEAREST, limit):
        currency = row["currency"]
        payouts = _PAYOUTS.decode(row["payouts"])
        said = {
            "marketId": str(row["market_id"]),
            "matchId": str(row["match_id"]),
            "event": row["event"],
            "market": row["type"] or "",
            "line": row["line"],
            **_at_stake(row),
            "payouts": {key: str(Money(paid, currency)) for key, paid in payouts.items()},
        }
        items.append(_ENCODER.encode(said).decode())
    return items


async def dearest_matches(connection: Connection, *, limit: int) -> list[str]:
    """Returns the matches whose markets together cost most at worst, as JSON, the dearest first."""
    items: list[str] = []
    for row in await connection.fetch(_DEAREST_MATCHES, limit):
        said = {
            "matchId": str(row["match_id"]),
            "event": row["event"],
            "markets": row["markets"],
            **_at_stake(row),
        }
        items.append(_ENCODER.encode(said).decode())
    return items


async def dearest_users(connection: Connection, *, limit: int) -> list[str]:
    """Returns the users whose open bets would cost most if all were won, as JSON, the dearest
    first.
    """
    items: list[str] = []
    for row in await connection.fetch(_DEAREST_USERS, limit):
        said = {"userId": str(row["user_id"]), "bets": row["bets"], **_at_stake(row)}
        items.append(_ENCODER.encode(said).decode())
    return items


def _at_stake(row: Row) -> dict[str, dict[str, str]]:
    currency = row["currency"]
    amounts = {name: Money(row[name], currency) for name in ("staked", "worst")}
    return {name: {"amount": str(amount), "currency": currency} for name, amount in amounts.items()}


async def liabilities(connection: Connection) -> list[str]:
    """Returns, as JSON by currency, what open bets could cost and what there is."""
    items: list[str] = []
    for row in await connection.fetch(_LIABILITIES):
        currency = row["currency"]
        said = {
            "currency": currency,
            "openBets": row["open"],
            "pendingBets": row["pending"],
            "staked": str(Money(row["staked"], currency)),
            "potentialReturn": str(Money(row["potential"], currency)),
            "usersAvailable": str(Money(row["users"], currency)),
            "usersOwed": str(Money(row["owed"], currency)),
            "house": str(Money(row["house"], currency)),
        }
        items.append(_ENCODER.encode(said).decode())
    return items
