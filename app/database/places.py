"""Place: where a reader is in a match's log, and the token that names it to clients."""

import re
from datetime import UTC, datetime

import msgspec

from app.errors import AppError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# seq and microseconds, both in base 36: "2s-1kq3x9c0a1b".
_TOKEN = re.compile(r"([0-9a-z]{1,13})-([0-9a-z]{1,13})\Z")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
NUMBER_MAX = 2**63 - 1


class MalformedResume(AppError):
    """This resume token was not made by us."""

    code = "malformed_resume"
    status = 400


class Place(msgspec.Struct, frozen=True):
    """A place in a match's log: the seq, and in microseconds since 1970 the entry's `at`."""

    seq: int
    at_us: int

    def token(self) -> str:
        """Returns the place as clients keep it; opaque to them."""
        return f"{_base36(self.seq)}-{_base36(self.at_us)}"


def parse_token(text: str) -> Place:
    """Returns the place behind a resume token; raises MalformedResume."""
    found = _TOKEN.match(text)
    if found is None:
        raise MalformedResume
    seq, at_us = int(found[1], 36), int(found[2], 36)
    if seq > NUMBER_MAX or at_us > NUMBER_MAX:
        raise MalformedResume
    return Place(seq, at_us)


def microseconds(at: datetime) -> int:
    """Returns a moment as whole microseconds since 1970, exactly."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at_us: int) -> datetime:
    """Returns the moment behind microseconds since 1970."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"
