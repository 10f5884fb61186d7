"""Notes what one poll, push or message of a provider brought: one statement, one row."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from app.database.engine import Connection
from app.health.state import circuit_wait_s
from app.providers.provider import STREAM_SUFFIX, Pulse
from app.sports.match import IN_PLAY, Sport
from app.sports.observation import Observation

# Times to answer that are kept, for percentiles and the rate of success.
RESPONSES_KEPT = 200
ERROR_LENGTH_MAX = 500
# Feeds of bookmakers say that they live every ten seconds, and are down after twice that.
ALIVE_SILENCE_MS = 20_000

_KEEP = """
INSERT INTO provider_health AS h (provider, sport_id, priority, standby, silence_ms)
SELECT $1, n.*, $3, $4, $5 FROM unnest($2::text[]) AS n
ON CONFLICT (provider, sport_id) DO UPDATE
SET priority = excluded.priority, standby = excluded.standby, silence_ms = excluded.silence_ms
WHERE (h.priority, h.standby, h.silence_ms)
      IS DISTINCT FROM (excluded.priority, excluded.standby, excluded.silence_ms)
"""
_SUCCESS = f"""
INSERT INTO provider_health AS h (provider, sport_id, last_success_at, data_at, response_ms)
VALUES ($1, $2, clock_timestamp(), $4, ARRAY[$3::int])
ON CONFLICT (provider, sport_id) DO UPDATE
SET last_success_at = excluded.last_success_at, failures = 0, circuit = 'closed',
    circuit_until = NULL,
    data_at = CASE WHEN $5 THEN $4 ELSE h.data_at END,
    response_ms = (h.response_ms || $3::int)[greatest(1, cardinality(h.response_ms)
                                                         - {RESPONSES_KEPT - 2}):]
"""
# A feed that says that it lives, and nothing else, promises to go on saying so.
_ALIVE = """
UPDATE provider_health
SET last_success_at = clock_timestamp(), failures = 0, silence_ms = coalesce(silence_ms, $2)
WHERE provider = $1
"""
# A stream is expected from when somebody watches; the driver's clock is not Postgres'.
_STREAM = f"""
INSERT INTO provider_health AS h (
    provider, sport_id, silence_ms, expected_since, last_success_at, data_at, response_ms
)
SELECT $1, s, $3, clock_timestamp(), clock_timestamp() - $4::int * interval '1 millisecond', $5,
       CASE WHEN $6::int IS NULL THEN '{{}}'::int[] ELSE ARRAY[$6::int] END
FROM unnest($2::text[]) AS s ORDER BY s
ON CONFLICT (provider, sport_id) DO UPDATE
SET silence_ms = excluded.silence_ms,
    expected_since = CASE WHEN h.silence_ms IS NULL THEN excluded.expected_since
                          ELSE h.expected_since END,
    last_success_at = greatest(h.last_success_at, excluded.last_success_at),
    data_at = excluded.data_at,
    failures = CASE WHEN $6::int IS NULL THEN h.failures ELSE 0 END,
    response_ms = CASE WHEN $6::int IS NULL THEN h.response_ms
                       ELSE (h.response_ms || $6::int)[greatest(1, cardinality(h.response_ms)
                                                            - {RESPONSES_KEPT - 2}):] END
"""
# What nobody watches may be silent, and has no age.
_IDLE = """
UPDATE provider_health SET silence_ms = NULL, data_at = NULL
WHERE provider = $1 AND sport_id <> ALL ($2::text[])
  AND (silence_ms IS NOT NULL OR data_at IS NOT NULL)
"""
_FORGET = "DELETE FROM provider_health WHERE provider = ANY ($1::text[])"
_FAILURE = f"""
INSERT INTO provider_health AS h (
    provider, sport_id, last_failure_at, last_error, failures, errors, response_ms
)
VALUES ($1, $2, clock_timestamp(), $4, 1, jsonb_build_object($3::text, 1), ARRAY[NULL::int])
ON CONFLICT (provider, sport_id) DO UPDATE
SET last_failure_at = excluded.last_failure_at, last_error = excluded.last_error,
    failures = h.failures + 1,
    errors = jsonb_set(
        h.errors, ARRAY[$3::text], to_jsonb(coalesce((h.errors ->> $3)::bigint, 0) + 1)
    ),
    response_ms = (h.response_ms || NULL::int)[greatest(1, cardinality(h.response_ms)
                                                           - {RESPONSES_KEPT - 2}):]
RETURNING failures
"""
_OPEN = """
UPDATE provider_health
SET circuit = 'open', circuit_until = clock_timestamp() + $3 * interval '1 second'
WHERE provider = $1 AND sport_id = $2
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider stands: 0 is believed first; a standby is asked when no other is up.

    `silence_ms` is for feeds that call us and promised to be heard of; None for all others.
    """

    priority: int
    standby: bool = False
    silence_ms: int | None = None


async def keep_provider(
    connection: Connection, provider: str, sports: Sequence[Sport], place: Place
) -> None:
    """Makes the rows of a provider, one a sport, and says where it stands."""
    names = sorted({sport.value for sport in sports})
    await connection.execute(
        _KEEP, provider, names, place.priority, place.standby, place.silence_ms
    )


async def note_success(
    connection: Connection,
    provider: str,
    sport: str,
    *,
    took_ms: int,
    observations: Sequence[Observation] = (),
) -> None:
    """Notes that it answered, and of when what it said of matches in play was."""
    moments = moments_in_play(observations)
    newest = moments.get(sport)
    await connection.execute(_SUCCESS, provider, sport, took_ms, newest, newest is not None)


async def note_alive(connection: Connection, provider: str) -> None:
    """Notes that a feed lives in every sport it has told of; from now on its silence counts."""
    await connection.execute(_ALIVE, provider, ALIVE_SILENCE_MS)


async def note_stream(connection: Connection, provider: str, before: Pulse, now: Pulse) -> None:
    """Notes how a provider's stream is, in each sport that something is followed of.

    `before` is what was noted last: a line that broke since has failed, whatever came after.
    """
    name = stream_of(provider)
    sports = [sport.value for sport in now.sports]
    await connection.execute(_IDLE, name, sports)
    if now.failures > before.failures:
        for sport in sports:
            await note_failure(
                connection, name, sport, kind=now.kind, error=now.error, has_circuit=False
            )
    heard = now.heard_at
    if not sports:
        return
    age_ms = None
    if heard is not None:
        age_ms = round((datetime.now(UTC) - heard).total_seconds() * 1000)
    fresh = now.data_at != before.data_at
    latency_ms = now.latency_ms if fresh else None
    await connection.execute(_STREAM, name, sports, now.silence_ms, age_ms, now.data_at, latency_ms)


async def forget_streams(connection: Connection, providers: Sequence[str]) -> None:
    """Forgets how the streams of these were: they are switched off."""
    await connection.execute(_FORGET, [stream_of(provider) for provider in providers])


def stream_of(provider: str) -> str:
    """Returns the name a provider's stream goes by where how it is is told."""
    return provider + STREAM_SUFFIX


async def note_failure(
    connection: Connection,
    provider: str,
    sport: str,
    *,
    kind: str,
    error: str,
    has_circuit: bool = True,
) -> None:
    """Notes that it failed; opens its circuit when it has failed too often in a row.

    A line that is kept open waits as its client says, and has no circuit. A quota that is spent is
    no failure of the provider and opens nothing.
    """
    failures: int = await connection.fetchval(
        _FAILURE, provider, sport, kind, error[:ERROR_LENGTH_MAX]
    )
    wait_s = circuit_wait_s(failures, random.random())  # noqa: S311
    if wait_s and has_circuit and kind != "quota":
        await connection.execute(_OPEN, provider, sport, wait_s)


def moments_in_play(observations: Sequence[Observation]) -> Mapping[str, datetime]:
    """Returns the newest moment told of matches in play, by sport."""
    newest: dict[str, datetime] = {}
    for said in observations:
        if said.score is not None and said.score.status in IN_PLAY:
            at = newest.get(said.sport.value, said.observed_at)
            newest[said.sport.value] = max(at, said.observed_at)
    return newest
