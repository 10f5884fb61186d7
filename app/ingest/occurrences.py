"""Writes incidents: new ones, those told otherwise, and those no longer told.

Every provider's incidents are kept, one provider's a match are shown: two providers' words for the
same goal are two goals to a reader. Who is shown stays so until it can be heard no more; then its
incidents are withdrawn and another's are told, in one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from app.database.engine import Connection
from app.ingest.confidence import TOLD_FRESH
from app.ingest.heads import lock_heads
from app.ingest.known import Known
from app.ingest.reliability import Providers, providers_now
from app.ingest.repetition import told_at
from app.sports.incidents import Incident
from app.sports.observation import Observation

# What a provider whose incidents are not shown told before is compared with the tables again when
# it was told for so long: by then the one that is shown may be heard no more.
LOOK_AGAIN = timedelta(seconds=60)
# Who is shown has nothing to look for: that is for the others.
NOT_AGAIN = datetime.max.replace(tzinfo=UTC)

_SHOWN = """
SELECT m.id, m.sport_id, m.incidents_provider,
       (SELECT count(*) FROM incidents i WHERE i.match_id = m.id AND NOT i.withdrawn
        AND i.provider = m.incidents_provider) AS n,
       coalesce((SELECT jsonb_array_length(o.incidents) FROM incident_observations o
                 WHERE o.match_id = m.id AND o.provider = $2), -1) AS kept
FROM matches m WHERE m.id = ANY ($1::bigint[])
"""
_SAID = """
SELECT match_id, provider, jsonb_array_length(incidents) AS n, observed_at
FROM incident_observations WHERE match_id = ANY ($1::bigint[])
"""
_KEEP = """
INSERT INTO incident_observations AS o (match_id, provider, incidents, observed_at)
SELECT n.match_id, $2, n.incidents, n.observed_at
FROM unnest($1::bigint[], $3::jsonb[], $4::timestamptz[]) AS n (match_id, incidents, observed_at)
ON CONFLICT (match_id, provider) DO UPDATE
SET incidents = excluded.incidents, observed_at = excluded.observed_at
WHERE excluded.observed_at >= o.observed_at
"""
_SHOW = """
UPDATE matches m SET incidents_provider = n.provider
FROM unnest($1::bigint[], $2::text[]) AS n (id, provider) WHERE m.id = n.id
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
_WITHDRAW_OTHERS = """
UPDATE incidents i SET withdrawn = true
FROM unnest($1::bigint[], $2::text[]) AS n (match_id, provider)
WHERE i.match_id = n.match_id AND i.provider <> n.provider AND NOT i.withdrawn
"""
_ADD_SAID = """
INSERT INTO incidents AS i (match_id, provider, key, ordinal, body)
SELECT o.match_id, o.provider, e.body ->> 'key', e.place - 1, e.body
FROM unnest($1::bigint[], $2::text[]) AS n (match_id, provider)
JOIN incident_observations o USING (match_id, provider)
CROSS JOIN LATERAL jsonb_array_elements(o.incidents) WITH ORDINALITY AS e (body, place)
ON CONFLICT (match_id, provider, key) DO UPDATE
SET ordinal = excluded.ordinal, body = excluded.body, withdrawn = false
WHERE (i.ordinal, i.body, i.withdrawn) IS DISTINCT FROM (excluded.ordinal, excluded.body, false)
"""
_LAST_TOLD = """
SELECT match_id, provider, observed_at FROM score_observations WHERE match_id = ANY ($1::bigint[])
"""

_JSON = msgspec.json.Encoder()


class _Shown(msgspec.Struct):
    """Whose incidents of a match are shown, and how many they are; `kept` is how many are kept of
    the provider asked for, -1 when it told none yet.
    """

    sport: str
    provider: str | None
    count: int
    kept: int


async def save_incidents(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> None:
    """Takes in the incidents of observations whose score counts, those of one provider.

    A provider tells all incidents of a match every time. When they go on from those this worker
    saved before, and Postgres holds as many, only the new ones are written; else all of them are,
    and those it tells no longer are withdrawn. Of those it told before nothing is asked, or once a
    minute, where another one is shown.
    """
    told = {m: o for m, o in observed.items() if not was_looked_at(m, o, known)}
    for provider in sorted({o.provider for o in told.values()}):
        by_match = {m: o for m, o in told.items() if o.provider == provider}
        shown = await _shown(connection, by_match, provider)
        await _keep(connection, provider, {m: by_match[m] for m in shown}, (shown, known))
        others = [m for m, now in shown.items() if now.provider != provider]
        turned: frozenset[int] = frozenset()
        if others:
            # What another worker remembers of these matches no longer fits what Postgres counts.
            turned = await choose_incidents(connection, others)
            for match_id in turned:
                shown.pop(match_id)
        await _save_shown(connection, provider, by_match, (shown, known))
        for match_id, observation in by_match.items():
            before = known.incidents.get((match_id, provider))
            known.incidents.learn((match_id, provider), observation.incidents or ())
            if (held := known.held.seen(match_id)) is None:
                continue
            if match_id in turned or before not in (None, observation.incidents):
                held.look_again.clear()  # The others' may be what is to be shown now.
            is_shown = match_id in shown and shown[match_id].provider == provider
            again = NOT_AGAIN if is_shown else told_at(observation) + LOOK_AGAIN
            held.look_again[provider] = again


def was_looked_at(match_id: int, observation: Observation, known: Known) -> bool:
    """Says whether an observation tells no incidents, or none that are to be looked at now."""
    if observation.incidents is None:
        return True
    provider, held = observation.provider, known.held.seen(match_id)
    again = None if held is None else held.look_again.get(provider)
    if again is None or told_at(observation) >= again:
        return False
    return known.incidents.get((match_id, provider)) == observation.incidents


async def choose_incidents(connection: Connection, match_ids: Iterable[int]) -> frozenset[int]:
    """Chooses anew whose incidents of these matches are shown; returns those where it changed.

    The one that is shown stays while it can be heard, or until there is something to show at all.
    Of the others the most reliable is chosen, then who tells most, then the declared order. The
    caller holds the locks on the heads of these matches.
    """
    wanted = list(match_ids)
    providers = await providers_now(connection)
    shown = await _shown(connection, wanted)
    said: dict[int, dict[str, int]] = {}
    for row in await connection.fetch(_SAID, wanted):
        said.setdefault(row["match_id"], {})[row["provider"]] = row["n"]
    heard_at: dict[int, dict[str, datetime]] = {}
    for row in await connection.fetch(_LAST_TOLD, wanted):
        heard_at.setdefault(row["match_id"], {})[row["provider"]] = row["observed_at"]
    chosen: dict[int, str] = {}
    for match_id, now in shown.items():
        best = _best(now, said.get(match_id, {}), heard_at.get(match_id, {}), providers)
        if best is not None and best != now.provider:
            chosen[match_id] = best
    if chosen:
        columns = (list(chosen), list(chosen.values()))
        await connection.execute(_SHOW, *columns)
        await connection.execute(_WITHDRAW_OTHERS, *columns)
        await connection.execute(_ADD_SAID, *columns)
    return frozenset(chosen)


async def reshow_incidents(connection: Connection, match_ids: Iterable[int]) -> frozenset[int]:
    """Locks the matches and chooses anew whose incidents are shown; for when a provider is down."""
    wanted = sorted(set(match_ids))
    if not wanted:
        return frozenset()
    await lock_heads(connection, wanted)
    return await choose_incidents(connection, wanted)


def _best(
    now: _Shown, said: Mapping[str, int], heard_at: Mapping[str, datetime], providers: Providers
) -> str | None:
    """Returns whose incidents to show; None when nobody who can be heard tells any."""
    newest = max(heard_at.values(), default=None)
    heard = {
        p: n
        for p, n in said.items()
        if newest is not None
        and p in heard_at
        and heard_at[p] >= newest - TOLD_FRESH
        and providers.of(p, now.sport).counts(heard_at[p])
    }
    if now.provider in heard and (now.count or not any(heard.values())):
        return now.provider
    if not heard:
        return None

    def worth(provider: str) -> tuple[bool, float, int, int, str]:
        standing = providers.of(provider, now.sport)
        tells = heard[provider]
        return (tells > 0, standing.reliability, tells, -standing.rank, provider)

    return max(heard, key=worth)


async def _keep(
    connection: Connection,
    provider: str,
    by_match: Mapping[int, Observation],
    before: tuple[Mapping[int, _Shown], Known],
) -> None:
    """Keeps what a provider tells, where it differs from what this worker or Postgres last kept."""
    shown, known = before
    rows = [
        (m, _JSON.encode(o.incidents).decode(), o.observed_at)
        for m, o in by_match.items()
        if known.incidents.get((m, provider)) != o.incidents
        or shown[m].kept != len(o.incidents or ())
    ]
    if rows:
        matches, incidents, times = zip(*rows, strict=True)
        await connection.execute(_KEEP, list(matches), provider, list(incidents), list(times))


async def _shown(
    connection: Connection, match_ids: Iterable[int], provider: str | None = None
) -> dict[int, _Shown]:
    return {
        row["id"]: _Shown(row["sport_id"], row["incidents_provider"], row["n"], row["kept"])
        for row in await connection.fetch(_SHOWN, list(match_ids), provider)
    }


async def _save_shown(
    connection: Connection,
    provider: str,
    by_match: Mapping[int, Observation],
    before: tuple[Mapping[int, _Shown], Known],
) -> None:
    """Writes the incidents of the matches where this provider's are the ones shown."""
    shown, known = before
    fresh: list[tuple[int, int, Incident]] = []
    for match_id, now in shown.items():
        if now.provider != provider:
            continue
        incidents = by_match[match_id].incidents or ()
        saved = known.incidents.get((match_id, provider)) or ()
        goes_on = incidents[: len(saved)] == saved and now.count == len(saved)
        start = len(saved) if goes_on else 0
        if not goes_on:
            keys = [incident.key for incident in incidents]
            await connection.execute(_WITHDRAW, match_id, provider, keys)
        fresh += [(match_id, n, incidents[n]) for n in range(start, len(incidents))]
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
