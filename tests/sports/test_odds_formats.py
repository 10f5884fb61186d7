"""American and decimal odds, each as the other."""

from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sports.market import is_odds
from app.sports.odds_formats import american_to_decimal, decimal_to_american, is_american

WHOLE = st.integers(100, 1_000_000)
HALF_A_THOUSANDTH = Fraction(1, 2000)


@pytest.mark.parametrize(
    ("american", "odds"),
    [
        ("100", "2"),
        ("-100", "2"),
        ("150", "2.5"),
        ("-200", "1.5"),
        ("250", "3.5"),
        ("-310", "1.323"),
        ("-110", "1.909"),
        ("-160", "1.625"),
        ("145", "2.45"),
        ("99900", "1000"),
        ("-100000", "1.001"),
    ],
)
def test_known_odds_are_what_everybody_says(american: str, odds: str):
    assert american_to_decimal(Decimal(american)) == Decimal(odds)


@given(WHOLE)
def test_above_evens_nothing_is_lost_either_way(american: int):
    odds = american_to_decimal(Decimal(american))
    assert Fraction(odds) == 1 + Fraction(american, 100)
    assert decimal_to_american(odds) == american


@given(WHOLE)
def test_below_evens_the_nearest_thousandth_is_given(american: int):
    odds = american_to_decimal(Decimal(-american))
    assert abs(Fraction(odds) - (1 + Fraction(100, american))) <= HALF_A_THOUSANDTH


@given(st.integers(101, 300))
def test_below_evens_the_way_back_ends_where_it_began(american: int):
    assert decimal_to_american(american_to_decimal(Decimal(-american))) == -american


@given(WHOLE, WHOLE)
def test_the_longer_price_stays_the_longer_one(one: int, other: int):
    shorter, longer = sorted((Decimal(one), Decimal(other)))
    assert american_to_decimal(shorter) <= american_to_decimal(longer)
    assert american_to_decimal(-longer) <= american_to_decimal(-shorter)


@given(st.decimals(min_value="1.001", max_value=1000, places=3))
def test_decimal_odds_come_back_within_what_a_whole_number_can_say(odds: Decimal):
    american = decimal_to_american(odds)
    assert is_american(american)
    again = american_to_decimal(american)
    # Half a point of American odds, and half a thousandth of rounding.
    spacing = Fraction(1, 100) if american > 0 else Fraction(100) / Fraction(abs(american) - 1) ** 2
    assert abs(Fraction(again) - Fraction(odds)) <= spacing / 2 + HALF_A_THOUSANDTH


@given(st.integers(100, 99_900))
def test_what_comes_of_usual_odds_is_odds_of_ours(american: int):
    assert is_odds(american_to_decimal(Decimal(american)))
    assert is_odds(american_to_decimal(Decimal(-american)))


@pytest.mark.parametrize("odds", ["0", "99.99", "-99", "1000001", "NaN", "sNaN", "Infinity"])
def test_what_is_no_american_odds_is_refused(odds: str):
    with pytest.raises(ValueError, match="no American odds"):
        american_to_decimal(Decimal(odds))


@pytest.mark.parametrize("odds", ["1", "0", "-3", "NaN", "-Infinity"])
def test_what_wins_nothing_is_refused(odds: str):
    with pytest.raises(ValueError, match="no decimal odds"):
        decimal_to_american(Decimal(odds))


def test_the_callers_precision_does_not_matter():
    with localcontext() as context:
        context.prec = 2
        assert american_to_decimal(Decimal(-310)) == Decimal("1.323")
        assert decimal_to_american(Decimal("12.345")) == Decimal(1134)
    assert getcontext().prec > 2
