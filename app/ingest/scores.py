"""Writes scores: what each provider told, then what we believe, and only what differs."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from app.database.engine import Connection, Row
from app.ingest.confidence import Judged, ToldScore, counting
from app.ingest.conflicts import Opinions, save_conflicts
from app.ingest.heads import lock_heads
from app.ingest.judgements import of_agreement
from app.ingest.known import Known
from app.ingest.merge import BelievedScore, Contest, hear, merge_scores, points_of, spelled
from app.ingest.reliability import Judgements, Providers, learn, providers_now
from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport
from app.sports.observation import Observation

# An unchanged score's `observed_at` is written again when it is this old: readers are told how old
# their data is, and a write a poll and match would cost more than it says.
CONFIRM_EVERY = timedelta(seconds=5)
# A provider's clock is believed to be ahead of ours by so much at most: one that is hours ahead
# would make everybody else's word look old.
CLOCK_AHEAD_MAX = timedelta(seconds=5)

_MATCHES = """
SELECT m.id, m.sport_id, m.start_time, s.status, s.home_score, s.away_score, s.period, s.clock,
       s.periods::text AS periods, s.confidence, s.points_at, s.status_at,
       s.verify_since IS NOT NULL AS verifying,
       EXISTS (SELECT FROM conflicts c WHERE c.match_id = m.id AND c.closed_at IS NULL) AS disputed
FROM matches m LEFT JOIN live_scores s ON s.match_id = m.id WHERE m.id = ANY ($1::bigint[])
"""
_TOLD = """
SELECT match_id, provider, score::text AS score, observed_at, received_at, points_since,
       points_repeats, back_since, back_repeats, status_since, status_repeats
FROM score_observations WHERE match_id = ANY ($1::bigint[])
"""
_TELL = """
INSERT INTO score_observations AS o (
    match_id, provider, score, observed_at, received_at, points_since, points_repeats, back_since,
    back_repeats, status_since, status_repeats
)
SELECT * FROM unnest(
    $1::bigint[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[],
    $6::timestamptz[], $7::smallint[], $8::timestamptz[], $9::smallint[], $10::timestamptz[],
    $11::smallint[]
)
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

_SCORE = msgspec.json.Decoder(Score)
_PERIODS = msgspec.json.Decoder(tuple[Period, ...])
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
    told = {m: o for m, o in observed.items() if o.score is not None and _is_newest(m, o, known)}
    if not told:
        return SavedScores()
    providers = await providers_now(connection)
    matches = await _load(connection, told, providers)
    heard = {m: word for m, o in told.items() if (word := _hear(matches[m], o, providers))}
    await _tell(connection, matches, heard)
    for match_id, word in heard.items():
        matches[match_id].words[word.provider] = word
    believed = _merge(matches, providers)
    changed = await _save_believed(connection, believed)
    judged = dict(await save_conflicts(connection, _opinions(matches, believed, providers)))
    for match_id in heard.keys() & believed.keys():
        words = _counting(matches[match_id], providers)
        for provider, one in of_agreement(heard[match_id], words, believed[match_id]).items():
            key = (provider, matches[match_id].sport)
            judged[key] = judged.get(key, Judged()) + one
    counted = frozenset(
        m
        for m, word in heard.items()
        if (belief := believed.get(m)) is not None
        and word.provider not in belief.refused | belief.unlawful
    )
    return SavedScores(frozenset(changed), counted, judged)


def _is_newest(match_id: int, observation: Observation, known: Known) -> bool:
    """Says whether this worker heard nothing newer of the provider; the tables say it of all, but
    for the seconds in which an unchanged word is not written again.
    """
    key, at = (match_id, observation.provider), observation.observed_at
    before = known.told.get(key)
    if before is not None and at < before:
        return False
    known.told.learn(key, min(at, observation.received_at + CLOCK_AHEAD_MAX))
    return True


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
    changed = await _save_believed(connection, believed)
    judged = await save_conflicts(connection, _opinions(matches, believed, providers))
    await learn(connection, judged)
    return frozenset(changed)


async def _load(
    connection: Connection, match_ids: Iterable[int], providers: Providers
) -> dict[int, _Told]:
    wanted = list(match_ids)
    matches: dict[int, _Told] = {}
    for row in await connection.fetch(_MATCHES, wanted):
        contest = Contest(
            facts=SPORTS[Sport(row["sport_id"])],
            starts_at=row["start_time"],
            verifying=row["verifying"],
        )
        matches[row["id"]] = _Told(row["sport_id"], contest, _held(row), row["disputed"], {})
    for row in await connection.fetch(_TOLD, wanted):
        of_match = matches[row["match_id"]]
        standing = providers.of(row["provider"], of_match.sport)
        of_match.words[row["provider"]] = ToldScore(
            provider=row["provider"],
            score=_SCORE.decode(row["score"]),
            observed_at=row["observed_at"],
            received_at=row["received_at"],
            points_since=row["points_since"],
            points_repeats=row["points_repeats"],
            back_since=row["back_since"],
            back_repeats=row["back_repeats"],
            status_since=row["status_since"],
            status_repeats=row["status_repeats"],
            reliability=standing.reliability,
            rank=standing.rank,
        )
    return matches


def _held(row: Row) -> BelievedScore | None:
    if row["status"] is None:
        return None
    score = Score(
        status=MatchStatus(row["status"]),
        home=row["home_score"],
        away=row["away_score"],
        period=row["period"],
        clock=row["clock"],
        periods=_PERIODS.decode(row["periods"]),
    )
    return BelievedScore(
        score=score,
        confidence=row["confidence"],
        points_at=row["points_at"],
        status_at=row["status_at"],
    )


def _hear(told: _Told, observation: Observation, providers: Providers) -> ToldScore | None:
    """Returns what the observation makes of what its provider told; None when it is late."""
    assert observation.score is not None, "only scores are heard here"
    standing = providers.of(observation.provider, told.sport)
    word = ToldScore(
        provider=observation.provider,
        score=observation.score,
        observed_at=min(observation.observed_at, observation.received_at + CLOCK_AHEAD_MAX),
        received_at=observation.received_at,
        reliability=standing.reliability,
        rank=standing.rank,
    )
    return hear(told.words.get(observation.provider), word)


async def _tell(
    connection: Connection, matches: Mapping[int, _Told], heard: Mapping[int, ToldScore]
) -> None:
    """Keeps what was told now: what differs, what is still to be confirmed, what got old."""
    rows = {
        m: word
        for m, word in heard.items()
        if (before := matches[m].words.get(word.provider)) is None
        or word.observed_at >= before.observed_at + CONFIRM_EVERY
        or _differs(word, before)
    }
    if not rows:
        return
    words = list(rows.values())
    await connection.execute(
        _TELL,
        list(rows),
        [w.provider for w in words],
        [_text(w.score) for w in words],
        [w.observed_at for w in words],
        [w.received_at for w in words],
        [w.points_since for w in words],
        [w.points_repeats for w in words],
        [w.back_since for w in words],
        [w.back_repeats for w in words],
        [w.status_since for w in words],
        [w.status_repeats for w in words],
    )


def _differs(word: ToldScore, before: ToldScore) -> bool:
    return (word.score, word.points_repeats, word.back_repeats, word.status_repeats) != (
        before.score,
        before.points_repeats,
        before.back_repeats,
        before.status_repeats,
    )


def _counting(told: _Told, providers: Providers) -> list[ToldScore]:
    """Returns the words that count: out of quarantine, and not too old beside the others."""
    free = [
        w for w in told.words.values() if providers.of(w.provider, told.sport).counts(w.observed_at)
    ]
    return counting(free)


def _merge(matches: Mapping[int, _Told], providers: Providers) -> dict[int, BelievedScore]:
    merged = {
        m: merge_scores(_counting(told, providers), told.held, told.contest)
        for m, told in sorted(matches.items())
    }
    return {m: believed for m, believed in merged.items() if believed is not None}


async def _save_believed(connection: Connection, believed: Mapping[int, BelievedScore]) -> set[int]:
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
