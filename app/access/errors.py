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

    def __init__(self, detail: str = "", *, user_id: int | None = None) -> None:
        super().__init__(detail)
        self.user_id = user_id


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


class TokenRevoked(AppError):
    """These credentials were revoked; log in again."""

    code = "token_revoked"
    status = 401


class ApiKeyInvalid(AppError):
    """The API key is unknown, was revoked, or its time is over."""

    code = "api_key_invalid"
    status = 401


class TooManyApiKeys(AppError):
    """A user holds no more API keys at once; revoke one first."""

    code = "too_many_api_keys"
    status = 409


class TooManyAttempts(AppError):
    """Too many guesses; ask again after the named seconds."""

    code = "too_many_attempts"
    status = 429


class EmailNotVerified(AppError):
    """The e-mail address is yet to be confirmed; the mail says how."""

    code = "email_not_verified"
    status = 403


class MailedTokenInvalid(AppError):
    """The token is unknown, was used, or its time is over; ask for another mail."""

    code = "mailed_token_invalid"
    status = 422
