"""A provider's matches to ours: known, found, decided, created, or left to an operator."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from app import metrics
from app.database.engine import Connection
from app.ingest.assignment import assign
from app.ingest.candidates import Shortlist, load_candidates
from app.ingest.creation import create_matches, join_matches, load_refs, ref_of
from app.ingest.heads import Locked, hold_heads, lock_heads
from app.ingest.known import Known, KnownMatch, MatchKey
from app.ingest.matching import Decision, Described, New, Same, Side, Undecided, window_of
from app.ingest.reviews import ask_operator, settle_reviews, waiting
from app.ingest.swapping import swapped
from app.sports.match import MatchStatus
from app.sports.observation import Observation, ObservedMatch

# Starts of one look for candidates lie within this; a season's list is decided in parts.
TOGETHER = timedelta(days=3)

_FIND = """
SELECT r.external_id, r.match_id, r.inverted,
       r.described -> 'home' ->> 'external_id' AS home,
       r.described -> 'away' ->> 'external_id' AS away
FROM unnest($2::text[]) AS k (external_id)
JOIN provider_refs r
  ON r.provider = $1 AND r.kind = 'match' AND r.external_id = k.external_id
"""
_FIND_OURS = """
SELECT m.id AS asked, coalesce(k.id, m.id) AS match_id, m.sport_id
FROM matches m LEFT JOIN matches k ON k.id = m.merged_into WHERE m.id = ANY ($1::bigint[])
"""
_TOLD_START = """
UPDATE provider_refs r SET start_time = n.start_time
FROM unnest($2::text[], $3::timestamptz[]) AS n (external_id, start_time)
WHERE r.provider = $1 AND r.kind = 'match' AND r.external_id = n.external_id
  AND r.start_time IS DISTINCT FROM n.start_time
RETURNING r.match_id, r.start_time
"""
# The provider that told us of the match first says when it starts, or two that say the same.
_RESCHEDULE = """
UPDATE matches m SET start_time = n.start_time
FROM unnest($2::bigint[], $3::timestamptz[]) AS n (id, start_time)
WHERE m.id = n.id AND m.start_time <> n.start_time AND (
    $1 = (
        SELECT r.provider FROM provider_refs r WHERE r.match_id = m.id
        ORDER BY r.created_at, r.provider LIMIT 1
    ) OR EXISTS (
        SELECT FROM provider_refs r
        WHERE r.match_id = m.id AND r.provider <> $1 AND r.start_time = n.start_time
    )
)
RETURNING m.id
"""


async def identify(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> dict[int, Observation]:
    """Returns our match for each observation of one provider, by our id in rising order.

    Of several observations of one match the newest counts. What is unknown is decided under a lock
    a sport, so that two providers never create one match twice. An observation is turned round when
    its provider has the sides the other way, from the start or all of a sudden; one that is
    undecided, or names a match that nobody knows, is not among those returned.
    """
    newest: dict[MatchKey, Observation] = {}
    for observation in observations:
        key = key_of_observation(observation)
        if key not in newest or newest[key].observed_at <= observation.observed_at:
            newest[key] = observation
    unknown = [o for key, o in newest.items() if known.matches.get(key) is None]
    if unknown:
        await _find(connection, unknown, known)
        missing = [o for o in unknown if known.matches.get(key_of_observation(o)) is None]
        described = [o for o in missing if o.match_id is None and _has_two_sides(o)]
        if described:
            await _settle(connection, described, known)
    return _by_match(newest, known)


async def lock_identified(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> dict[int, Observation]:
    """Locks the heads of what was identified; returns it, looked up again where it had moved.

    What a worker remembers may be a match that was merged or split since; its head says so.
    """
    locked = await _lock(connection, observed, known)
    if not locked.moved:
        return dict(observed)
    # As it was observed: the look-up says anew which way round it is.
    again = {m: _as_observed(observed[m], known) for m in locked.moved}
    for observation in again.values():
        known.matches.forget(key_of_observation(observation))
    found = await identify(connection, list(again.values()), known)
    await _lock(connection, found, known)
    merged = {m: o for m, o in observed.items() if m not in again} | found
    return dict(sorted(merged.items()))


async def _lock(connection: Connection, match_ids: Collection[int], known: Known) -> Locked:
    readings = known.held.readings(match_ids)
    locked = await lock_heads(connection, match_ids, readings)
    known.held.confirm(readings, locked.outdated)
    return locked


async def reschedule(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> None:
    """Moves the matches whose start has been moved by the provider that told us of them first, or
    by two that say the same.
    """
    told = {
        m: (o.provider, o.external_id, o.match.start_time)
        for m, o in observed.items()
        if o.match is not None and known.starts.get((o.provider, m)) != o.match.start_time
    }
    for provider in {provider for provider, _, _ in told.values()}:
        own = {m: one for m, one in told.items() if one[0] == provider}
        rows = await connection.fetch(
            _TOLD_START, provider, [e for _, e, _ in own.values()], [s for _, _, s in own.values()]
        )
        if rows:
            moved = await connection.fetch(
                _RESCHEDULE,
                provider,
                [row["match_id"] for row in rows],
                [row["start_time"] for row in rows],
            )
            await _forget_held(connection, [row["id"] for row in moved], known)
        for match_id, (_, _, start_time) in own.items():
            known.starts.learn((provider, match_id), start_time)


async def _forget_held(connection: Connection, match_ids: Sequence[int], known: Known) -> None:
    """Drops what is held of matches, here and wherever it is remembered."""
    for match_id in match_ids:
        known.held.take_out(match_id)
    await hold_heads(connection, match_ids, None)


def key_of_observation(observation: Observation) -> MatchKey:
    """Returns what a match is remembered by: the provider's id, or ours where the provider has it.

    No provider's id begins so: they are not ours to choose, but `=` is in none we have met.
    """
    if observation.match_id is None:
        return (observation.provider, observation.external_id)
    return (observation.provider, f"={observation.sport}:{observation.match_id}")


def _by_match(newest: Mapping[MatchKey, Observation], known: Known) -> dict[int, Observation]:
    found: dict[int, Observation] = {}
    for key, observation in newest.items():
        ours = known.matches.get(key)
        if ours is None:
            continue
        # A provider with two ids for one match: the newer word counts.
        if ours.id in found and found[ours.id].observed_at > observation.observed_at:
            continue
        found[ours.id] = on_our_sides(observation, ours)
    return dict(sorted(found.items()))


def on_our_sides(observation: Observation, ours: KnownMatch) -> Observation:
    """Returns an observation turned round if its provider has the sides the other way."""
    return swapped(observation) if _is_turned(observation, ours) else observation


def _is_turned(observation: Observation, ours: KnownMatch) -> bool:
    """Says whether home is away in an observation; one that names no sides is as the others were.

    A provider that turns the sides of a match it told us of before is found out by their ids.
    """
    match, sides = observation.match, ours.sides
    if match is None or sides is None:
        return ours.inverted
    anew = sides[0] == match.away.external_id and sides[1] == match.home.external_id
    return ours.inverted != anew


def _as_observed(observation: Observation, known: Known) -> Observation:
    """Returns what can be turned again: with sides that are known, either way round can."""
    ours = known.matches.get(key_of_observation(observation))
    if ours is None or (observation.match is not None and ours.sides is not None):
        return observation
    return swapped(observation) if ours.inverted else observation


def _has_two_sides(observation: Observation) -> bool:
    match = observation.match
    return match is not None and match.home.external_id != match.away.external_id


async def _find(connection: Connection, observations: Sequence[Observation], known: Known) -> None:
    for provider in {o.provider for o in observations}:
        own = [o for o in observations if o.provider == provider]
        theirs = [o.external_id for o in own if o.match_id is None]
        for row in await connection.fetch(_FIND, provider, theirs) if theirs else ():
            home, away = row["home"], row["away"]
            sides = None if home is None or away is None else (home, away)
            ours = KnownMatch(row["match_id"], row["inverted"], sides)
            known.matches.learn((provider, row["external_id"]), ours)
    by_ours = [o for o in observations if o.match_id is not None]
    if by_ours:
        rows = await connection.fetch(_FIND_OURS, [o.match_id for o in by_ours])
        by_id = {row["asked"]: row for row in rows}
        for observation in by_ours:
            row = by_id.get(observation.match_id)
            if row is not None and row["sport_id"] == observation.sport:
                ours = KnownMatch(row["match_id"])
                known.matches.learn(key_of_observation(observation), ours)


async def _settle(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> None:
    """Decides what is unknown, under a lock a sport, after a second look."""
    for provider in sorted({o.provider for o in observations}):
        own = [o for o in observations if o.provider == provider]
        asked = await waiting(connection, provider, [o.external_id for o in own])
        own = [o for o in own if o.external_id not in asked]
        for sport in sorted({o.sport for o in own}):
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 7146826))", f"match {sport}"
            )
        await _find(connection, own, known)
        missing = [o for o in own if known.matches.get(key_of_observation(o)) is None]
        for part in _parts(missing):
            await _decide(connection, part, known)


def _parts(observations: Sequence[Observation]) -> Iterator[list[Observation]]:
    """Yields observations of one sport and kind whose starts are near each other."""
    part: list[Observation] = []
    for observation in sorted(observations, key=_order):
        first = part[0] if part else observation
        if _world(first) != _world(observation) or _start(observation) - _start(first) > TOGETHER:
            yield part
            part = []
        part.append(observation)
    if part:
        yield part


def _order(observation: Observation) -> tuple[object, ...]:
    return (*_world(observation), _start(observation), observation.external_id)


def _world(observation: Observation) -> tuple[object, ...]:
    return (observation.sport, observation.simulated, observation.speed)


async def _decide(connection: Connection, part: Sequence[Observation], known: Known) -> None:
    provider, sport = part[0].provider, part[0].sport
    refs = await load_refs(connection, provider, sport, [_match(o) for o in part])
    candidates = await load_candidates(
        connection, provider, sport, [_start(o) for o in part], simulated=part[0].simulated
    )
    observed = {o.external_id: o for o in part}
    decisions = assign(
        {key: described_of(o, refs.leagues, refs.participants) for key, o in observed.items()},
        Shortlist(sport, candidates),
    )
    same = {k: d for k, d in decisions.items() if isinstance(d, Same)}
    undecided = {k: d for k, d in decisions.items() if isinstance(d, Undecided)}
    await join_matches(connection, [(observed[k], d) for k, d in same.items()])
    made = await create_matches(
        connection, [observed[k] for k, d in decisions.items() if isinstance(d, New)]
    )
    await ask_operator(connection, [(observed[k], d) for k, d in undecided.items()])
    await settle_reviews(connection, provider, {k: d.match_id for k, d in same.items()} | made)
    found = {k: (d.match_id, d.inverted) for k, d in same.items()}
    found |= {k: (match_id, False) for k, match_id in made.items()}
    for key, (match_id, inverted) in found.items():
        match = _match(observed[key])
        sides = (match.home.external_id, match.away.external_id)
        known.matches.learn((provider, key), KnownMatch(match_id, inverted, sides))
    _count(provider, decisions)


def described_of(
    observation: Observation, leagues: Mapping[str, int], participants: Mapping[str, int]
) -> Described:
    """Returns a match as it is compared: what is said of it, with our ids as far as known."""
    match, sport = _match(observation), observation.sport

    def side(name: str, external_id: str) -> Side:
        ref = ref_of(sport, external_id)
        return Side(names=(name,), id=participants.get(ref), external_id=ref)

    status = None if observation.score is None else observation.score.status
    return Described(
        sport=sport,
        league=match.league.name,
        country=match.league.country,
        league_id=leagues.get(match.league.external_id),
        home=side(match.home.name, match.home.external_id),
        away=side(match.away.name, match.away.external_id),
        start_time=match.start_time,
        not_begun=status is MatchStatus.SCHEDULED,
        window=window_of(sport, simulated=observation.simulated, speed=observation.speed),
    )


def _match(observation: Observation) -> ObservedMatch:
    assert observation.match is not None, "what is not described was left out before"
    return observation.match


def _start(observation: Observation) -> datetime:
    return _match(observation).start_time


def _count(provider: str, decisions: Mapping[str, Decision]) -> None:
    for kind, n in Counter(type(d).__name__.lower() for d in decisions.values()).items():
        metrics.matches_identified.labels(provider, kind).inc(n)
