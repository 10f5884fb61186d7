"""The polls due now: claimed by one worker at a time, fenced by a generation; and what they ask."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.database.engine import Connection
from app.polling.schedule import Phase
from app.polling.wanted import STANDING
from app.providers.provider import STREAM_SUFFIX, PollRule
from app.sports.ids import ExternalId

# Polls one round claims.
CLAIMS_MAX = 50
# What a lease has over the poll's own timeout: time to write the answer or to give up.
LEASE_MARGIN_MS = 1_000
ERROR_LENGTH_MAX = 500
# A worker says every half minute what it runs; one that restarts is back well before this.
FORSAKEN_AFTER = timedelta(minutes=2)
# Matches one poll is told of: what adapters make of them costs a request each at worst.
TARGETS_MAX = 200
# A match's turn comes with the poll nearest to it; the grid of polls is not finer than this.
TURN_SLACK_MS = 20
# Scores are confirmed every 5 s at most; a match not heard of for so long has vanished.
VANISHED_MS = 30_000

# A new task is planned before it is polled: nobody may want it.
_KEEP = """
INSERT INTO poll_tasks AS t (
    provider, scope, sport_id, part, interval_ms, rule_interval_ms, timeout_ms, cost, matches_max,
    next_due_at, state
)
SELECT $1, n.scope, n.sport_id, n.part, n.interval_ms, n.interval_ms, n.timeout_ms, n.cost,
       n.matches_max, CASE n.scope WHEN 'markets' THEN 'infinity' ELSE now() END,
       CASE n.scope WHEN 'markets' THEN 'unwanted' ELSE 'polled' END
FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[], $8::int[])
     AS n (scope, sport_id, part, interval_ms, timeout_ms, cost, matches_max)
ON CONFLICT (provider, scope, sport_id, part) DO UPDATE
SET rule_interval_ms = excluded.rule_interval_ms, timeout_ms = excluded.timeout_ms,
    cost = excluded.cost, matches_max = excluded.matches_max, enabled = true, kept_at = now(),
    interval_ms = CASE WHEN t.rule_interval_ms = excluded.rule_interval_ms
                       THEN t.interval_ms ELSE excluded.rule_interval_ms END
"""
_RETIRE = """
UPDATE poll_tasks SET enabled = false
WHERE enabled AND provider = $1
  AND (scope, sport_id, part) NOT IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))
"""
# Nothing is asked of a provider whose circuit is open; when its time is over, one probe is.
_STAY = """
UPDATE poll_tasks SET kept_at = clock_timestamp() WHERE enabled AND provider = ANY ($1::text[])
"""
# With its last task goes what is known of how the provider is in that sport, and its stream: nobody
# asks it.
_FORSAKE = """
WITH forsaken AS (
    UPDATE poll_tasks SET enabled = false
    WHERE enabled AND kept_at < clock_timestamp() - $1::interval RETURNING provider, sport_id
)
DELETE FROM provider_health h USING forsaken f
WHERE h.provider IN (f.provider, f.provider || $2) AND h.sport_id = f.sport_id
"""
_CLAIM = """
WITH due AS (
    SELECT t.id, t.provider, t.sport_id, t.next_due_at, h.circuit <> 'closed' AS is_probe,
           row_number() OVER (PARTITION BY t.provider, t.sport_id, h.circuit
                              ORDER BY t.next_due_at, t.id) AS place
    FROM poll_tasks t
    LEFT JOIN provider_health h ON h.provider = t.provider AND h.sport_id = t.sport_id
    WHERE t.enabled AND t.next_due_at <= clock_timestamp() AND t.provider = ANY ($1::text[])
      AND t.sport_id = ANY (coalesce($4::text[], ARRAY[t.sport_id]))
      AND (t.lease_until IS NULL OR t.lease_until < clock_timestamp())
      AND NOT (h.circuit IS NOT DISTINCT FROM 'open' AND h.circuit_until > clock_timestamp())
), chosen AS (
    SELECT t.id, t.next_due_at FROM poll_tasks t JOIN due d ON d.id = t.id
    WHERE t.next_due_at <= clock_timestamp()
      AND (t.lease_until IS NULL OR t.lease_until < clock_timestamp())
      AND (d.is_probe IS NOT TRUE OR d.place = 1 AND NOT EXISTS (
          SELECT FROM poll_tasks o WHERE o.provider = d.provider AND o.sport_id = d.sport_id
          AND o.lease_until >= clock_timestamp()
      ))
    ORDER BY t.next_due_at LIMIT $2 FOR UPDATE OF t SKIP LOCKED
)
UPDATE poll_tasks t
SET generation = t.generation + 1,
    lease_until = clock_timestamp() + (t.timeout_ms + $3) * interval '1 millisecond',
    last_run_at = clock_timestamp(),
    next_due_at = t.next_due_at + t.interval_ms * interval '1 millisecond' * greatest(
        1, ceil(extract(epoch FROM clock_timestamp() - t.next_due_at) * 1000 / t.interval_ms)
    )
FROM chosen WHERE t.id = chosen.id
RETURNING t.id, t.generation, t.provider, t.scope, t.sport_id, t.part, t.timeout_ms,
          chosen.next_due_at AS due_at,
          (extract(epoch FROM t.next_due_at - clock_timestamp()) * 1000)::float8 AS next_in_ms
"""
_IS_MINE = """
SELECT 1 FROM poll_tasks WHERE id = $1 AND generation = $2 AND lease_until > clock_timestamp()
"""
_FENCE = """
UPDATE poll_tasks
SET lease_until = NULL, last_success_at = clock_timestamp(), failures = 0, last_error = NULL
WHERE id = $1 AND generation = $2 RETURNING 1
"""
_FAIL = """
WITH failed AS (
    UPDATE poll_tasks SET lease_until = NULL, failures = failures + 1, last_error = $3
    WHERE id = $1 AND generation = $2 RETURNING id, generation
)
DELETE FROM poll_asked a USING failed f WHERE a.task_id = f.id AND a.generation = f.generation
"""
_COVERED = f"""
WITH {STANDING}, task AS (
    SELECT * FROM poll_tasks WHERE id = $1
), covered AS (
    SELECT o.*, r.external_id, t.scope, t.matches_max, t.paces, t.interval_ms,
           CASE t.scope WHEN 'markets' THEN o.markets_level ELSE o.scores_level END AS level
    FROM task t
    JOIN provider_refs r ON r.provider = t.provider AND r.kind = 'match'
    JOIN standing o ON o.id = r.match_id AND o.sport_id = t.sport_id
    WHERE o.phase <> '{Phase.OVER}' AND (t.part = '' OR EXISTS (
        SELECT FROM provider_refs l WHERE l.provider = t.provider AND l.kind = 'league'
        AND l.external_id = t.part AND l.league_id = o.league_id
    ))
)
"""
# Of a task that names its matches: those whose turn it is, noted as asked for.
_NAMED = f"""
{_COVERED}, turn AS (
    SELECT DISTINCT ON (c.id) c.id, c.external_id, c.level, c.phase, c.matches_max,
           a.asked_at + p.every_ms * interval '1 millisecond' AS turn_at
    FROM covered c
    JOIN jsonb_to_recordset(c.paces) AS p (phase text, level int, override_ms int, every_ms int8)
      ON p.phase = c.phase AND p.level = c.level
     AND p.override_ms IS NOT DISTINCT FROM c.override_ms
    LEFT JOIN poll_asked a ON a.task_id = $1 AND a.match_id = c.id
    ORDER BY c.id, c.external_id
), chosen AS (
    SELECT id, external_id, level, turn_at, phase = '{Phase.LIVE}' AS live FROM turn
    WHERE turn_at IS NULL OR turn_at <= $3::timestamptz + interval '{TURN_SLACK_MS} ms'
    ORDER BY level DESC, phase = '{Phase.LIVE}' DESC, turn_at NULLS FIRST, id
    LIMIT (SELECT matches_max FROM task)
), noted AS (
    INSERT INTO poll_asked (task_id, match_id, generation, asked_at)
    SELECT $1, id, $2, $3 FROM chosen
    ON CONFLICT (task_id, match_id) DO UPDATE
    SET generation = excluded.generation, asked_at = excluded.asked_at
)
SELECT external_id FROM chosen ORDER BY level DESC, live DESC, turn_at NULLS FIRST, id
"""
# Of a task that answers for all: scores of what is or should be in play, those first that this
# provider once told of and has stopped telling of; prices of what is wanted, unless the task also
# looks for matches it does not know.
_WANTED = f"""
{_COVERED}
SELECT c.external_id FROM covered c
LEFT JOIN score_observations s ON s.match_id = c.id AND s.provider = $2
WHERE CASE c.scope
    WHEN 'scores' THEN c.phase <> '{Phase.HOURS_BEFORE}'
    WHEN 'markets' THEN c.level > 0 AND NOT c.paces @> '[{{"search": true}}]'
    ELSE false END
ORDER BY c.level DESC,
         c.scope = 'scores' AND c.phase IN ('{Phase.LIVE}', '{Phase.BREAK}')
             AND s.received_at < now() - greatest({VANISHED_MS}, 3 * c.interval_ms)
                 * interval '1 millisecond' DESC NULLS LAST,
         c.phase = '{Phase.LIVE}' DESC, c.start_time, c.id
LIMIT {TARGETS_MAX}
"""
# For feeds that are told what to follow.
_WATCHED = f"""
WITH {STANDING}
SELECT r.external_id FROM standing o
JOIN provider_refs r ON r.match_id = o.id AND r.kind = 'match' AND r.provider = $1
WHERE o.markets_level > 0 AND o.phase <> '{Phase.OVER}'
ORDER BY o.markets_level DESC, o.phase IN ('{Phase.LIVE}', '{Phase.BREAK}') DESC, o.start_time, o.id
LIMIT {TARGETS_MAX}
"""
# For who asks by hand: nobody need watch.
_NEXT = """
SELECT r.external_id FROM provider_refs r
JOIN matches m ON m.id = r.match_id AND m.sport_id = $2
LEFT JOIN live_scores s ON s.match_id = m.id
WHERE r.provider = $1 AND r.kind = 'match'
  AND coalesce(s.status, 'scheduled') IN ('scheduled', 'live', 'paused', 'interrupted')
  AND m.start_time BETWEEN now() - interval '12 hours' AND now() + interval '1 day'
ORDER BY m.start_time, m.id LIMIT $3
"""


class Claim(msgspec.Struct, frozen=True):
    """One poll that is this worker's until its lease ends; the next is due in `next_in_ms`."""

    task_id: int
    generation: int
    provider: str
    scope: str
    sport: str
    part: str
    timeout_ms: int
    due_at: datetime
    next_in_ms: float = 0.0


async def keep_tasks(connection: Connection, provider: str, rules: Sequence[PollRule]) -> None:
    """Makes the tasks of a provider what its rules say; what it has no rule for is switched off.

    Only the worker that runs a provider speaks for its tasks: another may run others. Intervals set
    by hand stay as they are.
    """
    scopes = [rule.scope.value for rule in rules]
    sports = [rule.sport.value for rule in rules]
    parts = [rule.part for rule in rules]
    await connection.execute(
        _KEEP,
        provider,
        scopes,
        sports,
        parts,
        [rule.interval_ms for rule in rules],
        [rule.timeout_ms for rule in rules],
        [rule.cost for rule in rules],
        [rule.matches_max for rule in rules],
    )
    await connection.execute(_RETIRE, provider, scopes, sports, parts)


async def stay(connection: Connection, providers: Sequence[str]) -> None:
    """Says that these providers are run here, and switches off the tasks nobody says that of.

    A provider that was taken out of PROVIDERS everywhere is forgotten so, and a worker that runs
    others than this one keeps its own. To be called well within `FORSAKEN_AFTER`.
    """
    await connection.execute(_STAY, list(providers))
    await connection.execute(_FORSAKE, FORSAKEN_AFTER, STREAM_SUFFIX)


async def claim_due(
    connection: Connection, providers: Sequence[str], sports: Sequence[str] | None = None
) -> list[Claim]:
    """Claims what is due of these providers and sports (None: all), the longest overdue first."""
    wanted = None if sports is None else list(sports)
    rows = await connection.fetch(_CLAIM, list(providers), CLAIMS_MAX, LEASE_MARGIN_MS, wanted)
    return [
        Claim(
            row["id"],
            row["generation"],
            row["provider"],
            row["scope"],
            row["sport_id"],
            row["part"],
            row["timeout_ms"],
            row["due_at"],
            row["next_in_ms"],
        )
        for row in rows
    ]


async def is_mine(connection: Connection, claim: Claim) -> bool:
    """Says whether the lease still holds: a job that waited too long is not begun."""
    return await connection.fetchval(_IS_MINE, claim.task_id, claim.generation) is not None


async def fence(connection: Connection, claim: Claim) -> bool:
    """Ends the claim in the transaction of the write; False: no longer ours, write nothing."""
    return await connection.fetchval(_FENCE, claim.task_id, claim.generation) is not None


async def fail(connection: Connection, claim: Claim, reason: str) -> None:
    """Ends the claim of a poll that came to nothing; the next tick tries again."""
    await connection.execute(_FAIL, claim.task_id, claim.generation, reason[:ERROR_LENGTH_MAX])


async def targets(connection: Connection, claim: Claim) -> tuple[ExternalId, ...]:
    """Returns the matches a poll is to ask for, the provider's ids, most wanted first.

    Of a task whose requests name their matches: those whose turn it is, as many as one request
    takes, which are thereby noted as asked for. Of the others: those wanted or in play, so that the
    adapter may ask after what its answer leaves out; empty: ask for everything.
    """
    if claim.scope == "fixtures":
        return ()
    names = await connection.fetchval(
        "SELECT matches_max FROM poll_tasks WHERE id = $1", claim.task_id
    )
    if names:
        rows = await connection.fetch(_NAMED, claim.task_id, claim.generation, claim.due_at)
    else:
        rows = await connection.fetch(_WANTED, claim.task_id, claim.provider)
    return tuple(row["external_id"] for row in rows)


async def watched(connection: Connection, provider: str) -> tuple[ExternalId, ...]:
    """Returns the matches whose prices somebody wants, the provider's ids, most wanted first."""
    rows = await connection.fetch(_WATCHED, provider)
    return tuple(row["external_id"] for row in rows)


async def next_matches(
    connection: Connection, provider: str, sport: str, limit: int
) -> tuple[ExternalId, ...]:
    """Returns the matches in play and the next to come, the provider's ids, watched or not."""
    rows = await connection.fetch(_NEXT, provider, sport, limit)
    return tuple(row["external_id"] for row in rows)
