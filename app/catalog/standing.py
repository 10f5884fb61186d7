"""What is on or near: the matches that lists and patterns of channels are about."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from app.database.engine import Connection, Row
from app.errors import MatchMerged
from app.sports.channels import Pattern
from app.sports.match import IN_PLAY, OVER

# As long as the planner asks for a match that began; and all that starts tomorrow.
LONG_AGO = timedelta(hours=48)
AHEAD = timedelta(hours=48)
# What is over stays so long after its last change: goals are taken away, results corrected.
OVER_KEPT = timedelta(hours=2)
# The soonest of them; the busiest Saturday of all sports together has some 5,000.
STANDING_MAX = 10_000

_NEAR = """
m.merged_into IS NULL AND m.start_time >= now() - $1::interval
AND m.start_time <= now() + $2::interval
AND (s.status IS NULL OR s.status <> ALL ($3::text[]) OR s.updated_at >= now() - $4::interval)
"""
# What is told of a match, as one number: two reads that differ in it differ.
_MARK = """hashtextextended(
    concat_ws('|', m.sport_id, l.slug, o.slugs, a.name, b.name, m.start_time, s.status), 0
)"""
# The slug of a league that was merged leads to the one that was kept.
_FROM = """
FROM matches AS m
LEFT JOIN (
    SELECT merged_into, array_agg(slug ORDER BY slug) AS slugs FROM leagues
    WHERE merged_into IS NOT NULL GROUP BY merged_into
) AS o ON o.merged_into = m.league_id
JOIN leagues AS l ON l.id = m.league_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
LEFT JOIN live_scores AS s ON s.match_id = m.id
"""
_STANDING = f"""
SELECT m.id, m.sport_id, array_prepend(l.slug, o.slugs) AS slugs, m.start_time, {_MARK} AS mark,
       coalesce(s.status, 'scheduled') AS status, (
    SELECT row_to_json(r)::text FROM (
        SELECT m.id::text AS id, a.name || ' v ' || b.name AS name,
               wire_time(m.start_time) AS time, m.sport_id AS sport, l.slug AS league,
               coalesce(s.status, 'scheduled') AS status
    ) AS r
) AS listed
{_FROM} WHERE {_NEAR} AND m.id = ANY ($5::bigint[])
"""
_OF_MATCH = f"""
SELECT m.id, m.sport_id, array_prepend(l.slug, o.slugs) AS slugs, m.merged_into {_FROM}
WHERE m.id = $1
"""
# Cheaper than reading all of them, when few moved.
_MARKS = f"""
SELECT m.id, {_MARK} AS mark {_FROM} WHERE {_NEAR} AND ($5::bigint[] IS NULL OR m.id = ANY ($5))
ORDER BY m.start_time, m.id LIMIT $6
"""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One match of them. `leagues` are the slugs of its league, other ones that were found to be it
    included; `listed` is how lists show it, as JSON in snake_case; `starts_at` is in seconds since
    1970; `mark` is another number when any of it differs.
    """

    match_id: int
    sport: str
    leagues: tuple[str, ...]
    starts_at: float
    status: str
    listed: str
    mark: int

    def is_meant_by(self, pattern: Pattern) -> bool:
        """Says whether a pattern of channels fits it."""
        return any(pattern.fits(self.sport, league, self.match_id) for league in self.leagues)

    @property
    def is_over(self) -> bool:
        """Whether it has ended; then it is in no list."""
        return self.status in OVER

    @property
    def rank(self) -> tuple[bool, bool, float, int]:
        """Sorts what matters more to the front: in play, then to come, the soonest first."""
        return self.is_over, self.status not in IN_PLAY, self.starts_at, self.match_id


async def standing(connection: Connection, match_ids: Iterable[int]) -> list[Standing]:
    """Returns those of these matches that are on or near."""
    rows = await connection.fetch(_STANDING, *_bounds(), list(match_ids))
    return [_standing_of(row) for row in rows]


async def is_there(connection: Connection, pattern: Pattern) -> bool:
    """Says whether the match that a pattern names stands where the pattern says, however long ago
    it was; raises MatchMerged when it is another one now.
    """
    row = await connection.fetchrow(_OF_MATCH, pattern.match_id)
    if row is None:
        return False
    if row["merged_into"] is not None:
        raise MatchMerged(f"Match {row['id']} is match {row['merged_into']} now.")
    return any(pattern.fits(row["sport_id"], slug, row["id"]) for slug in row["slugs"])


async def marks(connection: Connection, match_ids: Iterable[int] | None = None) -> dict[int, int]:
    """Returns the `mark` of every match that is on or near; of these matches only, when given."""
    ids = None if match_ids is None else list(match_ids)
    rows = await connection.fetch(_MARKS, *_bounds(), ids, STANDING_MAX)
    return {row["id"]: row["mark"] for row in rows}


def _bounds() -> tuple[timedelta, timedelta, list[str], timedelta]:
    return LONG_AGO, AHEAD, sorted(OVER), OVER_KEPT


def _standing_of(row: Row) -> Standing:
    return Standing(
        match_id=row["id"],
        sport=row["sport_id"],
        leagues=tuple(row["slugs"]),
        starts_at=row["start_time"].timestamp(),
        status=row["status"],
        listed=row["listed"],
        mark=row["mark"],
    )
