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
from app.database.engine import Connection, Pool
from app.errors import DependencyDown
from app.logs import logger
from app.polling import quotas
from app.polling.budget import Asked, Outlook, Quota, Stretch, decide, stretched
from app.polling.covered import SPAN_S, SPANS_AHEAD, Key, Known, known_tasks, outlooks
from app.polling.schedule import (
    INTERVAL_MS_MAX,
    LATE_S,
    LONG_AGO_S,
    Pace,
    Paces,
    Phase,
    later_of,
    wishes_of,
)
from app.polling.wanted import STANDING
from app.polling.windows import remaining_of
from app.providers.provider import Scope

# A first subscriber is heard of within 0.1 s, planned within this, claimed within 0.05 s.
EVERY_S = 0.3
RETRY_S = 0.5
# What is to come changes slowly; holders that died are swept as seldom.
OUTLOOK_EVERY_S = 10.0
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
# A task whose answer is being written is locked until that is committed: the next plan is for it.
_WRITE = """
WITH n AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::int[], $3::text[], $4::text[], $5::int[], $6::jsonb[], $7::bool[]
    ) AS n (id, interval_ms, state, because, watchers, paces, hurried)
), free AS MATERIALIZED (
    SELECT t.id FROM poll_tasks t JOIN n ON n.id = t.id
    WHERE n.hurried OR (t.interval_ms, t.state, t.because, t.watchers, t.paces)
        IS DISTINCT FROM (n.interval_ms, n.state, n.because, n.watchers, n.paces)
    FOR NO KEY UPDATE OF t SKIP LOCKED
)
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
FROM n JOIN free ON free.id = n.id WHERE t.id = n.id
"""
_SWEEP = """
WITH gone AS (DELETE FROM demand_holders WHERE until < now() - interval '1 minute')
DELETE FROM poll_asked WHERE asked_at < now() - interval '1 day'
"""

log = logger(__name__)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one task."""

    task_id: int
    interval_ms: int
    state: str
    because: str
    watchers: int
    paces: Sequence[Mapping[str, object]]


class Planner:
    """Plans until cancelled. Any number may run, on any number of machines."""

    def __init__(self, pool: Pool, paces: Paces) -> None:
        self._pool = pool
        self._paces = paces
        self._outlooks: Mapping[Key, Outlook] = {}
        self._looked_at = float("-inf")

    async def run(self) -> None:
        """Plans again and again; a database that is away is waited for."""
        while True:
            try:
                await self.replan()
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("planner_waits", error=str(error))
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(EVERY_S / 2)

    async def replan(self, *, every_s: float = EVERY_S) -> Sequence[Planned] | None:
        """Makes the plan once; None: somebody else does, or did a moment ago."""
        began = time.monotonic()
        async with engine.connection(self._pool) as connection, connection.transaction():
            if not await self._is_ours(connection, every_s):
                return None
            known = await known_tasks(connection)
            windows = await _quotas(connection)
            await self._look_ahead(connection, list(windows))
            planned = plan_of(known, windows, self._outlooks, self._paces)
            hurried = {row["id"] for row in await connection.fetch(_HURRIED)}
            await _write(connection, planned, hurried)
        metrics.planner_seconds.observe(time.monotonic() - began)
        _measure(planned, windows)
        return planned

    async def _is_ours(self, connection: Connection, every_s: float) -> bool:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        paces = self._paces
        bounds = (
            paces.minutes_before_s,
            paces.hours_before_s,
            paces.just_finished_s,
            LATE_S,
            LONG_AGO_S,
        )
        begun = await connection.fetchval(
            _BEGIN,
            timedelta(seconds=every_s),
            *(timedelta(seconds=bound / paces.speed) for bound in bounds),
        )
        return begun is not None

    async def _look_ahead(self, connection: Connection, providers: Sequence[str]) -> None:
        if time.monotonic() - self._looked_at < OUTLOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        self._outlooks = await outlooks(connection, providers, speed=self._paces.speed)
        await connection.execute(_SWEEP)


def plan_of(
    known: Sequence[Known],
    windows: Mapping[str, Sequence[Quota]],
    ahead: Mapping[Key, Outlook],
    paces: Paces,
) -> list[Planned]:
    """Decides on every task: pure but for what it is given."""
    wishes = {one.task_id: wishes_of(one.task, paces) for one in known}
    stretch = {
        provider: stretched(
            [
                Asked(
                    task=one.task,
                    paces=wishes[one.task_id],
                    later=later_of(one.task, wishes[one.task_id], paces),
                    outlook=ahead.get(one.key, Outlook(span_s=SPAN_S / paces.speed)),
                )
                for one in known
                if one.key[0] == provider and wishes[one.task_id] and not one.stands_by_for
            ],
            of_provider,
            horizon_s=SPANS_AHEAD * SPAN_S / paces.speed,
        )
        for provider, of_provider in windows.items()
    }
    free = stretched((), ())
    return [_planned(one, wishes[one.task_id], stretch.get(one.key[0], free)) for one in known]


def _planned(one: Known, wishes: Sequence[Pace], stretch: Stretch) -> Planned:
    interval_ms, state = one.task.rule_ms, "polled"
    if not wishes:
        state = "unwanted"
        because = "nobody wants it"
        if one.task.scope is Scope.SCORES:
            because = "no match to ask for"
    elif one.stands_by_for:
        state, because = "standby", f"stands by while {one.stands_by_for} is up"
    else:
        decision = decide(one.task, wishes, stretch)
        interval_ms, because = decision.interval_ms or interval_ms, decision.because
        if decision.interval_ms is None:
            state = "waiting"
        if one.blocked_until is not None:
            state = "waiting"
            because = f"left alone until {_clock(one.blocked_until)}: {one.blocked_because}"
        elif one.open_until is not None:
            because = f"its circuit is open until {_clock(one.open_until)}; then {because}"
    return Planned(
        task_id=one.task_id,
        interval_ms=interval_ms,
        state=state,
        because=because,
        watchers=one.watchers,
        paces=_told(wishes, stretch),
    )


def _told(wishes: Sequence[Pace], stretch: Stretch) -> list[dict[str, object]]:
    """Returns how often each kind of match is asked for, as polls read it; no kind twice."""
    found: dict[tuple[object, ...], dict[str, object]] = {}
    for pace in wishes:
        cell = pace.cell
        every_ms = round(min(pace.wish_ms * stretch.times[pace.rank], INTERVAL_MS_MAX))
        if cell is None:
            found["search",] = {"search": True, "every_ms": every_ms}
            continue
        kind = (cell.phase.value, int(cell.level), cell.override_ms)
        names = ("phase", "level", "override_ms")
        found[kind] = {**dict(zip(names, kind, strict=True)), "every_ms": every_ms}
    return list(found.values())


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


async def _quotas(connection: Connection) -> dict[str, list[Quota]]:
    now = await connection.fetchval("SELECT now()")
    return {
        provider: [
            Quota(
                window=one.window,
                limit=one.limit,
                remaining=remaining_of(one),
                resets_in_s=max(1.0, (one.resets_at - now).total_seconds()),
                resets_at=one.resets_at,
            )
            for one in windows
        ]
        for provider, windows in (await quotas.windows_of_all(connection)).items()
    }


async def _write(connection: Connection, planned: Sequence[Planned], hurried: set[int]) -> None:
    await connection.execute(
        _WRITE,
        [one.task_id for one in planned],
        [one.interval_ms for one in planned],
        [one.state for one in planned],
        [one.because for one in planned],
        [one.watchers for one in planned],
        [msgspec.json.encode(one.paces).decode() for one in planned],
        [one.task_id in hurried for one in planned],
    )


def _measure(planned: Sequence[Planned], windows: Mapping[str, Sequence[Quota]]) -> None:
    for state in STATES:
        metrics.poll_tasks.labels(state).set(sum(one.state == state for one in planned))
    for provider, of_provider in windows.items():
        for quota in of_provider:
            metrics.quota_left.labels(provider, quota.window.value).set(quota.remaining)
