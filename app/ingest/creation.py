"""Rows of leagues, participants and matches, and what providers call them."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.database.engine import Connection
from app.ingest.league_names import are_alike, league_name, same_country
from app.ingest.matching import INDIVIDUAL, Same
from app.ingest.naming import is_full_name, key_of
from app.ingest.swapping import swapped_match
from app.sports.ids import slug_of
from app.sports.match import Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)

# Leagues of one name, told apart by a number at the slug's end.
SAME_SLUG_MAX = 100

_REFS = """
SELECT r.kind, r.external_id, coalesce(l.id, r.participant_id) AS id
FROM provider_refs r LEFT JOIN leagues l ON l.id = r.league_id AND l.sport_id = $2
WHERE r.provider = $1
  AND ((r.kind = 'league' AND r.external_id = ANY ($3::text[]) AND l.id IS NOT NULL)
       OR (r.kind = 'participant' AND r.external_id = ANY ($4::text[])))
"""
# Those without an id of this provider's: leagues it tells apart are two.
_LEAGUES = """
SELECT l.id, l.name, l.country FROM leagues l
WHERE l.sport_id = $1 AND l.merged_into IS NULL AND NOT EXISTS (
    SELECT FROM provider_refs r WHERE r.league_id = l.id AND r.provider = $2
)
ORDER BY l.id
"""
_IN_LEAGUES = """
SELECT DISTINCT m.league_id, p.id, p.name, n.name AS other
FROM matches m JOIN participants p ON p.id IN (m.home_id, m.away_id)
LEFT JOIN participant_names n ON n.participant_id = p.id
WHERE m.league_id = ANY ($1::bigint[]) AND NOT EXISTS (
    SELECT FROM provider_refs r WHERE r.participant_id = p.id AND r.provider = $2
)
ORDER BY p.id
"""
# Players go from tournament to tournament.
_PLAYERS = """
SELECT p.id, p.name, n.name AS other
FROM participants p LEFT JOIN participant_names n ON n.participant_id = p.id
WHERE p.sport_id = $1 AND p.merged_into IS NULL AND NOT EXISTS (
    SELECT FROM provider_refs r WHERE r.participant_id = p.id AND r.provider = $2
)
ORDER BY p.id
"""
_ADD_LEAGUE = """
INSERT INTO leagues (sport_id, slug, name, country, season) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (slug) DO NOTHING RETURNING id
"""
_IDS = """
SELECT nextval(pg_get_serial_sequence($1, 'id')) AS id FROM generate_series(1, $2::int)
"""
_ADD_PARTICIPANTS = """
INSERT INTO participants (id, sport_id, name) OVERRIDING SYSTEM VALUE
SELECT n.id, $2, n.name FROM unnest($1::bigint[], $3::text[]) AS n (id, name)
"""
_ADD_MATCHES = """
INSERT INTO matches (id, sport_id, league_id, home_id, away_id, start_time, simulated)
OVERRIDING SYSTEM VALUE
SELECT n.id, $2, n.league_id, n.home_id, n.away_id, n.start_time, $7
FROM unnest($1::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
     AS n (id, league_id, home_id, away_id, start_time)
"""
_REFER_MATCHES = """
INSERT INTO provider_refs
    (provider, kind, external_id, match_id, inverted, start_time, described)
SELECT $1, 'match', n.external_id, n.match_id, n.inverted, n.start_time, n.described
FROM unnest($2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[], $6::jsonb[])
     AS n (external_id, match_id, inverted, start_time, described)
"""
_REFER_LEAGUES = """
INSERT INTO provider_refs (provider, kind, external_id, league_id)
SELECT $1, 'league', * FROM unnest($2::text[], $3::bigint[]) ON CONFLICT DO NOTHING
"""
_REFER_PARTICIPANTS = """
INSERT INTO provider_refs (provider, kind, external_id, participant_id)
SELECT $1, 'participant', * FROM unnest($2::text[], $3::bigint[]) ON CONFLICT DO NOTHING
"""
_ADD_NAMES = """
INSERT INTO participant_names (participant_id, name, provider)
SELECT n.id, n.name, $1 FROM unnest($2::bigint[], $3::text[]) AS n (id, name)
JOIN participants p ON p.id = n.id WHERE p.name <> n.name
ON CONFLICT DO NOTHING
"""
_PLACES = """
SELECT id, league_id, home_id, away_id FROM matches WHERE id = ANY ($1::bigint[])
"""


class Refs(msgspec.Struct, frozen=True):
    """Which of a provider's leagues and participants are which of ours."""

    leagues: dict[str, int]
    participants: dict[str, int]


def ref_of(sport: Sport, external_id: str) -> str:
    """Returns what a participant is kept under: two sports may use one id for two teams."""
    return f"{sport}:{external_id}"


async def load_refs(
    connection: Connection, provider: str, sport: Sport, matches: Iterable[ObservedMatch]
) -> Refs:
    """Returns what is known of the leagues and participants of these matches."""
    told = list(matches)
    refs = Refs({}, {})
    rows = await connection.fetch(
        _REFS,
        provider,
        sport,
        [m.league.external_id for m in told],
        [ref_of(sport, side.external_id) for m in told for side in (m.home, m.away)],
    )
    for row in rows:
        kept = refs.leagues if row["kind"] == "league" else refs.participants
        kept[row["external_id"]] = row["id"]
    return refs


async def join_matches(connection: Connection, found: Sequence[tuple[Observation, Same]]) -> None:
    """Makes a provider's matches ours, and learns what it calls their sides and leagues."""
    if not found:
        return
    provider, sport = found[0][0].provider, found[0][0].sport
    rows = await connection.fetch(_PLACES, [same.match_id for _, same in found])
    places = {row["id"]: row for row in rows}
    leagues: dict[str, int] = {}
    sides: dict[str, tuple[int, str]] = {}
    for observation, same in found:
        match = _oriented(observation, inverted=same.inverted)
        place = places[same.match_id]
        leagues.setdefault(match.league.external_id, place["league_id"])
        for side, ours in ((match.home, place["home_id"]), (match.away, place["away_id"])):
            sides.setdefault(ref_of(sport, side.external_id), (ours, side.name))
    await _refer_matches(connection, [(o, s.match_id, s.inverted) for o, s in found], first=False)
    await _join_leagues(connection, found, leagues)
    ids = [ours for ours, _ in sides.values()]
    await connection.execute(_REFER_PARTICIPANTS, provider, list(sides), ids)
    await connection.execute(_ADD_NAMES, provider, ids, [name for _, name in sides.values()])


async def create_matches(
    connection: Connection, observations: Sequence[Observation]
) -> dict[str, int]:
    """Creates matches of one sport, with their leagues and participants; returns their ids."""
    if not observations:
        return {}
    first = observations[0]
    told = [_oriented(o) for o in observations]
    refs = await load_refs(connection, first.provider, first.sport, told)
    await _find_leagues(connection, first, told, refs)
    await _find_participants(connection, first, told, refs)
    ids = await _new_ids(connection, "matches", len(told))
    homes = [refs.participants[ref_of(first.sport, m.home.external_id)] for m in told]
    aways = [refs.participants[ref_of(first.sport, m.away.external_id)] for m in told]
    await connection.execute(
        _ADD_MATCHES,
        ids,
        first.sport,
        [refs.leagues[m.league.external_id] for m in told],
        homes,
        aways,
        [m.start_time for m in told],
        first.simulated,
    )
    made = list(zip(observations, ids, strict=True))
    await _refer_matches(connection, [(o, number, False) for o, number in made], first=True)
    return {o.external_id: number for o, number in made}


def _oriented(observation: Observation, *, inverted: bool = False) -> ObservedMatch:
    assert observation.match is not None, "only what is described is decided"
    return swapped_match(observation.match) if inverted else observation.match


async def _new_ids(connection: Connection, table: str, number: int) -> list[int]:
    return [row["id"] for row in await connection.fetch(_IDS, table, number)]


async def _refer_matches(
    connection: Connection, refs: Sequence[tuple[Observation, int, bool]], *, first: bool
) -> None:
    """Keeps what a provider calls matches; the start is left to be told where it is not the first,
    so that two that agree on another one are heard.
    """
    matches = [_oriented(observation) for observation, _, _ in refs]
    await connection.execute(
        _REFER_MATCHES,
        refs[0][0].provider,
        [observation.external_id for observation, _, _ in refs],
        [match_id for _, match_id, _ in refs],
        [inverted for _, _, inverted in refs],
        [match.start_time if first else None for match in matches],
        [msgspec.json.encode(match).decode() for match in matches],
    )


async def _join_leagues(
    connection: Connection, found: Sequence[tuple[Observation, Same]], leagues: Mapping[str, int]
) -> None:
    """Takes the league of a decided match for the provider's, unless their names speak against it:
    a provider may file a cup and a league under one.
    """
    rows = await connection.fetch(_LEAGUES, found[0][0].sport, found[0][0].provider)
    ours = {row["id"]: league_name(row["name"], row["country"]) for row in rows}
    told = {m.league.external_id: m.league for m in (_oriented(o) for o, _ in found)}
    joined: dict[str, int] = {}
    for external_id, league_id in leagues.items():
        if league_id in joined.values():
            continue
        theirs = league_name(told[external_id].name, told[external_id].country)
        held = ours.get(league_id)
        if held is None or theirs.qualifiers != held.qualifiers:
            continue
        if theirs.division == held.division and same_country(theirs, held) is not False:
            joined[external_id] = league_id
    await connection.execute(
        _REFER_LEAGUES, found[0][0].provider, list(joined), list(joined.values())
    )


async def _find_leagues(
    connection: Connection, first: Observation, told: Sequence[ObservedMatch], refs: Refs
) -> None:
    """Completes `refs` with the leagues told: ours of the same name and country, or new ones."""
    unknown = {
        m.league.external_id: m.league for m in told if m.league.external_id not in refs.leagues
    }
    if not unknown:
        return
    rows = await connection.fetch(_LEAGUES, first.sport, first.provider)
    ours = {row["id"]: league_name(row["name"], row["country"]) for row in rows}
    for external_id, league in unknown.items():
        theirs = league_name(league.name, league.country)
        alike = [
            number
            for number, held in ours.items()
            if are_alike(theirs, held) and same_country(theirs, held) is not False
        ]
        same = [number for number in alike if same_country(theirs, ours[number])]
        # Of several that would do, none is taken: decided matches will tell.
        choice = same or alike
        if len(choice) == 1:
            refs.leagues[external_id] = choice[0]
            del ours[choice[0]]
        else:
            refs.leagues[external_id] = await _add_league(connection, first.sport, league)
    ids = [refs.leagues[external_id] for external_id in unknown]
    await connection.execute(_REFER_LEAGUES, first.provider, list(unknown), ids)


async def _add_league(connection: Connection, sport: Sport, league: ObservedLeague) -> int:
    base = slug_of(league.name)
    for number in range(1, SAME_SLUG_MAX + 1):
        slug = base if number == 1 else f"{base}-{number}"
        made: int | None = await connection.fetchval(
            _ADD_LEAGUE, sport, slug, league.name, league.country, league.season
        )
        if made is not None:
            return made
    raise AssertionError(f"more than {SAME_SLUG_MAX} leagues called {base}")


async def _find_participants(
    connection: Connection, first: Observation, told: Sequence[ObservedMatch], refs: Refs
) -> None:
    """Completes `refs` with the sides told: ours of the same name in the same league, a player also
    of the same full name in another, or new.
    """
    individual = first.sport in INDIVIDUAL
    unknown: dict[str, tuple[int, ObservedParticipant]] = {}
    for match in told:
        league_id = refs.leagues[match.league.external_id]
        for side in (match.home, match.away):
            ref = ref_of(first.sport, side.external_id)
            if ref not in refs.participants:
                unknown.setdefault(ref, (league_id, side))
    if not unknown:
        return
    by_name = await _by_name(connection, first, {league_id for league_id, _ in unknown.values()})
    new: list[str] = []
    for ref, (league_id, side) in unknown.items():
        key = key_of(side.name, individual=individual)
        ids = by_name.get((league_id, key)) or by_name.get((None, key), set())
        # A name of two sides names neither.
        ids -= set(refs.participants.values())
        if len(ids) == 1:
            refs.participants[ref] = ids.pop()
        else:
            new.append(ref)
    made = await _new_ids(connection, "participants", len(new))
    await connection.execute(
        _ADD_PARTICIPANTS, made, first.sport, [unknown[ref][1].name for ref in new]
    )
    refs.participants.update(zip(new, made, strict=True))
    await connection.execute(
        _REFER_PARTICIPANTS, first.provider, list(unknown), [refs.participants[r] for r in unknown]
    )


async def _by_name(
    connection: Connection, first: Observation, league_ids: Iterable[int]
) -> dict[tuple[int | None, str], set[int]]:
    """Returns the sides of these leagues by league and name, and players of full names without."""
    individual = first.sport in INDIVIDUAL
    found: dict[tuple[int | None, str], set[int]] = {}
    known: list[tuple[int | None, int, str | None]] = []
    for row in await connection.fetch(_IN_LEAGUES, sorted(league_ids), first.provider):
        known += [(row["league_id"], row["id"], name) for name in (row["name"], row["other"])]
    for row in await connection.fetch(_PLAYERS, first.sport, first.provider) if individual else ():
        known += [
            (None, row["id"], n) for n in (row["name"], row["other"]) if n and is_full_name(n)
        ]
    for league_id, number, name in known:
        if name is not None:
            key = (league_id, key_of(name, individual=individual))
            found.setdefault(key, set()).add(number)
    return found
