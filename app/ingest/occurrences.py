"""Writes incidents: new ones, those told otherwise, and those a provider no longer tells."""

from collections.abc import Mapping, Sequence

import msgspec

from app.database.engine import Connection
from app.ingest.known import Known
from app.sports.incidents import Incident
from app.sports.observation import Observation

_COUNT = """
SELECT match_id, count(*) AS n FROM incidents
WHERE match_id = ANY ($1::bigint[]) AND provider = $2 AND NOT withdrawn GROUP BY match_id
"""
_SAVE = """
INSERT INTO incidents AS i (match_id, provider, key, ordinal, body)
SELECT n.match_id, $2, n.key, n.ordinal, n.body
FROM unnest($1::bigint[], $3::text[], $4::int[], $5::jsonb[]) AS n (match_id, key, ordinal, body)
ON CONFLICT (match_id, provider, key) DO UPDATE
SET ordinal = excluded.ordinal, body = excluded.body, withdrawn = false
WHERE (i.ordinal, i.body, i.withdrawn) IS DISTINCT FROM (excluded.ordinal, excluded.body, false)
"""
_WITHDRAW = """
UPDATE incidents SET withdrawn = true
WHERE match_id = $1 AND provider = $2 AND NOT withdrawn AND key <> ALL ($3::text[])
"""

_JSON = msgspec.json.Encoder()


async def save_incidents(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> None:
    """Takes in the incidents of observations whose score counts.

    A provider tells all incidents of a match every time. When they go on from those this worker
    saved before, and Postgres holds as many, only the new ones are written; else all of them are,
    and those it tells no longer are withdrawn.
    """
    for provider in sorted({o.provider for o in observed.values()}):
        by_match = {m: o.incidents or () for m, o in observed.items() if o.provider == provider}
        counted = {
            row["match_id"]: row["n"]
            for row in await connection.fetch(_COUNT, list(by_match), provider)
        }
        fresh: list[tuple[int, int, Incident]] = []
        for match_id, incidents in by_match.items():
            before = known.incidents.get((match_id, provider)) or ()
            goes_on = incidents[: len(before)] == before and counted.get(match_id, 0) == len(before)
            start = len(before) if goes_on else 0
            if not goes_on:
                keys = [incident.key for incident in incidents]
                await connection.execute(_WITHDRAW, match_id, provider, keys)
            fresh += [(match_id, n, incidents[n]) for n in range(start, len(incidents))]
            known.incidents.learn((match_id, provider), incidents)
        await _save(connection, provider, fresh)


async def _save(
    connection: Connection, provider: str, fresh: Sequence[tuple[int, int, Incident]]
) -> None:
    if not fresh:
        return
    await connection.execute(
        _SAVE,
        [match_id for match_id, _, _ in fresh],
        provider,
        [incident.key for _, _, incident in fresh],
        [ordinal for _, ordinal, _ in fresh],
        [_JSON.encode(incident).decode() for _, _, incident in fresh],
    )
