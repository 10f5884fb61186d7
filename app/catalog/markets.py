"""Markets with their selections: those of one match, and pages of a sport's."""

from typing import Any

import msgspec

from app.catalog.pages import Page, page_of
from app.database.engine import Connection
from app.sports.market import MarketType, SelectionKey

# Home, draw, away; over, under; yes, no: in the order people read them; scores as they were added.
SELECTION_ORDER = "array_position(ARRAY[{}], x.key), x.id".format(
    ", ".join(f"'{key}'" for key in SelectionKey)
)
# The winner before the totals; lines follow, from low to high.
MARKET_ORDER = "array_position(ARRAY[{}], k.type), k.line".format(
    ", ".join(f"'{kind}'" for kind in MarketType)
)

_MARKET = f"""(
    SELECT row_to_json(r)::text FROM (
        SELECT k.id::text AS id, k.match_id::text AS "matchId",
               a.name || ' v ' || b.name AS event, k.type, trim_scale(k.line) AS line,
               k.status, k.reason, k.version, coalesce((
                   SELECT json_agg(row_to_json(y)) FROM (
                       SELECT x.id::text AS id, x.key, x.name, trim_scale(x.odds) AS odds,
                              trim_scale(x.best_odds) AS "bestOdds",
                              x.best_provider AS "bestProvider",
                              trim_scale(x.fair_probability) AS "fairProbability", x.status,
                              wire_time(x.updated_at) AS "updatedAt"
                       FROM selections AS x WHERE x.market_id = k.id ORDER BY {SELECTION_ORDER}
                   ) AS y
               ), '[]') AS selections,
               trim_scale(k.overround) AS overround, m.simulated,
               wire_time(k.updated_at) AS "updatedAt"
    ) AS r
)"""

_FROM = """
FROM markets AS k
JOIN matches AS m ON m.id = k.match_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
"""

_OF_MATCH = f"""
SELECT {_MARKET} AS body {_FROM} WHERE k.match_id = $1 ORDER BY {MARKET_ORDER}, k.id
"""

# The slug of a league that was merged leads to the one that was kept.
_OF_LEAGUE = "m.league_id = (SELECT coalesce(x.merged_into, x.id) FROM leagues x WHERE x.slug = {})"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which markets: None and () mean any."""

    sport: str
    league: str | None = None
    match_id: int | None = None
    statuses: tuple[str, ...] = ()


async def markets_of(connection: Connection, match_id: int) -> bytes:
    """Returns the markets of a match as a JSON array; `[]` for a match without, or none such."""
    rows = await connection.fetch(_OF_MATCH, match_id)
    return f"[{','.join(row['body'] for row in rows)}]".encode()


async def markets_after(
    connection: Connection, wanted: Wanted, last: tuple[int] | None, *, limit: int
) -> Page:
    """Returns a page of markets, the newest market first, from behind the key `last`."""
    statement, arguments = _page_statement(wanted, last, limit)
    return page_of(await connection.fetch(statement, *arguments), limit, "id")


def _page_statement(wanted: Wanted, last: tuple[int] | None, limit: int) -> tuple[str, list[Any]]:
    given = (
        ("m.sport_id = {}", wanted.sport),
        (_OF_LEAGUE, wanted.league),
        ("k.match_id = {}", wanted.match_id),
        ("k.status = ANY ({}::text[])", list(wanted.statuses) or None),
        ("k.id < {}", last[0] if last is not None else None),
    )
    asked = [(condition, value) for condition, value in given if value is not None]
    where = " AND ".join(
        condition.format(f"${place}") for place, (condition, _) in enumerate(asked, start=2)
    )
    statement = (
        f"SELECT k.id, k.match_id, {_MARKET} AS body {_FROM} WHERE {where}"
        " ORDER BY k.id DESC LIMIT $1"
    )
    return statement, [limit + 1, *(value for _, value in asked)]
