"""The polls due now: claimed by one worker at a time, fenced by a generation."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.database.engine import Connection
from app.providers.provider import PollRule

# Polls one round claims.
CLAIMS_MAX = 50
# What a lease has over the poll's own timeout: time to write the answer or to give up.
LEASE_MARGIN_MS = 1_000
ERROR_LENGTH_MAX = 500

_KEEP = """
INSERT INTO poll_tasks AS t (provider, scope, sport_id, part, interval_ms, timeout_ms)
SELECT $1, n.* FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[]) AS n
ON CONFLICT (provider, scope, sport_id, part) DO UPDATE
SET interval_ms = excluded.interval_ms, timeout_ms = excluded.timeout_ms, enabled = true
WHERE (t.interval_ms, t.timeout_ms, t.enabled)
      IS DISTINCT FROM (excluded.interval_ms, excluded.timeout_ms, true)
"""
_RETIRE = """
UPDATE poll_tasks SET enabled = false
WHERE enabled AND provider = $1
  AND (scope, sport_id, part) NOT IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))
"""
_CLAIM = """
WITH due AS (
    SELECT id, next_due_at FROM poll_tasks
    WHERE enabled AND next_due_at <= clock_timestamp() AND provider = ANY ($1::text[])
      AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY next_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE poll_tasks t
SET generation = t.generation + 1,
    lease_until = clock_timestamp() + (t.timeout_ms + $3) * interval '1 millisecond',
    last_run_at = clock_timestamp(),
    next_due_at = t.next_due_at + t.interval_ms * interval '1 millisecond' * greatest(
        1, ceil(extract(epoch FROM clock_timestamp() - t.next_due_at) * 1000 / t.interval_ms)
    )
FROM due WHERE t.id = due.id
RETURNING t.id, t.generation, t.provider, t.scope, t.sport_id, t.part, t.timeout_ms,
          due.next_due_at AS due_at
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
UPDATE poll_tasks SET lease_until = NULL, failures = failures + 1, last_error = $3
WHERE id = $1 AND generation = $2
"""


class Claim(msgspec.Struct, frozen=True):
    """One poll that is this worker's until its lease ends."""

    task_id: int
    generation: int
    provider: str
    scope: str
    sport: str
    part: str
    timeout_ms: int
    due_at: datetime


async def keep_tasks(connection: Connection, provider: str, rules: Sequence[PollRule]) -> None:
    """Makes the tasks of a provider what its rules say; what it has no rule for is switched off.

    Only the worker that runs a provider speaks for its tasks: another may run others.
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
    )
    await connection.execute(_RETIRE, provider, scopes, sports, parts)


async def claim_due(connection: Connection, providers: Sequence[str]) -> list[Claim]:
    """Claims what is due, the longest overdue first."""
    rows = await connection.fetch(_CLAIM, list(providers), CLAIMS_MAX, LEASE_MARGIN_MS)
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
