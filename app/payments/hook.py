"""What a payment provider tells us: signed, said as often as it likes, done once."""

import hmac
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.database import engine
from app.database.engine import Pool
from app.errors import AppError, Invalid, MalformedRequest
from app.payments import deposits, payments, withdrawals
from app.payments.payments import Direction, Payment, PaymentDecided, PaymentStatus, Verdict
from app.stream import user_log
from app.wallet.ledger import retrying
from app.wallet.money import Money


class HookSignatureWrong(AppError):
    """A call of the payment hook is signed: X-Signature, the hex HMAC-SHA256 of its body."""

    code = "hook_signature_wrong"
    status = 401


class HookCall(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened to a payment outside. `reference` is the payment provider's own name of it;
    amount and currency, as asked for, are there to be compared.
    """

    payment_id: Annotated[int, Meta(ge=1)]
    status: Literal["completed", "failed"]
    reference: Annotated[str, Meta(min_length=1, max_length=100)]
    amount: str
    currency: str


def check_signature(secret: str, given: str, body: bytes) -> None:
    """Raises HookSignatureWrong unless the signature is of this body with our secret."""
    made = hmac.new(secret.encode(), body, "sha256").hexdigest()
    if not secret or not hmac.compare_digest(made.encode(), given.encode("utf-8", "replace")):
        raise HookSignatureWrong


def read_call(body: bytes) -> HookCall:
    """Returns what a body says; raises MalformedRequest."""
    try:
        return msgspec.json.decode(body, type=HookCall)
    except msgspec.DecodeError as error:
        raise MalformedRequest(str(error)) from error


async def hear(pool: Pool, call: HookCall) -> Payment:
    """Does what a call says, once; said again it changes nothing.

    Raises NotFound, Invalid when the amount is not the payment's, and PaymentDecided when it was
    decided otherwise, or by another reference.
    """
    verdict = Verdict(status=PaymentStatus(call.status), outside_reference=call.reference)

    async def deed() -> Payment:
        async with engine.connection(pool) as connection, connection.transaction():
            payment = await payments.lock(connection, call.payment_id)
            _check_amount(payment.amount, call)
            if payment.status is not PaymentStatus.PENDING:
                said_before = (payment.status, payment.outside_reference)
                if said_before != (verdict.status, call.reference):
                    raise PaymentDecided(f"This payment is {payment.status}.")
                return payment
            if payment.direction is Direction.WITHDRAWAL:
                return await withdrawals.settle(connection, payment, verdict)
            if verdict.status is PaymentStatus.COMPLETED:
                return await deposits.complete(connection, payment, verdict)
            return await payments.decide(connection, payment, verdict)

    decided = await retrying(deed)
    await user_log.nudge(pool, [decided.user_id])
    return decided


def _check_amount(amount: Money, call: HookCall) -> None:
    if (str(amount), amount.currency) != (call.amount, call.currency):
        raise Invalid(f"The payment is of {amount} {amount.currency}.")
