"""What is left of a quota, spread over what is still to come. Pure.

Polls as often as wished cost so much until the quota is renewed. While that fits, nothing changes.
When it does not, the lowest `Rank` is stretched first, up to `STRETCH_MAX`, then the next, and so
on; what still does not fit is stretched all alike. A reserve is left out of the plan: once nothing
else is left, only what is watched and in play is asked for, spread over the reserve. So the quota
lasts until it is renewed, whatever happens before.

The plan is made anew every moment from what is really left, so a wrong guess of what is to come
corrects itself; that the quota is never exceeded does not rest on it (`app/polling/quotas.py`).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from app.polling.schedule import INTERVAL_MS_MAX, Pace, Phase, Rank, Task, interval_of, shown
from app.providers.provider import Scope, Window

# Of the limit: kept for surprises, as operators of collectors do who stop at a tenth.
RESERVE = 0.1
# How far one rank is stretched before the next one gives way: fixtures every ten minutes become
# every two hours, scores nobody watches every 20 s become every four minutes.
STRETCH_MAX = 12.0
# Fixtures are known for about a day ahead; what is left of a month is shared out by days.
HORIZON_S = 86_400.0
# Steps of the bisection: the stretch is found to a thousandth.
_STEPS = 14
_ALL = tuple(Rank)
UNSTRETCHED: Mapping[Rank, float] = dict.fromkeys(Rank, 1.0)
_IN_PLAY = (Phase.LIVE, Phase.BREAK)


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one window of one provider."""

    window: Window
    limit: int
    remaining: int
    resets_in_s: float
    resets_at: datetime


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """How many matches of a task are expected to be in play, span after span from now on."""

    span_s: float = 3_600.0
    on: tuple[int, ...] = ()

    def within(self, horizon_s: float) -> tuple[float, float]:
        """Returns for how long anything is on, and the same summed over matches, in seconds."""
        busy = together = left = 0.0
        for n, count in enumerate(self.on):
            left = min(self.span_s, horizon_s - n * self.span_s)
            if left <= 0:
                break
            busy += left if count else 0.0
            together += left * count
        return busy, together


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One task as the budget sees it.

    `paces` are of now; `later` is the pace of the rest of the time: in play for a task that has
    nothing in play now, else of quiet hours.
    """

    task: Task
    paces: tuple[Pace, ...]
    later: Pace | None = None
    outlook: Outlook = Outlook()


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """By how much each rank is slowed down, and for which quota."""

    times: Mapping[Rank, float]
    quota: Mapping[Rank, Quota]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A task's interval and, in words, why. None: not before its quota is renewed."""

    interval_ms: int | None
    because: str


class _Spent:
    """What one task costs over a horizon, as a function of the stretch of each rank."""

    def __init__(self, asked: Asked, horizon_s: float) -> None:
        busy_s, together_s = asked.outlook.within(horizon_s)
        in_play = any(p.cell is not None and p.cell.phase in _IN_PLAY for p in asked.paces)
        # What is in play now goes on for what was expected of it, and for this moment at least.
        on_s = max(busy_s, min(horizon_s, asked.outlook.span_s)) if in_play else busy_s
        self._now_s = on_s if in_play else horizon_s - on_s
        if asked.later is None:
            self._now_s = horizon_s
        self._later_s = horizon_s - self._now_s
        self._task, self._paces = asked.task, asked.paces
        self._later = () if asked.later is None else (asked.later,)
        is_scores = asked.task.scope is Scope.SCORES
        if asked.later is not None and not in_play and busy_s and is_scores:
            self._later = (replace(asked.later, matches=math.ceil(together_s / busy_s)),)

    def cost(self, stretch: Mapping[Rank, float]) -> float:
        """Returns the requests, weighed by their cost."""
        now = self._now_s / interval_of(self._task, self._paces, stretch)
        later = self._later_s / interval_of(self._task, self._later, stretch)
        return self._task.cost * 1000 * (now + later)


def stretched(
    asked: Sequence[Asked], quotas: Sequence[Quota], *, horizon_s: float = HORIZON_S
) -> Stretch:
    """Returns how one provider's tasks are to be slowed down so that every quota lasts.

    `horizon_s` is how far ahead matches are known; of what is left beyond it, its share is planned.
    """
    times = dict.fromkeys(Rank, 1.0)
    bound: dict[Rank, Quota] = {}
    for quota in quotas:
        for rank, found in _stretch_for(asked, quota, horizon_s).items():
            if found > times[rank]:
                times[rank] = found
                bound[rank] = quota
    return Stretch(times=times, quota=bound)


def _stretch_for(asked: Sequence[Asked], quota: Quota, known_s: float) -> Mapping[Rank, float]:
    if quota.window is Window.MINUTE:
        # It is renewed before the plan could react: its limit is a speed, not a store.
        horizon_s, left, share = 60.0, quota.limit, 1.0
    else:
        horizon_s = min(max(quota.resets_in_s, 1.0), known_s)
        left, share = quota.remaining, horizon_s / max(quota.resets_in_s, 1.0)
    spent = [_Spent(one, horizon_s) for one in asked]
    planned = max(0.0, left - RESERVE * quota.limit) * share
    found = _solve(spent, _ALL, planned)
    # Half of what is left, again and again, is never all of it.
    reserve = _solve(spent, (Rank.WATCHED_LIVE,), max(0, left) / 2 * share)
    last = min(found[Rank.WATCHED_LIVE], reserve[Rank.WATCHED_LIVE])
    return {**found, Rank.WATCHED_LIVE: last}


def _solve(spent: Sequence[_Spent], ranks: Sequence[Rank], budget: float) -> dict[Rank, float]:
    """Returns the least stretch of these ranks with which the cost fits; others cost nothing."""
    stretch = {rank: 1.0 if rank in ranks else math.inf for rank in Rank}

    def cost(some: Mapping[Rank, float]) -> float:
        return sum(one.cost(some) for one in spent)

    if cost(stretch) <= budget:
        return stretch
    if budget <= 0:
        return dict.fromkeys(Rank, math.inf)
    for rank in ranks:
        furthest = {**stretch, rank: STRETCH_MAX}
        if cost(furthest) > budget:
            stretch = furthest
            continue
        low, high = 1.0, STRETCH_MAX
        for _ in range(_STEPS):
            middle = (low + high) / 2
            fits = cost({**stretch, rank: middle}) <= budget
            low, high = (low, middle) if fits else (middle, high)
        return {**stretch, rank: high}
    beyond = cost(stretch) / budget
    return {rank: times * beyond for rank, times in stretch.items()}


def decide(task: Task, paces: Sequence[Pace], stretch: Stretch) -> Decision:
    """Returns the interval of a task that has paces, and the sentence that explains it."""
    interval = interval_of(task, paces, stretch.times)
    first = min(paces, key=lambda pace: (pace.wish_ms * stretch.times[pace.rank], pace.wish_ms))
    wished = interval_of(task, paces, UNSTRETCHED)
    told = f"{first.why}: {shown(first.wish_ms)}"
    if wished < first.wish_ms:
        named = sum(pace.matches for pace in paces)
        told = f"{told} each, {named} matches by {task.matches_max}: {shown(wished)}"
    quota = stretch.quota.get(first.rank)
    if quota is None:
        return Decision(interval_ms=max(1, round(interval)), because=told)
    left = f"{told}; quota {quota.remaining} of {quota.limit} until {until(quota)}"
    if quota.window is Window.MINUTE:
        left = f"{told}; quota {quota.limit} a minute"
    if interval > INTERVAL_MS_MAX:
        return Decision(interval_ms=None, because=f"{left}: kept for what is watched live")
    rounded = rounded_up(interval)
    return Decision(interval_ms=rounded, because=f"{left}: {shown(rounded)}")


def until(quota: Quota) -> str:
    """Returns when a quota is renewed: 00:00 UTC, or with its day when that is not the next."""
    at = f"{quota.resets_at:%H:%M} UTC"
    return at if quota.resets_in_s <= HORIZON_S else f"{quota.resets_at:%Y-%m-%d} {at}"


def rounded_up(interval_ms: float) -> int:
    """Returns an interval to two digits, rounded up: a plan that is not new every moment.

    A thousandth above is not more: the stretch is found no closer.
    """
    whole = math.ceil(interval_ms * 0.999)
    step = 10 ** max(0, len(str(whole)) - 2)
    return min(-(-whole // step) * step, INTERVAL_MS_MAX)
