"""Writes scores: what each provider told, then what we believe, and only what differs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import msgspec

from app.database.engine import Connection, Row
from app.ingest.columns import Repeated, numbers
from app.ingest.confidence import Judged, ToldScore, counting
from app.ingest.conflicts import Opinions, save_conflicts
from app.ingest.decisions import CONFIRMATIONS
from app.ingest.heads import lock_heads
from app.ingest.judgements import of_agreement
from app.ingest.known import Known, KnownWord
from app.ingest.merge import BelievedScore, Contest, all_say, hear, merge_scores, points_of, spelled
from app.ingest.reliability import Judgements, Providers, learn, providers_now
from app.ingest.repetition import is_newest, told_at
from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport
from app.sports.observation import Observation

# An unchanged score's `observed_at` is written again when it is this old: readers are told how old
# their data is, and a write a poll and match would cost more than it says.
CONFIRM_EVERY = timedelta(seconds=5)

_MATCHES = """
SELECT m.id, m.sport_id, m.start_time, s.status, s.home_score, s.away_score, s.period, s.clock,
       s.periods::text AS periods, s.confidence, s.points_at, s.status_at,
       s.verify_since IS NOT NULL AS verifying,
       EXISTS (SELECT FROM conflicts c WHERE c.match_id = m.id AND c.closed_at IS NULL) AS disputed
FROM matches m LEFT JOIN live_scores s ON s.match_id = m.id
WHERE m.id = ANY (string_to_array($1, ',')::bigint[])
"""
_TOLD = """
SELECT match_id, provider, score::text AS score, observed_at, received_at, points_since,
       points_repeats, back_since, back_repeats, status_since, status_repeats
FROM score_observations WHERE match_id = ANY (string_to_array($1, ',')::bigint[])
"""
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
_BELIEVE = """
INSERT INTO live_scores AS s (
    match_id, status, home_score, away_score, period, clock, periods, confidence, points_at,
    status_at, updated_at
)
SELECT n.*, statement_timestamp() FROM unnest(
    $1::bigint[], $2::text[], $3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::jsonb[],
    $8::numeric[], $9::timestamptz[], $10::timestamptz[]
) AS n
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

_STATUSES = {status.value: status for status in MatchStatus}
# Three providers tell a match's score in much the same words, and each is read with every poll.
_READ_MAX = 10_000
_score_of = lru_cache(_READ_MAX)(msgspec.json.Decoder(Score).decode)
_periods_of = lru_cache(_READ_MAX)(msgspec.json.Decoder(tuple[Period, ...]).decode)
_JSON = msgspec.json.Encoder()


def _text(value: object) -> str:
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


class _Told(msgspec.Struct):
    """All that is told of one match, and what we held of it."""

    sport: str
    contest: Contest
    held: BelievedScore | None
    disputed: bool
    words: dict[str, ToldScore]


async def save_scores(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> SavedScores:
    """Takes in the scores observed; an observation that is late changes nothing.

    The caller holds the locks on the heads of these matches.
    """
    told = {m: o for m, o in observed.items() if o.score is not None and is_newest(m, o, known)}
    if not told:
        return SavedScores()
    providers = await providers_now(connection)
    matches = await _load(connection, told, providers)
    heard = {m: word for m, o in told.items() if (word := _hear(matches[m], o, providers))}
    written = await _tell(connection, matches, heard)
    before = {m: matches[m].words.get(word.provider) for m, word in heard.items()}
    for match_id, word in heard.items():
        matches[match_id].words[word.provider] = word
    # What nobody says anything new of stays as it is: the same told twice changes nothing.
    matches = {m: matches[m] for m in heard}
    believed = _merge(matches, providers)
    changed = await _save_believed(connection, matches, believed)
    judged = dict(await save_conflicts(connection, _opinions(matches, believed, providers)))
    for match_id in heard.keys() & believed.keys():
        if heard[match_id].points_repeats > 1:
            continue  # Only who begins to say something is judged by it.
        words = _counting(matches[match_id], providers)
        for provider, one in of_agreement(heard[match_id], words, believed[match_id]).items():
            key = (provider, matches[match_id].sport)
            judged[key] = judged.get(key, Judged()) + one
    for match_id, word in heard.items():
        kept = word if match_id in written else before[match_id]
        if kept is not None and _is_all_said(matches[match_id], believed.get(match_id), word):
            until = kept.observed_at + CONFIRM_EVERY
            known.repeated.learn((match_id, word.provider), KnownWord(word.score, until))
        else:
            known.repeated.forget((match_id, word.provider))
    counted = frozenset(
        m
        for m, word in heard.items()
        if (belief := believed.get(m)) is not None
        and word.provider not in belief.refused | belief.unlawful
    )
    return SavedScores(frozenset(changed), counted, judged)


def _is_all_said(told: _Told, belief: BelievedScore | None, word: ToldScore) -> bool:
    """Says whether the same word would change nothing: it is confirmed, and nobody differs."""
    if belief is None or belief.disputes or told.disputed or told.contest.verifying:
        return False
    if min(word.points_repeats, word.back_repeats, word.status_repeats) < CONFIRMATIONS:
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
    matches = await _load(connection, wanted, providers)
    believed = _merge(matches, providers)
    changed = await _save_believed(connection, matches, believed)
    judged = await save_conflicts(connection, _opinions(matches, believed, providers))
    await learn(connection, judged)
    return frozenset(changed)


async def _load(
    connection: Connection, match_ids: Iterable[int], providers: Providers
) -> dict[int, _Told]:
    wanted = numbers(match_ids)
    matches: dict[int, _Told] = {}
    for row in await connection.fetch(_MATCHES, wanted):
        contest = Contest(
            facts=SPORTS[Sport(row["sport_id"])],
            starts_at=row["start_time"],
            verifying=row["verifying"],
        )
        matches[row["id"]] = _Told(row["sport_id"], contest, _held(row), row["disputed"], {})
    # By place: by name, thousands of look-ups a poll.
    rows = cast("Sequence[tuple[Any, ...]]", await connection.fetch(_TOLD, wanted))
    for (
        match_id, provider, score, observed_at, received_at, points_since, points_repeats,
        back_since, back_repeats, status_since, status_repeats,
    ) in rows:  # fmt: skip
        of_match = matches[match_id]
        standing = providers.of(provider, of_match.sport)
        of_match.words[provider] = ToldScore(
            provider=provider,
            score=_score_of(score),
            observed_at=observed_at,
            received_at=received_at,
            points_since=points_since,
            points_repeats=points_repeats,
            back_since=back_since,
            back_repeats=back_repeats,
            status_since=status_since,
            status_repeats=status_repeats,
            reliability=standing.reliability,
            rank=standing.rank,
        )
    return matches


def _held(row: Row) -> BelievedScore | None:
    if row["status"] is None:
        return None
    score = Score(
        status=_STATUSES[row["status"]],
        home=row["home_score"],
        away=row["away_score"],
        period=row["period"],
        clock=row["clock"],
        periods=_periods_of(row["periods"]),
    )
    return BelievedScore(
        score=score,
        confidence=row["confidence"],
        points_at=row["points_at"],
        status_at=row["status_at"],
    )


def _hear(told: _Told, observation: Observation, providers: Providers) -> ToldScore | None:
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
    connection: Connection, matches: Mapping[int, _Told], heard: Mapping[int, ToldScore]
) -> Collection[int]:
    """Keeps what was told now: what differs, what is still to be confirmed, what got old; returns
    the matches of what it kept.
    """
    rows = {
        m: word
        for m, word in heard.items()
        if (before := matches[m].words.get(word.provider)) is None
        or word.observed_at >= before.observed_at + CONFIRM_EVERY
        or _differs(word, before)
    }
    if not rows:
        return ()
    words = list(rows.values())
    provider = words[0].provider
    assert all(word.provider == provider for word in words), "a batch is of one provider"
    scores: Repeated[str] = Repeated()
    times: Repeated[datetime | None] = Repeated()
    for word in words:
        scores.add(_text(word.score))
    columns = [
        times.column(word.observed_at for word in words),
        times.column(word.received_at for word in words),
        times.column(word.points_since for word in words),
        numbers(word.points_repeats for word in words),
        times.column(word.back_since for word in words),
        numbers(word.back_repeats for word in words),
        times.column(word.status_since for word in words),
        numbers(word.status_repeats for word in words),
    ]
    ids = numbers(rows)
    await connection.execute(
        _TELL, provider, ids, scores.places(), scores.values, times.values, *columns
    )
    return rows


def _differs(word: ToldScore, before: ToldScore) -> bool:
    return (
        word.score != before.score
        or word.points_repeats != before.points_repeats
        or word.back_repeats != before.back_repeats
        or word.status_repeats != before.status_repeats
    )


def _counting(told: _Told, providers: Providers) -> list[ToldScore]:
    """Returns the words that count: out of quarantine, and not too old beside the others."""
    return counting(_free(told, providers))


def _free(told: _Told, providers: Providers) -> list[ToldScore]:
    """Returns the words out of quarantine."""
    if providers.all_count:
        return list(told.words.values())
    sport = told.sport
    return [w for w in told.words.values() if providers.of(w.provider, sport).counts(w.observed_at)]


def _merge(matches: Mapping[int, _Told], providers: Providers) -> dict[int, BelievedScore]:
    merged = {
        m: merge_scores(_free(told, providers), told.held, told.contest)
        for m, told in sorted(matches.items())
    }
    return {m: believed for m, believed in merged.items() if believed is not None}


async def _save_believed(
    connection: Connection, matches: Mapping[int, _Told], all_believed: Mapping[int, BelievedScore]
) -> set[int]:
    """Writes what readers see otherwise now; returns its matches. Their heads are ours, so that
    what we loaded is what is there.
    """
    believed = {m: b for m, b in all_believed.items() if _is_shown_otherwise(b, matches[m].held)}
    if not believed:
        return set()
    scores = [b.score for b in believed.values()]
    rows = await connection.fetch(
        _BELIEVE,
        list(believed),
        [s.status.value for s in scores],
        [s.home for s in scores],
        [s.away for s in scores],
        [s.period for s in scores],
        [s.clock for s in scores],
        [_text(s.periods) for s in scores],
        [b.confidence for b in believed.values()],
        [b.points_at for b in believed.values()],
        [b.status_at for b in believed.values()],
    )
    return {row["match_id"] for row in rows}


def _is_shown_otherwise(now: BelievedScore, held: BelievedScore | None) -> bool:
    return held is None or (now.score, now.confidence) != (held.score, held.confidence)


def _opinions(
    matches: Mapping[int, _Told], believed: Mapping[int, BelievedScore], providers: Providers
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
