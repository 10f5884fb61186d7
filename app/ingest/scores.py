"""Writes scores: what each provider told, then what we believe, and only what differs."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from app.database.engine import Connection
from app.ingest.agreement import all_say
from app.ingest.believed import BelievedScore, points_of, spelled, undoubted
from app.ingest.columns import Repeated, decimals, numbers
from app.ingest.confidence import Judged, ToldScore, counting
from app.ingest.conflicts import Opinions, save_conflicts
from app.ingest.heads import hold_heads, lock_heads
from app.ingest.held import NOBODYS, Hold, Told, read_told
from app.ingest.judgements import of_agreement
from app.ingest.known import Known
from app.ingest.merge import hear, merge_scores
from app.ingest.reliability import Judgements, Providers, learn, providers_now
from app.ingest.repetition import CONFIRM_EVERY, is_newest, told_at
from app.sports.observation import Observation

_TELL = """
INSERT INTO score_observations AS o (
    match_id, provider, score, observed_at, received_at, points_since, points_repeats, back_since,
    back_repeats, status_since, status_repeats
)
SELECT n.match_id, $1, ($4::jsonb[])[n.score], t.at[n.observed], t.at[n.received], t.at[n.points],
       n.points_repeats, t.at[n.back], n.back_repeats, t.at[n.status], n.status_repeats
FROM (SELECT $5::timestamptz[] AS at) AS t, unnest(
    string_to_array($2, ',')::bigint[], string_to_array($3, ',')::int[],
    string_to_array($6, ',')::int[], string_to_array($7, ',')::int[],
    string_to_array($8, ',')::int[], string_to_array($9, ',')::smallint[],
    string_to_array($10, ',')::int[], string_to_array($11, ',')::smallint[],
    string_to_array($12, ',')::int[], string_to_array($13, ',')::smallint[]
) AS n (match_id, score, observed, received, points, points_repeats, back, back_repeats, status,
        status_repeats)
ON CONFLICT (match_id, provider) DO UPDATE
SET score = excluded.score, observed_at = excluded.observed_at, received_at = excluded.received_at,
    points_since = excluded.points_since, points_repeats = excluded.points_repeats,
    back_since = excluded.back_since, back_repeats = excluded.back_repeats,
    status_since = excluded.status_since, status_repeats = excluded.status_repeats
WHERE excluded.observed_at >= o.observed_at
"""
# What is believed now, as `columns_believed` has it; the numbers of its parameters are put in.
_BELIEVE = """
INSERT INTO live_scores AS s (
    match_id, status, home_score, away_score, period, clock, periods, confidence, points_at,
    status_at, updated_at
)
SELECT n.match_id, t.said[n.status], n.home_score, n.away_score, t.said[n.period], n.clock,
       t.said[n.periods]::jsonb, n.confidence, t.at[n.points], t.at[n.since], statement_timestamp()
FROM (SELECT ${}::text[] AS said, ${}::timestamptz[] AS at) AS t, unnest(
    string_to_array(${}, ',')::bigint[], string_to_array(${}, ',')::int[],
    string_to_array(${}, ',', '')::smallint[], string_to_array(${}, ',', '')::smallint[],
    string_to_array(${}, ',')::int[], ${}::text[], string_to_array(${}, ',')::int[],
    string_to_array(${}, ',', '')::numeric[], string_to_array(${}, ',')::int[],
    string_to_array(${}, ',')::int[]
) AS n (match_id, status, home_score, away_score, period, clock, periods, confidence, points, since)
{where}
ON CONFLICT (match_id) DO UPDATE
SET status = excluded.status, home_score = excluded.home_score, away_score = excluded.away_score,
    period = excluded.period, clock = excluded.clock, periods = excluded.periods,
    confidence = excluded.confidence, updated_at = excluded.updated_at,
    points_at = excluded.points_at, status_at = excluded.status_at
WHERE (s.status, s.home_score, s.away_score, s.period, s.clock, s.periods, s.confidence)
      IS DISTINCT FROM
      (excluded.status, excluded.home_score, excluded.away_score, excluded.period, excluded.clock,
       excluded.periods, excluded.confidence)
RETURNING s.match_id
"""


def believing(first: int = 1, where: str = "") -> str:
    """Returns the statement for `columns_believed`, its parameters numbered from `first`."""
    return _BELIEVE.format(*range(first, first + 12), where=where)


_BELIEVED = believing()

_JSON = msgspec.json.Encoder()


def text_of(value: object) -> str:
    """Returns a value as JSON."""
    return _JSON.encode(value).decode()


class SavedScores(msgspec.Struct, frozen=True):
    """What came of a batch of scores.

    `changed` are the matches of which we now believe something else; `heard` those whose
    observation counts: it is not late, its status is a legal move from where the match is, and its
    points are not refused. `judged` is what it taught of (provider, sport), to be learnt.
    """

    changed: frozenset[int] = frozenset()
    heard: frozenset[int] = frozenset()
    judged: Judgements = {}


async def save_scores(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> SavedScores:
    """Takes in the scores observed; an observation that is late changes nothing.

    The caller holds the locks on the heads of these matches.
    """
    told = {m: o for m, o in observed.items() if o.score is not None and is_newest(m, o, known)}
    if not told:
        return SavedScores()
    held, providers = await _held(connection, told, known.held)
    heard = {m: word for m, o in told.items() if (word := _hear(held[m], o, providers))}
    written = await _tell(connection, held, heard)
    # What nobody says anything new of stays as it is: the same told twice changes nothing.
    matches = {m: held[m] for m in heard}
    kept = {m: word if m in written else held[m].words[word.provider] for m, word in heard.items()}
    for match_id, word in heard.items():
        held[match_id].words[word.provider] = word
    believed = _merge(matches, providers)
    changed = await _save_believed(connection, matches, believed)
    opinions = _opinions(matches, believed, providers)
    judged = dict(await save_conflicts(connection, opinions))
    for match_id in heard.keys() & believed.keys():
        if heard[match_id].points_repeats > 1:
            continue  # Only who begins to say something is judged by it.
        words = _counting(matches[match_id], providers)
        for provider, one in of_agreement(heard[match_id], words, believed[match_id]).items():
            key = (provider, matches[match_id].sport)
            judged[key] = judged.get(key, Judged()) + one
    for match_id, opinion in opinions.items():
        held[match_id].disputed = bool(opinion.disputes)
    for match_id, word in kept.items():
        of_match, belief = held[match_id], believed.get(match_id)
        of_match.settled = _is_settled(of_match, belief)
        # From here on it is held as the tables have it.
        of_match.words[word.provider] = word
        if match_id in changed:
            of_match.held = undoubted(believed[match_id])
    known.held.learn(held)
    counted = frozenset(
        m
        for m, word in heard.items()
        if (belief := believed.get(m)) is not None
        and word.provider not in belief.refused
        and word.provider not in belief.unlawful
    )
    return SavedScores(frozenset(changed), counted, judged)


def _is_settled(told: Told, belief: BelievedScore | None) -> bool:
    """Says whether nobody differs from what is believed, and nothing is open."""
    if belief is None or belief.disputes or told.disputed or told.contest.verifying:
        return False
    return all_say(belief.score, told.words.values())


async def rebelieve(connection: Connection, match_ids: Iterable[int]) -> frozenset[int]:
    """Believes anew what the tables say of these matches; returns those that changed.

    For when whom to believe has changed, not what was said: a provider went down or came back,
    providers were ranked anew. To be called in a transaction; locks the matches' heads.
    """
    wanted = sorted(set(match_ids))
    if not wanted:
        return frozenset()
    await lock_heads(connection, wanted)
    providers = await providers_now(connection)
    await hold_heads(connection, wanted, None)
    matches = await read_told(connection, wanted, providers, NOBODYS)
    believed = _merge(matches, providers)
    changed = await _save_believed(connection, matches, believed)
    judged = await save_conflicts(connection, _opinions(matches, believed, providers))
    await learn(connection, judged)
    return frozenset(changed)


async def _held(
    connection: Connection, match_ids: Collection[int], hold: Hold
) -> tuple[dict[int, Told], Providers]:
    """Returns what is held of matches, what is remembered and the rest as the tables have it, and
    how providers stand.
    """
    matches, memory = hold.take(match_ids), hold.memory
    missing = [m for m in match_ids if m not in matches]
    providers = await memory.providers(connection, anew=bool(missing))
    for told in matches.values():
        if told.providers is not providers:
            told.weigh(providers)
    if missing:
        reading = memory.reading()
        await hold_heads(connection, missing, reading)
        matches |= await read_told(connection, missing, providers, reading)
    return matches, providers


def _hear(told: Told, observation: Observation, providers: Providers) -> ToldScore | None:
    """Returns what the observation makes of what its provider told; None when it is no news."""
    assert observation.score is not None, "only scores are heard here"
    standing = providers.of(observation.provider, told.sport)
    word = ToldScore(
        provider=observation.provider,
        score=observation.score,
        observed_at=told_at(observation),
        received_at=observation.received_at,
        reliability=standing.reliability,
        rank=standing.rank,
    )
    return hear(told.words.get(observation.provider), word)


async def _tell(
    connection: Connection, matches: Mapping[int, Told], heard: Mapping[int, ToldScore]
) -> Collection[int]:
    """Keeps what was told now: what differs, what is still to be confirmed, what got old; returns
    the matches of what it kept.
    """
    rows = {
        m: word
        for m, word in heard.items()
        if (before := matches[m].words.get(word.provider)) is None
        or not (before.confirmed and word.confirmed)
        or word.score != before.score
        or word.observed_at >= before.observed_at + CONFIRM_EVERY
    }
    if not rows:
        return rows
    words = list(rows.values())
    provider = words[0].provider
    assert all(word.provider == provider for word in words), "a batch is of one provider"
    scores: Repeated[str] = Repeated()
    times: Repeated[datetime | None] = Repeated()
    told = scores.column([text_of(word.score) for word in words])
    columns = [
        times.column([word.observed_at for word in words]),
        times.column([word.received_at for word in words]),
        times.column([word.points_since for word in words]),
        numbers([word.points_repeats for word in words]),
        times.column([word.back_since for word in words]),
        numbers([word.back_repeats for word in words]),
        times.column([word.status_since for word in words]),
        numbers([word.status_repeats for word in words]),
    ]
    await connection.execute(
        _TELL, provider, numbers(rows), told, scores.values, times.values, *columns
    )
    return rows


def _counting(told: Told, providers: Providers) -> list[ToldScore]:
    """Returns the words that count: out of quarantine, and not too old beside the others."""
    return counting(_free(told, providers))


def _free(told: Told, providers: Providers) -> list[ToldScore]:
    """Returns the words out of quarantine."""
    if providers.all_count:
        return list(told.words.values())
    sport = told.sport
    return [w for w in told.words.values() if providers.of(w.provider, sport).counts(w.observed_at)]


def _merge(matches: Mapping[int, Told], providers: Providers) -> dict[int, BelievedScore]:
    merged = {
        m: merge_scores(_free(told, providers), told.held, told.contest)
        for m, told in sorted(matches.items())
    }
    return {m: believed for m, believed in merged.items() if believed is not None}


async def _save_believed(
    connection: Connection, matches: Mapping[int, Told], all_believed: Mapping[int, BelievedScore]
) -> set[int]:
    """Writes what readers see otherwise now; returns its matches. Their heads are ours, so that
    what we loaded is what is there.
    """
    believed = {m: b for m, b in all_believed.items() if is_shown_otherwise(b, matches[m].held)}
    if not believed:
        return set()
    rows = await connection.fetch(_BELIEVED, *columns_believed(believed))
    return {row["match_id"] for row in rows}


def columns_believed(believed: Mapping[int, BelievedScore]) -> list[object]:
    """Returns the columns of what is believed of matches."""
    beliefs = list(believed.values())
    scores = [b.score for b in beliefs]
    said: Repeated[str | None] = Repeated()
    times: Repeated[datetime | None] = Repeated()
    return [
        said.values,
        times.values,
        numbers(believed),
        said.column([s.status.value for s in scores]),
        decimals([s.home for s in scores]),
        decimals([s.away for s in scores]),
        said.column([s.period for s in scores]),
        [s.clock for s in scores],
        said.column([text_of(s.periods) for s in scores]),
        decimals([b.confidence for b in beliefs]),
        times.column([b.points_at for b in beliefs]),
        times.column([b.status_at for b in beliefs]),
    ]


def is_shown_otherwise(now: BelievedScore, held: BelievedScore | None) -> bool:
    """Says whether readers see something else now."""
    if now is held:
        return False
    return held is None or (now.score, now.confidence) != (held.score, held.confidence)


def _opinions(
    matches: Mapping[int, Told], believed: Mapping[int, BelievedScore], providers: Providers
) -> dict[int, Opinions]:
    """Returns who says what of the matches with a dispute, open or new."""
    opinions: dict[int, Opinions] = {}
    for match_id, told in matches.items():
        belief = believed.get(match_id) or told.held
        if belief is None or not (belief.disputes or told.disputed):
            continue
        words = _counting(told, providers)
        opinions[match_id] = Opinions(
            sport=told.sport,
            disputes=belief.disputes,
            said={
                "points": {w.provider: spelled(w.points) for w in words if w.points is not None},
                "status": {w.provider: w.score.status.value for w in words},
            },
            believed={
                "points": spelled(points_of(belief.score)),
                "status": belief.score.status.value,
            },
            was_disputed=told.disputed,
        )
    return opinions
