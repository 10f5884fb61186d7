"""How often a task is asked: a table of cases, and what holds for every case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.polling.budget import UNSTRETCHED
from app.polling.schedule import (
    Cell,
    Level,
    Paces,
    Phase,
    Rank,
    Task,
    interval_of,
    later_of,
    rank_of,
    shown,
    wishes_of,
)
from app.polling_settings import PollingSettings
from app.providers.provider import Scope

PACES = Paces()
PHASES = st.sampled_from(list(Phase))
LEVELS = st.sampled_from(list(Level))
CELLS = st.builds(
    Cell,
    phase=PHASES,
    level=LEVELS,
    matches=st.integers(1, 5_000),
    watchers=st.integers(0, 9),
    override_ms=st.none() | st.integers(50, 600_000),
    set_for=st.just("match.1"),
)
TASKS = st.builds(
    Task,
    scope=st.sampled_from(list(Scope)),
    rule_ms=st.integers(50, 120_000),
    matches_max=st.sampled_from([0, 1, 20]),
    cells=st.lists(CELLS, max_size=6).map(tuple),
    override_ms=st.none() | st.integers(50, 600_000),
    general_ms=st.none() | st.integers(50, 600_000),
    unknown=st.booleans(),
)


def a_cell(phase: Phase = Phase.LIVE, level: Level = Level.WATCHED, **more: object) -> Cell:
    """Matches that are alike."""
    return Cell(phase=phase, level=level, matches=1, watchers=3, **more)  # pyright: ignore[reportArgumentType]


def interval(task: Task, paces: Paces = PACES) -> float:
    """How often a task is asked while nothing is short."""
    return interval_of(task, wishes_of(task, paces), UNSTRETCHED)


CASES = [
    # scope, phase, level, milliseconds; None: not asked.
    (Scope.SCORES, Phase.LIVE, Level.WATCHED, 5_000),
    (Scope.SCORES, Phase.LIVE, Level.LISTED, 10_000),
    (Scope.SCORES, Phase.LIVE, Level.NOBODY, 20_000),
    (Scope.SCORES, Phase.BREAK, Level.WATCHED, 15_000),
    (Scope.SCORES, Phase.BREAK, Level.NOBODY, 60_000),
    (Scope.SCORES, Phase.MINUTES_BEFORE, Level.WATCHED, 15_000),
    (Scope.SCORES, Phase.HOURS_BEFORE, Level.WATCHED, 120_000),
    (Scope.SCORES, Phase.HOURS_BEFORE, Level.NOBODY, 480_000),
    (Scope.SCORES, Phase.JUST_FINISHED, Level.WATCHED, 15_000),
    (Scope.SCORES, Phase.OVER, Level.WATCHED, 300_000),
    (Scope.MARKETS, Phase.LIVE, Level.WATCHED, 5_000),
    (Scope.MARKETS, Phase.LIVE, Level.LISTED, 10_000),
    (Scope.MARKETS, Phase.LIVE, Level.NOBODY, None),
    (Scope.MARKETS, Phase.HOURS_BEFORE, Level.WATCHED, 120_000),
    (Scope.MARKETS, Phase.OVER, Level.WATCHED, None),
    (Scope.FIXTURES, Phase.LIVE, Level.WATCHED, 600_000),
]


@pytest.mark.parametrize(("scope", "phase", "level", "expected"), CASES)
def test_the_default_rule(scope: Scope, phase: Phase, level: Level, expected: int | None):
    task = Task(scope=scope, rule_ms=1_000, cells=(a_cell(phase, level),))
    assert interval(task) == (float("inf") if expected is None else expected)


def test_a_task_goes_at_the_pace_of_its_quickest_matches():
    cells = (a_cell(Phase.HOURS_BEFORE), a_cell(level=Level.NOBODY), a_cell(Phase.BREAK))
    assert interval(Task(scope=Scope.SCORES, rule_ms=1_000, cells=cells)) == 15_000


def test_a_world_that_runs_faster_is_asked_so_much_more_often():
    task = Task(scope=Scope.SCORES, rule_ms=50, cells=(a_cell(),))
    assert interval(task, Paces(speed=50)) == 100
    fixtures = Task(scope=Scope.FIXTURES, rule_ms=50)
    assert interval(fixtures, Paces(speed=60)) == 10_000


def test_a_task_that_names_its_matches_takes_turns_and_keeps_to_the_rule():
    def named(matches: int, rule_ms: int) -> float:
        cell = Cell(phase=Phase.LIVE, level=Level.WATCHED, matches=matches)
        return interval(Task(scope=Scope.SCORES, rule_ms=rule_ms, matches_max=20, cells=(cell,)))

    assert named(20, 100) == 5_000
    assert named(100, 100) == 1_000
    assert named(10_000, 100) == 100
    assert interval(Task(scope=Scope.SCORES, rule_ms=100, matches_max=20)) == float("inf")


def test_intervals_are_shown_as_people_say_them():
    assert [shown(ms) for ms in (50, 1_500, 12_000, 90_000, 7_200_000)] == [
        "50 ms",
        "1.5 s",
        "12 s",
        "1.5 min",
        "2 h",
    ]


def test_the_settings_are_the_paces():
    given_by_default = PollingSettings()
    fields = {name: getattr(given_by_default, name) for name in Paces.__struct_fields__}
    assert fields == {name: getattr(PACES, name) for name in Paces.__struct_fields__}


@given(TASKS)
def test_no_task_is_asked_faster_than_its_provider_allows(task: Task):
    assert interval(task) >= task.rule_ms
    assert all(pace.wish_ms >= task.rule_ms for pace in wishes_of(task, PACES))


@given(TASKS, st.integers(0, 5))
def test_more_demand_never_makes_an_interval_longer(task: Task, which: int):
    if which >= len(task.cells):
        return
    cell = task.cells[which]
    more = Cell(
        phase=cell.phase,
        level=Level(min(cell.level + 1, 2)),
        matches=cell.matches,
        watchers=cell.watchers + 1,
        override_ms=cell.override_ms,
        set_for=cell.set_for,
    )
    cells = (*task.cells[:which], more, *task.cells[which + 1 :])
    wanted = Task(
        scope=task.scope,
        rule_ms=task.rule_ms,
        matches_max=task.matches_max,
        cells=cells,
        override_ms=task.override_ms,
        general_ms=task.general_ms,
        unknown=task.unknown,
    )
    assert interval(wanted) <= interval(task)


@given(TASKS)
def test_prices_nobody_wants_are_never_asked_for(task: Task):
    if task.scope is not Scope.MARKETS or task.unknown:
        return
    if all(cell.level is Level.NOBODY for cell in task.cells):
        assert wishes_of(task, PACES) == ()


@given(TASKS)
def test_what_is_set_by_hand_counts_within_the_rule(task: Task):
    paces = wishes_of(task, PACES)
    if task.override_ms is not None:
        assert all(pace.wish_ms == max(task.override_ms, task.rule_ms) for pace in paces)


@given(st.sampled_from([Scope.SCORES, Scope.MARKETS]), PHASES, LEVELS)
def test_what_is_watched_and_live_gives_way_last(scope: Scope, phase: Phase, level: Level):
    live = phase in (Phase.LIVE, Phase.BREAK) and level is Level.WATCHED
    assert (rank_of(scope, phase, level) is Rank.WATCHED_LIVE) == live
    assert rank_of(Scope.FIXTURES, phase, level) is Rank.FIXTURES


def test_a_quiet_task_expects_matches_and_a_busy_one_quiet_hours():
    quiet = Task(scope=Scope.SCORES, rule_ms=1_000)
    later = later_of(quiet, wishes_of(quiet, PACES), PACES)
    assert later is not None
    assert (later.wish_ms, later.rank) == (20_000, Rank.UNWATCHED_SCORES)
    busy = Task(scope=Scope.SCORES, rule_ms=1_000, cells=(a_cell(),))
    later = later_of(busy, wishes_of(busy, PACES), PACES)
    assert later is not None
    assert later.wish_ms == PACES.idle_ms
