"""What can go wrong with money, for a caller."""

from app.errors import AppError


class MalformedMoney(AppError):
    """An amount is a decimal above zero, with no more decimals than its currency has."""

    code = "malformed_money"
    status = 422


class UnknownCurrency(AppError):
    """The currency is not one that is used here."""

    code = "unknown_currency"
    status = 422


class InsufficientFunds(AppError):
    """There is not enough money available."""

    code = "insufficient_funds"
    status = 409


class TransferKeyReused(AppError):
    """This transfer was posted before, with other words."""

    code = "transfer_key_reused"
    status = 409


class SelfLimitReached(AppError):
    """A limit you set yourself is reached; the detail says which and when it ends."""

    code = "self_limit_reached"
    status = 403


class SelfExcluded(AppError):
    """You excluded yourself; the detail says until when."""

    code = "self_excluded"
    status = 403


class IdempotencyKeyReused(AppError):
    """This Idempotency-Key was used before, with another request."""

    code = "idempotency_key_reused"
    status = 409


class IdempotencyKeyMissing(AppError):
    """This needs an Idempotency-Key header: 1 to 64 characters of A-Z, a-z, 0-9, _ . -"""

    code = "idempotency_key_missing"
    status = 400
