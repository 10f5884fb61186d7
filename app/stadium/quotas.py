"""What may still be asked: counted by day, minute and month of the clock, as providers do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

WindowName = Literal["second", "minute", "day", "month"]
# What is counted of past windows is of no use; a key a window, and few of both.
COUNTS_MAX = 10_000


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a provider one key may ask in one window."""

    window: WindowName
    most: Annotated[int, Meta(ge=1, le=10**9)]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a limit, and when it is renewed."""

    window: WindowName
    most: int
    used: int
    renewed_in_s: float

    @property
    def remaining(self) -> int:
        """Returns how much may still be asked; never less than nothing."""
        return max(self.most - self.used, 0)


class Spent(Exception):
    """A limit is used up; `left` says which."""

    def __init__(self, left: Left) -> None:
        super().__init__(f"{left.most} a {left.window} are used up")
        self.left = left


class Quotas:
    """Counts what is asked of one provider with each key.

    `refused` is how often more was asked than is allowed, `least_left` the least that was ever left
    of each window.
    """

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = tuple(limits)
        self._used: dict[tuple[str, WindowName, datetime], int] = {}
        self.refused = 0
        self.least_left: dict[WindowName, int] = {}

    def take(self, key: str, now: datetime, *, cost: int = 1) -> dict[WindowName, Left]:
        """Takes from every window and returns what is left; raises Spent and takes nothing.

        A limit by the second is one of how often may be asked, whatever it costs.
        """
        costs = [(limit, 1 if limit.window == "second" else cost) for limit in self._limits]
        for limit, costing in costs:
            left = self._left(limit, key, now)
            if left.used + costing > left.most:
                self.refused += 1
                raise Spent(left)
        for limit, costing in costs:
            place = (key, limit.window, begin_of(limit.window, now))
            self._forget_past(now)
            self._used[place] = self._used.get(place, 0) + costing
        left_now = self.left(key, now)
        for window, one in left_now.items():
            self.least_left[window] = min(one.remaining, self.least_left.get(window, one.most))
        return left_now

    def left(self, key: str, now: datetime) -> dict[WindowName, Left]:
        """Returns what is left in every window."""
        return {limit.window: self._left(limit, key, now) for limit in self._limits}

    def lower(self, key: str, now: datetime, *, left: int) -> None:
        """Uses up the longest window but for `left`; never gives anything back."""
        if not self._limits:
            return
        longest = max(self._limits, key=lambda limit: _LENGTHS[limit.window])
        place = (key, longest.window, begin_of(longest.window, now))
        self._used[place] = max(self._used.get(place, 0), longest.most - left)

    def _left(self, limit: Limit, key: str, now: datetime) -> Left:
        begun = begin_of(limit.window, now)
        used = self._used.get((key, limit.window, begun), 0)
        ends = begun + _LENGTHS[limit.window]
        return Left(
            window=limit.window,
            most=limit.most,
            used=used,
            renewed_in_s=max((ends - now).total_seconds(), 0.0),
        )

    def _forget_past(self, now: datetime) -> None:
        if len(self._used) < COUNTS_MAX:
            return
        self._used = {
            place: used for place, used in self._used.items() if place[2] == begin_of(place[1], now)
        }


def begin_of(window: WindowName, now: datetime) -> datetime:
    """Returns when a window began: windows follow the clock in UTC."""
    match window:
        case "second":
            return now.replace(microsecond=0)
        case "minute":
            return now.replace(second=0, microsecond=0)
        case "day":
            return now.replace(hour=0, minute=0, second=0, microsecond=0)
        case "month":
            return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


# A month's length matters only to the order of windows and to the last of its days.
_LENGTHS: Mapping[WindowName, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
    "month": timedelta(days=31),
}
