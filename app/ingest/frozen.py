"""Matches that look frozen: in play for too long, silent, or with a clock that stands.

They are marked to be verified, which has two effects: they are asked for by id though nobody
watches them, and one provider that confirms an end is enough for it. Nothing is ended by guess: a
match is over when a provider says so.
"""

from datetime import datetime, timedelta

import msgspec

from app import metrics
from app.database.engine import Connection
from app.ingest.heads import hold_heads, lock_heads
from app.sports.match import SPORTS

# Nominally in play, and nobody has told anything for so long: the slowest feeds are renewed every
# two minutes, and half-time has its own status.
SILENT = timedelta(minutes=15)
# A match that should have begun so long ago and that nobody calls postponed.
NOT_BEGUN = timedelta(hours=2)
# Matches one round marks; the oldest trouble first.
FROZEN_MAX = 1_000

_FROZEN = """
SELECT m.id, m.sport_id, r.reason, r.since
FROM live_scores s
JOIN matches m ON m.id = s.match_id
JOIN unnest($1::text[], $2::interval[], $3::interval[]) AS f (sport_id, longest, clock_stands)
  ON f.sport_id = m.sport_id
LEFT JOIN LATERAL (
    SELECT max(o.observed_at) AS newest FROM score_observations o WHERE o.match_id = m.id
) AS o ON true
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN s.status = 'scheduled' THEN 'not_begun'
        WHEN m.start_time + f.longest < statement_timestamp() THEN 'overdue'
        WHEN o.newest < statement_timestamp() - $4::interval THEN 'silent'
        ELSE 'clock_stands'
    END AS reason, CASE
        WHEN s.status = 'scheduled' THEN m.start_time + $5::interval
        WHEN m.start_time + f.longest < statement_timestamp() THEN m.start_time + f.longest
        WHEN o.newest < statement_timestamp() - $4::interval THEN o.newest
        ELSE s.updated_at
    END AS since
) AS r
WHERE (s.status IN ('live', 'paused', 'interrupted') AND (
           m.start_time + f.longest < statement_timestamp()
           OR o.newest < statement_timestamp() - $4::interval
           OR (s.status = 'live' AND s.clock IS NOT NULL
               AND s.updated_at < statement_timestamp() - f.clock_stands)
       ))
   OR (s.status = 'scheduled' AND m.start_time + $5::interval < statement_timestamp())
ORDER BY r.since, m.id LIMIT $6
"""
_TURNED = """
SELECT s.match_id FROM live_scores s
LEFT JOIN unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS n (id, since, reason)
  ON n.id = s.match_id
WHERE (s.verify_since, s.verify_reason) IS DISTINCT FROM (n.since, n.reason)
"""
_MARK = """
UPDATE live_scores s SET verify_since = n.since, verify_reason = n.reason
FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS n (id, since, reason)
WHERE s.match_id = n.id
  AND (s.verify_since, s.verify_reason) IS DISTINCT FROM (n.since, n.reason)
"""
_CLEAR = """
UPDATE live_scores SET verify_since = NULL, verify_reason = NULL
WHERE verify_since IS NOT NULL AND match_id <> ALL ($1::bigint[])
"""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """One match that looks frozen, why and since when.

    `reason`: overdue (in play long after it should be over), silent (nobody tells anything),
    clock_stands (in play, and its clock shows the same), not_begun (its start is long past).
    """

    match_id: int
    sport: str
    reason: str
    since: datetime


async def frozen_matches(connection: Connection) -> list[Frozen]:
    """Returns the matches that look frozen now, the longest first; at most `FROZEN_MAX`."""
    facts = list(SPORTS.items())
    rows = await connection.fetch(
        _FROZEN,
        [sport.value for sport, _ in facts],
        [fact.longest for _, fact in facts],
        [fact.clock_stands for _, fact in facts],
        SILENT,
        NOT_BEGUN,
        FROZEN_MAX,
    )
    return [
        Frozen(match_id=row["id"], sport=row["sport_id"], reason=row["reason"], since=row["since"])
        for row in rows
    ]


async def mark_frozen(connection: Connection) -> list[Frozen]:
    """Marks the matches that look frozen to be verified, and takes the mark off all others.

    Returns those marked; sets the gauge that counts them. To be called in a transaction, by one at
    a time, every half minute or so. No reader is told: what we believe did not change.
    """
    frozen = await frozen_matches(connection)
    ids = [one.match_id for one in frozen]
    marks = (ids, [one.since for one in frozen], [one.reason for one in frozen])
    turned = [row["match_id"] for row in await connection.fetch(_TURNED, *marks)]
    if turned:
        await lock_heads(connection, turned)
        await hold_heads(connection, turned, None)
        await connection.execute(_MARK, *marks)
        await connection.execute(_CLEAR, ids)
    metrics.matches_frozen.clear()
    for one in frozen:
        metrics.matches_frozen.labels(one.sport).inc()
    return frozen
