"""Matches: a page of summaries, one score, one match with all that is told about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from app.catalog.incidents import INCIDENTS
from app.catalog.markets import MARKET_ORDER
from app.catalog.pages import Page, page_of
from app.catalog.statistics import in_snake_case, statistics_of
from app.database.engine import Connection
from app.database.places import Place, microseconds

_FROM = """
FROM matches AS m
JOIN match_heads AS h ON h.match_id = m.id AND m.merged_into IS NULL
JOIN leagues AS l ON l.id = m.league_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
"""

# A match that no provider has told a score of yet is as it was announced: scheduled.
_SUMMARY = """(
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS id, m.sport_id AS sport,
               json_build_object('slug', l.slug, 'name', l.name) AS league,
               a.name || ' v ' || b.name AS name,
               json_build_object('id', a.id::text, 'name', a.name) AS home,
               json_build_object('id', b.id::text, 'name', b.name) AS away,
               wire_time(m.start_time) AS "startTime",
               coalesce(s.status, 'scheduled') AS status, s.period, s.clock,
               s.home_score AS "homeScore", s.away_score AS "awayScore", (
                   SELECT json_build_object('home', trim_scale(f.home), 'draw', trim_scale(f.draw),
                                            'away', trim_scale(f.away))
                   FROM forecasts AS f WHERE f.match_id = m.id
               ) AS chances,
               m.simulated, h.seq, wire_time(coalesce(s.updated_at, m.created_at)) AS "updatedAt"
    ) AS r
)"""

_SCORE = f"""
SELECT h.seq, h.at, (
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS "matchId", m.sport_id AS sport, l.slug AS league,
               coalesce(s.status, 'scheduled') AS status,
               s.home_score AS "homeScore", s.away_score AS "awayScore", s.period, s.clock,
               coalesce(s.periods, '[]') AS periods,
               trim_scale(coalesce(s.confidence, 1)) AS confidence,
               coalesce(o.sources, '[]') AS sources, (
                   SELECT json_build_object(
                       'status', f.status, 'providers', f.providers,
                       'updatedAt', wire_time(f.updated_at)
                   ) FROM match_feeds AS f WHERE f.match_id = m.id AND f.status <> 'ok'
               ) AS feed, m.simulated, h.seq,
               wire_time(coalesce(s.updated_at, m.created_at)) AS "updatedAt",
               wire_time(o.newest) AS "observedAt"
    ) AS r
) AS body
{_FROM}
LEFT JOIN live_scores AS s ON s.match_id = m.id
CROSS JOIN LATERAL (
    SELECT json_agg(
               json_build_object(
                   'provider', o.provider, 'homeScore', o.score -> 'home',
                   'awayScore', o.score -> 'away', 'observedAt', wire_time(o.observed_at)
               ) ORDER BY o.provider
           ) AS sources,
           max(o.observed_at) AS newest
    FROM score_observations AS o WHERE o.match_id = m.id
) AS o
WHERE m.id = $1
"""

_MATCH = f"""
SELECT (
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS match_id, m.sport_id AS sport,
               json_build_object('slug', l.slug, 'name', l.name, 'country', l.country,
                                 'season', l.season) AS league,
               a.name || ' v ' || b.name AS name, wire_time(m.start_time) AS start_time,
               coalesce(s.status, 'scheduled') AS status, m.simulated,
               json_build_array(
                   json_build_object('id', a.id::text, 'name', a.name, 'side', 'home'),
                   json_build_object('id', b.id::text, 'name', b.name, 'side', 'away')
               ) AS participants,
               json_build_object(
                   'home', s.home_score, 'away', s.away_score, 'period', s.period,
                   'clock', s.clock, 'periods', coalesce(s.periods, '[]'),
                   'confidence', trim_scale(coalesce(s.confidence, 1))
               ) AS score,
               h.seq, wire_time(coalesce(s.updated_at, m.created_at)) AS updated_at,
               wire_time((
                   SELECT max(o.observed_at) FROM score_observations AS o WHERE o.match_id = m.id
               )) AS observed_at
    ) AS r
) AS head, (
    {INCIDENTS} WHERE i.match_id = m.id AND NOT i.withdrawn
) AS incidents, (
    SELECT coalesce(json_agg(row_to_json(k) ORDER BY {MARKET_ORDER}, k.market_id), '[]')::text
    FROM (
        SELECT k.id::text AS market_id, k.type, trim_scale(k.line) AS line, k.status, k.version,
               coalesce((
                   SELECT json_object_agg(x.key, trim_scale(x.best_odds) ORDER BY x.id)
                   FROM selections AS x WHERE x.market_id = k.id
               ), '{{}}') AS best_odds,
               wire_time(k.updated_at) AS updated_at
        FROM markets AS k WHERE k.match_id = m.id
    ) AS k
) AS markets
{_FROM}
LEFT JOIN live_scores AS s ON s.match_id = m.id
WHERE m.id = $1
"""

# The slug of a league that was merged leads to the one that was kept.
_OF_LEAGUE = "l.id = (SELECT coalesce(x.merged_into, x.id) FROM leagues x WHERE x.slug = {})"
_MERGED_INTO = "SELECT merged_into FROM matches WHERE id = $1"
_SPORT_OF = "SELECT sport_id FROM matches WHERE id = $1"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which matches: None and () mean any. `start_from` is included, `start_to` is not."""

    sport: str | None = None
    league: str | None = None
    statuses: tuple[str, ...] = ()
    start_from: datetime | None = None
    start_to: datetime | None = None
    order: Literal["asc", "desc"] = "asc"


async def matches_after(
    connection: Connection, wanted: Wanted, last: tuple[datetime, int] | None, *, limit: int
) -> Page:
    """Returns a page of summaries by start time and id, from behind the key `last`."""
    statement, arguments = _page_statement(wanted, last, limit)
    return page_of(await connection.fetch(statement, *arguments), limit, "start_time", "match_id")


async def score_of(connection: Connection, match_id: int) -> bytes | None:
    """Returns a match's score as JSON, with its `seq` and `resume`; None without such a match.

    State and place come from one statement; for a snapshot with more than the score, the caller
    opens a REPEATABLE READ transaction around all of it.
    """
    row = await connection.fetchrow(_SCORE, match_id)
    if row is None:
        return None
    token = Place(row["seq"], microseconds(row["at"])).token()
    body: str = row["body"]
    return f'{body[:-1]},"resume":"{token}"}}'.encode()


async def match_of(connection: Connection, match_id: int) -> bytes | None:
    """Returns one match with its incidents, markets and statistics, in snake_case; None if unknown.

    Its statistics are counted from its incidents.
    """
    row = await connection.fetchrow(_MATCH, match_id)
    if row is None:
        return None
    told: list[dict[str, Any]] = msgspec.json.decode(row["incidents"])
    incidents = [in_snake_case(incident) for incident in told]
    head: str = row["head"]
    return b"".join(
        (
            head[:-1].encode(),
            b',"incidents":',
            msgspec.json.encode(incidents),
            b',"markets":',
            row["markets"].encode(),
            b',"statistics":',
            msgspec.json.encode(statistics_of(incidents)),
            b"}",
        )
    )


async def merged_into(connection: Connection, match_id: int) -> int | None:
    """Returns the match that this one was merged into; None when it was not."""
    kept: int | None = await connection.fetchval(_MERGED_INTO, match_id)
    return kept


async def sport_of(connection: Connection, match_id: int) -> str | None:
    """Returns the sport of a match; None without such a match."""
    sport: str | None = await connection.fetchval(_SPORT_OF, match_id)
    return sport


def _page_statement(
    wanted: Wanted, last: tuple[datetime, int] | None, limit: int
) -> tuple[str, list[Any]]:
    arguments: list[Any] = [limit + 1]

    def bound(value: Any, form: str = "{}") -> str:
        arguments.append(value)
        return form.format(f"${len(arguments)}")

    conditions: list[str] = []
    if wanted.sport is not None:
        conditions.append(bound(wanted.sport, "m.sport_id = {}"))
    if wanted.league is not None:
        conditions.append(bound(wanted.league, _OF_LEAGUE))
    if wanted.start_from is not None:
        conditions.append(bound(wanted.start_from, "m.start_time >= {}"))
    if wanted.start_to is not None:
        conditions.append(bound(wanted.start_to, "m.start_time < {}"))
    ascending = wanted.order == "asc"
    if last is not None:
        sign = ">" if ascending else "<"
        conditions.append(f"(m.start_time, m.id) {sign} ({bound(last[0])}, {bound(last[1])})")
    if wanted.statuses:
        conditions.append(_status_condition(wanted.statuses, bound(list(wanted.statuses))))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    way = "ASC" if ascending else "DESC"
    return (
        f"SELECT m.id AS match_id, m.start_time, {_SUMMARY} AS body {_FROM}"
        f" LEFT JOIN live_scores AS s ON s.match_id = m.id {where}"
        f" ORDER BY m.start_time {way}, m.id {way} LIMIT $1"
    ), arguments


def _status_condition(statuses: Sequence[str], parameter: str) -> str:
    """Returns the condition; a match without a score is scheduled.

    Without that case the join is an inner one in effect, and the index on status serves it.
    """
    if "scheduled" in statuses:
        return f"coalesce(s.status, 'scheduled') = ANY ({parameter}::text[])"
    return f"s.status = ANY ({parameter}::text[])"
