"""A provider's ids to ours; what is new is created."""

from collections.abc import Mapping, Sequence

from app.database.engine import Connection
from app.ingest.known import Known
from app.sports.ids import slug_of
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)

# Leagues of one name, told apart by a number at the slug's end.
SAME_SLUG_MAX = 100

_FIND = """
SELECT r.external_id, r.match_id
FROM unnest($2::text[]) AS k (external_id)
JOIN provider_refs r
  ON r.provider = $1 AND r.kind = 'match' AND r.external_id = k.external_id
"""
_RESCHEDULE = """
UPDATE matches m SET start_time = n.start_time
FROM unnest($1::bigint[], $2::timestamptz[]) AS n (id, start_time)
WHERE m.id = n.id AND m.start_time <> n.start_time
"""


async def identify(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> dict[int, Observation]:
    """Returns our match for each observation, by our id in rising order.

    Of several observations of one match the newest counts. Unknown matches are created, with their
    league and participants, one worker at a time.
    """
    newest: dict[tuple[str, str], Observation] = {}
    for observation in observations:
        key = (observation.provider, observation.external_id)
        if key not in newest or newest[key].observed_at <= observation.observed_at:
            newest[key] = observation
    unknown = [o for key, o in newest.items() if known.matches.get(key) is None]
    if unknown:
        await _find(connection, unknown, known)
        missing = [o for o in unknown if known.matches.get((o.provider, o.external_id)) is None]
        if missing:
            await _create(connection, missing, known)
    found = {known.matches.get(key): observation for key, observation in newest.items()}
    return {match_id: found[match_id] for match_id in sorted(m for m in found if m is not None)}


async def reschedule(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> None:
    """Moves the matches whose start a provider has moved since it was last told."""
    starts = {m: o.match.start_time for m, o in observed.items() if o.match is not None}
    moved = {m: start for m, start in starts.items() if known.starts.get(m) != start}
    if moved:
        await connection.execute(_RESCHEDULE, list(moved), list(moved.values()))
        for match_id, start_time in moved.items():
            known.starts.learn(match_id, start_time)


async def _find(connection: Connection, observations: Sequence[Observation], known: Known) -> None:
    for provider in {o.provider for o in observations}:
        theirs = [o.external_id for o in observations if o.provider == provider]
        for row in await connection.fetch(_FIND, provider, theirs):
            known.matches.learn((provider, row["external_id"]), row["match_id"])


async def _create(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> None:
    """Creates matches under a lock, after a second look: another worker may have been first."""
    for provider in sorted({o.provider for o in observations}):
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 7146826))", provider
        )
    await _find(connection, observations, known)
    for observation in observations:
        key = (observation.provider, observation.external_id)
        if known.matches.get(key) is None and observation.match is not None:
            match_id = await _create_match(connection, observation, observation.match)
            known.matches.learn(key, match_id)


async def _create_match(connection: Connection, seen: Observation, match: ObservedMatch) -> int:
    match_id: int = await connection.fetchval(
        "INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time, simulated)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        seen.sport,
        await _league(connection, seen, match.league),
        await _participant(connection, seen, match.home),
        await _participant(connection, seen, match.away),
        match.start_time,
        seen.simulated,
    )
    await connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
        " VALUES ($1, 'match', $2, $3)",
        seen.provider,
        seen.external_id,
        match_id,
    )
    return match_id


async def _league(connection: Connection, seen: Observation, league: ObservedLeague) -> int:
    found: int | None = await connection.fetchval(
        "SELECT league_id FROM provider_refs"
        " WHERE provider = $1 AND kind = 'league' AND external_id = $2",
        seen.provider,
        league.external_id,
    )
    if found is not None:
        return found
    base = slug_of(league.name)
    for number in range(1, SAME_SLUG_MAX + 1):
        made: int | None = await connection.fetchval(
            "INSERT INTO leagues (sport_id, slug, name, country, season)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (slug) DO NOTHING RETURNING id",
            seen.sport,
            base if number == 1 else f"{base}-{number}",
            league.name,
            league.country,
            league.season,
        )
        if made is not None:
            await connection.execute(
                "INSERT INTO provider_refs (provider, kind, external_id, league_id)"
                " VALUES ($1, 'league', $2, $3)",
                seen.provider,
                league.external_id,
                made,
            )
            return made
    raise AssertionError(f"more than {SAME_SLUG_MAX} leagues called {base}")


async def _participant(
    connection: Connection, seen: Observation, participant: ObservedParticipant
) -> int:
    # Two sports may use the same id for two teams.
    external_id = f"{seen.sport}:{participant.external_id}"
    found: int | None = await connection.fetchval(
        "SELECT participant_id FROM provider_refs"
        " WHERE provider = $1 AND kind = 'participant' AND external_id = $2",
        seen.provider,
        external_id,
    )
    if found is not None:
        return found
    made: int = await connection.fetchval(
        "INSERT INTO participants (sport_id, name) VALUES ($1, $2) RETURNING id",
        seen.sport,
        participant.name,
    )
    await connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, participant_id)"
        " VALUES ($1, 'participant', $2, $3)",
        seen.provider,
        external_id,
        made,
    )
    return made
