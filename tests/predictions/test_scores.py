"""One distribution of scores, and what is asked of it, before and during a match."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.predictions.distribution import scores_of
from app.predictions.errors import ImpossibleState
from app.predictions.forecast import GoalProcess, PointProcess, Process, SetProcess
from app.predictions.goal_scores import share_left
from app.predictions.goals import CLUBS, goal_nodes
from app.predictions.scores import Scores
from app.predictions.set_scores import running_set
from app.predictions.states import State

EVEN = GoalProcess(nodes=((1.0, 1.5, 1.2),))
SPREAD = GoalProcess(nodes=((0.5, 1.0, 1.6), (0.5, 2.2, 0.8)), low_score=-0.05)
HOCKEY = GoalProcess(nodes=((1.0, 3.0, 2.7),), level=1.33, overtime=0.52)
POINTS = PointProcess(margin=4.0, total=160.0, margin_spread=11.0, total_spread=16.0, unknown=4.0)
SETS = SetProcess(nodes=((0.5, 0.55, 0.0), (0.5, 0.7, 0.0)), best_of=3)

rates = st.floats(0.01, 9.0)
weights = st.floats(0.05, 1.0)
goal_processes = st.builds(
    GoalProcess,
    nodes=st.lists(st.tuples(weights, rates, rates), min_size=1, max_size=9).map(tuple),
    low_score=st.floats(-0.3, 0.3),
    level=st.floats(0.5, 2.0),
    overtime=st.none() | st.floats(0.0, 1.0),
    tilt=st.tuples(weights, weights, weights),
)
point_processes = st.builds(
    PointProcess,
    margin=st.floats(-60, 60),
    total=st.floats(40, 260),
    margin_spread=st.floats(4, 20),
    total_spread=st.floats(4, 30),
    unknown=st.floats(0, 20),
)
set_processes = st.builds(
    SetProcess,
    nodes=st.lists(
        st.tuples(weights, st.floats(0.0, 1.0), st.just(0.0)), min_size=1, max_size=5
    ).map(tuple),
    best_of=st.sampled_from([3, 5]),
)
states = st.builds(
    State,
    home=st.integers(0, 30),
    away=st.integers(0, 30),
    minute=st.floats(0, 120),
    stoppage=st.floats(0, 99),
    minutes=st.sampled_from([90.0, 60.0, 40.0, 48.0]),
    late=st.sampled_from(["no", "overtime", "shootout"]),
    late_minute=st.floats(0, 30),
    over=st.booleans(),
    red_home=st.integers(0, 5),
    red_away=st.integers(0, 5),
)


def check_distribution(scores: Scores) -> None:
    """Every chance is one, they add up to 1, and so do those of what is asked."""
    assert np.all(np.isfinite(scores.chance))
    assert np.all(scores.chance >= 0.0)
    assert math.fsum(scores.chance.tolist()) == pytest.approx(1.0, abs=1e-9)
    assert math.fsum(scores.outcome()) == pytest.approx(1.0, abs=1e-9)
    assert all(0.0 <= chance <= 1.0 + 1e-12 for chance in scores.outcome())
    for line in (scores.total(2.5), scores.total(3.0), scores.handicap(-1.0)):
        assert math.fsum((line.win, line.back, line.lose)) == pytest.approx(1.0, abs=1e-9)
    assert 0.0 <= scores.both_score() <= 1.0
    assert 0.0 <= scores.confidence() <= 1.0


@example(
    PointProcess(margin=0.0, total=40.0, margin_spread=4.0, total_spread=4.0, unknown=12.0),
    State(home=0, away=14, minutes=40.0),
)
@settings(max_examples=120, deadline=None)
@given(goal_processes | point_processes, st.none() | states)
def test_whatever_the_process_and_the_state_chances_are_chances(
    process: Process, state: State | None
):
    check_distribution(scores_of(process, state))


@settings(max_examples=80, deadline=None)
@given(
    set_processes,
    st.builds(
        State,
        home=st.integers(0, 3),
        away=st.integers(0, 3),
        games=st.tuples(st.integers(0, 99), st.integers(0, 99)),
        over=st.booleans(),
    ),
)
def test_sets_are_chances_or_a_named_error(process: SetProcess, state: State):
    need = process.best_of // 2 + 1
    if max(state.home, state.away) > need or state.home == state.away == need:
        with pytest.raises(ImpossibleState):
            scores_of(process, state)
    else:
        check_distribution(scores_of(process, state))


def test_everything_that_is_asked_comes_from_the_same_scores():
    scores = scores_of(SPREAD)
    home, draw, away = scores.outcome()
    assert scores.handicap(-0.5).win == pytest.approx(home)
    assert scores.handicap(0.5).lose == pytest.approx(away)
    assert scores.handicap(0.0).back == pytest.approx(draw)
    quarter = scores.handicap(-0.25)
    assert quarter.win == pytest.approx(home)
    assert quarter.back == pytest.approx(draw / 2)
    by_score = {(h, a): chance for h, a, chance in scores.correct_score(most=500)}
    assert math.fsum(by_score.values()) == pytest.approx(1.0)
    assert scores.total(0.5).lose == pytest.approx(by_score[0, 0])
    assert scores.both_score() == pytest.approx(
        math.fsum(chance for (h, a), chance in by_score.items() if h and a)
    )
    assert scores.expected()[0] == pytest.approx(
        math.fsum(h * chance for (h, _), chance in by_score.items())
    )


def test_independent_poisson_goals_are_counted_right():
    scores = scores_of(EVEN)
    nil = math.exp(-1.5 - 1.2)
    assert scores.total(0.5).lose == pytest.approx(nil, abs=1e-9)
    assert scores.expected() == pytest.approx((1.5, 1.2), abs=1e-6)
    assert scores.confidence() == 1.0


@pytest.mark.parametrize("process", [EVEN, SPREAD, HOCKEY, POINTS, SETS])
def test_when_it_is_over_it_is_known(process: Process):
    won = scores_of(process, State(home=2, away=1, over=True))
    assert won.outcome() == (1.0, 0.0, 0.0)
    assert won.expected() == (2.0, 1.0)
    assert won.confidence() == 1.0


@pytest.mark.parametrize("process", [EVEN, SPREAD])
@pytest.mark.parametrize("minute", [0.0, 20.0, 44.5, 70.0])
def test_chances_now_are_the_average_of_those_a_moment_later(process: GoalProcess, minute: float):
    """They may not drift: what is expected to be believed later is believed now."""
    now = State(home=1 if minute else 0, away=0, minute=minute)
    step = 0.05
    later = State(home=now.home, away=now.away, minute=minute + step)
    played = share_left(now) - share_left(later)
    there = scores_of(process, now)
    expected = there.expected()
    rate_home, rate_away = (
        (expected[0] - now.home) * played / share_left(now),
        (expected[1] - now.away) * played / share_left(now),
    )
    quiet = np.array(scores_of(process, later).outcome())
    scored = np.array(
        scores_of(process, State(home=now.home + 1, away=now.away, minute=later.minute)).outcome()
    )
    let_in = np.array(
        scores_of(process, State(home=now.home, away=now.away + 1, minute=later.minute)).outcome()
    )
    average = quiet * (1 - rate_home - rate_away) + scored * rate_home + let_in * rate_away
    assert average == pytest.approx(np.array(there.outcome()), abs=2e-4)


@pytest.mark.parametrize("process", [EVEN, goal_nodes(CLUBS, (0.3, 0.1), (0.06, 0.06))])
def test_a_lead_grows_surer_by_the_minute_and_never_quite_sure(process: GoalProcess):
    wins = [
        scores_of(process, State(home=1, away=0, minute=float(minute))).outcome()[0]
        for minute in range(0, 91, 5)
    ]
    assert wins == sorted(wins)
    late = scores_of(process, State(home=1, away=0, minute=90.0, stoppage=6.0)).outcome()
    assert wins[-1] < late[0] < 1.0


@pytest.mark.parametrize("process", [EVEN, HOCKEY, POINTS])
def test_a_goal_helps_whoever_scored_it(process: Process):
    minutes = 90.0 if process is EVEN else 60.0 if process is HOCKEY else 40.0
    for minute in (0.0, minutes / 2, minutes - 1):
        leads = [
            scores_of(
                process, State(home=50 + lead, away=50, minute=minute, minutes=minutes)
            ).outcome()[0]
            for lead in range(-4, 5)
        ]
        assert leads == sorted(leads)
        assert leads[0] < leads[-1]


def test_a_red_card_costs_its_side_and_two_alike_cost_both():
    level = State(minute=30.0)
    home = scores_of(EVEN, level).outcome()[0]
    sent_off = scores_of(EVEN, State(minute=30.0, red_home=1)).outcome()[0]
    other = scores_of(EVEN, State(minute=30.0, red_away=1)).outcome()[0]
    assert sent_off < home < other


def test_football_after_ninety_minutes_is_decided_whatever_extra_time_brings():
    late = State(home=2, away=2, minute=90.0, late="overtime")
    assert scores_of(EVEN, late).outcome() == (0.0, 1.0, 0.0)


def test_hockey_goes_on_until_somebody_wins():
    assert scores_of(HOCKEY).outcome()[1] == 0.0
    overtime = scores_of(HOCKEY, State(home=2, away=2, minute=60.0, minutes=60.0, late="overtime"))
    assert overtime.outcome()[0] == pytest.approx(0.52)
    shootout = scores_of(HOCKEY, State(home=2, away=2, minute=60.0, minutes=60.0, late="shootout"))
    assert shootout.outcome()[0] == pytest.approx(0.51)
    decided = State(home=3, away=2, minute=60.0, minutes=60.0, late="overtime")
    assert scores_of(HOCKEY, decided).outcome() == (1.0, 0.0, 0.0)


def test_basketball_follows_lead_and_clock():
    assert scores_of(POINTS).outcome()[1] == 0.0
    assert scores_of(POINTS).expected() == pytest.approx((82.0, 78.0), abs=1.5)
    late = State(home=80, away=70, minute=39.0, minutes=40.0)
    assert scores_of(POINTS, late).outcome()[0] > 0.99
    level = State(home=80, away=80, minute=40.0, minutes=40.0, late="overtime")
    assert 0.5 < scores_of(POINTS, level).outcome()[0] < 0.65


def test_tennis_follows_sets_and_games():
    start = scores_of(SETS).outcome()[0]
    ahead = scores_of(SETS, State(home=1, away=0)).outcome()[0]
    broken = scores_of(SETS, State(home=1, away=0, games=(1, 4))).outcome()[0]
    behind = scores_of(SETS, State(home=1, away=1, games=(0, 5))).outcome()[0]
    assert behind < start < broken < ahead


def test_a_set_is_worth_more_with_every_game():
    assert running_set(0.6, (0, 0)) == 0.6
    row = [running_set(0.6, (games, 3)) for games in range(7)]
    assert row == sorted(row)
    assert row[-1] == 1.0
    assert running_set(0.5, (6, 6)) == pytest.approx(0.5, abs=1e-3)
    assert running_set(0.5, (30, 30)) == pytest.approx(0.5, abs=1e-3)


def test_the_share_left_falls_from_one_to_nothing():
    shares = [share_left(State(minute=float(minute))) for minute in range(91)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert shares[90] == pytest.approx(0.042, abs=0.005)
    stoppage = [share_left(State(minute=90.0, stoppage=float(extra))) for extra in range(12)]
    assert stoppage == sorted(stoppage, reverse=True)
    assert share_left(State(minute=90.0, over=True)) == 0.0
