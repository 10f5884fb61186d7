"""Where a match stands, by its score, clock and cards."""

import pytest

from app.predictions.errors import ImpossibleState
from app.predictions.states import State, state_of
from app.sports.incidents import Card
from app.sports.match import MatchStatus, Period, Score, Sport

LIVE = MatchStatus.LIVE


def football(clock: str | None, period: str | None, **more: object) -> State:
    """Returns the state of a 2-1 at a clock."""
    told = {"status": LIVE, "home": 2, "away": 1, "period": period, "clock": clock}
    return state_of(Sport.FOOTBALL, Score(**(told | more)))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("clock", "period", "minute", "stoppage"),
    [
        ("1'", "1st Half", 0.5, 0.0),
        ("23'", "1st Half", 22.5, 0.0),
        ("45+2'", "1st Half", 45.0, 2.0),
        ("46'", "2nd Half", 45.5, 0.0),
        ("90+4'", "2nd Half", 90.0, 4.0),
        ("93'", "2nd Half", 90.0, 3.0),
        (None, "2nd Half", 45.0, 0.0),
        ("nonsense", "1st Half", 0.0, 0.0),
    ],
)
def test_football_clocks(clock: str | None, period: str, minute: float, stoppage: float):
    state = football(clock, period)
    assert (state.minute, state.stoppage) == (minute, stoppage)
    assert (state.home, state.away) == (2, 1)


def test_the_break_is_when_the_first_half_with_its_stoppage_is_over():
    state = football("45'", "Half Time", status=MatchStatus.PAUSED)
    assert (state.minute, state.stoppage) == (45.0, 99.0)


def test_extra_time_counts_for_nothing_that_ninety_minutes_decide():
    halves = (
        Period(name="1st Half", home=1, away=0),
        Period(name="2nd Half", home=0, away=1),
        Period(name="Extra Time 1st Half", home=1, away=0),
    )
    state = football("97'", "Extra Time 1st Half", periods=halves)
    assert (state.home, state.away, state.late) == (1, 1, "overtime")
    unknown = football("97'", "Extra Time 1st Half")
    assert (unknown.home, unknown.away) == (1, 1)
    over = football(None, "Full Time", status=MatchStatus.FINISHED, periods=halves)
    assert over.over
    assert (over.home, over.away) == (1, 1)


@pytest.mark.parametrize(
    ("clock", "period", "late"),
    [
        (None, "2nd Half", True),
        ("90+4'", "2nd Half", True),
        ("30'", "2nd Half", False),
        (None, "Extra Time Break", True),
        (None, "Half-time", False),
        (None, "1st Half", False),
        (None, None, False),
    ],
)
def test_a_break_after_ninety_minutes_is_before_extra_time(
    clock: str | None, period: str | None, *, late: bool
):
    state = football(clock, period, status=MatchStatus.PAUSED, home=1)
    assert (state.late != "no", state.minute >= 90.0) == (late, late)
    extra = (Period(name="1st Half", home=1, away=1), Period(name="Extra Time", home=1, away=0))
    within = football(None, None, status=MatchStatus.PAUSED, periods=extra)
    assert (within.home, within.away, within.late) == (1, 1, "overtime")


def test_red_cards_are_counted_and_bounded():
    reds = [
        Card(key=f"c{n}", side="home", colour="red" if n % 2 else "second_yellow") for n in range(9)
    ]
    yellow = Card(key="y", side="away", colour="yellow")
    score = Score(status=LIVE, home=0, away=0, period="1st Half", clock="10'")
    state = state_of(Sport.FOOTBALL, score, [*reds, yellow])
    assert (state.red_home, state.red_away) == (5, 0)


def test_hockey_counts_up_and_basketball_down():
    score = Score(status=LIVE, home=2, away=2, period="2nd Period", clock="05:30")
    assert state_of(Sport.HOCKEY, score).minute == pytest.approx(25.5)
    score = Score(status=LIVE, home=50, away=48, period="Q3", clock="02:30")
    state = state_of(Sport.BASKETBALL, score)
    assert (state.minute, state.minutes) == (27.5, 40.0)
    nba = state_of(Sport.BASKETBALL, score, quarter_minutes=12)
    assert (nba.minute, nba.minutes) == (33.5, 48.0)
    late = Score(status=LIVE, home=90, away=90, period="OT", clock="01:00")
    assert state_of(Sport.BASKETBALL, late).late_minute == 4.0
    shots = Score(status=LIVE, home=2, away=2, period="Shootout")
    assert state_of(Sport.HOCKEY, shots).late == "shootout"


@pytest.mark.parametrize(
    ("sport", "period", "whole"),
    [
        (Sport.FOOTBALL, "2nd Half", 90.0),
        (Sport.FOOTBALL, None, 90.0),
        (Sport.HOCKEY, "3rd Period", 60.0),
        (Sport.HOCKEY, "Shootout", 60.0),
        (Sport.BASKETBALL, "Q4", 40.0),
    ],
)
@pytest.mark.parametrize("clock", [None, "00:00", "45+3'"])
def test_what_is_over_was_played_to_its_end_whatever_the_clock_says(
    sport: Sport, period: str | None, whole: float, clock: str | None
):
    score = Score(status=MatchStatus.FINISHED, home=2, away=1, period=period, clock=clock)
    state = state_of(sport, score)
    assert (state.minute, state.stoppage, state.over) == (whole, 0.0, True)


def test_tennis_knows_the_games_of_the_set_that_runs():
    sets = (Period(name="Set 1", home=6, away=4), Period(name="Set 2", home=2, away=3))
    score = Score(status=LIVE, home=1, away=0, period="Set 2", periods=sets)
    assert state_of(Sport.TENNIS, score).games == (2, 3)
    between = Score(status=LIVE, home=1, away=0, period="Set 2", periods=sets[:1])
    assert state_of(Sport.TENNIS, between).games == (0, 0)


def test_a_match_without_a_score_is_before_its_start_or_an_error():
    assert state_of(Sport.FOOTBALL, Score(status=MatchStatus.SCHEDULED)) == State()
    with pytest.raises(ImpossibleState):
        state_of(Sport.FOOTBALL, Score(status=LIVE))
