"""Quotas of a day and a month: how much of them is used, who is told, who has to wait.

The books of use are in Postgres (`usage`). A process learns what a user has used, over all
processes, whenever it has written what the user did there, so for a second after a quota is used
up requests may still be let in. Days and months are those of UTC.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from app import metrics
from app.access.mail import Mail
from app.access.principal import Principal
from app.access.tiers import Allowance, Tier
from app.database.engine import Connection
from app.errors import AppError

# Of a quota, when its user is told.
TOLD_AT_PERCENT = (80, 100)
# Users of whom it is known what they used, 200 bytes each.
KNOWN_MAX = 50_000

_USED = """
SELECT user_id, coalesce(sum(units) FILTER (WHERE day = $2), 0)::bigint AS day,
    sum(units)::bigint AS month
FROM usage WHERE user_id = ANY($1::bigint[]) AND day BETWEEN date_trunc('month', $2)::date AND $2
GROUP BY user_id
"""
# Whoever writes the row tells the user.
_TELL = """
INSERT INTO usage_alerts (user_id, period, starts_on, percent)
SELECT id, $2, $3, $4 FROM users WHERE id = $1
ON CONFLICT DO NOTHING
RETURNING (SELECT email FROM users WHERE id = $1)
"""


class QuotaExhausted(AppError):
    """The quota of the day or the month is used up; it begins anew after the named seconds."""

    code = "quota_exhausted"
    status = 429


class Period(StrEnum):
    """What a quota is of."""

    DAY = "day"
    MONTH = "month"


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """Units a user has used on a day, and in its month until then."""

    on: date
    day: int
    month: int


class Quotas:
    """What users of tiers with a quota have used; one a process. `post` sends a mail."""

    def __init__(self, tiers: Mapping[Tier, Allowance], post: Callable[[Mail], None]) -> None:
        self._tiers = tiers
        self._post = post
        self._used: OrderedDict[int, Used] = OrderedDict()
        self._told: set[tuple[int, Period, int]] = set()
        self._today = datetime.now(UTC).date()

    def has_quota(self, tier: Tier) -> bool:
        """Says whether what users of the tier do is to be looked at."""
        return self._tiers[tier].has_quota

    def check(self, principal: Principal, allowance: Allowance) -> QuotaExhausted | None:
        """Returns what refuses a caller whose quota is used up, as far as is known here."""
        used = self._used.get(principal.user_id or 0) if allowance.has_quota else None
        if used is None:
            return None
        now = datetime.now(UTC)
        left = left_of(used, allowance, now.date())
        over = [period for period, units in left.items() if units <= 0]
        if not over:
            return None
        ends = max(starts_of(period, now.date())[1] for period in over)
        midnight = datetime(ends.year, ends.month, ends.day, tzinfo=UTC)
        return QuotaExhausted(retry_after_s=max(1, math.ceil((midnight - now).total_seconds())))

    async def look(self, connection: Connection, users: Mapping[int, Tier]) -> None:
        """Reads what users have used, and tells those of whom it is time."""
        today = datetime.fromtimestamp(time.time(), UTC).date()
        if today != self._today:
            self._today = today
            self._told.clear()
        for row in await connection.fetch(_USED, list(users), today):
            used = Used(on=today, day=row["day"], month=row["month"])
            user_id: int = row["user_id"]
            self._used[user_id] = used
            self._used.move_to_end(user_id)
            await self._tell(connection, user_id, used, self._tiers[users[user_id]])
        while len(self._used) > KNOWN_MAX:
            self._used.popitem(last=False)

    async def _tell(
        self, connection: Connection, user_id: int, used: Used, allowance: Allowance
    ) -> None:
        for period, units, quota in (
            (Period.DAY, used.day, allowance.units_per_day),
            (Period.MONTH, used.month, allowance.units_per_month),
        ):
            reached = [at for at in TOLD_AT_PERCENT if quota and units * 100 >= quota * at]
            for percent in reached:
                if (user_id, period, percent) in self._told:
                    continue
                starts_on, _ = starts_of(period, used.on)
                told: list[Any] = [user_id, period.value, starts_on, percent]
                email: str | None = await connection.fetchval(_TELL, *told)
                self._told.add((user_id, period, percent))
                # One mail says it all when several are reached at once.
                if email is not None and percent == reached[-1]:
                    metrics.usage_alerts.labels(str(percent)).inc()
                    self._post(usage_alert(email, period, percent, quota=quota))


def left_of(used: Used, allowance: Allowance, today: date) -> Mapping[Period, int]:
    """Returns the units that are left of each quota a tier has; what was used on an earlier day, or
    in an earlier month, does not count any more.
    """
    left: dict[Period, int] = {}
    if allowance.units_per_day:
        day = used.day if used.on == today else 0
        left[Period.DAY] = max(0, allowance.units_per_day - day)
    if allowance.units_per_month:
        same = (used.on.year, used.on.month) == (today.year, today.month)
        left[Period.MONTH] = max(0, allowance.units_per_month - (used.month if same else 0))
    return left


def starts_of(period: Period, day: date) -> tuple[date, date]:
    """Returns the first day of the period a day is in, and of the next one."""
    if period is Period.DAY:
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


async def used_by(connection: Connection, user_id: int, today: date) -> Used:
    """Returns what a user has used, as Postgres has it."""
    rows = await connection.fetch(_USED, [user_id], today)
    if not rows:
        return Used(on=today, day=0, month=0)
    return Used(on=today, day=rows[0]["day"], month=rows[0]["month"])


def usage_alert(to: str, period: Period, percent: int, *, quota: int) -> Mail:
    """Returns the mail that tells how much of a quota is used."""
    then = (
        "Further requests are refused until it begins anew."
        if percent >= 100
        else "When all of it is used, requests are refused until it begins anew."
    )
    return Mail(
        kind="usage_alert",
        to=to,
        subject=f"{percent} % of your quota of the {period.value} is used",
        text=(
            f"Your account has used {percent} % of the {quota:,} units it may use a"
            f" {period.value} (UTC). {then}"
        ),
    )
