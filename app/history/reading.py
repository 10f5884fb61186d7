"""What a reader gives: results, and what it left out. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from app.errors import AppError
from app.history.result import Result, check_result


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a file held that was not taken in: where it stands, a stable code, and why."""

    place: str
    code: str
    why: str


class UnreadableFile(AppError):
    """A file of results is not in any layout we know."""

    code = "unreadable_history"
    status = 422


Read = Iterator[Result | LeftOut]


class NotTaken(Exception):
    """One row cannot be taken in; becomes a LeftOut at its place."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def checked(found: Iterable[tuple[str, Result | NotTaken]], today: date) -> Read:
    """Yields what can have been played, and for the rest why not."""
    for place, one in found:
        if isinstance(one, NotTaken):
            yield LeftOut(place=place, code=one.code, why=one.why)
            continue
        try:
            check_result(one, today=today)
        except AppError as error:
            yield LeftOut(place=place, code=error.code, why=error.detail)
        else:
            yield one
