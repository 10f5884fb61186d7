"""Prices of one match: what every bookmaker offers now, and the path prices took."""

from datetime import datetime

import msgspec

from app.catalog.markets import SELECTION_ORDER
from app.database.engine import Connection

_ODDS = f"""
SELECT h.seq, q.newest, (
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS "matchId", m.sport_id AS sport, l.slug AS league,
               a.name || ' v ' || b.name AS event, m.simulated, coalesce((
                   SELECT json_agg(row_to_json(k) ORDER BY k.type DESC, k.line, k."marketId")
                   FROM (
                       SELECT k.id::text AS "marketId", k.type, trim_scale(k.line) AS line,
                              k.status, k.reason, k.version,
                              trim_scale(k.overround) AS overround,
                              wire_time(k.updated_at) AS "updatedAt", coalesce((
                                  SELECT json_agg(row_to_json(y)) FROM (
                                      SELECT x.id::text AS id, x.key, x.name,
                                             trim_scale(x.odds) AS odds,
                                             trim_scale(x.best_odds) AS "bestOdds",
                                             x.best_provider AS "bestProvider",
                                             trim_scale(x.fair_probability) AS "fairProbability",
                                             x.status, wire_time(x.updated_at) AS "updatedAt",
                                             coalesce((
                                                 SELECT json_agg(row_to_json(z)) FROM (
                                                     SELECT q.bookmaker, q.provider,
                                                            trim_scale(q.odds) AS odds,
                                                            wire_time(q.observed_at)
                                                                AS "observedAt",
                                                            greatest(0, floor(extract(epoch FROM
                                                                now() - q.observed_at) * 1000)
                                                            )::bigint AS "ageMs"
                                                     FROM quotes AS q WHERE q.selection_id = x.id
                                                     ORDER BY q.bookmaker, q.provider
                                                 ) AS z
                                             ), '[]') AS quotes
                                      FROM selections AS x WHERE x.market_id = k.id
                                      ORDER BY {SELECTION_ORDER}
                                  ) AS y
                              ), '[]') AS selections
                       FROM markets AS k WHERE k.match_id = m.id
                   ) AS k
               ), '[]') AS markets, h.seq, wire_time(h.at) AS "updatedAt",
               wire_time(q.newest) AS "observedAt", wire_time(now()) AS "generatedAt"
    ) AS r
) AS body
FROM matches AS m
JOIN match_heads AS h ON h.match_id = m.id
JOIN leagues AS l ON l.id = m.league_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
CROSS JOIN LATERAL (
    SELECT max(q.observed_at) AS newest
    FROM markets AS k JOIN selections AS x ON x.market_id = k.id
    JOIN quotes AS q ON q.selection_id = x.id
    WHERE k.match_id = m.id
) AS q
WHERE m.id = $1
"""

# The newest points of every selection, each by its index; then the newest of all of them.
_PATH = """
SELECT coalesce(json_agg(
           json_build_object(
               'marketId', p.market_id::text, 'selectionId', p.selection_id::text,
               'at', wire_time(p.at), 'odds', trim_scale(p.odds),
               'bestOdds', trim_scale(p.best_odds), 'status', p.status
           ) ORDER BY p.at, p.selection_id
       ) FILTER (WHERE p.place <= $6), '[]')::text AS items, count(*) > $6 AS truncated
FROM (
    SELECT k.id AS market_id, x.id AS selection_id, o.at, o.odds, o.best_odds, o.status,
           row_number() OVER (ORDER BY o.at DESC, x.id DESC) AS place
    FROM markets AS k
    JOIN selections AS x ON x.market_id = k.id
    CROSS JOIN LATERAL (
        SELECT o.at, o.odds, o.best_odds, o.status FROM odds_history AS o
        WHERE o.selection_id = x.id AND o.at >= $4 AND o.at < $5
        ORDER BY o.at DESC LIMIT $6 + 1
    ) AS o
    WHERE k.match_id = $1 AND ($2::bigint IS NULL OR k.id = $2)
      AND ($3::bigint IS NULL OR x.id = $3)
    ORDER BY o.at DESC, x.id DESC LIMIT $6 + 1
) AS p
"""


class Odds(msgspec.Struct, frozen=True):
    """The prices of a match as JSON, and what they are true of: its seq, its newest quote."""

    body: bytes
    seq: int
    observed_at: datetime | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the path. `since` is included, `until` is not."""

    market_id: int | None
    selection_id: int | None
    since: datetime
    until: datetime


async def odds_of(connection: Connection, match_id: int) -> Odds | None:
    """Returns every bookmaker's price with its age, the best, the fair chance and the overround."""
    row = await connection.fetchrow(_ODDS, match_id)
    return None if row is None else Odds(row["body"].encode(), row["seq"], row["newest"])


async def path_of(
    connection: Connection, match_id: int, span: Span, *, limit: int
) -> tuple[str, bool]:
    """Returns the newest `limit` points as JSON, newest last, and whether older ones were cut."""
    row = await connection.fetchrow(
        _PATH, match_id, span.market_id, span.selection_id, span.since, span.until, limit
    )
    assert row is not None  # An aggregate always has a row.
    return row["items"], row["truncated"]
