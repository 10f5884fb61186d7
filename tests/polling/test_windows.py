"""What is left of one quota: by our count, by the provider's word, and through renewals."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.polling.windows import (
    RENEWAL_GRACE,
    UNDER_WAY_MAX,
    Limit,
    Spending,
    begun,
    heard,
    limits_in,
    longest_wait,
    next_reset,
    remaining_of,
    renewed,
    taken,
    wait_s_of,
)
from app.providers.provider import ToldQuota, Window

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_day(limit: int = 100, *, used: int = 0, at: datetime = NOON) -> Spending:
    """A day of which so much was taken."""
    return taken(begun(Window.DAY, limit, at, configured=limit), used, at)


def says(remaining: int, *, limit: int = 100, window: Window = Window.DAY, **more: float):
    """A provider's word on its quota."""
    return ToldQuota(window=window, limit=limit, remaining=remaining, **more)


def test_windows_are_renewed_by_the_calendar():
    assert next_reset(Window.DAY, NOON) == datetime(2026, 11, 22, tzinfo=UTC)
    assert next_reset(Window.MONTH, NOON) == datetime(2026, 12, 1, tzinfo=UTC)
    new_years_eve = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert next_reset(Window.MONTH, new_years_eve) == datetime(2027, 1, 1, tzinfo=UTC)


def test_what_was_taken_is_not_left_and_comes_back_with_the_day():
    day = a_day(used=100)
    assert (remaining_of(day), wait_s_of(day, 1, NOON)) == (0, 12 * 3600)
    assert remaining_of(renewed(day, NOON + timedelta(hours=12))) == 100


def test_a_lower_word_of_the_provider_counts_and_shrinks_with_every_take():
    day = heard(a_day(used=10), says(40), NOON)
    assert remaining_of(day) == 40
    assert remaining_of(taken(day, 5, NOON)) == 35


def test_a_higher_word_of_the_provider_does_not():
    assert remaining_of(heard(a_day(used=70), says(90), NOON)) == 30


def test_a_lower_limit_of_the_provider_counts_and_a_higher_does_not():
    assert remaining_of(heard(a_day(), says(50, limit=50), NOON)) == 50
    assert heard(a_day(), says(900, limit=1_000), NOON).limit == 100


def test_answers_that_overtake_each_other_do_not_give_anything_back():
    day = heard(a_day(1_000, used=500), says(300, limit=1_000), NOON)
    assert remaining_of(heard(day, says(303, limit=1_000), NOON)) == 300


def test_a_provider_that_renews_earlier_than_we_thought_is_believed():
    day = heard(a_day(1_000, used=100), says(3, limit=1_000), NOON)
    later = heard(day, says(3 + UNDER_WAY_MAX + 1, limit=1_000), NOON)
    assert remaining_of(later) == 3 + UNDER_WAY_MAX + 1


def test_an_answer_of_the_day_before_does_not_starve_the_new_day():
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    new = renewed(a_day(7_500, used=7_497), midnight)
    stale = heard(new, says(2, limit=7_500), midnight + timedelta(seconds=1))
    assert remaining_of(stale) == 7_500
    assert remaining_of(heard(new, says(2, limit=7_500), midnight + RENEWAL_GRACE)) == 2


def test_the_provider_says_when_it_renews():
    day = heard(a_day(used=100), says(0, resets_in_s=90.0), NOON)
    assert wait_s_of(day, 1, NOON) == 90
    assert remaining_of(renewed(day, NOON + timedelta(seconds=90))) == 100


def test_a_minute_that_is_told_to_be_spent_is_waited_for():
    minute = begun(Window.MINUTE, 300, NOON, configured=300)
    minute = heard(minute, says(0, limit=300, window=Window.MINUTE), NOON)
    assert wait_s_of(minute, 1, NOON) == 60
    assert remaining_of(renewed(minute, NOON + timedelta(seconds=60))) == 300


def test_a_cost_above_the_limit_is_refused_until_the_renewal_and_never_fits():
    minute = begun(Window.MINUTE, 3, NOON, configured=3)
    assert wait_s_of(minute, 4, NOON) == 60
    assert longest_wait([minute, a_day(2)], 3, NOON) == 12 * 3600


def test_limits_are_read_provider_by_provider():
    assert limits_in("af:day=7500, af:minute=300,odds:month=20000") == {
        "af": (Limit(window=Window.DAY, limit=7500), Limit(window=Window.MINUTE, limit=300)),
        "odds": (Limit(window=Window.MONTH, limit=20000),),
    }
    assert limits_in("") == {}


@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 4)), max_size=60),
)
def test_in_no_sixty_seconds_is_more_taken_than_a_minute_allows(
    limit: int, steps: list[tuple[float, int]]
):
    now, minute = NOON, begun(Window.MINUTE, limit, NOON, configured=limit)
    done: list[tuple[datetime, int]] = []
    for wait_s, cost in steps:
        now += timedelta(seconds=wait_s)
        minute = renewed(minute, now)
        if wait_s_of(minute, cost, now) == 0:
            minute = taken(minute, cost, now)
            done.append((now, cost))
    for start, _ in done:
        end = start + timedelta(seconds=60)
        assert sum(cost for at, cost in done if start <= at < end) <= limit


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(1, 9)),
            st.tuples(st.just("told"), st.integers(0, 100)),
            st.tuples(st.just("wait"), st.integers(0, 40_000)),
        ),
        max_size=60,
    )
)
def test_whatever_a_provider_says_no_day_takes_more_than_ours(steps: list[tuple[str, int]]):
    now, day, by_day = NOON, a_day(), dict[object, int]()
    for what, number in steps:
        day = renewed(day, now)
        if what == "wait":
            now += timedelta(seconds=number)
        elif what == "told":
            day = heard(day, says(number), now)
        elif wait_s_of(day, number, now) == 0:
            day = taken(day, number, now)
            by_day[now.date()] = by_day.get(now.date(), 0) + number
    assert all(total <= 100 for total in by_day.values())


@given(waits=st.lists(st.integers(0, 5_000), max_size=40), cost=st.integers(1, 5))
def test_after_the_wait_it_fits(waits: list[int], cost: int):
    now, minute = NOON, begun(Window.MINUTE, 5, NOON, configured=5)
    for wait_ms in waits:
        now += timedelta(milliseconds=wait_ms)
        minute = renewed(minute, now)
        wait_s = wait_s_of(minute, cost, now)
        if wait_s:
            now += timedelta(seconds=wait_s)
            minute = renewed(minute, now)
        assert wait_s_of(minute, cost, now) <= 1
        if wait_s_of(minute, cost, now) == 0:
            minute = taken(minute, cost, now)
