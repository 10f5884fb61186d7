"""Chances without margin, against known values and what must always hold. Pure."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.margins import Method, multiplicative, overround, power, shin, shin_share

METHODS: list[Method] = [multiplicative, power, shin]
ODDS = st.floats(min_value=1.01, max_value=200)
BOOKS = st.lists(ODDS, min_size=2, max_size=6)


def test_shin_against_the_published_example():
    odds = [2.6, 2.4, 4.3]
    assert shin(odds) == pytest.approx([0.37299, 0.40478, 0.22223], abs=5e-6)
    assert shin_share(odds) == pytest.approx(0.01694, abs=5e-6)


# odds; multiplicative; power; worked out with other programs.
KNOWN = [
    ([2.0, 2.0], [0.5, 0.5], [0.5, 0.5]),
    ([1.9, 1.9], [0.5, 0.5], [0.5, 0.5]),
    ([2.7, 2.3, 4.4], [0.35873804, 0.42112726, 0.2201347], [0.35957, 0.42372, 0.2167]),
]


@pytest.mark.parametrize(("odds", "proportional", "as_power"), KNOWN)
def test_the_other_ways_against_known_values(
    odds: list[float], proportional: list[float], as_power: list[float]
):
    assert multiplicative(odds) == pytest.approx(proportional, abs=1e-6)
    assert power(odds) == pytest.approx(as_power, abs=5e-4)


@given(ODDS, ODDS)
def test_of_two_answers_shin_takes_half_the_margin_from_each(one: float, other: float):
    total = 1 / one + 1 / other
    if total <= 1:
        return
    additive = [1 / one - (total - 1) / 2, 1 / other - (total - 1) / 2]
    assert shin([one, other]) == pytest.approx(additive, abs=1e-9)


@given(st.sampled_from(METHODS), BOOKS)
def test_chances_add_up_to_one_and_shorter_odds_are_likelier(method: Method, odds: list[float]):
    chances = method(odds)
    assert sum(chances) == pytest.approx(1, abs=1e-8)
    assert all(0 <= chance <= 1 for chance in chances)
    by_odds = [chance for _, chance in sorted(zip(odds, chances, strict=True))]
    assert all(a >= b - 1e-9 for a, b in pairwise(by_odds))


@given(st.sampled_from(METHODS), st.lists(st.floats(0.02, 0.9), min_size=2, max_size=5))
def test_a_book_without_margin_is_its_own_chances(method: Method, raw: list[float]):
    chances = [p / sum(raw) for p in raw]
    assert method([1 / p for p in chances]) == pytest.approx(chances, abs=1e-6)


@given(BOOKS)
def test_shin_gives_long_shots_no_more_than_their_share(odds: list[float]):
    if overround(odds) <= 1:
        return
    longest = odds.index(max(odds))
    assert shin(odds)[longest] <= multiplicative(odds)[longest] + 1e-9
