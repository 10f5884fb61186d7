"""What the room says no with."""

from app.errors import AppError


class EmailTaken(AppError):
    """Somebody is registered with this e-mail address."""

    code = "email_taken"
    status = 409


class WrongCredentials(AppError):
    """E-mail address and password do not fit together."""

    code = "wrong_credentials"
    status = 401


class TokenExpired(AppError):
    """The token was good, but its time is over."""

    code = "token_expired"
    status = 401


class RefreshTokenInvalid(AppError):
    """The refresh token is unknown or was revoked; log in again."""

    code = "refresh_token_invalid"
    status = 401


class RefreshTokenReused(AppError):
    """The refresh token was used before, so all of its log-in is over; log in again."""

    code = "refresh_token_reused"
    status = 401


class TicketInvalid(AppError):
    """The ticket is unknown, was used, or is too old."""

    code = "ticket_invalid"
    status = 401


class RateLimited(AppError):
    """More requests than the limit allows; ask again after the named seconds."""

    code = "rate_limited"
    status = 429


class TooManySockets(AppError):
    """The caller has as many sockets open as its tier allows."""

    code = "too_many_sockets"
    status = 429


class TooManyLogins(AppError):
    """More passwords wait to be checked than this process takes; ask again shortly."""

    code = "too_many_logins"
    status = 503
    retry_after_s = 2
