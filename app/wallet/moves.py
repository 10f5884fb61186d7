"""What is to be moved between accounts, and what became of it. Pure."""

from enum import StrEnum

import msgspec

from app.sports.ids import UserId
from app.wallet.money import Money


class Holder(StrEnum):
    """Whose account: those above HOUSE are a user's, one of each currency."""

    AVAILABLE = "available"
    HELD = "held"  # Stakes of open bets.
    WITHDRAWING = "withdrawing"  # Asked for, not yet sent.
    BONUS = "bonus"
    OWED = "owed"  # Below zero: paid out by mistake and no longer there to be taken back.
    HOUSE = "house"
    DEPOSITS = "deposits"  # The world outside, where money comes from; below zero.
    WITHDRAWALS = "withdrawals"  # The world outside, where money went.


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer to be posted: an amount above zero, from one account of `user_id`'s (or of
    everybody's) to another. `key` names it for ever; `reference` says what it is for: `bet:12`.
    """

    key: str
    kind: str
    user_id: UserId | None
    source: Holder
    target: Holder
    amount: Money
    reference: str
    note: str = ""


class Posted(msgspec.Struct, frozen=True):
    """What became of a move. `is_new` is False when the same had been posted before."""

    transfer_id: int
    is_new: bool


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """What a user has available of a currency and what is owed (above zero), in minor units."""

    available: int
    owed: int
