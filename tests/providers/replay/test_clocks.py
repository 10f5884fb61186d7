"""What the board shows when a period has run so long."""

import pytest

from app.providers.replay.clocks import clock_of
from app.providers.replay.recording import SHIPPED, Rules, load, load_folder
from app.providers.replay.track import Track
from app.sports.incidents import PeriodEnded
from app.sports.match import MatchStatus, Sport

FOOTBALL = Rules(clock="minutes", period_s=2700, overtime_s=900)
HOCKEY = Rules(clock="up", period_s=1200, overtime_s=300)
EUROPE = Rules(clock="down", period_s=600, overtime_s=300)


@pytest.mark.parametrize(
    ("rules", "sport", "period", "running_s", "shown"),
    [
        (FOOTBALL, Sport.FOOTBALL, "1st Half", 0, "1'"),
        (FOOTBALL, Sport.FOOTBALL, "1st Half", 59, "1'"),
        (FOOTBALL, Sport.FOOTBALL, "1st Half", 60, "2'"),
        (FOOTBALL, Sport.FOOTBALL, "1st Half", 2699, "45'"),
        (FOOTBALL, Sport.FOOTBALL, "1st Half", 2700, "45+1'"),
        (FOOTBALL, Sport.FOOTBALL, "2nd Half", 0, "46'"),
        (FOOTBALL, Sport.FOOTBALL, "2nd Half", 3200, "90+9'"),
        (FOOTBALL, Sport.FOOTBALL, "Extra Time 1st Half", 899, "105'"),
        (FOOTBALL, Sport.FOOTBALL, "Extra Time 2nd Half", 960, "120+2'"),
        (FOOTBALL, Sport.FOOTBALL, "Penalties", 60, None),
        (HOCKEY, Sport.HOCKEY, "1st Period", 0, "00:00"),
        (HOCKEY, Sport.HOCKEY, "3rd Period", 751, "12:31"),
        (HOCKEY, Sport.HOCKEY, "3rd Period", 1300, "20:00"),
        (HOCKEY, Sport.HOCKEY, "Overtime", 301, "05:00"),
        (HOCKEY, Sport.HOCKEY, "Shootout", 10, None),
        (EUROPE, Sport.BASKETBALL, "Q1", 0, "10:00"),
        (EUROPE, Sport.BASKETBALL, "Q4", 599.5, "00:00"),
        (EUROPE, Sport.BASKETBALL, "Q4", 700, "00:00"),
        (EUROPE, Sport.BASKETBALL, "OT", 60, "04:00"),
        (Rules(clock="none", best_of=3), Sport.TENNIS, "Set 2", 60, None),
    ],
)
def test_the_clock_is_shown_in_the_sports_own_manner(
    rules: Rules, sport: Sport, period: str, running_s: float, shown: str | None
) -> None:
    assert clock_of(rules, sport, period, running_s) == shown


def test_the_running_clock_says_what_the_source_says_of_each_incident() -> None:
    for recording in load_folder().recordings:
        track = Track(recording)
        for moment in recording.moments:
            score = track.score_at(moment.at)
            for incident in moment.incidents:
                if incident.clock is not None:
                    assert score.clock == incident.clock, (recording.id, incident)


def test_the_clock_stands_in_a_break_and_is_gone_at_the_end() -> None:
    file = SHIPPED / "football" / "football.2018.france-croatia.final.jsonl"
    recording = load(file)
    track = Track(recording)
    half_time = next(
        moment.at
        for moment in recording.moments
        for incident in moment.incidents
        if isinstance(incident, PeriodEnded)
    )
    shown = track.score_at(half_time)
    assert shown.status is MatchStatus.PAUSED
    assert shown.clock is not None
    assert track.score_at(half_time + 600) == shown
    assert track.score_at(half_time + 900).clock == "46'"
    assert track.score_at(track.ends_at).clock is None
    assert track.score_at(-1).status is MatchStatus.SCHEDULED
