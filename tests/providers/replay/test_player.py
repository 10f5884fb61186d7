"""Lanes are endless, without overlap, and the same wherever they are worked out."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.replay.player import EPOCH, GAP_S_MAX, lanes_of, milliseconds
from app.providers.replay.recording import load_folder
from app.providers.replay.track import Track
from app.sports.match import Sport

TRACKS = [Track(recording) for recording in load_folder().recordings]
TENNIS = [track for track in TRACKS if track.header.sport is Sport.TENNIS]
BASKETBALL = [track for track in TRACKS if track.header.sport is Sport.BASKETBALL]
SPEEDS = st.floats(min_value=0.01, max_value=100_000)


@given(SPEEDS, st.integers(min_value=-(10**10), max_value=10**12))
def test_a_play_follows_the_one_before_with_a_gap(speed: float, now_ms: int) -> None:
    (lane,) = lanes_of(Sport.TENNIS, TENNIS, speed=speed, lanes=1, seed=0)
    place = lane.place(now_ms)
    plays = [lane.play(place + step) for step in range(-70, 70)]
    for before, after in pairwise(plays):
        assert before.ends_ms < after.begins_ms <= before.ends_ms + GAP_S_MAX * 1000 + 1
        assert after.begins_ms <= after.kick_off_ms <= after.ends_ms
    assert lane.play(place).begins_ms <= now_ms < lane.play(place + 1).begins_ms
    assert len({play.external_id for play in plays}) == len(plays)
    assert max(len(play.external_id) for play in plays) <= 200


@given(SPEEDS, st.integers(min_value=0, max_value=10**12))
def test_a_position_runs_from_kick_off_to_the_end_and_stays_there(speed: float, now: int) -> None:
    lane = lanes_of(Sport.BASKETBALL, BASKETBALL, speed=speed, lanes=2, seed=3)[0]
    play = lane.play(lane.place(now))
    assert play.at(play.kick_off_ms) == 0
    assert play.at(play.ends_ms) == play.at(play.ends_ms + 10**9) == play.track.ends_at
    assert play.at(play.ends_ms - 1) <= play.track.ends_at


def test_a_lane_plays_all_its_recordings_before_it_repeats_one() -> None:
    lanes = lanes_of(Sport.TENNIS, TENNIS, speed=60, lanes=2, seed=0)
    shown = [[lane.play(place).track.recording.id for place in range(30)] for lane in lanes]
    assert sorted(shown[0] + shown[1]) == sorted(track.recording.id for track in TENNIS)


def test_no_match_is_on_twice_at_once_while_there_are_enough() -> None:
    lanes = lanes_of(Sport.BASKETBALL, BASKETBALL, speed=60, lanes=3, seed=0)
    for minute in range(500):
        on = [lane.play(lane.place(minute * 60_000)).track.recording.id for lane in lanes]
        assert len(set(on)) == 3


def test_with_fewer_recordings_than_lanes_they_are_shared() -> None:
    lanes = lanes_of(Sport.BASKETBALL, BASKETBALL, speed=60, lanes=5, seed=0)
    names = [lane.play(0).external_id for lane in lanes]
    assert len(set(names)) == 5


def test_lanes_do_not_begin_together() -> None:
    lanes = lanes_of(Sport.TENNIS, TENNIS, speed=1, lanes=4, seed=0)
    begins = sorted(lane.play(0).begins_ms for lane in lanes)
    assert all(after - before > 600_000 for before, after in pairwise(begins))


def test_a_restart_goes_on_where_it_was_and_a_seed_changes_the_order() -> None:
    def names(seed: int) -> list[str]:
        lanes = lanes_of(Sport.TENNIS, TENNIS, speed=60, lanes=2, seed=seed)
        return [lane.play(place).external_id for lane in lanes for place in range(50)]

    assert names(1) == names(1)
    assert names(1) != names(2)


def test_a_sport_without_recordings_has_no_lanes() -> None:
    assert lanes_of(Sport.TENNIS, [], speed=60, lanes=2, seed=0) == []


@pytest.mark.parametrize(("speed", "lanes"), [(0, 1), (100_001, 1), (-1, 1), (60, 0), (60, 201)])
def test_a_speed_or_number_of_lanes_that_cannot_be_is_refused(speed: float, lanes: int) -> None:
    with pytest.raises(ValueError, match="not"):
        lanes_of(Sport.TENNIS, TENNIS, speed=speed, lanes=lanes, seed=0)


def test_the_clock_is_read_in_whole_milliseconds() -> None:
    assert milliseconds(EPOCH + timedelta(seconds=1, microseconds=2999)) == 1002
    assert milliseconds(EPOCH - timedelta(microseconds=1)) == -1
