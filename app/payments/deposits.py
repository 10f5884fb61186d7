"""Deposits: play money at once, real money when the payment hook says that it has come."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import AppError
from app.payments import payments
from app.payments.payments import Direction, Payment, PaymentStatus, Verdict, Wish
from app.sports.ids import UserId
from app.stream import user_log
from app.wallet.ledger import post, retrying
from app.wallet.limits import LimitKind, check_allowed
from app.wallet.money import Money, parse_money
from app.wallet.moves import Holder, Move
from app.wallet.read import balance_of

_A_DAY = timedelta(days=1)
_OF_A_DAY = """
SELECT coalesce(sum(amount), 0)::bigint FROM payments
WHERE user_id = $1 AND currency = $2 AND direction = 'deposit' AND created_at > $3
  AND status IN ('pending', 'completed')
"""


class DepositTooLarge(AppError):
    """More than may be paid in within 24 hours; the detail says how much is left."""

    code = "deposit_too_large"
    status = 422


class DepositRules(msgspec.Struct, frozen=True, kw_only=True):
    """How deposits go: with play money they are completed at once; a user may pay in so much of a
    currency within 24 hours (units of the currency, not minor ones).
    """

    play_money: bool
    per_day_max: Decimal


async def deposit(
    pool: Pool,
    user_id: UserId,
    amount: Money,
    request_id: str,
    *,
    rules: DepositRules,
    now: datetime,
) -> Payment:
    """Takes a deposit; the same request again returns the same payment.

    Raises IdempotencyKeyReused, SelfExcluded, SelfLimitReached, DepositTooLarge.
    """
    wish = Wish(user_id=user_id, direction=Direction.DEPOSIT, amount=amount, request_id=request_id)

    async def deed() -> Payment:
        async with engine.connection(pool) as connection, connection.transaction():
            before = await payments.asked_before(connection, wish)
            if before is not None:
                return before
            await check_allowed(connection, user_id, amount, kinds=[LimitKind.DEPOSIT], now=now)
            await _check_day(connection, user_id, amount, rules=rules, now=now)
            asked = await payments.ask(connection, wish)
            if asked is None:  # Another request of this id came first and is committed by now.
                other = await payments.asked_before(connection, wish)
                assert other is not None, request_id
                return other
            if not rules.play_money:
                return asked
            return await complete(connection, asked, Verdict(status=PaymentStatus.COMPLETED))

    paid = await retrying(deed)
    await user_log.nudge(pool, [user_id])
    return paid


async def complete(connection: Connection, payment: Payment, verdict: Verdict) -> Payment:
    """Credits a pending deposit, which the caller has locked or just made; debts go first."""
    decided = await payments.decide(connection, payment, verdict)
    await payments.move(connection, payment, Holder.DEPOSITS, Holder.AVAILABLE)
    await collect(connection, payment.user_id, payment.amount.currency, payment.id)
    await payments.tell(connection, payment)
    return decided


async def collect(connection: Connection, user_id: UserId, currency: str, payment_id: int) -> None:
    """Takes what a user owes out of what is available, as far as it goes."""
    balance = await balance_of(connection, user_id, currency)
    due = min(-balance.owed.amount_minor, balance.available.amount_minor)
    if due > 0:
        move = Move(
            key=f"payment:{payment_id}:owed",
            kind="debt_collected",
            user_id=user_id,
            source=Holder.AVAILABLE,
            target=Holder.OWED,
            amount=Money(due, currency),
            reference=f"payment:{payment_id}",
        )
        await post(connection, [move])


async def _check_day(
    connection: Connection, user_id: UserId, amount: Money, *, rules: DepositRules, now: datetime
) -> None:
    used: int = await connection.fetchval(_OF_A_DAY, user_id, amount.currency, now - _A_DAY)
    allowed = parse_money(rules.per_day_max, amount.currency)
    if used + amount.amount_minor > allowed.amount_minor:
        left = Money(max(0, allowed.amount_minor - used), amount.currency)
        raise DepositTooLarge(
            f"{allowed} {amount.currency} may be paid in within 24 hours; {left} are left."
        )
