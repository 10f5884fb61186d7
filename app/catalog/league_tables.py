"""The table of a league, from the results Postgres has; Redis keeps it sorted.

A table is a sorted set and a hash of rows beside it, named by a digest of every result it is made
of: a result that comes, goes or is corrected makes another table, and what was begun to be read in
pages is read on in the one it was begun in. Without Redis it is made anew for each question.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from redis.exceptions import RedisError

from app.database.engine import Connection, Row
from app.sports.match import Sport

# Pages of one table are read within minutes; a table nobody reads costs nothing after that.
KEPT_S = 3_600
REDIS_TIMEOUT_S = 0.25
FORM_MATCHES = 5
# Points, then difference, then scored, as one number: each well within its digits, and all of them
# within the 53 bits that a score of a sorted set holds exactly.
_POINTS, _DIFFERENCE, _ZERO = 10**10, 10**5, 50_000

_LEAGUE = """
SELECT l.id, l.slug, l.name, l.sport_id AS sport, l.season
FROM leagues AS x JOIN leagues AS l ON l.id = coalesce(x.merged_into, x.id) WHERE x.slug = $1
"""
_RESULTS = """
FROM matches AS m JOIN live_scores AS s ON s.match_id = m.id
WHERE m.league_id = $1 AND m.start_time >= $2 AND m.merged_into IS NULL
  AND s.status IN ('finished', 'awarded') AND s.home_score IS NOT NULL
"""
_DIGEST = f"""
SELECT count(*) AS results, max(s.updated_at) AS updated_at, coalesce(bit_xor(hashtextextended(
    concat_ws('|', m.id, m.home_id, m.away_id, s.home_score, s.away_score,
              jsonb_array_length(s.periods)), 0)), 0) AS digest
{_RESULTS}
"""
_ROWS = """
SELECT p.id, p.name, count(*) AS played, count(*) FILTER (WHERE r.result = 'W') AS won,
       count(*) FILTER (WHERE r.result = 'D') AS drawn,
       count(*) FILTER (WHERE r.result = 'L') AS lost,
       count(*) FILTER (WHERE r.result = 'L' AND r.is_long) AS lost_late,
       sum(r.scored) AS scored, sum(r.conceded) AS conceded,
       string_agg(r.result, '' ORDER BY r.start_time, r.match_id) AS form
FROM (
    SELECT r.*, CASE WHEN r.scored > r.conceded THEN 'W' WHEN r.scored < r.conceded THEN 'L'
                     ELSE 'D' END AS result
    FROM (
        SELECT m.id AS match_id, m.start_time, jsonb_array_length(s.periods) > 3 AS is_long,
               side.*
        FROM matches AS m JOIN live_scores AS s ON s.match_id = m.id
        CROSS JOIN LATERAL (VALUES
            (m.home_id, s.home_score, s.away_score), (m.away_id, s.away_score, s.home_score)
        ) AS side (participant_id, scored, conceded)
        WHERE m.league_id = $1 AND m.start_time >= $2 AND m.merged_into IS NULL
          AND s.status IN ('finished', 'awarded') AND s.home_score IS NOT NULL
    ) AS r
) AS r
JOIN participants AS p ON p.id = r.participant_id
GROUP BY p.id, p.name
"""


class Redis(Protocol):
    """What is used of redis-py."""

    def pipeline(self, *, transaction: bool) -> Any:
        """Returns a pipeline."""
        ...


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A side of the table."""

    id: str
    name: str


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one side stands. `form` is its last five results, the latest at the end: W, D, L."""

    participant: Named
    points: int
    played: int
    won: int
    drawn: int
    lost: int
    scored: int
    conceded: int
    difference: int
    form: str


class League(msgspec.Struct, frozen=True, kw_only=True):
    """A league, as its table names it."""

    slug: str
    name: str
    sport: str
    season: str | None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table: rows from behind `after` places, and of which table they are."""

    league: League
    mark: str
    after: int
    rows: list[TableRow]
    more: bool
    updated_at: datetime | None


def points_of(row: Row, sport: str) -> int:
    """Returns what results are worth: three and one in football, two in hockey and one for a loss
    after the third period (as the NHL counts), one for a win elsewhere.
    """
    if sport == Sport.FOOTBALL:
        return 3 * row["won"] + row["drawn"]
    if sport == Sport.HOCKEY:
        return 2 * row["won"] + row["drawn"] + row["lost_late"]
    return row["won"]


def order_of(row: TableRow) -> float:
    """Returns what a table is sorted by: the lowest stands first, names decide among equals."""
    return -(row.points * _POINTS + (row.difference + _ZERO) * _DIFFERENCE + row.scored)


async def sport_of_league(connection: Connection, slug: str) -> str | None:
    """Returns the sport of a league; None without such a league."""
    row = await connection.fetchrow(_LEAGUE, slug)
    return None if row is None else row["sport"]


async def table_of(
    connection: Connection, redis: Redis, slug: str, since: datetime, *,
    after: tuple[str, int], limit: int,
) -> Table | None:  # fmt: skip
    """Returns a part of the table of results since then; None without such a league.

    `after` names a table and how many places of it were read; "" is the present one.
    """
    found = await connection.fetchrow(_LEAGUE, slug)
    if found is None:
        return None
    told = await connection.fetchrow(_DIGEST, found["id"], since)
    assert told is not None, "an aggregate always has a row"
    league = League(
        slug=found["slug"], name=found["name"], sport=found["sport"], season=found["season"]
    )
    present = f"{found['id']}:{since:%Y%m%d}:{told['results']}:{told['digest']:x}"
    marks = [mark for mark in (after[0], present) if mark]
    for mark in marks:
        rows = await _read(redis, mark, after[1], limit)
        if rows:
            break
    else:
        mark = present
        rows = await _make(connection, redis, (found["id"], found["sport"], since), mark)
        rows = rows[after[1] : after[1] + limit + 1]
    return Table(
        league=league,
        mark=mark,
        after=after[1],
        rows=rows[:limit],
        more=len(rows) > limit,
        updated_at=told["updated_at"],
    )


async def _make(
    connection: Connection, redis: Redis, about: tuple[int, str, datetime], mark: str
) -> list[TableRow]:
    """Makes a table from Postgres and keeps it in Redis, if that is there."""
    league_id, sport, since = about
    found = await connection.fetch(_ROWS, league_id, since)
    rows = sorted(
        (_row_of(row, sport) for row in found), key=lambda row: (order_of(row), _name(row))
    )
    if rows:
        await _keep(redis, mark, rows)
    return rows


async def _keep(redis: Redis, mark: str, rows: Sequence[TableRow]) -> None:
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S), redis.pipeline(transaction=True) as pipeline:
            pipeline.zadd(f"table:{mark}", {_name(row): order_of(row) for row in rows})
            pipeline.hset(
                f"rows:{mark}", mapping={_name(row): msgspec.json.encode(row) for row in rows}
            )
            pipeline.expire(f"table:{mark}", KEPT_S)
            pipeline.expire(f"rows:{mark}", KEPT_S)
            await pipeline.execute()
    except (RedisError, OSError, TimeoutError):
        return  # It is made anew for the next who asks.


async def _read(redis: Redis, mark: str, after: int, limit: int) -> list[TableRow]:
    """Returns the rows behind so many places, one more than `limit` if there is one; or none."""
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            async with redis.pipeline(transaction=False) as pipeline:
                pipeline.zrange(f"table:{mark}", after, after + limit)
                (names,) = await pipeline.execute()
            if not names:
                return []
            async with redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(f"rows:{mark}", names)
                (bodies,) = await pipeline.execute()
    except (RedisError, OSError, TimeoutError):
        return []
    if None in bodies:
        return []
    return [msgspec.json.decode(body, type=TableRow) for body in bodies]


def _name(row: TableRow) -> str:
    """Returns a row's member of the sorted set; equals stand by it."""
    return f"{row.participant.name}\x1f{row.participant.id}"


def _row_of(row: Row, sport: str) -> TableRow:
    return TableRow(
        participant=Named(id=str(row["id"]), name=row["name"]),
        points=points_of(row, sport),
        played=row["played"],
        won=row["won"],
        drawn=row["drawn"],
        lost=row["lost"],
        scored=row["scored"],
        conceded=row["conceded"],
        difference=row["scored"] - row["conceded"],
        form=row["form"][-FORM_MATCHES:],
    )
