"""Withdrawals: set aside when asked for, gone when approved, back when not."""

from app.database import engine
from app.database.engine import Connection, Pool
from app.payments import payments
from app.payments.deposits import collect
from app.payments.payments import (
    Direction,
    Payment,
    PaymentDecided,
    PaymentStatus,
    Verdict,
    Wish,
)
from app.sports.ids import UserId
from app.stream import user_log
from app.wallet.ledger import retrying
from app.wallet.money import Money
from app.wallet.moves import Holder


async def withdraw(pool: Pool, user_id: UserId, amount: Money, request_id: str) -> Payment:
    """Sets money aside that is to go out; the same request again returns the same payment.

    Raises IdempotencyKeyReused, InsufficientFunds. Who excluded himself may always take out.
    """
    wish = Wish(
        user_id=user_id, direction=Direction.WITHDRAWAL, amount=amount, request_id=request_id
    )

    async def deed() -> Payment:
        async with engine.connection(pool) as connection, connection.transaction():
            asked = await payments.ask(connection, wish)
            if asked is None:
                before = await payments.asked_before(connection, wish)
                assert before is not None, request_id
                return before
            await payments.move(connection, asked, Holder.AVAILABLE, Holder.WITHDRAWING)
            await payments.tell(connection, asked)
            return asked

    asked = await retrying(deed)
    await user_log.nudge(pool, [user_id])
    return asked


async def decide_withdrawal(pool: Pool, payment_id: int, verdict: Verdict) -> Payment:
    """Sends a withdrawal out (COMPLETED) or gives the money back; the same verdict again changes
    nothing.

    Raises NotFound, and PaymentDecided when something else was decided before.
    """

    async def deed() -> Payment:
        async with engine.connection(pool) as connection, connection.transaction():
            payment = await payments.lock(connection, payment_id)
            if payment.direction is not Direction.WITHDRAWAL:
                raise PaymentDecided("This is a deposit; the payment hook decides on it.")
            return await settle(connection, payment, verdict)

    decided = await retrying(deed)
    await user_log.nudge(pool, [decided.user_id])
    return decided


async def settle(connection: Connection, payment: Payment, verdict: Verdict) -> Payment:
    """Decides on a withdrawal that the caller has locked; debts go before what comes back."""
    if payment.status is not PaymentStatus.PENDING:
        if payment.status is verdict.status:
            return payment
        raise PaymentDecided(f"This payment is {payment.status}.")
    done = verdict.status is PaymentStatus.COMPLETED
    decided = await payments.decide(connection, payment, verdict)
    target = Holder.WITHDRAWALS if done else Holder.AVAILABLE
    await payments.move(connection, payment, Holder.WITHDRAWING, target)
    if not done:
        await collect(connection, payment.user_id, payment.amount.currency, payment.id)
    await payments.tell(connection, payment)
    return decided
