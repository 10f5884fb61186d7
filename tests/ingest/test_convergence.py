"""Whatever order, however often, however late: what several providers tell ends in one belief."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.believed import BelievedScore, Contest, points_of
from app.ingest.confidence import CONFIRMATIONS, ToldScore, counting
from app.ingest.decisions import LATE
from app.ingest.merge import decided, hear, merge_scores
from app.sports.match import IN_PLAY, SPORTS, MatchStatus, Period, Score, Sport, may_move

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Longer than anybody may be late.
LONG_S = int(LATE.total_seconds()) + 60
PROVIDERS = ("api", "betting", "club")
STATUSES = (
    MatchStatus.SCHEDULED,
    MatchStatus.LIVE,
    MatchStatus.LIVE,
    MatchStatus.LIVE,
    MatchStatus.PAUSED,
    MatchStatus.INTERRUPTED,
    MatchStatus.FINISHED,
    MatchStatus.ABANDONED,
    MatchStatus.POSTPONED,
)
POINTED = IN_PLAY | {MatchStatus.FINISHED}


class Word(msgspec.Struct, frozen=True):
    """What one provider said so many seconds after noon."""

    provider: str
    after: int
    score: Score


def a_score(status: MatchStatus, home: int, away: int) -> Score:
    return Score(status=status, home=home, away=away)


SCORES = st.builds(a_score, st.sampled_from(STATUSES), st.integers(0, 4), st.integers(0, 4))
WORDS = st.lists(
    st.builds(Word, st.sampled_from(PROVIDERS), st.integers(0, 600), SCORES),
    max_size=40,
    unique_by=lambda word: (word.provider, word.after),
)
MATCHES = st.sampled_from(Sport)
RELIABLE = st.fixed_dictionaries({p: st.sampled_from((0.3, 0.6, 0.8, 0.95)) for p in PROVIDERS})


class Believing:
    """What is believed, step by step, of words as they arrive."""

    def __init__(self, sport: Sport, reliable: dict[str, float]) -> None:
        self.contest = Contest(facts=SPORTS[sport], starts_at=NOON)
        self.reliable = reliable
        self.words: dict[str, ToldScore] = {}
        self.believed: BelievedScore | None = None
        self.path: list[BelievedScore] = []

    def hear(self, word: Word) -> None:
        """Takes in one word, as the pipeline does."""
        at = NOON + timedelta(seconds=word.after)
        said = ToldScore(
            provider=word.provider,
            score=word.score,
            observed_at=at,
            received_at=at,
            reliability=self.reliable[word.provider],
            rank=PROVIDERS.index(word.provider),
        )
        heard = hear(self.words.get(word.provider), said)
        if heard is None:
            return
        self.words[word.provider] = heard
        found = merge_scores(list(self.words.values()), self.believed, self.contest)
        if found is not None:
            self._check(found)
            self.believed = found
            self.path.append(found)

    def _check(self, found: BelievedScore) -> None:
        """Holds a step to what no step may do."""
        score = found.score
        assert 0 <= found.confidence <= 1
        assert (score.home is None) == (score.away is None)
        assert score.status not in POINTED or score.home is not None
        if self.believed is None:
            return
        assert may_move(self.believed.score.status, score.status)
        before, now = points_of(self.believed.score), points_of(score)
        if before is None:
            return
        assert now is not None, "points are never forgotten"
        if now[0] < before[0] or now[1] < before[1]:
            sayers = [w for w in self.words.values() if w.points == now]
            confirmed = any(w.back_repeats >= CONFIRMATIONS for w in sayers)
            assert len(sayers) >= 2 or confirmed, "a score went back on one word"


ALIKE = st.builds(
    lambda points, **more: Score(home=points and points[0], away=points and points[1], **more),
    points=st.sampled_from(((1, 0), (1, 0), (1, 0), None)),
    status=st.sampled_from((MatchStatus.LIVE, MatchStatus.LIVE, MatchStatus.SCHEDULED)),
    period=st.sampled_from((None, "1st Half", "2nd Half")),
    clock=st.sampled_from((None, "10'", "11'")),
    periods=st.sampled_from(((), (Period(name="1st Half", home=1, away=0),))),
)


@given(st.lists(st.tuples(ALIKE, st.integers(0, 400)), min_size=1, max_size=3), ALIKE, RELIABLE)
@settings(max_examples=500, deadline=None)
def test_the_short_way_for_words_that_agree_is_no_other_way(
    said: list[tuple[Score, int]], held: Score, reliable: dict[str, float]
):
    words = [
        ToldScore(
            provider=provider,
            score=score,
            observed_at=NOON + timedelta(seconds=after),
            received_at=NOON + timedelta(seconds=after),
            reliability=reliable[provider],
            rank=rank,
        )
        for rank, (provider, (score, after)) in enumerate(zip(PROVIDERS, said, strict=False))
    ]
    believed = BelievedScore(score=held, confidence=Decimal(1), points_at=NOON, status_at=NOON)
    contest = Contest(facts=SPORTS[Sport.FOOTBALL], starts_at=NOON)
    assert merge_scores(words, believed, contest) == decided(counting(words), believed, contest)


def in_any_order(words: Sequence[Word], draw: st.DataObject) -> list[Word]:
    """Returns words in an order of their own, some of them twice."""
    again = draw.draw(st.lists(st.sampled_from(words), max_size=10)) if words else []
    return draw.draw(st.permutations([*words, *again]))


@given(st.data(), WORDS, MATCHES, RELIABLE)
@settings(max_examples=300, deadline=None)
def test_no_step_goes_where_none_may(
    data: st.DataObject, words: list[Word], sport: Sport, reliable: dict[str, float]
):
    believing = Believing(sport, reliable)
    for word in in_any_order(words, data):
        believing.hear(word)


@given(st.data(), WORDS, MATCHES, RELIABLE)
@settings(max_examples=200, deadline=None)
def test_what_is_late_or_told_twice_changes_nothing(
    data: st.DataObject, words: list[Word], sport: Sport, reliable: dict[str, float]
):
    arriving = in_any_order(words, data)
    everything, newest = Believing(sport, reliable), Believing(sport, reliable)
    heard: dict[str, int] = {}
    for word in arriving:
        everything.hear(word)
        if word.after > heard.get(word.provider, -1):
            heard[word.provider] = word.after
            newest.hear(word)
    assert everything.words == newest.words
    assert everything.believed == newest.believed


@given(st.data(), WORDS, MATCHES, RELIABLE, st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=300, deadline=None)
def test_once_all_agree_that_is_what_is_believed(
    data: st.DataObject,
    words: list[Word],
    sport: Sport,
    reliable: dict[str, float],
    home: int,
    away: int,
):
    believing = Believing(sport, reliable)
    for word in in_any_order(words, data):
        believing.hear(word)
    status = believing.believed.score.status if believing.believed else MatchStatus.LIVE
    settled = a_score(status, home, away)
    tail = [
        Word(provider, 600 + LONG_S + n, settled)
        for n in range(CONFIRMATIONS + 1)
        for provider in data.draw(st.permutations(PROVIDERS))
    ]
    for word in tail:
        believing.hear(word)
    assert believing.believed is not None
    assert believing.believed.score == settled
    assert (believing.believed.confidence, believing.believed.disputes) == (1, ())


@given(st.data(), st.lists(st.integers(0, 1), max_size=6), MATCHES)
@settings(max_examples=200, deadline=None)
def test_one_that_raves_among_three_never_reaches_the_world(
    data: st.DataObject, sides: list[int], sport: Sport
):
    """Two tell one truth, each with a delay of its own; the third tells it, and wild scores."""
    points, truth = [0, 0], [(0, 0)]
    for side in sides:
        points[side] += 1
        truth.append((points[0], points[1]))
    words = [
        Word(provider, 40 * n + delay, a_score(MatchStatus.LIVE, *score))
        for n, score in enumerate(truth)
        for provider in PROVIDERS
        for delay in sorted({data.draw(st.integers(1, 12)), 20, 30})
    ]
    leap = SPORTS[sport].leap
    wild = [
        Word(
            "club",
            data.draw(st.integers(15, 40 * len(truth))) * 2 + 1,
            a_score(MatchStatus.LIVE, 50 + leap + data.draw(st.integers(0, 40)), 0),
        )
        for _ in range(data.draw(st.integers(0, 5)))
    ]
    believing = Believing(sport, dict.fromkeys(PROVIDERS, 0.8))
    for word in sorted([*words, *wild], key=lambda word: (word.after, word.provider)):
        believing.hear(word)
    seen = [points_of(step.score) for step in believing.path]
    assert {p for p in seen if p is not None} <= set(truth)
    assert seen == sorted(seen, key=lambda p: sum(p or (0, 0)))
