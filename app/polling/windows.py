"""One quota of one provider: what was taken, what the provider says, when it is renewed. Pure.

A day and a month are renewed at midnight UTC, and on the first, unless the provider says when. A
minute slides: in no 60 seconds, wherever they begin, is more taken than the limit.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from app.providers.provider import ToldQuota, Window

# A second counts until it is wholly past; one more for the time between our clock and theirs.
MINUTE_S = 62
# What may be under way at once, answers of which are overtaken by others: a higher word of the
# provider is only believed when this cannot explain it, and it must have renewed the quota.
UNDER_WAY_MAX = 50
# So long after a renewal an answer may still speak of the window before.
RENEWAL_GRACE = timedelta(seconds=30)
# A limit beyond Postgres' integers is none.
LIMIT_MAX = 2_000_000_000


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What we allow ourselves of one window."""

    window: Window
    limit: int


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """One window. `configured` is our own limit, `limit` the lower of it and the provider's.

    `told_remaining` is the provider's word less what was taken since. `recent` holds pairs of a
    second (since 1970) and what was taken in it, for minutes only.
    """

    window: Window
    configured: int | None
    limit: int
    resets_at: datetime
    used: int = 0
    told_remaining: int | None = None
    recent: tuple[tuple[int, int], ...] = ()


def begun(window: Window, limit: int, now: datetime, *, configured: int | None) -> Spending:
    """Returns a window nothing was taken from."""
    return Spending(
        window=window, configured=configured, limit=limit, resets_at=next_reset(window, now)
    )


def next_reset(window: Window, now: datetime) -> datetime:
    """Returns when a window is renewed by the calendar."""
    if window is Window.MINUTE:
        return now + timedelta(seconds=60)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    if window is Window.DAY:
        return midnight + timedelta(days=1)
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


def renewed(spending: Spending, now: datetime) -> Spending:
    """Returns the window as it is now: begun anew when its time is over, the minute moved on."""
    if now >= spending.resets_at:
        spending = replace(
            spending, used=0, told_remaining=None, resets_at=next_reset(spending.window, now)
        )
    if spending.window is not Window.MINUTE:
        return spending
    since = int(now.timestamp()) - MINUTE_S
    recent = tuple((second, taken) for second, taken in spending.recent if second > since)
    return replace(spending, recent=recent, used=sum(taken for _, taken in recent))


def remaining_of(spending: Spending) -> int:
    """Returns what is left of a window that is up to date: the lower of our word and theirs."""
    ours = spending.limit - spending.used
    theirs = ours if spending.told_remaining is None else spending.told_remaining
    return max(0, min(ours, theirs))


def wait_s_of(spending: Spending, cost: int, now: datetime) -> float:
    """Returns for how long so much cannot be taken of a window that is up to date; 0: it can."""
    if cost <= remaining_of(spending):
        return 0.0
    until_reset = max(1.0, (spending.resets_at - now).total_seconds())
    told = spending.told_remaining
    if spending.window is not Window.MINUTE or (told is not None and told < cost):
        return until_reset
    over = spending.used + cost - spending.limit
    for second, taken in spending.recent:
        over -= taken
        if over <= 0:
            return max(1.0, second + MINUTE_S - now.timestamp())
    return until_reset


def taken(spending: Spending, cost: int, now: datetime) -> Spending:
    """Returns a window from which so much was taken."""
    told = spending.told_remaining
    recent = spending.recent
    if spending.window is Window.MINUTE:
        second = int(now.timestamp())
        last = recent[-1][1] if recent and recent[-1][0] >= second else None
        grown = (*recent[:-1], (recent[-1][0], last + cost)) if last is not None else None
        recent = grown or (*recent, (second, cost))
    return replace(
        spending,
        used=spending.used + cost,
        told_remaining=None if told is None else max(0, told - cost),
        recent=recent,
    )


def heard(spending: Spending, said: ToldQuota, now: datetime) -> Spending:
    """Returns a window of which the provider spoke; its word counts where it is lower."""
    limit = max(0, min(said.limit, LIMIT_MAX, spending.configured or LIMIT_MAX))
    told = max(0, said.remaining)
    length = next_reset(spending.window, now) - now
    if spending.window is not Window.MINUTE:
        day = spending.window is Window.DAY
        length = timedelta(days=1 if day else 31)
        fresh = now - (spending.resets_at - length) < RENEWAL_GRACE
        if fresh and told < limit - spending.used - UNDER_WAY_MAX:
            # It speaks of the window before; were it believed, nothing would be asked until the
            # next renewal.
            return replace(spending, limit=limit)
    before = spending.told_remaining
    if before is not None and before < told <= before + UNDER_WAY_MAX:
        told = before
    resets_at = spending.resets_at
    if said.resets_in_s is not None and said.resets_in_s >= 0:
        resets_at = now + min(timedelta(seconds=said.resets_in_s), length)
    elif spending.window is Window.MINUTE:
        resets_at = now + length
    return replace(spending, limit=limit, told_remaining=told, resets_at=resets_at)


def limits_in(text: str) -> dict[str, tuple[Limit, ...]]:
    """Reads `api-football:day=7500,api-football:minute=300`; the limits of each provider.

    The setting's pattern holds the text to this form.
    """
    found: dict[str, list[Limit]] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        provider, _, rest = word.partition(":")
        window, _, limit = rest.partition("=")
        found.setdefault(provider, []).append(Limit(window=Window(window), limit=int(limit)))
    return {provider: tuple(limits) for provider, limits in found.items()}


def longest_wait(spendings: Sequence[Spending], cost: int, now: datetime) -> float:
    """Returns for how long so much cannot be taken of all these windows at once."""
    return max((wait_s_of(one, cost, now) for one in spendings), default=0.0)
