"""Amounts: whole minor units, exact, and never a float. Pure."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wallet.errors import MalformedMoney, UnknownCurrency
from app.wallet.money import AMOUNT_MINOR_MAX, EXPONENTS, Money, parse_money


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10.00", "EUR", 1000),
        ("10", "EUR", 1000),
        (10, "EUR", 1000),
        (Decimal("0.01"), "EUR", 1),
        (Decimal("1E+2"), "EUR", 10_000),
        ("10.500", "EUR", 1050),
        ("1.234", "KWD", 1234),
        ("100", "JPY", 100),
        ("100.0", "JPY", 100),
    ],
)
def test_an_amount_is_read_to_the_minor_unit(amount: str, currency: str, minor: int):
    assert parse_money(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "amount",
    [
        *("", "0", "0.00", "-1", "+1", "1e3", "1,00", " 1", "1 ", ".5", "1.", "0.001", "NaN"),
        *("Infinity", "٣", "1" * 17, "1.2345", True, Decimal("NaN"), Decimal(-3)),
        AMOUNT_MINOR_MAX,
    ],
)
def test_what_is_no_amount_is_refused(amount: str):
    with pytest.raises(MalformedMoney):
        parse_money(amount, "EUR")


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "ABC", "€"])
def test_a_currency_is_one_we_know(currency: str):
    with pytest.raises(UnknownCurrency):
        parse_money("1", currency)


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_printed_reads_the_same(minor: int, currency: str):
    money = Money(minor, currency)
    assert parse_money(str(money), currency) == money
    assert str(Money(-minor, currency)) == f"-{money}"


@given(st.integers(0, 10**12), st.integers(1_001, 1_000_000))
def test_a_product_is_rounded_down_by_less_than_one(minor: int, thousandths: int):
    product = Money(minor, "EUR").times(Decimal(thousandths) / 1000).amount_minor
    assert 0 <= minor * thousandths - product * 1000 < 1000
