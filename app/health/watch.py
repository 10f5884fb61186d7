"""Lets states change by time, and tells the matches: prices that count no more, feeds that fell."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app import metrics
from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.health.state import BEHIND_AFTER, Seen, State, state_of
from app.ingest.occurrences import reshow_incidents
from app.ingest.prices import reprice
from app.ingest.scores import rebelieve
from app.logs import logger

# Matches that one provider of one sport may feed at once; more are told of in the next round.
MATCHES_MAX = 10_000
# Matches believed and priced anew by one transaction.
BATCH = 200
# Longest before its start that a match's followers are told how its feeds are.
SOON = timedelta(hours=1)
_LOCK = 7146828

# Only what is asked now says how long a provider may be silent. One without tasks calls us.
_ROWS = """
SELECT h.provider, h.sport_id, h.state, h.since, h.last_success_at, h.data_at, h.expected_since,
       h.silence_ms AS own_silence_ms, t.silence_ms, t.due_at, t.tasks,
       coalesce(t.answered, true) AS answered,
       CASE WHEN h.data_at < clock_timestamp() - $1::interval THEN NOT EXISTS (
           SELECT FROM provider_refs r WHERE r.provider = h.provider AND r.kind = 'match'
       ) OR EXISTS (
           SELECT FROM live_scores s
           JOIN matches m ON m.id = s.match_id AND m.sport_id = h.sport_id
           JOIN provider_refs r ON r.match_id = m.id AND r.provider = h.provider
           WHERE s.status IN ('live', 'paused', 'interrupted') AND r.kind = 'match'
             AND m.start_time > now() - interval '12 hours'
       ) ELSE true END AS is_on,
       clock_timestamp() AS now
FROM provider_health h LEFT JOIN LATERAL (
    SELECT count(*) AS tasks,
           min(2 * p.interval_ms) FILTER (WHERE p.state = 'polled') AS silence_ms,
           min(p.next_due_at) FILTER (WHERE p.state = 'polled') AS due_at,
           bool_and(p.last_success_at >= h.since) FILTER (WHERE p.state = 'polled') AS answered
    FROM poll_tasks p
    WHERE p.provider = h.provider AND p.sport_id = h.sport_id AND p.enabled
      AND p.scope <> 'fixtures'
) t ON true
ORDER BY h.provider, h.sport_id FOR UPDATE OF h
"""
_EXPECT = """
UPDATE provider_health h SET expected_since = n.expected_since
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (provider, sport_id, expected_since)
WHERE h.provider = n.provider AND h.sport_id = n.sport_id
  AND h.expected_since IS DISTINCT FROM n.expected_since
"""
# What was said before it went down stays out for good; its first answer afterwards counts.
_TURN = """
UPDATE provider_health
SET state = $3, since = clock_timestamp(),
    quarantined_before = CASE $3::text WHEN 'down' THEN 'infinity'::timestamptz
                                       WHEN 'recovering' THEN since
                                       ELSE quarantined_before END
WHERE provider = $1 AND sport_id = $2
"""
_FED = """
SELECT DISTINCT r.match_id FROM provider_refs r
JOIN matches m ON m.id = r.match_id
LEFT JOIN live_scores s ON s.match_id = m.id
WHERE r.provider = $1 AND r.kind = 'match' AND m.sport_id = $2
  AND coalesce(s.status, 'scheduled') IN ('scheduled', 'live', 'paused', 'interrupted')
  AND m.start_time BETWEEN now() - interval '12 hours' AND now() + $3
ORDER BY r.match_id LIMIT $4
"""
_FEEDS = """
INSERT INTO match_feeds AS f (match_id, status, providers)
SELECT r.match_id,
       CASE WHEN bool_or(h.state = 'up') THEN 'ok'
            WHEN bool_or(h.state IN ('behind', 'recovering')) THEN 'stale' ELSE 'down' END,
       jsonb_agg(jsonb_build_object('provider', h.provider, 'state', h.state) ORDER BY h.provider)
FROM (SELECT DISTINCT provider, match_id FROM provider_refs
      WHERE kind = 'match' AND match_id = ANY ($1::bigint[])) r
JOIN matches m ON m.id = r.match_id
JOIN provider_health h ON h.provider = r.provider AND h.sport_id = m.sport_id
GROUP BY r.match_id ORDER BY r.match_id
ON CONFLICT (match_id) DO UPDATE
SET status = excluded.status, providers = excluded.providers, updated_at = statement_timestamp()
WHERE (f.status, f.providers) IS DISTINCT FROM (excluded.status, excluded.providers)
"""
_LOCK_HEADS = """
SELECT 1 FROM match_heads WHERE match_id = ANY ($1::bigint[]) ORDER BY match_id
FOR NO KEY UPDATE
"""

log = logger(__name__)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of a sport that is now otherwise than it was."""

    provider: str
    sport: str
    before: State
    after: State


async def watch(pool: Pool) -> Sequence[Turn]:
    """Looks at every provider once; one process at a time does, the others return at once.

    The states and what subscribers are told are one transaction; then the matches touched are
    believed and priced anew, some at a time. Should that be cut short, prices that were not
    confirmed fall to their age.
    """
    async with engine.connection(pool) as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return ()
        rows = await connection.fetch(_ROWS, BEHIND_AFTER)
        turns = await _turn(connection, rows)
        touched = await _tell(connection, rows, turns)
    for start in range(0, len(touched), BATCH):
        batch = touched[start : start + BATCH]
        async with engine.connection(pool) as connection, connection.transaction():
            await connection.execute(_LOCK_HEADS, batch)
            await rebelieve(connection, batch)
            await reshow_incidents(connection, batch)
            await reprice(connection, batch)
    return turns


async def _turn(connection: Connection, rows: Sequence[Row]) -> list[Turn]:
    """Changes the states that are not what they were."""
    seen = [_seen(row) for row in rows]
    await connection.execute(
        _EXPECT,
        [row["provider"] for row in rows],
        [row["sport_id"] for row in rows],
        [one.expected_since for one in seen],
    )
    turns: list[Turn] = []
    for row, one in zip(rows, seen, strict=True):
        provider, sport, now = row["provider"], row["sport_id"], row["now"]
        after = state_of(one, now)
        _measure((provider, sport), after, one, now)
        if after is not one.state:
            await connection.execute(_TURN, provider, sport, after.value)
            turns.append(Turn(provider=provider, sport=sport, before=one.state, after=after))
            log.warning("provider_turned", provider=provider, sport=sport, state=after.value)
    return turns


def _seen(row: Row) -> Seen:
    """Returns a row as the rules see it; a provider without tasks calls us, and is expected to."""
    silence_ms: int | None = row["silence_ms"] if row["tasks"] else row["own_silence_ms"]
    silence = None if silence_ms is None else timedelta(milliseconds=silence_ms)
    now: datetime = row["now"]
    due = not row["tasks"] or (
        row["due_at"] is not None and row["due_at"] <= now + (silence or timedelta())
    )
    return Seen(
        state=State(row["state"]),
        since=row["since"],
        silence=silence,
        expected_since=(row["expected_since"] or now) if due else None,
        last_success_at=row["last_success_at"],
        # Where nothing is in play, nothing can be old.
        data_at=row["data_at"] if row["is_on"] else None,
        answered=row["answered"],
    )


async def _tell(connection: Connection, rows: Sequence[Row], turns: Sequence[Turn]) -> list[int]:
    """Writes how the feeds of matches are; returns those of providers that turned.

    Providers that are not up are looked at every time: a match that came up meanwhile is told too.
    """
    turned = {(turn.provider, turn.sport) for turn in turns}
    touched: set[int] = set()
    for row in rows:
        key = (row["provider"], row["sport_id"])
        if key not in turned and row["state"] == State.UP:
            continue
        fed = await connection.fetch(_FED, *key, SOON, MATCHES_MAX)
        match_ids: list[int] = [one["match_id"] for one in fed]
        await connection.execute(_FEEDS, match_ids)
        if key in turned:
            touched.update(match_ids)
    return sorted(touched)


def _measure(key: tuple[str, str], state: State, seen: Seen, now: datetime) -> None:
    for one in State:
        metrics.provider_state.labels(*key, one.value).set(one is state)
    if seen.data_at is not None:
        age_s = (now - seen.data_at).total_seconds()
        metrics.provider_data_age_seconds.labels(*key).set(age_s)
