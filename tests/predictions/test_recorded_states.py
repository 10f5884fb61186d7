"""Where matches stand, all through every recording that comes along."""

from itertools import pairwise

import pytest

from app.predictions.occasions import quarter_minutes
from app.predictions.states import State, state_of
from app.providers.replay.recording import Recording, load_folder
from app.providers.replay.track import Track
from app.sports.match import IN_PLAY, MatchStatus, Sport

STEP_S = 20.0
_LATE = ("no", "overtime", "shootout")


def states(recording: Recording) -> list[State]:
    """Returns where a match stands, step by step until it is over."""
    header, track = recording.header, Track(recording)
    steps = int(header.duration_s / STEP_S) + 1
    scores = [track.score_at(number * STEP_S) for number in range(1, steps + 1)]
    return [
        state_of(header.sport, score, quarter_minutes=quarter_minutes(header.league.name))
        for score in scores
        if score.status in IN_PLAY or score.status is MatchStatus.FINISHED
    ]


def place(state: State) -> tuple[bool, int, float, float]:
    """Returns how far a match is; later is more."""
    return state.over, _LATE.index(state.late), state.minute, state.stoppage


@pytest.mark.parametrize("sport", list(Sport))
def test_a_match_only_goes_on(sport: Sport):
    late = 0
    for recording in load_folder().recordings:
        found = states(recording) if recording.header.sport is sport else []
        for before, now in pairwise(found):
            assert place(now) >= place(before), (recording.id, before, now)
            if sport is Sport.FOOTBALL and before.late != "no":
                # What extra time brings counts for nothing.
                assert (now.home, now.away) == (before.home, before.away), recording.id
            late += before.late != "no"
    assert (late > 0) == (sport in (Sport.FOOTBALL, Sport.HOCKEY))
