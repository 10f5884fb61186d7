"""The markets of matches in the older shape of the sockets: whole, one by one, in snake_case."""

from collections.abc import Iterable

import msgspec

from app.catalog.markets import MARKET_ORDER, SELECTION_ORDER
from app.database.engine import Connection
from app.database.places import Place, microseconds

# One statement, so that the place and all markets are of one moment.
_OF_MATCHES = f"""
SELECT m.id, m.merged_into, h.seq, h.at, array_agg(k.id ORDER BY k.place) AS ids,
       array_agg(k.body ORDER BY k.place) AS bodies
FROM matches AS m
JOIN match_heads AS h ON h.match_id = m.id
LEFT JOIN LATERAL (
    SELECT k.id, row_number() OVER (ORDER BY {MARKET_ORDER}, k.id) AS place, (
        SELECT row_to_json(r)::text FROM (
            SELECT k.id::text AS market_id, k.match_id::text AS event_id, k.type AS market_type,
                   trim_scale(k.line) AS line, k.status, k.reason, k.version, coalesce((
                       SELECT json_agg(row_to_json(y)) FROM (
                           SELECT x.id::text AS id, x.key, x.name, trim_scale(x.odds) AS odds,
                                  trim_scale(x.best_odds) AS best_odds, x.best_provider,
                                  trim_scale(x.fair_probability) AS fair_probability, x.status
                           FROM selections AS x WHERE x.market_id = k.id ORDER BY {SELECTION_ORDER}
                       ) AS y
                   ), '[]') AS odds
        ) AS r
    ) AS body
    FROM markets AS k WHERE k.match_id = m.id
) AS k ON true
WHERE m.id = ANY ($1::bigint[])
GROUP BY m.id, m.merged_into, h.seq, h.at
"""


class EventMarkets(msgspec.Struct, frozen=True, kw_only=True):
    """The markets of one match as JSON, by id and in order, true at `place` of its log."""

    match_id: int
    merged_into: int | None
    place: Place
    markets: dict[int, str]


async def event_markets(
    connection: Connection, match_ids: Iterable[int]
) -> dict[int, EventMarkets]:
    """Returns the markets of these matches; a match that does not exist is left out."""
    rows = await connection.fetch(_OF_MATCHES, list(match_ids))
    return {
        row["id"]: EventMarkets(
            match_id=row["id"],
            merged_into=row["merged_into"],
            place=Place(row["seq"], microseconds(row["at"])),
            # A match without markets has one row of them all the same, of nothing.
            markets={
                market_id: body
                for market_id, body in zip(row["ids"], row["bodies"], strict=True)
                if market_id is not None
            },
        )
        for row in rows
    }
