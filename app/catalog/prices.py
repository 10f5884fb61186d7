"""Prices of one match: what every bookmaker offers now, and the path prices took."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.catalog.freshness import FRESH_FOR, QUARANTINED
from app.catalog.markets import MARKET_ORDER, SELECTION_ORDER
from app.database.engine import Connection

# An offer this many times the consensus is a mistake its bookmaker will not stand by.
MISTAKE_FROM = Decimal(2)
# Below this, what looks like value is the rounding of chances and the usual spread of offers.
VALUE_FROM = Decimal("0.02")

# Every quote of the match with what it is worth: `fresh` counts; `stale`, `suspended` (its provider
# says that the market is not open), `provider_down` and `no_offer` do not.
_QUOTED = f"""
SELECT x.market_id, x.id AS selection_id, x.key, k.status = 'open' AND x.status = 'open' AS is_open,
       x.odds AS consensus, x.fair_probability AS fair, q.bookmaker, q.provider, q.odds,
       q.observed_at, CASE
           WHEN q.odds IS NULL THEN 'no_offer'
           WHEN {QUARANTINED.format(at="q.observed_at")} THEN 'provider_down'
           WHEN w.status <> 'open' THEN 'suspended'
           WHEN q.observed_at < statement_timestamp() - {FRESH_FOR} THEN 'stale'
           ELSE 'fresh'
       END AS state
FROM matches m
LEFT JOIN live_scores s ON s.match_id = m.id
JOIN markets k ON k.match_id = m.id
JOIN selections x ON x.market_id = k.id
JOIN quotes q ON q.selection_id = x.id
LEFT JOIN market_observations w ON w.market_id = k.id AND w.provider = q.provider
LEFT JOIN provider_health h ON h.provider = q.provider AND h.sport_id = m.sport_id
WHERE m.id = $1
"""
# One bookmaker's offer for each answer that together pay more than they cost, whatever happens.
_ARBITRAGE = f"""
SELECT b.market_id, json_build_object(
           'return', round(1 / sum(1 / b.odds), 4),
           'legs', json_agg(json_build_object(
               'selectionId', b.selection_id::text, 'key', b.key, 'bookmaker', b.bookmaker,
               'provider', b.provider, 'odds', trim_scale(b.odds),
               'stake', round(1 / b.odds / b.cost, 4)) ORDER BY b.selection_id)
       ) AS found
FROM (
    SELECT *, sum(1 / odds) OVER (PARTITION BY market_id) AS cost FROM (
        SELECT DISTINCT ON (selection_id) * FROM quoted
        WHERE state = 'fresh' AND is_open AND odds <= {MISTAKE_FROM} * consensus
        ORDER BY selection_id, odds DESC, observed_at DESC, bookmaker, provider
    ) AS each_best
) AS b
GROUP BY b.market_id
HAVING sum(1 / b.odds) < 1
   -- Of these more than one answer comes true, or not all are offered.
   AND NOT EXISTS (SELECT FROM markets k WHERE k.id = b.market_id
                   AND k.type IN ('double_chance', 'correct_score'))
   AND count(*) = (SELECT count(*) FROM selections x WHERE x.market_id = b.market_id)
"""
# Single offers that pay more than the chance without margin asks for.
_VALUE = f"""
SELECT market_id, json_agg(json_build_object(
           'selectionId', selection_id::text, 'key', key, 'bookmaker', bookmaker,
           'provider', provider, 'odds', trim_scale(odds), 'edge', round(odds * fair - 1, 4)
       ) ORDER BY odds * fair DESC, bookmaker, provider) AS found
FROM quoted
WHERE state = 'fresh' AND is_open AND odds <= {MISTAKE_FROM} * consensus
  AND odds * fair - 1 >= {VALUE_FROM}
GROUP BY market_id
"""

_ODDS = f"""
WITH quoted AS MATERIALIZED ({_QUOTED}), arbitrage AS ({_ARBITRAGE}), value AS ({_VALUE})
SELECT h.seq, q.newest, (
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS "matchId", m.sport_id AS sport, l.slug AS league,
               a.name || ' v ' || b.name AS event, m.simulated, coalesce((
                   SELECT json_agg(row_to_json(k) ORDER BY {MARKET_ORDER}, k."marketId")
                   FROM (
                       SELECT k.id::text AS "marketId", k.type, trim_scale(k.line) AS line,
                              k.status, k.reason, k.version,
                              trim_scale(k.overround) AS overround,
                              (SELECT found FROM arbitrage WHERE market_id = k.id) AS arbitrage,
                              coalesce((SELECT found FROM value WHERE market_id = k.id), '[]')
                                  AS value,
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
                                                            trim_scale(q.odds) AS odds, q.state,
                                                            wire_time(q.observed_at)
                                                                AS "observedAt",
                                                            greatest(0, floor(extract(epoch FROM
                                                                now() - q.observed_at) * 1000)
                                                            )::bigint AS "ageMs"
                                                     FROM quoted AS q WHERE q.selection_id = x.id
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
JOIN match_heads AS h ON h.match_id = m.id AND m.merged_into IS NULL
JOIN leagues AS l ON l.id = m.league_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
CROSS JOIN LATERAL (SELECT max(observed_at) AS newest FROM quoted) AS q
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
# The same path, so many milliseconds at a time: what was on offer first and last, and between.
_BUCKETS = """
SELECT coalesce(json_agg(
           json_build_object(
               'marketId', p.market_id::text, 'selectionId', p.selection_id::text,
               'at', wire_time(p.bucket), 'odds', trim_scale(p.last), 'open', trim_scale(p.first),
               'high', trim_scale(p.high), 'low', trim_scale(p.low),
               'bestOdds', trim_scale(p.best), 'status', p.status, 'points', p.points
           ) ORDER BY p.bucket, p.selection_id
       ) FILTER (WHERE p.place <= $6), '[]')::text AS items, count(*) > $6 AS truncated
FROM (
    SELECT b.*, row_number() OVER (ORDER BY b.bucket DESC, b.selection_id DESC) AS place FROM (
        SELECT k.id AS market_id, x.id AS selection_id,
               date_bin($7::interval, o.at, timestamptz '2000-01-01 00:00Z') AS bucket,
               (array_agg(o.odds ORDER BY o.at))[1] AS first,
               (array_agg(o.odds ORDER BY o.at DESC))[1] AS last,
               max(o.odds) AS high, min(o.odds) AS low, max(o.best_odds) AS best,
               (array_agg(o.status ORDER BY o.at DESC))[1] AS status, count(*) AS points
        FROM markets AS k
        JOIN selections AS x ON x.market_id = k.id
        JOIN odds_history AS o ON o.selection_id = x.id AND o.at >= $4 AND o.at < $5
        WHERE k.match_id = $1 AND ($2::bigint IS NULL OR k.id = $2)
          AND ($3::bigint IS NULL OR x.id = $3)
        GROUP BY k.id, x.id, bucket
    ) AS b
    ORDER BY b.bucket DESC, b.selection_id DESC LIMIT $6 + 1
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
    # Points within so long are told as one; None: each is told.
    bucket: timedelta | None = None


async def odds_of(connection: Connection, match_id: int) -> Odds | None:
    """Returns every bookmaker's price with its age, the best, the fair chance and the overround,
    and what of it is arbitrage or value: of fresh offers in open markets only.
    """
    row = await connection.fetchrow(_ODDS, match_id)
    return None if row is None else Odds(row["body"].encode(), row["seq"], row["newest"])


async def path_of(
    connection: Connection, match_id: int, span: Span, *, limit: int
) -> tuple[str, bool]:
    """Returns the newest `limit` points, or buckets of them, as JSON, newest last, and whether
    older ones were cut.
    """
    asked = (match_id, span.market_id, span.selection_id, span.since, span.until, limit)
    if span.bucket is None:
        row = await connection.fetchrow(_PATH, *asked)
    else:
        row = await connection.fetchrow(_BUCKETS, *asked, span.bucket)
    assert row is not None  # An aggregate always has a row.
    return row["items"], row["truncated"]
