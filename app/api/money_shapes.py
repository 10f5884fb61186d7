"""How money is said on the wire, and what the wallet's endpoints take."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar.datastructures import State
from msgspec import Meta

from app.api.answers import Asked
from app.api.requests import PageQuery
from app.payments.deposits import DepositRules
from app.payments.payments import Direction, Payment, PaymentStatus
from app.wallet.errors import IdempotencyKeyMissing, UnknownCurrency
from app.wallet.limits import LimitKind, Period, UserLimit
from app.wallet.money import Money, parse_money
from app.wallet.moves import Holder
from app.wallet.read import Balance, Line

IDEMPOTENCY_KEY = "idempotency-key"
KEY_LENGTH_MAX = 64
_KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")

Amount = Annotated[
    Decimal,
    Meta(
        description='A decimal above zero, as text ("10.00") or number, in units of the currency.'
    ),
]
Currency = Annotated[str, Meta(description="ISO 4217.", pattern="^[A-Z]{3}$")]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class MoneyRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the doors of money go by; `currencies` are those used here, the usual one first."""

    currencies: tuple[str, ...]
    deposits: DepositRules
    hook_secret: str


class MoneyShape(_Shape, frozen=True, kw_only=True):
    """An amount and its currency."""

    amount: str
    currency: str


class BalanceShape(_Shape, frozen=True, kw_only=True):
    """What somebody has of a currency: decimals in its units."""

    currency: str
    available: str
    held: str
    withdrawing: str
    bonus: str
    owed: str


class WalletShape(_Shape, frozen=True, kw_only=True):
    """All that somebody has. `playMoney`: nothing here is worth anything."""

    balances: list[BalanceShape]
    play_money: bool


class LineShape(_Shape, frozen=True, kw_only=True):
    """One line of a statement: `amount` has a sign, `balanceAfter` is what it left."""

    transfer_id: str
    kind: str
    amount: str
    balance_after: str
    currency: str
    reference: str
    note: str
    at: datetime


class PaymentShape(_Shape, frozen=True, kw_only=True):
    """A deposit or a withdrawal, and what became of it."""

    id: str
    direction: Direction
    status: PaymentStatus
    amount: str
    currency: str
    note: str
    created_at: datetime
    decided_at: datetime | None


class PaymentWish(_Shape, frozen=True, kw_only=True):
    """What somebody wants to pay in or take out."""

    amount: Amount
    currency: Currency | None = None


class LimitShape(_Shape, frozen=True, kw_only=True):
    """A limit: `amount` null for none. A rise waits: `nextAmount` holds from `nextFrom` on."""

    kind: LimitKind
    period: Period
    currency: str
    amount: str | None
    next_amount: str | None = None
    next_from: datetime | None = None


class LimitsShape(_Shape, frozen=True, kw_only=True):
    """What somebody allows himself; `excludedUntil`: no bets and no deposits until then."""

    limits: list[LimitShape]
    excluded_until: datetime | None


class LimitWish(_Shape, frozen=True, kw_only=True):
    """A limit to be set; `amount` null takes it away."""

    kind: LimitKind
    period: Period
    amount: Amount | None
    currency: Currency | None = None


class LimitsWish(_Shape, frozen=True, kw_only=True):
    """Limits to be set, and until when to stay away; what is not named stays as it is."""

    limits: Annotated[list[LimitWish], Meta(max_length=27)] = msgspec.field(
        default_factory=list[LimitWish]
    )
    excluded_until: Annotated[datetime, Meta(tz=True)] | None = None


class StatementQuery(PageQuery, frozen=True, kw_only=True):
    """Which lines."""

    currency: Annotated[str, Meta(description="ISO 4217; the usual one.")] | None = None
    account: Annotated[
        str, Meta(description="available (as it stands without), held, withdrawing, bonus, owed")
    ] = "available"
    since: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="from")
    until: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="to")


def idempotency_key(request: Asked) -> str:
    """Returns the caller's name of this request; raises IdempotencyKeyMissing."""
    key = request.headers.get(IDEMPOTENCY_KEY, "")
    if not 0 < len(key) <= KEY_LENGTH_MAX or not _KEY_CHARACTERS.issuperset(key):
        raise IdempotencyKeyMissing
    return key


def rules_of(state: State) -> MoneyRules:
    """Returns what `main` laid into the state."""
    rules: Any = state.money
    assert isinstance(rules, MoneyRules)
    return rules


def currency_of(rules: MoneyRules, given: str | None) -> str:
    """Returns the currency named, or the usual one; raises UnknownCurrency."""
    if given is None:
        return rules.currencies[0]
    if given not in rules.currencies:
        raise UnknownCurrency(f"Used here: {', '.join(rules.currencies)}.")
    return given


def money_of(rules: MoneyRules, amount: Decimal, currency: str | None) -> Money:
    """Returns an amount as it was given; raises MalformedMoney, UnknownCurrency."""
    return parse_money(amount, currency_of(rules, currency))


def balance_shape(balance: Balance) -> BalanceShape:
    """Returns a balance as the wire has it."""
    return BalanceShape(
        currency=balance.available.currency,
        available=str(balance.available),
        held=str(balance.held),
        withdrawing=str(balance.withdrawing),
        bonus=str(balance.bonus),
        owed=str(balance.owed),
    )


def line_shape(line: Line) -> LineShape:
    """Returns a line of a statement as the wire has it."""
    return LineShape(
        transfer_id=str(line.transfer_id),
        kind=line.kind,
        amount=str(line.amount),
        balance_after=str(line.balance_after),
        currency=line.amount.currency,
        reference=line.reference,
        note=line.note,
        at=line.created_at,
    )


def payment_shape(payment: Payment) -> PaymentShape:
    """Returns a payment as the wire has it."""
    return PaymentShape(
        id=str(payment.id),
        direction=payment.direction,
        status=payment.status,
        amount=str(payment.amount),
        currency=payment.amount.currency,
        note=payment.note,
        created_at=payment.created_at,
        decided_at=payment.decided_at,
    )


def limit_shape(limit: UserLimit) -> LimitShape:
    """Returns a limit as the wire has it."""
    return LimitShape(
        kind=limit.kind,
        period=limit.period,
        currency=limit.currency,
        amount=None if limit.amount is None else str(limit.amount),
        next_amount=None if limit.next_amount is None else str(limit.next_amount),
        next_from=limit.next_from,
    )


def holder_of(name: str) -> Holder | None:
    """Returns the account of a user's that is named so."""
    users_own = (Holder.AVAILABLE, Holder.HELD, Holder.WITHDRAWING, Holder.BONUS, Holder.OWED)
    return next((holder for holder in users_own if holder == name), None)
