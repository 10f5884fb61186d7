"""Makes the plan: looks at the world a few times a second and says how often each task is asked.

Every worker tries; one at a time does, and not more often than `EVERY_S`. `app/polling/schedule.py`
and `budget.py` decide, this asks Postgres and writes down what they decided. A task's next time
moves when its interval does: to its last run and the new interval, at once when that is past.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from app import metrics
from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.errors import DependencyDown
from app.logs import logger
from app.polling import quotas
from app.polling.budget import Asked, Outlook, Quota, Stretch, decide, stretched
from app.polling.schedule import (
    INTERVAL_MS_MAX,
    LATE_S,
    LONG_AGO_S,
    Cell,
    Level,
    Pace,
    Paces,
    Phase,
    Task,
    later_of,
    wishes_of,
)
from app.polling.wanted import BY_DEFAULT, OF_SPORT, STANDING
from app.polling.windows import remaining_of
from app.providers.provider import Scope

# A first subscriber is heard of within 0.1 s, planned within this, claimed within 0.05 s.
EVERY_S = 0.3
RETRY_S = 0.5
# What is to come changes slowly; holders that died are swept as seldom.
OUTLOOK_EVERY_S = 10.0
# A match of any of our sports takes about so long, breaks included.
MATCH_SPANS = 3
SPANS_AHEAD = 24
SPAN_S = 3_600.0
_LOCK = 7146832
STATES = ("polled", "unwanted", "standby", "waiting")

_BEGIN = """
INSERT INTO plan_runs AS p
VALUES (1, clock_timestamp(), $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE
SET at = excluded.at, minutes_before = excluded.minutes_before,
    hours_before = excluded.hours_before, just_finished = excluded.just_finished,
    late = excluded.late, long_ago = excluded.long_ago
WHERE p.at <= excluded.at - $1::interval OR p.at > excluded.at RETURNING 1
"""
# Three kinds of rows: matches that are alike, task by task of a provider; matches whose prices are
# watched, with the providers that know them; sports whose lists of prices are read.
_CELLS = f"""
WITH {STANDING}, parts AS (
    SELECT DISTINCT t.provider, t.part, l.league_id
    FROM poll_tasks t JOIN provider_refs l
      ON l.provider = t.provider AND l.kind = 'league' AND l.external_id = t.part
    WHERE t.enabled AND t.part <> ''
)
SELECT 'cell' AS kind, r.provider, o.sport_id, coalesce(p.part, '') AS part, NULL AS known_to,
       NULL::bigint AS league_id, o.phase, o.scores_level, o.markets_level, o.override_ms,
       o.set_for, count(*) AS matches, sum(o.scores) AS scores, sum(o.markets) AS markets
FROM standing o
JOIN provider_refs r ON r.match_id = o.id AND r.kind = 'match'
LEFT JOIN parts p ON p.provider = r.provider AND p.league_id = o.league_id
WHERE o.phase <> '{Phase.OVER}'
GROUP BY 2, 3, 4, 7, 8, 9, 10, 11
UNION ALL
SELECT 'watched', '', w.sport_id, '', w.known_to, w.league_id, '', 0, 2, NULL, '', count(*), 0, 0
FROM (SELECT o.sport_id, o.league_id, ARRAY(
          SELECT DISTINCT r.provider FROM provider_refs r
          WHERE r.match_id = o.id AND r.kind = 'match' ORDER BY 1
      ) AS known_to FROM standing o WHERE o.markets > 0 AND o.phase <> '{Phase.OVER}') w
GROUP BY w.sport_id, w.known_to, w.league_id
UNION ALL
SELECT 'listed', '', w.sport_id, '', NULL, w.league_id, '', 0, 1, NULL, '', 0, 0, 0
FROM wanted_lists w WHERE w.markets
UNION ALL
SELECT 'part', p.provider, '', p.part, NULL, p.league_id, '', 0, 0, NULL, '', 0, 0, 0 FROM parts p
"""
_LISTED_SPORTS = """
SELECT DISTINCT coalesce(d.sport_id, s.id) AS sport_id
FROM demand d JOIN demand_holders h ON h.holder = d.holder AND h.until > now()
JOIN sports s ON s.id = coalesce(d.sport_id, s.id)
WHERE d.match_id IS NULL AND d.league_slug IS NULL AND d.markets_until > now()
"""
_TASKS = """
SELECT t.id, t.provider, t.scope, t.sport_id, t.part, t.rule_interval_ms, t.cost, t.matches_max,
       h.standby, h.state AS health, h.quarantined_before, h.last_success_at,
       h.circuit = 'open' AND h.circuit_until > now() AS is_open, h.circuit_until,
       b.until AS blocked_until, b.reason AS blocked_because
FROM poll_tasks t
LEFT JOIN provider_health h ON h.provider = t.provider AND h.sport_id = t.sport_id
LEFT JOIN provider_blocks b ON b.provider = t.provider AND b.until > now()
WHERE t.enabled ORDER BY t.id
"""
# Watched matches that a task which names its matches has never named: they do not wait their turn.
_HURRIED = f"""
WITH {STANDING}
SELECT DISTINCT t.id FROM standing o
JOIN provider_refs r ON r.match_id = o.id AND r.kind = 'match'
JOIN poll_tasks t ON t.provider = r.provider AND t.sport_id = o.sport_id
 AND t.enabled AND t.matches_max > 0
WHERE o.phase <> '{Phase.OVER}'
  AND CASE t.scope WHEN 'markets' THEN o.markets ELSE o.scores END > 0
  AND NOT EXISTS (SELECT FROM poll_asked a WHERE a.task_id = t.id AND a.match_id = o.id)
"""
_WRITE = """
UPDATE poll_tasks t
SET interval_ms = n.interval_ms, state = n.state, because = n.because, watchers = n.watchers,
    paces = n.paces,
    next_due_at = CASE
        WHEN n.state <> 'polled' THEN 'infinity'
        WHEN t.state <> 'polled' OR t.interval_ms <> n.interval_ms OR t.next_due_at = 'infinity'
            THEN greatest(clock_timestamp(), coalesce(
                t.last_run_at + n.interval_ms * interval '1 millisecond', clock_timestamp()))
        WHEN n.hurried THEN least(t.next_due_at, greatest(clock_timestamp(), coalesce(
            t.last_run_at + t.rule_interval_ms * interval '1 millisecond', clock_timestamp())))
        ELSE t.next_due_at END
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::int[], $6::jsonb[], $7::bool[])
     AS n (id, interval_ms, state, because, watchers, paces, hurried)
WHERE t.id = n.id AND (n.hurried OR (t.interval_ms, t.state, t.because, t.watchers, t.paces)
    IS DISTINCT FROM (n.interval_ms, n.state, n.because, n.watchers, n.paces))
"""
_STARTS = """
SELECT r.provider, m.sport_id, coalesce(p.part, '') AS part,
       floor(extract(epoch FROM m.start_time - now()) / $1)::int AS span, count(*) AS matches
FROM matches m
JOIN provider_refs r ON r.match_id = m.id AND r.kind = 'match' AND r.provider = ANY ($4::text[])
LEFT JOIN LATERAL (
    SELECT t.part FROM poll_tasks t JOIN provider_refs l
      ON l.provider = t.provider AND l.kind = 'league' AND l.external_id = t.part
    WHERE t.provider = r.provider AND t.part <> '' AND l.league_id = m.league_id LIMIT 1
) p ON true
WHERE m.start_time >= now() - $2::interval AND m.start_time < now() + $3::interval
GROUP BY 1, 2, 3, 4
"""
_SWEEP = """
WITH gone AS (DELETE FROM demand_holders WHERE until < now() - interval '1 minute')
DELETE FROM poll_asked WHERE asked_at < now() - interval '1 day'
"""

log = logger(__name__)
Key = tuple[str, str, str]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one task."""

    task_id: int
    interval_ms: int
    state: str
    because: str
    watchers: int
    paces: Sequence[Mapping[str, object]]
