"""What waits for the writer: the newest word on everything, and no more than that."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.ingest import conflation
from app.ingest.conflation import Pending, merged
from app.providers.provider import Answer, Rejected
from app.sports.market import MarketType, SelectionKey
from app.sports.observation import Observation
from tests.observed import KICK_OFF, a_score, a_total, a_winner, an_observation, goals


def test_the_newer_word_counts_and_what_only_the_older_told_stays():
    older = an_observation(
        "m1", score=a_score(1), incidents=goals(1), markets=(a_winner(), a_total())
    )
    newer = replace(
        older,
        match=None,
        score=None,
        incidents=None,
        markets=(a_winner("2.5"),),
        observed_at=older.observed_at + timedelta(seconds=9),
    )
    one = merged(older, newer)
    assert (one.match, one.score, one.incidents) == (older.match, older.score, older.incidents)
    assert one.observed_at == newer.observed_at
    by_type = {market.type: market for market in one.markets}
    assert by_type[MarketType.WINNER] == a_winner("2.5")
    # What was not told again is no newer than it was.
    assert {q.observed_at for q in by_type[MarketType.TOTAL].quotes} == {older.observed_at}
    assert [q.odds for q in by_type[MarketType.TOTAL].quotes] == [Decimal("1.9")] * 2


def test_a_match_is_kept_once_and_drained_in_order_of_arrival():
    pending = Pending()
    first, second = an_observation("m1"), an_observation("m2")
    assert pending.add(Answer(observations=(first, second))) == 0
    assert pending.add(Answer(observations=(first,))) == 1
    assert [one.external_id for one in pending.drain(1).observations] == ["m1"]
    assert [one.external_id for one in pending.drain(9).observations] == ["m2"]
    assert not pending


def test_what_could_not_be_written_is_put_back_under_what_came_since():
    pending = Pending()
    old, other = an_observation("m1", score=a_score(1)), an_observation("m2", score=a_score(2))
    pending.add(Answer(observations=(old, other), rejected=(a_letter(1),)))
    taken = pending.drain(9)
    pending.add(Answer(observations=(replace(old, score=a_score(3)),), rejected=(a_letter(2),)))
    pending.put_back(taken)
    again = pending.drain(9)
    assert [one.external_id for one in again.observations] == ["m1", "m2"]
    assert again.observations[0].score == a_score(3)
    assert [one.index for one in again.rejected] == [1, 2]


def test_it_is_full_at_its_limit_and_letters_are_bounded():
    pending = Pending(matches_max=2)
    pending.add(Answer(observations=(an_observation("m1"),)))
    assert not pending.full
    pending.add(Answer(observations=(an_observation("m2"),)))
    assert pending.full
    pending.add(Answer(rejected=tuple(map(a_letter, range(conflation.REJECTED_MAX * 2)))))
    assert len(pending.drain(9).rejected) == conflation.REJECTED_MAX


def a_letter(index: int) -> Rejected:
    return Rejected(index=index, code="unreadable", message="...")


def told(match: int, line: int | None, odds: int, at: int) -> Observation:
    market = a_winner(str(odds)) if line is None else a_total(str(line), over=str(odds))
    moment = KICK_OFF + timedelta(seconds=at)
    return replace(an_observation(f"m{match}"), markets=(market,), observed_at=moment)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 3), st.sampled_from([None, 1, 2]), st.integers(2, 9)),
        st.sampled_from(["write", "fail"]),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_whatever_fails_what_is_written_in_the_end_is_the_last_word(
    steps: list[tuple[int, int | None, int] | str],
):
    pending = Pending()
    last: dict[tuple[str, str, Decimal | None], Decimal | None] = {}
    written: dict[tuple[str, str, Decimal | None], Decimal | None] = {}
    for at, step in enumerate([*steps, "write"]):
        if isinstance(step, tuple):
            observation = told(*step, at)
            pending.add(Answer(observations=(observation,)))
            last.update(words(observation))
            continue
        answer = pending.drain(2 if step == "fail" else 99)
        if step == "fail":
            pending.put_back(answer)
            continue
        for observation in answer.observations:
            written.update(words(observation))
    assert written == last


def words(observation: Observation) -> dict[tuple[str, str, Decimal | None], Decimal | None]:
    keys = (SelectionKey.HOME, SelectionKey.OVER)
    return {
        (observation.external_id, market.type.value, market.line): quote.odds
        for market in observation.markets
        for quote in market.quotes[:1]
        if quote.selection in keys
    }
