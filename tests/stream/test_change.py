"""Places and their tokens."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.places import (
    NUMBER_MAX,
    MalformedResume,
    Place,
    microseconds,
    moment,
    parse_token,
)
from app.stream.change import change_of

NUMBERS = st.integers(min_value=0, max_value=NUMBER_MAX)


@given(NUMBERS, NUMBERS)
def test_a_token_names_its_place(seq: int, at_us: int):
    place = Place(seq, at_us)
    assert parse_token(place.token()) == place


@given(st.text(max_size=40))
def test_a_token_that_is_none_of_ours_is_refused(text: str):
    try:
        place = parse_token(text)
    except MalformedResume:
        return
    # Leading zeros are the only other way to write a place.
    assert place.token().lstrip("0") in text


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "-1", "1-z\n", "A-1", "1-1-1", "é-1", "z" * 13 + "-1"]
)
def test_a_malformed_token_is_refused(text: str):
    with pytest.raises(MalformedResume):
        parse_token(text)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_a_moment_survives_as_microseconds(at: datetime):
    at = at.replace(tzinfo=UTC)
    assert moment(microseconds(at)) == at


def test_a_frame_is_the_body_as_the_trigger_wrote_it():
    at = datetime(2026, 11, 21, 2, 55, 55, 671_234, UTC)
    body = '{"homeScore" : 2, "odds" : 1.850, "name" : "Mr\\u00e1zov\\u00e1"}'
    change = change_of({"match_id": 7, "seq": 3, "at": at, "kind": "score_update", "body": body})
    frame = msgspec.json.decode(change.frame)
    assert f'"data":{body}' in change.frame
    assert (frame["type"], frame["matchId"]) == ("score_update", "7")
    assert frame["seq"] == 3
    assert frame["timestamp"] == "2026-11-21T02:55:55.671Z"
    assert parse_token(frame["resume"]) == Place(3, microseconds(at))
