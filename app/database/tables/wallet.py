"""The ledger, what moves in and out of it, and what users allow themselves."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table

_USERS_KINDS = "('available', 'held', 'withdrawing', 'bonus', 'owed')"
_KINDS = "('available', 'held', 'withdrawing', 'bonus', 'owed', 'house', 'deposits', 'withdrawals')"


class Account(Table):
    """Where money is: a user's, or, in sixteen stripes, the house's and the world's outside.

    `balance` is in minor units; `seq` counts the account's entries.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"kind IN {_KINDS}", name="kind"),
        CheckConstraint(f"(kind IN {_USERS_KINDS}) = (user_id IS NOT NULL)", name="user_id"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("stripe BETWEEN 0 AND 15", name="stripe"),
        CheckConstraint(
            "user_id IS NULL OR (kind = 'owed' AND balance <= 0)"
            " OR (kind <> 'owed' AND balance >= 0)",
            name="balance",
        ),
        Index(
            "accounts_user_id_kind_currency_idx",
            *("user_id", "kind", "currency"),
            unique=True,
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        Index(
            "accounts_kind_currency_stripe_idx",
            *("kind", "currency", "stripe"),
            unique=True,
            postgresql_where=text("user_id IS NULL"),
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )
    id: Mapped[OurId]
    kind: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    currency: Mapped[str]
    stripe: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    balance: Mapped[int] = mapped_column(server_default="0")
    seq: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Now]


class Transfer(Table):
    """One movement, never changed. `reference` names what it is for: `bet:12`, `payment:3`."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("length(key) BETWEEN 1 AND 120", name="key"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("source <> target", name="target"),
        Index("transfers_reference_idx", "reference"),
        Index("transfers_user_id_created_at_idx", "user_id", "created_at"),
    )
    id: Mapped[OurId]
    key: Mapped[str]
    kind: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    source: Mapped[str]
    target: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    reference: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Entry(Table):
    """One half of a transfer: what it did to one account, and the balance it left."""

    __tablename__ = "entries"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("seq >= 1", name="seq"),
        Index("entries_transfer_id_idx", "transfer_id", text("(amount > 0)"), unique=True),
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transfer_id: Mapped[int] = mapped_column(ForeignKey("transfers.id"))
    amount: Mapped[int]
    balance_after: Mapped[int]


class LedgerMark(Table):
    """Up to where an account was proved: the next check goes on from there."""

    __tablename__ = "ledger_marks"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int]
    balance: Mapped[int]
    at: Mapped[Now]


class Payment(Table):
    """Money that comes in from outside, or is to go out."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("direction IN ('deposit', 'withdrawal')", name="direction"),
        CheckConstraint(
            "status IN ('pending', 'completed', 'failed', 'rejected', 'cancelled')", name="status"
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("length(request_id) BETWEEN 1 AND 64", name="request_id"),
        UniqueConstraint("user_id", "request_id"),
        UniqueConstraint("outside_reference"),
        Index("payments_status_id_idx", "status", "id"),
    )
    id: Mapped[OurId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    direction: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    amount: Mapped[int]
    currency: Mapped[str]
    request_id: Mapped[str]
    outside_reference: Mapped[str | None]
    note: Mapped[str] = mapped_column(server_default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    created_at: Mapped[Now]


class UserLimit(Table):
    """What a user allows himself, in minor units a period; a rise waits until `next_from`.

    `amount` None: no limit; with `next_from` set, `next_amount` is in force from then on.
    """

    __tablename__ = "user_limits"
    __table_args__ = (
        CheckConstraint("kind IN ('deposit', 'loss', 'stake')", name="kind"),
        CheckConstraint("period IN ('day', 'week', 'month')", name="period"),
        CheckConstraint("amount >= 0 AND next_amount >= 0", name="amount"),
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int | None]
    next_amount: Mapped[int | None]
    next_from: Mapped[datetime | None]
    changed_at: Mapped[Now]


class SelfExclusion(Table):
    """A user who does not want to bet or pay in until a time; it can only be made longer."""

    __tablename__ = "self_exclusions"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    until: Mapped[datetime]
    set_at: Mapped[Now]
