"""A quota lasts until it is renewed, and what matters least gives way first."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.polling.budget import (
    STRETCH_MAX,
    Asked,
    Outlook,
    Quota,
    decide,
    rounded_up,
    stretched,
    until,
)
from app.polling.schedule import (
    Cell,
    Level,
    Paces,
    Phase,
    Rank,
    Task,
    interval_of,
    later_of,
    wishes_of,
)
from app.providers.provider import Scope, Window

PACES = Paces()
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = [
    (Scope.FIXTURES, Phase.LIVE, Level.NOBODY),
    (Scope.SCORES, Phase.LIVE, Level.NOBODY),
    (Scope.MARKETS, Phase.MINUTES_BEFORE, Level.WATCHED),
    (Scope.SCORES, Phase.MINUTES_BEFORE, Level.WATCHED),
    (Scope.SCORES, Phase.LIVE, Level.WATCHED),
]


def a_quota(remaining: int, limit: int = 7_500, hours: float = 12, **more: object) -> Quota:
    """What is left of a day."""
    return Quota(
        window=more.get("window", Window.DAY),  # pyright: ignore[reportArgumentType]
        limit=limit,
        remaining=remaining,
        resets_in_s=hours * 3_600,
        resets_at=MIDNIGHT,
    )


def asked(scope: Scope, phase: Phase, level: Level, *, cost: int = 1, named: int = 0) -> Asked:
    """A task with ten matches that are alike, all day long."""
    cell = Cell(phase=phase, level=level, matches=10, watchers=1)
    task = Task(scope=scope, rule_ms=1_000, cost=cost, matches_max=named, cells=(cell,))
    paces = wishes_of(task, PACES)
    return Asked(
        task=task,
        paces=paces,
        later=later_of(task, paces, PACES),
        outlook=Outlook(on=(10,) * 24),
    )


def test_while_it_fits_nothing_is_slower():
    stretch = stretched([asked(*kind) for kind in KINDS], [a_quota(10**9, 10**9)])
    assert set(stretch.times.values()) == {1.0}
    assert stretch.quota == {}


def test_the_ranks_give_way_in_their_order():
    tasks = [asked(*kind) for kind in KINDS]
    seen: list[list[float]] = []
    for remaining in range(60_000, 1_000, -250):
        times = stretched(tasks, [a_quota(remaining, limit=100)]).times
        seen.append([times[rank] for rank in Rank])
    for times in seen:
        slowed = [n for n, some in enumerate(times) if some > 1]
        assert slowed == list(range(len(slowed))), "a rank gave way before a lower one"
        if len(slowed) not in (0, len(times)):
            assert all(some >= STRETCH_MAX for some in times[: len(slowed) - 1])
    assert max(seen[-1]) > STRETCH_MAX


def test_a_reserve_is_kept_for_what_is_watched_live():
    tasks = [asked(*kind) for kind in KINDS]
    stretch = stretched(tasks, [a_quota(700)])
    assert stretch.times[Rank.UNWATCHED_SCORES] == math.inf
    live = tasks[-1]
    decision = decide(live.task, live.paces, stretch)
    # Scores, and prices of a match that will be live, for 12 hours with half of 700 requests.
    assert decision.interval_ms == pytest.approx(2 * 12 * 3_600_000 / 350, rel=0.1)
    fixtures = decide(tasks[0].task, tasks[0].paces, stretch)
    assert fixtures.interval_ms is None
    assert fixtures.because.endswith("until 00:00 UTC: kept for what is watched live")


def test_of_nothing_nothing_is_planned():
    live = asked(*KINDS[-1])
    assert decide(live.task, live.paces, stretched([live], [a_quota(0)])).interval_ms is None


def test_the_sentence_says_what_is_left_and_what_that_makes():
    live = asked(Scope.SCORES, Phase.LIVE, Level.WATCHED)
    decision = decide(live.task, live.paces, stretched([live], [a_quota(4_350)]))
    assert decision.interval_ms == 12_000
    assert decision.because == "live, 1 watcher: 5 s; quota 4350 of 7500 until 00:00 UTC: 12 s"


def test_a_month_is_shared_out_by_days():
    live = asked(*KINDS[-1])
    month = a_quota(22_000, 20_000, 24 * 10, window=Window.MONTH)
    interval_ms = decide(live.task, live.paces, stretched([live], [month])).interval_ms
    # 20,000 over ten days.
    assert interval_ms == pytest.approx(86_400_000 / 2_000, rel=0.1)
    assert until(month) == "2026-11-22 00:00 UTC"


def test_a_minute_is_a_speed():
    live = asked(Scope.SCORES, Phase.LIVE, Level.WATCHED, cost=20)
    minute = a_quota(200, 200, 1 / 60, window=Window.MINUTE)
    decision = decide(live.task, live.paces, stretched([live], [minute]))
    # 240 a minute wished, 180 planned.
    assert decision.interval_ms == 6_700
    assert decision.because == "live, 1 watcher: 5 s; quota 200 a minute: 6.7 s"


def test_what_is_to_come_is_kept_for():
    task = Task(scope=Scope.SCORES, rule_ms=1_000)
    paces = wishes_of(task, PACES)
    busy = Asked(
        task=task,
        paces=paces,
        later=later_of(task, paces, PACES),
        outlook=Outlook(on=(0,) * 6 + (300,) * 6),
    )
    quiet = Asked(task=task, paces=paces, later=busy.later, outlook=Outlook(on=(0,) * 12))
    assert stretched([busy], [a_quota(800, 100)]).times[Rank.UNWATCHED_SCORES] > 1
    assert stretched([quiet], [a_quota(800, 100)]).times[Rank.UNWATCHED_SCORES] == 1


def test_a_plan_is_rounded_up():
    assert [rounded_up(ms) for ms in (50, 5_004, 5_050, 12_345, 10**12)] == [
        50,
        5_000,
        5_100,
        13_000,
        86_400_000,
    ]


def tasks_of(kinds: list[tuple[Scope, Phase, Level]]) -> st.SearchStrategy[list[Asked]]:
    """Some tasks of these kinds."""
    one = st.builds(
        lambda kind, cost, named: asked(*kind, cost=cost, named=named),
        st.sampled_from(kinds),
        st.integers(1, 10),
        st.sampled_from([0, 1, 20]),
    )
    return st.lists(one, min_size=1, max_size=6)


TASKS = tasks_of(KINDS)
# Those that go on all day as they are now.
LASTING = tasks_of([KINDS[0], KINDS[1], KINDS[4]])


def intervals(tasks: list[Asked], quota: Quota) -> list[float]:
    """What is planned of each; infinite: not before the renewal."""
    stretch = stretched(tasks, [quota])
    planned = [decide(one.task, one.paces, stretch).interval_ms for one in tasks]
    return [math.inf if one is None else one for one in planned]


@given(TASKS, st.integers(0, 20_000), st.integers(0, 20_000))
def test_less_quota_never_makes_an_interval_shorter(tasks: list[Asked], one: int, other: int):
    less, more = sorted((one, other))
    for short, long in zip(
        intervals(tasks, a_quota(less)), intervals(tasks, a_quota(more)), strict=True
    ):
        assert short >= long


@given(TASKS, st.integers(1, 20_000))
def test_no_stretch_makes_anything_faster_than_the_rule(tasks: list[Asked], remaining: int):
    assert all(planned >= 1_000 for planned in intervals(tasks, a_quota(remaining)))


@given(LASTING, st.integers(751, 20_000))
def test_a_plan_costs_no_more_than_is_left_without_the_reserve(tasks: list[Asked], remaining: int):
    horizon_ms = 12 * 3_600_000
    planned = intervals(tasks, a_quota(remaining))
    wished = [interval_of(one.task, one.paces, dict.fromkeys(Rank, 1.0)) for one in tasks]
    if planned == wished:
        return
    cost = sum(one.task.cost * horizon_ms / each for one, each in zip(tasks, planned, strict=True))
    # Near its end the last rank may use half of the reserve as well.
    assert cost <= (remaining - 750) * 1.001 + remaining / 2


@settings(max_examples=60)
@given(
    kinds=st.lists(st.sampled_from(KINDS[1:]), min_size=1, max_size=5),
    remaining=st.integers(1, 8_000),
    which=st.integers(0, 4),
)
def test_a_watcher_more_never_slows_down_what_it_watches(
    kinds: list[tuple[Scope, Phase, Level]], remaining: int, which: int
):
    which %= len(kinds)
    scope, phase, level = kinds[which]
    more = [*kinds[:which], (scope, phase, Level.WATCHED), *kinds[which + 1 :]]
    before = intervals([asked(*kind) for kind in kinds], a_quota(remaining))
    after = intervals([asked(*kind) for kind in more], a_quota(remaining))
    assert level is Level.WATCHED or after[which] <= before[which] * 1.001


@settings(max_examples=40, deadline=None)
@given(
    limit=st.integers(10, 3_000),
    hours=st.lists(st.integers(0, 40), min_size=24, max_size=24),
    watched=st.lists(st.booleans(), min_size=24, max_size=24),
)
def test_a_day_that_is_polled_as_planned_lasts_until_it_is_renewed(
    limit: int, hours: list[int], watched: list[bool]
):
    used, now_s = 0, 0.0
    while now_s < 86_400:
        hour = int(now_s // 3_600)
        level = Level.WATCHED if watched[hour] else Level.NOBODY
        cells = (Cell(phase=Phase.LIVE, level=level, matches=hours[hour]),) if hours[hour] else ()
        task = Task(scope=Scope.SCORES, rule_ms=15_000, cells=cells)
        paces = wishes_of(task, PACES)
        one = Asked(
            task=task,
            paces=paces,
            later=later_of(task, paces, PACES),
            outlook=Outlook(on=tuple(hours[hour:])),
        )
        left_s = 86_400 - now_s
        [planned] = intervals([one], a_quota(limit - used, limit, left_s / 3_600))
        if planned == math.inf or used >= limit:
            # Asked again when the hour, and what is on in it, is another.
            now_s = (hour + 1) * 3_600.0
            continue
        used += 1
        now_s += min(planned / 1_000, 900)
    assert used <= limit
    assert MIDNIGHT - timedelta(days=1) < MIDNIGHT
