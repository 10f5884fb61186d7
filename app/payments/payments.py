"""The rows of payments: asked for once, decided once."""

from datetime import datetime
from enum import StrEnum

import asyncpg
import msgspec

from app import metrics
from app.database.engine import Connection, Row
from app.errors import AppError, NotFound
from app.sports.ids import UserId
from app.stream import user_log
from app.wallet.errors import IdempotencyKeyReused
from app.wallet.ledger import post
from app.wallet.money import Money
from app.wallet.moves import Holder, Move
from app.wallet.read import balance_body, balance_of

_FIELDS = """
id, user_id, direction, status, amount, currency, request_id, outside_reference, note, created_at,
decided_at
"""
_INSERT = f"""
INSERT INTO payments (user_id, direction, amount, currency, request_id)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, request_id) DO NOTHING RETURNING {_FIELDS}
"""
_OF_REQUEST = f"SELECT {_FIELDS} FROM payments WHERE user_id = $1 AND request_id = $2"
_LOCK = f"SELECT {_FIELDS} FROM payments WHERE id = $1 FOR NO KEY UPDATE"
_DECIDE = f"""
UPDATE payments SET status = $2, outside_reference = $3, note = $4, decided_by = $5,
    decided_at = now()
WHERE id = $1 RETURNING {_FIELDS}
"""
_LIST = f"""
SELECT {_FIELDS} FROM payments
WHERE ($1::bigint IS NULL OR user_id = $1) AND ($2::text IS NULL OR status = $2)
  AND ($3::text IS NULL OR direction = $3) AND id < $4
ORDER BY id DESC LIMIT $5
"""
_ID_BEYOND = 2**62


class Direction(StrEnum):
    """Which way money goes."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


class PaymentStatus(StrEnum):
    """What became of a payment: all but PENDING stay."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class PaymentDecided(AppError):
    """This payment was decided already; the detail says how."""

    code = "payment_decided"
    status = 409


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `outside_reference` is the payment provider's own name of it."""

    id: int
    user_id: UserId
    direction: Direction
    status: PaymentStatus
    amount: Money
    request_id: str
    outside_reference: str | None
    note: str
    created_at: datetime
    decided_at: datetime | None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for, under a name of the user's own."""

    user_id: UserId
    direction: Direction
    amount: Money
    request_id: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided of a payment, by an operator or by the payment provider."""

    status: PaymentStatus
    outside_reference: str | None = None
    note: str = ""
    decided_by: UserId | None = None


async def asked_before(connection: Connection, wish: Wish) -> Payment | None:
    """Returns the payment this request made before; raises IdempotencyKeyReused when it was
    another one.
    """
    row = await connection.fetchrow(_OF_REQUEST, wish.user_id, wish.request_id)
    if row is None:
        return None
    payment = payment_of(row)
    if (payment.direction, payment.amount) != (wish.direction, wish.amount):
        raise IdempotencyKeyReused
    return payment


async def ask(connection: Connection, wish: Wish) -> Payment | None:
    """Records a payment as pending; None when another request of that id came first."""
    row = await connection.fetchrow(
        _INSERT,
        wish.user_id,
        wish.direction.value,
        wish.amount.amount_minor,
        wish.amount.currency,
        wish.request_id,
    )
    return None if row is None else payment_of(row)


async def lock(connection: Connection, payment_id: int) -> Payment:
    """Returns a payment that nobody else decides until the transaction ends; raises NotFound."""
    row = await connection.fetchrow(_LOCK, payment_id)
    if row is None:
        raise NotFound(f"There is no payment {payment_id}.")
    return payment_of(row)


async def decide(connection: Connection, payment: Payment, verdict: Verdict) -> Payment:
    """Writes down what was decided of a pending payment, which the caller has locked.

    Raises PaymentDecided when the outside reference is another payment's.
    """
    assert payment.status is PaymentStatus.PENDING, payment
    try:
        row = await connection.fetchrow(
            _DECIDE,
            payment.id,
            verdict.status.value,
            verdict.outside_reference,
            verdict.note,
            verdict.decided_by,
        )
    except asyncpg.UniqueViolationError as error:
        raise PaymentDecided("This reference is another payment's.") from error
    assert row is not None, payment
    metrics.payments.labels(payment.direction.value, verdict.status.value).inc()
    return payment_of(row)


async def move(connection: Connection, payment: Payment, source: Holder, target: Holder) -> None:
    """Posts the payment's amount from one account to another, once for each such step."""
    step = Move(
        key=f"payment:{payment.id}:{target.value}",
        kind=payment.direction.value,
        user_id=payment.user_id,
        source=source,
        target=target,
        amount=payment.amount,
        reference=f"payment:{payment.id}",
    )
    await post(connection, [step])


async def tell(connection: Connection, payment: Payment) -> None:
    """Appends the new balance to the user's log; the caller nudges after the commit."""
    balance = await balance_of(connection, payment.user_id, payment.amount.currency)
    await user_log.append(connection, payment.user_id, "balance_update", balance_body(balance))


async def payments_before(
    connection: Connection,
    last: int | None,
    *,
    limit: int,
    user_id: UserId | None = None,
    status: PaymentStatus | None = None,
    direction: Direction | None = None,
) -> list[Payment]:
    """Returns payments, the newest first, older than `last`."""
    rows = await connection.fetch(_LIST, user_id, status, direction, last or _ID_BEYOND, limit)
    return [payment_of(row) for row in rows]


def payment_of(row: Row) -> Payment:
    """Returns the payment behind a row."""
    return Payment(
        id=row["id"],
        user_id=UserId(row["user_id"]),
        direction=Direction(row["direction"]),
        status=PaymentStatus(row["status"]),
        amount=Money(row["amount"], row["currency"]),
        request_id=row["request_id"],
        outside_reference=row["outside_reference"],
        note=row["note"],
        created_at=row["created_at"],
        decided_at=row["decided_at"],
    )
