"""One reader's queue: nothing twice, nothing out of order, never more than its bound."""

from hypothesis import given
from hypothesis import strategies as st

from app.database.places import Place
from app.stream.change import Change
from app.stream.subscription import Subscription


def a_change(seq: int) -> Change:
    """An entry of match 1."""
    return Change(1, Place(seq, seq), "score_update", "{}")


def test_what_the_first_state_holds_already_is_dropped():
    reader = Subscription(1, queue_max=10)
    for seq in (4, 5, 6, 7):
        reader.put(a_change(seq))
    reader.place = Place(5, 5)
    assert [change.seq for change in reader.take()] == [6, 7]
    assert reader.place == Place(7, 7)


def test_a_full_queue_is_emptied_and_says_why():
    reader = Subscription(1, queue_max=3)
    reader.place = Place(0, 0)
    accepted = [reader.put(a_change(seq)) for seq in range(1, 6)]
    assert accepted == [True, True, True, False, False]
    assert reader.lost == "slow_consumer"
    assert reader.take() == []


def test_a_hole_is_never_handed_on():
    reader = Subscription(1, queue_max=10)
    reader.place = Place(1, 1)
    for seq in (2, 4):
        reader.put(a_change(seq))
    assert [change.seq for change in reader.take()] == [2]
    assert reader.lost == "gap"
    assert reader.ready.is_set()


def test_a_reader_that_restarts_forgets_what_was_queued():
    reader = Subscription(1, queue_max=1)
    reader.place = Place(0, 0)
    reader.put(a_change(1))
    reader.put(a_change(2))
    reader.restart(Place(2, 2))
    reader.put(a_change(3))
    reader.place = Place(2, 2)
    assert [change.seq for change in reader.take()] == [3]


@given(
    st.integers(min_value=0, max_value=30),
    st.lists(st.integers(min_value=1, max_value=8), max_size=12),
    st.integers(min_value=1, max_value=20),
)
def test_what_is_taken_goes_on_from_the_place_without_hole_or_double(
    start: int, bursts: list[int], queue_max: int
):
    reader = Subscription(1, queue_max=queue_max)
    reader.place = Place(start, start)
    # The hub may hand out from before the reader's place on.
    next_seq, taken = max(1, start - 3), list[int]()
    for burst in bursts:
        for _ in range(burst):
            reader.put(a_change(next_seq))
            next_seq += 1
        taken += [change.seq for change in reader.take()]
        if reader.lost:
            break
    assert taken == list(range(start + 1, start + 1 + len(taken)))
