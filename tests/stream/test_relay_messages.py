"""What travels arrives as it was; what follows a place is known by number and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.places import Place
from app.stream.change import Change
from app.stream.relay import told_of
from app.stream.relay_messages import (
    MESSAGE_BYTES_MAX,
    Message,
    Told,
    Unreadable,
    channel_of,
    packed,
    portions,
    run_of,
    unpacked,
)
from app.stream.run import Run


def a_change(seq: int, *, life: int = 0, frame: str = "{}") -> Change:
    """An entry of match 1, in one life of the database or another."""
    return Change(1, Place(seq, seq * 10 + life), "score_update", frame, 0)


def a_run(first: int, last: int, *, life: int = 0) -> Run:
    """Entries `first` to `last` and the place before."""
    changes = tuple(a_change(seq, life=life) for seq in range(first, last + 1))
    return Run(match_id=1, after=Place(first - 1, (first - 1) * 10 + life), changes=changes)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 40))
def test_a_run_goes_on_from_any_place_within_it_and_from_no_other(
    first: int, length: int, seq: int
):
    run = a_run(first, first + length - 1)
    beyond = run.beyond(Place(seq, seq * 10))
    if seq < first - 1:
        assert beyond is None
    elif seq > first + length - 1:
        assert beyond == ()
    else:
        assert beyond is not None
        assert [change.seq for change in beyond] == list(range(seq + 1, first + length))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 19))
def test_a_run_of_another_life_of_the_database_is_never_taken(first: int, length: int, ahead: int):
    run = a_run(first, first + length - 1, life=1)
    seq = first - 1 + min(ahead, length)
    assert run.beyond(Place(seq, seq * 10)) is None


def test_what_is_told_arrives_as_it_was_read():
    changes = [a_change(seq, frame='{"data":{"odds" : 1.850}}') for seq in (4, 5)]
    told = told_of(1, Place(3, 30), changes)
    message = Message(relay="r", number=7, current=True, told=(told,), also=(("users", (9,)),))
    heard = unpacked(packed(message))
    assert heard == message
    assert run_of(heard.told[0]) == Run(match_id=1, after=Place(3, 30), changes=tuple(changes))


@pytest.mark.parametrize("data", [b"", b"hello", b"\x90", b"\x91\x01", b'{"relay":"r"}'])
def test_what_is_no_message_of_a_relay_is_not_read(data: bytes):
    with pytest.raises(Unreadable):
        unpacked(data)


@given(st.lists(st.integers(0, 100_000), max_size=30))
def test_messages_have_a_bound_and_together_everything(sizes: list[int]):
    told = [told_of(n, Place(0, 0), [a_change(1, frame="x" * s)]) for n, s in enumerate(sizes)]
    found = portions(told)
    assert [one for portion in found for one in portion] == told
    for portion in found:
        assert len(packed(Message(relay="r" * 16, number=1, told=tuple(portion)))) <= (
            MESSAGE_BYTES_MAX
        )


def test_shards_of_different_counts_share_no_channel():
    few = {channel_of(n, 4) for n in range(4)}
    many = {channel_of(n, 8) for n in range(8)}
    assert not few & many


def test_a_told_run_knows_its_size():
    assert Told(1, 0, 0, ()).size < told_of(1, Place(0, 0), [a_change(1)]).size
