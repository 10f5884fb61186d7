"""Intervals set by hand, and what the plan says of every task: for operators.

An interval is set for a task (`api-football.scores.football`, its part behind when it has one) or
for a level: `match.4`, `league.premier-league`, `sport.football`, `default`. The closest one
counts: the task's own, then its match's, league's, sport's, the default. Levels are about scores
and markets; fixtures are set by their task only.
"""

import msgspec

from app.database.engine import Connection
from app.errors import AppError, FieldError
from app.polling.schedule import INTERVAL_MS_MAX, INTERVAL_MS_MIN
from app.polling.wanted import BY_DEFAULT, OF_LEAGUE, OF_MATCH, OF_SPORT
from app.sports.ids import number_of
from app.sports.match import Sport

SUBJECT_LENGTH_MAX = 300

_NAME = """
t.provider || '.' || t.scope || '.' || t.sport_id
    || CASE t.part WHEN '' THEN '' ELSE '.' || t.part END
"""
_HAS_TASK = f"SELECT 1 FROM poll_tasks t WHERE t.enabled AND {_NAME} = $1"
_HAS_MATCH = "SELECT 1 FROM matches WHERE id = $1"
_HAS_LEAGUE = "SELECT 1 FROM leagues WHERE slug = $1"
_SET = """
INSERT INTO poll_overrides AS o (subject, interval_ms) VALUES ($1, $2)
ON CONFLICT (subject) DO UPDATE SET interval_ms = excluded.interval_ms, set_at = now()
"""
_UNSET = "DELETE FROM poll_overrides WHERE subject = $1"
_ALL = """
SELECT subject, interval_ms, wire_time(set_at) AS set_at FROM poll_overrides
WHERE subject > $1 ORDER BY subject LIMIT $2
"""
# A task that is not asked has no next time. `failures` counts those in a row.
_STATUS = f"""
SELECT t.id, json_build_object(
    'taskId', {_NAME}, 'provider', t.provider, 'scope', t.scope, 'sport', t.sport_id,
    'part', nullif(t.part, ''), 'state', t.state, 'intervalMs', t.interval_ms,
    'because', t.because, 'ruleIntervalMs', t.rule_interval_ms, 'setMs', o.interval_ms,
    'lastRunAt', wire_time(t.last_run_at), 'lastSuccessAt', wire_time(t.last_success_at),
    'nextRunAt', CASE WHEN isfinite(t.next_due_at) THEN wire_time(t.next_due_at) END,
    'watchers', t.watchers, 'failures', t.failures, 'lastError', t.last_error,
    'paces', coalesce((
        SELECT json_agg(json_build_object(
            'phase', p.phase, 'wanted', (ARRAY['nobody', 'listed', 'watched'])[p.level + 1],
            'setMs', p.override_ms, 'everyMs', p.every_ms
        ) ORDER BY p.every_ms, p.phase, p.level) FROM jsonb_to_recordset(t.paces)
            AS p (phase text, level int, override_ms int, every_ms int8, search bool)
        WHERE p.search IS NULL
    ), '[]')
)::text AS body
FROM poll_tasks t LEFT JOIN poll_overrides o ON o.subject = {_NAME}
WHERE t.enabled AND t.id > $1
  AND ($3::text IS NULL OR t.provider = $3) AND ($4::text IS NULL OR t.sport_id = $4)
ORDER BY t.id LIMIT $2
"""


class UnknownTask(AppError):
    """There is no such task, match, league or sport to set an interval for."""

    code = "unknown_task"
    status = 404


class IntervalOutOfBounds(AppError):
    """An interval is 0, back to the rule, or from 50 to 86,400,000 milliseconds."""

    code = "interval_out_of_bounds"
    status = 422


class Override(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An interval set by hand; 0: the rule counts again."""

    task_id: str
    interval: int
    set_at: str | None = None


async def set_interval(connection: Connection, subject: str, interval_ms: int) -> Override:
    """Sets an interval, or with 0 takes it back; the plan follows within half a second.

    Raises IntervalOutOfBounds, and UnknownTask for what is not there. What was set for something
    that is gone can still be taken back.
    """
    if "\0" in subject:
        # Postgres has no such text; nothing is called so.
        raise UnknownTask
    if interval_ms == 0:
        gone = await connection.execute(_UNSET, subject)
        if gone == "DELETE 0":
            await _check_there(connection, subject)
        return Override(task_id=subject, interval=0)
    if not INTERVAL_MS_MIN <= interval_ms <= INTERVAL_MS_MAX:
        wrong = FieldError(field="interval", message=f"{interval_ms} is out of bounds")
        raise IntervalOutOfBounds(errors=(wrong,))
    await _check_there(connection, subject)
    await connection.execute(_SET, subject, interval_ms)
    return Override(task_id=subject, interval=interval_ms)


async def intervals_set(
    connection: Connection, after: str | None, *, limit: int
) -> tuple[list[Override], str | None]:
    """Returns a page of what is set by hand, by subject, and the subject to go on after."""
    rows = await connection.fetch(_ALL, after or "", limit + 1)
    found = [
        Override(task_id=row["subject"], interval=row["interval_ms"], set_at=row["set_at"])
        for row in rows[:limit]
    ]
    return found, found[-1].task_id if len(rows) > limit else None


async def tasks_after(
    connection: Connection, last: int | None, *, limit: int, provider: str | None, sport: str | None
) -> tuple[list[str], tuple[int] | None]:
    """Returns a page of tasks as JSON, and the key of its last one when there are more."""
    rows = await connection.fetch(_STATUS, last or 0, limit + 1, provider, sport)
    key = (rows[limit - 1]["id"],) if len(rows) > limit else None
    return [row["body"] for row in rows[:limit]], key


async def _check_there(connection: Connection, subject: str) -> None:
    """Raises UnknownTask unless there is something of this name."""
    if not await _is_there(connection, subject):
        raise UnknownTask(f"There is no {subject[:SUBJECT_LENGTH_MAX]!r}.")


async def _is_there(connection: Connection, subject: str) -> bool:
    if subject == BY_DEFAULT:
        return True
    if subject.startswith(OF_SPORT):
        return subject.removeprefix(OF_SPORT) in {sport.value for sport in Sport}
    if subject.startswith(OF_MATCH):
        number = number_of(subject.removeprefix(OF_MATCH))
        found = number and await connection.fetchval(_HAS_MATCH, number)
    elif subject.startswith(OF_LEAGUE):
        found = await connection.fetchval(_HAS_LEAGUE, subject.removeprefix(OF_LEAGUE))
    else:
        found = await connection.fetchval(_HAS_TASK, subject)
    return bool(found)
