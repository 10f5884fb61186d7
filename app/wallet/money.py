"""Money: whole minor units of a currency. Pure, and without a float anywhere."""

import re
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Self

import msgspec

from app.wallet.errors import MalformedMoney, UnknownCurrency

# ISO 4217: how many digits of a currency are minor units.
_TWO_DIGITS = """
AUD BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS INR KES MXN NGN NOK NZD PHP PLN RON SEK SGD THB TRY UAH
USD ZAR
"""
_NO_DIGITS, _THREE_DIGITS = "CLP ISK JPY KRW VND", "BHD KWD TND"
EXPONENTS = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
}
# A thousandth of what a 64-bit sum can hold, so that no total of ours overflows.
AMOUNT_MINOR_MAX = 9_000_000_000_000_000
_AMOUNT = re.compile(r"(\d{1,16})(?:\.(\d{1,3}))?\Z", re.ASCII)


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount of one currency, in its minor units (cents). Amounts are compared within one."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        """Returns the amount as the wire says it: "10.00"."""
        digits = EXPONENTS[self.currency]
        sign, whole = ("-" if self.amount_minor < 0 else ""), abs(self.amount_minor)
        if digits == 0:
            return f"{sign}{whole}"
        return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"

    def __add__(self, other: Self) -> "Money":
        """Returns the sum; the currencies are the same, or it is our mistake."""
        assert self.currency == other.currency, (self.currency, other.currency)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Self) -> "Money":
        """Returns the difference; the currencies are the same, or it is our mistake."""
        assert self.currency == other.currency, (self.currency, other.currency)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def times(self, factor: Decimal | Fraction) -> "Money":
        """Returns the amount times a factor, rounded down to the minor unit: no bet returns a
        fraction that does not exist, and what is promised is what is paid. Exact, however many
        digits the factor has.
        """
        return Money(floor(self.amount_minor * Fraction(factor)), self.currency)


def nothing(currency: str) -> Money:
    """Returns no money of a currency."""
    return Money(0, currency)


def parse_currency(text: str) -> str:
    """Returns an ISO 4217 code we know; raises UnknownCurrency."""
    if text not in EXPONENTS:
        raise UnknownCurrency(f"{text[:20]!r} is no currency of ours.")
    return text


def parse_money(amount: str | int | Decimal, currency: str) -> Money:
    """Returns an amount above zero; raises UnknownCurrency, and MalformedMoney for what is no
    amount of that currency: too many digits, an exponent, a sign, zero, too much.

    A JSON number comes as an int or, with a fraction, as the Decimal of its very digits.
    """
    digits = EXPONENTS[parse_currency(currency)]
    found = _AMOUNT.match(format(amount, "f") if isinstance(amount, Decimal) else str(amount))
    if isinstance(amount, bool) or found is None:
        raise MalformedMoney(f"An amount is written like 10 or {Money(1000, currency)}.")
    whole, fraction = found[1], (found[2] or "")
    if len(fraction.rstrip("0")) > digits:
        raise MalformedMoney(f"{currency} has {digits} decimals.")
    minor = int(whole) * 10**digits + int((fraction + "000")[:digits] or "0")
    if not 0 < minor <= AMOUNT_MINOR_MAX:
        raise MalformedMoney(
            f"An amount is above 0 and at most {Money(AMOUNT_MINOR_MAX, currency)}."
        )
    return Money(minor, currency)
