"""Works out again, by the pure rules, what was to be believed of what was told."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from app.ingest.believed import BelievedScore, Contest
from app.ingest.confidence import RANK_NONE, ToldScore, counting, reliability_of
from app.ingest.merge import hear, merge_scores
from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport
from tests.stories.witness import Seen

# What is known of providers may be written by another match's writer while one decides; it is then
# as it was a moment before or after the witness looked.
MOMENTS = 4
Standings = Mapping[str, Mapping[str, Any]]
Words = dict[str, ToldScore]


class Replay:
    """One match, from its first word on."""

    def __init__(self, moments: "Moments") -> None:
        self._moments = moments
        self._words: Words = {}
        self._held: BelievedScore | None = None
        self._verifying = False
        self.beliefs: list[Score] = []
        self.checked = 0

    def take(self, seen: Seen, following: Seen | None) -> None:
        """Takes the next thing of the match; asserts that it is what the rules say."""
        if seen.kind == "word":
            self._hear(seen.body)
            written_next = (
                following is not None
                and following.kind == "belief"
                and following.transaction == seen.transaction
            )
            if not written_next:
                self._check(seen, self._held)
            return
        written = believed_in(seen.body)
        if self._held is None or shown(self._held) != shown(written):
            self._check(seen, written)
            self.beliefs.append(written.score)
            self._held = written
        self._verifying = seen.body["verify_since"] is not None

    def _hear(self, body: Mapping[str, Any]) -> None:
        told = word_in(body)
        heard = hear(self._words.get(told.provider), first_told(told))
        assert heard == told, (heard, told)
        self._words[told.provider] = told

    def _check(self, seen: Seen, believed: BelievedScore | None) -> None:
        """Asserts that what was believed is what the rules make of the words."""
        body = seen.body
        contest = Contest(
            facts=SPORTS[Sport(body["sport"])],
            starts_at=moment(body["start_time"]),
            verifying=self._verifying,
        )
        expected: list[Any] = []
        for standings in self._moments.around(seen):
            words = counting(standing_now(self._words, standings))
            ruled = merge_scores(words, self._held, contest) or self._held
            if believed is None or ruled is None:
                agree = believed is None and ruled is None
            elif believed is self._held:
                agree = shown(ruled) == shown(believed)
            else:
                agree = decided(ruled) == decided(believed)
            if agree:
                self.checked += 1
                return
            expected.append(ruled)
        raise AssertionError((seen, believed, expected, self._words))


class Moments:
    """What was known of the providers of one sport, as it changed."""

    def __init__(self) -> None:
        self._standings: list[Standings] = []
        self._places: dict[int, int] = {}

    def add(self, seen: Seen) -> None:
        """Adds what the witness saw next."""
        standings = seen.body["standings"]
        if not self._standings or self._standings[-1] != standings:
            self._standings.append(standings)
        self._places[seen.id] = len(self._standings) - 1

    def around(self, seen: Seen) -> Iterator[Standings]:
        """Yields what was known when it was seen, then shortly before and after."""
        place = self._places[seen.id]
        near = range(max(0, place - MOMENTS), min(len(self._standings), place + MOMENTS + 1))
        for other in sorted(near, key=lambda one: abs(one - place)):
            yield self._standings[other]


def check_beliefs(seen: Sequence[Seen]) -> tuple[dict[int, list[Score]], int]:
    """Replays every match; returns what was believed of each in order, and how often was looked."""
    by_match: dict[int, list[Seen]] = {}
    moments: dict[str, Moments] = {}
    for one in seen:
        if one.kind not in ("word", "belief") or one.match_id is None:
            continue
        by_match.setdefault(one.match_id, []).append(one)
        moments.setdefault(one.body["sport"], Moments()).add(one)
    beliefs: dict[int, list[Score]] = {}
    checked = 0
    for match_id, of_match in by_match.items():
        replay = Replay(moments[of_match[0].body["sport"]])
        for one, following in pairwise((*of_match, None)):
            assert one is not None
            replay.take(one, following)
        beliefs[match_id] = replay.beliefs
        checked += replay.checked
    return beliefs, checked


def standing_now(words: Words, standings: Standings) -> list[ToldScore]:
    """Returns the words out of quarantine, worth what their providers are worth."""
    found: list[ToldScore] = []
    for word in words.values():
        known = standings.get(word.provider, {})
        before = known.get("quarantined_before")
        if before == "infinity" or (before and word.observed_at < moment(before)):
            continue
        agreed, disagreed = known.get("agreed") or 0.0, known.get("disagreed") or 0.0
        rank = known.get("priority")
        found.append(
            msgspec.structs.replace(
                word,
                reliability=reliability_of(agreed, disagreed),
                rank=RANK_NONE if rank is None else rank,
            )
        )
    return found


def word_in(body: Mapping[str, Any]) -> ToldScore:
    """Returns a word as it is in the table."""
    return ToldScore(
        provider=body["provider"],
        score=msgspec.convert(body["score"], Score),
        observed_at=moment(body["observed_at"]),
        received_at=moment(body["received_at"]),
        points_since=maybe(body["points_since"]),
        points_repeats=body["points_repeats"],
        back_since=maybe(body["back_since"]),
        back_repeats=body["back_repeats"],
        status_since=maybe(body["status_since"]),
        status_repeats=body["status_repeats"],
    )


def first_told(told: ToldScore) -> ToldScore:
    """Returns a word as it was told, without what follows from those before it."""
    return ToldScore(
        provider=told.provider,
        score=told.score,
        observed_at=told.observed_at,
        received_at=told.received_at,
    )


def believed_in(body: Mapping[str, Any]) -> BelievedScore:
    """Returns a belief as it is in the table."""
    score = Score(
        status=MatchStatus(body["status"]),
        home=body["home_score"],
        away=body["away_score"],
        period=body["period"],
        clock=body["clock"],
        periods=msgspec.convert(body["periods"], tuple[Period, ...]),
    )
    return BelievedScore(
        score=score,
        confidence=Decimal(str(body["confidence"])),
        points_at=maybe(body["points_at"]),
        status_at=maybe(body["status_at"]),
    )


def shown(believed: BelievedScore) -> tuple[Score, Decimal]:
    """Returns what readers see of a belief."""
    return believed.score, believed.confidence


def decided(believed: BelievedScore) -> tuple[object, ...]:
    """Returns all that is decided of a belief."""
    return *shown(believed), believed.points_at, believed.status_at


def moment(text: str) -> datetime:
    """Reads a time as Postgres' JSON has it."""
    return datetime.fromisoformat(text)


def maybe(text: str | None) -> datetime | None:
    """Reads a time that may be missing."""
    return None if text is None else moment(text)


def check_prices(seen: Sequence[Seen]) -> int:
    """Asserts of every open price that somebody offers it who counts; returns how many there were.

    The best one is the best of those, and the consensus their lower median.
    """
    checked = 0
    for one in seen:
        if one.kind != "price":
            continue
        offers = [o for o in one.body["offers"] if o["open"] and o["fresh"] and not o["down"]]
        assert offers, one
        by_bookmaker = {o["bookmaker"]: Decimal(str(o["odds"])) for o in offers}
        odds = sorted(by_bookmaker.values())
        assert Decimal(str(one.body["best_odds"])) == odds[-1], one
        assert Decimal(str(one.body["odds"])) == odds[(len(odds) - 1) // 2], one
        assert by_bookmaker[one.body["best_provider"]] == odds[-1], one
        checked += 1
    return checked
