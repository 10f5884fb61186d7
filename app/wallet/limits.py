"""What users allow themselves: limits on deposits, losses and stakes, and staying away.

Lower takes effect at once, higher (or none) after a day: what somebody decides in the heat of the
moment must not undo what was decided with a cool head. Periods roll: a day is the last 24 hours.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from app.database.engine import Connection, Row
from app.errors import Invalid
from app.sports.ids import UserId
from app.wallet.errors import SelfExcluded, SelfLimitReached
from app.wallet.money import Money

# UK Gambling Commission, RTS 12 (financial limits): an increase takes effect after 24 hours.
RISE_WAITS = timedelta(hours=24)
# A time-out begins at a day; what is meant for ever is the operator's to do.
EXCLUSION_MIN = timedelta(hours=24)
EXCLUSION_MAX = timedelta(days=5 * 366)


class LimitKind(StrEnum):
    """What is limited."""

    DEPOSIT = "deposit"
    LOSS = "loss"
    STAKE = "stake"


class Period(StrEnum):
    """How long what was used counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


LENGTHS: Mapping[Period, timedelta] = {
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(days=7),
    Period.MONTH: timedelta(days=30),
}

_LIMITS = """
SELECT kind, period, currency, next_from,
       CASE WHEN next_from <= $2 THEN next_amount ELSE amount END AS amount,
       CASE WHEN next_from > $2 THEN next_amount END AS next_amount,
       next_from > $2 AS is_rising
FROM user_limits WHERE user_id = $1 ORDER BY kind, period, currency
"""
_SET = """
INSERT INTO user_limits (user_id, kind, period, currency, amount, next_amount, next_from)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (user_id, kind, period, currency) DO UPDATE
SET amount = excluded.amount, next_amount = excluded.next_amount, next_from = excluded.next_from,
    changed_at = now()
"""
# Others of the same user wait here, so that two at once cannot both fit under one limit.
_LOCK = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE"
_EXCLUDED = "SELECT until FROM self_exclusions WHERE user_id = $1 AND until > $2"
_EXCLUDE = """
INSERT INTO self_exclusions (user_id, until) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE
SET until = greatest(self_exclusions.until, excluded.until), set_at = now()
RETURNING until
"""
_USED = {
    LimitKind.DEPOSIT: """
        SELECT coalesce(sum(amount), 0)::bigint FROM payments
        WHERE user_id = $1 AND currency = $2 AND created_at > $3
          AND direction = 'deposit' AND status IN ('pending', 'completed')
    """,
    LimitKind.STAKE: """
        SELECT coalesce(sum(CASE WHEN target = 'held' THEN amount ELSE -amount END), 0)::bigint
        FROM transfers
        WHERE user_id = $1 AND currency = $2 AND created_at > $3
          AND kind IN ('stake', 'stake_released')
    """,
    # What went to the house less what came back, and what is still at stake: it may be lost too.
    LimitKind.LOSS: """
        SELECT greatest(0, coalesce(sum(
                   CASE WHEN target = 'house' THEN amount WHEN source = 'house' THEN -amount END
               ), 0))::bigint
               + coalesce((
                   SELECT balance FROM accounts
                   WHERE user_id = $1 AND currency = $2 AND kind = 'held'
               ), 0)
        FROM transfers
        WHERE user_id = $1 AND currency = $2 AND created_at > $3 AND reference LIKE 'bet:%'
    """,
}


class UserLimit(msgspec.Struct, frozen=True, kw_only=True):
    """One limit as it stands: `amount` None, no limit now; `next_amount` is in force from
    `next_from` on (None then: no limit any more).
    """

    kind: LimitKind
    period: Period
    currency: str
    amount: Money | None
    next_amount: Money | None = None
    next_from: datetime | None = None


async def limits_of(connection: Connection, user_id: UserId, now: datetime) -> list[UserLimit]:
    """Returns the limits a user set, those that have ended left out."""
    rows = await connection.fetch(_LIMITS, user_id, now)
    found = [_limit(row) for row in rows]
    return [limit for limit in found if limit.amount is not None or limit.next_from is not None]


async def set_limit(
    connection: Connection, user_id: UserId, wish: UserLimit, now: datetime
) -> UserLimit:
    """Sets a limit to `wish.amount` (None: takes it away); returns it as it now stands.

    A lower one holds at once, a higher one or none a day from now. Within the caller's transaction.
    """
    await connection.execute(_LOCK, user_id)
    held = {(x.kind, x.period, x.currency): x for x in await limits_of(connection, user_id, now)}
    current = held.get((wish.kind, wish.period, wish.currency))
    in_force = current.amount if current is not None else None
    lower = wish.amount is not None and (in_force is None or wish.amount <= in_force)
    if lower or in_force is None:
        stands = msgspec.structs.replace(wish, next_amount=None, next_from=None)
    else:
        stands = msgspec.structs.replace(
            wish, amount=in_force, next_amount=wish.amount, next_from=now + RISE_WAITS
        )
    await connection.execute(
        _SET,
        user_id,
        wish.kind.value,
        wish.period.value,
        wish.currency,
        _minor(stands.amount),
        _minor(stands.next_amount),
        stands.next_from,
    )
    return stands


async def exclude(
    connection: Connection, user_id: UserId, until: datetime, now: datetime
) -> datetime:
    """Keeps a user from betting and paying in until a time; returns when it ends.

    It is never made shorter. Raises Invalid for less than a day or more than five years.
    """
    if not EXCLUSION_MIN <= until - now <= EXCLUSION_MAX:
        raise Invalid("A self-exclusion lasts from 24 hours to five years.")
    await connection.execute(_LOCK, user_id)
    ends: datetime = await connection.fetchval(_EXCLUDE, user_id, until)
    return ends


async def excluded_until(connection: Connection, user_id: UserId, now: datetime) -> datetime | None:
    """Returns until when a user stays away, None for one who does not."""
    until: datetime | None = await connection.fetchval(_EXCLUDED, user_id, now)
    return until


async def check_allowed(
    connection: Connection,
    user_id: UserId,
    amount: Money,
    *,
    kinds: Sequence[LimitKind],
    now: datetime,
) -> None:
    """Raises SelfExcluded, or SelfLimitReached when `amount` more would go over a limit of these
    kinds. To be called before what it allows is written, in the same transaction.
    """
    until = await excluded_until(connection, user_id, now)
    if until is not None:
        raise SelfExcluded(f"You excluded yourself until {until:%Y-%m-%d %H:%M} UTC.")
    limits = [
        limit
        for limit in await limits_of(connection, user_id, now)
        if limit.kind in kinds and limit.currency == amount.currency and limit.amount is not None
    ]
    if not limits:
        return
    await connection.execute(_LOCK, user_id)
    for limit in limits:
        await _check_limit(connection, user_id, amount, limit=limit, now=now)


async def _check_limit(
    connection: Connection, user_id: UserId, amount: Money, *, limit: UserLimit, now: datetime
) -> None:
    since = now - LENGTHS[limit.period]
    used: int = await connection.fetchval(_USED[limit.kind], user_id, limit.currency, since)
    allowed = limit.amount
    assert allowed is not None, limit
    if used + amount.amount_minor > allowed.amount_minor:
        left = Money(max(0, allowed.amount_minor - used), limit.currency)
        raise SelfLimitReached(
            f"Your {limit.kind} limit of {allowed} {limit.currency} a {limit.period}"
            f" leaves {left} {limit.currency}."
        )


def _limit(row: Row) -> UserLimit:
    currency = row["currency"]
    rising = row["is_rising"]
    return UserLimit(
        kind=LimitKind(row["kind"]),
        period=Period(row["period"]),
        currency=currency,
        amount=_money(row["amount"], currency),
        next_amount=_money(row["next_amount"], currency),
        next_from=row["next_from"] if rising else None,
    )


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.amount_minor
