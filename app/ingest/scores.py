"""Writes scores: what each provider told, then what we believe, and only what differs."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from app.database.engine import Connection
from app.ingest.merge import BelievedScore, ToldScore, merge_scores
from app.sports.match import MatchStatus, Score
from app.sports.observation import Observation

# An unchanged score's `observed_at` is written again when it is this old: readers are told how old
# their data is, and a write a poll and match would cost more than it says.
CONFIRM_EVERY = timedelta(seconds=5)

_TELL = """
INSERT INTO score_observations AS o (match_id, provider, score, observed_at, received_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[])
ON CONFLICT (match_id, provider) DO UPDATE
SET score = excluded.score, observed_at = excluded.observed_at, received_at = excluded.received_at
WHERE excluded.observed_at >= o.observed_at
  AND (excluded.score <> o.score OR excluded.observed_at >= o.observed_at + $6)
"""
_TOLD = """
SELECT o.match_id, o.provider, o.score::text AS score, o.observed_at, s.status
FROM score_observations o LEFT JOIN live_scores s USING (match_id)
WHERE o.match_id = ANY ($1::bigint[])
"""
_BELIEVE = """
INSERT INTO live_scores AS s (
    match_id, status, home_score, away_score, period, clock, periods, confidence, updated_at
)
SELECT n.*, statement_timestamp() FROM unnest(
    $1::bigint[], $2::text[], $3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::jsonb[],
    $8::numeric[]
) AS n
ON CONFLICT (match_id) DO UPDATE
SET status = excluded.status, home_score = excluded.home_score, away_score = excluded.away_score,
    period = excluded.period, clock = excluded.clock, periods = excluded.periods,
    confidence = excluded.confidence, updated_at = excluded.updated_at
WHERE (s.status, s.home_score, s.away_score, s.period, s.clock, s.periods, s.confidence)
      IS DISTINCT FROM
      (excluded.status, excluded.home_score, excluded.away_score, excluded.period, excluded.clock,
       excluded.periods, excluded.confidence)
RETURNING s.match_id
"""

_SCORE = msgspec.json.Decoder(Score)
_JSON = msgspec.json.Encoder()


def _text(value: object) -> str:
    return _JSON.encode(value).decode()


class SavedScores(msgspec.Struct, frozen=True):
    """What came of a batch of scores.

    `changed` are the matches of which we now believe something else; `heard` those whose
    observation counts: it is its provider's newest, and a legal move from where the match is.
    """

    changed: frozenset[int] = frozenset()
    heard: frozenset[int] = frozenset()


async def save_scores(connection: Connection, observed: Mapping[int, Observation]) -> SavedScores:
    """Takes in the scores observed; an observation that is late changes nothing."""
    told = {m: o for m, o in observed.items() if o.score is not None}
    if not told:
        return SavedScores()
    await connection.execute(
        _TELL,
        list(told),
        [o.provider for o in told.values()],
        [_text(o.score) for o in told.values()],
        [o.observed_at for o in told.values()],
        [o.received_at for o in told.values()],
        CONFIRM_EVERY,
    )
    believed, newest = await _believe(connection, told)
    changed = await _save_believed(connection, believed)
    return SavedScores(frozenset(changed), frozenset(believed.keys() & newest))


async def _believe(
    connection: Connection, observed: Mapping[int, Observation]
) -> tuple[dict[int, BelievedScore], set[int]]:
    """Returns what we believe of each match, given all that was told of it, and the matches of
    which nothing newer was told than what was observed now.
    """
    told: dict[int, list[ToldScore]] = {}
    status_now: dict[int, MatchStatus | None] = {}
    newest: set[int] = set()
    for row in await connection.fetch(_TOLD, list(observed)):
        match_id: int = row["match_id"]
        score = ToldScore(row["provider"], _SCORE.decode(row["score"]), row["observed_at"])
        told.setdefault(match_id, []).append(score)
        status_now[match_id] = MatchStatus(row["status"]) if row["status"] else None
        now = observed[match_id]
        if score.provider == now.provider and score.observed_at <= now.observed_at:
            newest.add(match_id)
    merged = {m: merge_scores(told[m], status_now[m]) for m in sorted(told)}
    return {m: believed for m, believed in merged.items() if believed is not None}, newest


async def _save_believed(connection: Connection, believed: Mapping[int, BelievedScore]) -> set[int]:
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
    )
    return {row["match_id"] for row in rows}
