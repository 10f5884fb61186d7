"""The rows that score observations come to, ready, into copies of the tables without triggers.

Of each poll what its provider said of a hundred matches, and of those the product came to believe
otherwise of: the belief, the head of the match's log, and the entry in the log. The narrower
baseline is what was told and what is believed, of all hundred, and neither heads nor log.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

TABLES = """
CREATE TABLE bare_told (LIKE score_observations INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE bare_scores (LIKE live_scores INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE bare_heads (LIKE match_heads INCLUDING ALL) WITH (fillfactor = 50);
CREATE TABLE bare_changes (LIKE changes INCLUDING ALL);
"""
_TELL = """
INSERT INTO bare_told AS o (
    match_id, provider, score, observed_at, received_at, points_since, points_repeats, back_since,
    back_repeats, status_since, status_repeats
)
SELECT * FROM unnest(
    $1::bigint[], $2::text[], $3::jsonb[], $4::timestamptz[], $4::timestamptz[],
    $4::timestamptz[], $5::smallint[], $4::timestamptz[], $5::smallint[], $4::timestamptz[],
    $5::smallint[]
)
ON CONFLICT (match_id, provider) DO UPDATE
SET score = excluded.score, observed_at = excluded.observed_at, received_at = excluded.received_at,
    points_since = excluded.points_since, points_repeats = excluded.points_repeats,
    back_since = excluded.back_since, back_repeats = excluded.back_repeats,
    status_since = excluded.status_since, status_repeats = excluded.status_repeats
"""
_BELIEVE = """
INSERT INTO bare_scores AS s (
    match_id, status, home_score, away_score, period, clock, periods, confidence, points_at,
    status_at
)
SELECT * FROM unnest(
    $1::bigint[], $2::text[], $3::smallint[], $3::smallint[], $4::text[], $5::text[], $6::jsonb[],
    $7::numeric[], $8::timestamptz[], $8::timestamptz[]
)
ON CONFLICT (match_id) DO UPDATE
SET status = excluded.status, home_score = excluded.home_score, away_score = excluded.away_score,
    period = excluded.period, clock = excluded.clock, periods = excluded.periods,
    confidence = excluded.confidence, updated_at = now(),
    points_at = excluded.points_at, status_at = excluded.status_at
"""
_HEAD = """
INSERT INTO bare_heads AS h (match_id, seq, at) SELECT * FROM unnest(
    $1::bigint[], $2::bigint[], $3::timestamptz[]
)
ON CONFLICT (match_id) DO UPDATE SET seq = excluded.seq, at = excluded.at
"""
_LOG = """
INSERT INTO bare_changes (match_id, seq, at, kind, body) SELECT * FROM unnest(
    $1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::json[]
)
"""
# What an entry of the log says of a score, with a clock in it.
_BODY = {
    "homeScore": 0,
    "awayScore": 0,
    "period": "1st Half",
    "status": "live",
    "periods": [],
    "confidence": 1,
    "updatedAt": "2026-01-01T00:00:00.000000Z",
}

Statement = tuple[str, tuple[list[Any], ...]]


class Poll(msgspec.Struct, frozen=True):
    """What one answer came to: who told of which matches, and of how many we believed otherwise."""

    provider: str
    matches: Sequence[int]
    changed: int


class Scores:
    """Makes the rows of polls ready. `seq` counts the log's entries, as no two are the same."""

    def __init__(self) -> None:
        self._dice = random.Random(0)
        self._seq = 0

    def ready(self, poll: Poll, *, alone: bool) -> list[Statement]:
        """Returns a poll's statements with their columns; `alone`: without heads and log."""
        clock = f"{self._dice.random()}'"
        said = msgspec.json.encode({"clock": clock, "status": "live", "home": 0, "away": 0})
        changed = len(poll.matches) if alone else poll.changed
        return [*self._told(poll, said.decode()), *self._believed(poll.matches[:changed], clock)][
            : 2 if alone else 4
        ]

    def _told(self, poll: Poll, said: str) -> Iterator[Statement]:
        n, now = len(poll.matches), datetime.now(UTC)
        yield _TELL, (list(poll.matches), [poll.provider] * n, [said] * n, [now] * n, [1] * n)

    def _believed(self, matches: Sequence[int], clock: str) -> Iterator[Statement]:
        n, now, ids = len(matches), datetime.now(UTC), list(matches)
        if not ids:
            return
        yield (
            _BELIEVE,
            (
                ids,
                ["live"] * n,
                [0] * n,
                ["1st Half"] * n,
                [clock] * n,
                ["[]"] * n,
                [Decimal(1)] * n,
                [now] * n,
            ),
        )
        self._seq += 1
        numbers = [self._seq] * n
        body = msgspec.json.encode({**_BODY, "clock": clock}).decode()
        yield _HEAD, (ids, numbers, [now] * n)
        yield _LOG, (ids, numbers, [now] * n, ["score_update"] * n, [body] * n)
