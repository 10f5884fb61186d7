"""AppError: everything that can go wrong for a caller, with a stable code and a status."""

import re
from typing import ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with one field of what was sent."""

    field: str
    message: str


class AppError(Exception):
    """Something the caller can act on. The docstring of a subclass is its title.

    `code` is stable and unique (`app list errors`), `status` is the HTTP status it becomes,
    `retry_after_s` tells the caller when asking again makes sense.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    retry_after_s: ClassVar[int | None] = None

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.errors = errors
        self.retry_s = retry_after_s if retry_after_s is not None else self.retry_after_s

    @classmethod
    def title(cls) -> str:
        """Returns the first line of the docstring: what happened, in words."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class MalformedRequest(AppError):
    """The request cannot be read."""

    code = "malformed_request"
    status = 400


class MalformedId(AppError):
    """An id has 1 to 100 characters of A-Z, a-z, 0-9, '_', '.', '-'."""

    code = "malformed_id"
    status = 400


class MalformedCursor(AppError):
    """The cursor was not made by this endpoint."""

    code = "malformed_cursor"
    status = 400


class NotAuthenticated(AppError):
    """Credentials are missing or not valid."""

    code = "not_authenticated"
    status = 401


class NotAllowed(AppError):
    """These credentials do not allow this."""

    code = "not_allowed"
    status = 403


class NotFound(AppError):
    """There is nothing here."""

    code = "not_found"
    status = 404


class MatchMerged(AppError):
    """This match was found to be another one; the detail says which."""

    code = "match_merged"
    status = 404


class MethodNotAllowed(AppError):
    """This path does not answer that method."""

    code = "method_not_allowed"
    status = 405


class BodyTooLarge(AppError):
    """The body is larger than this endpoint takes."""

    code = "body_too_large"
    status = 413


class UnsupportedMediaType(AppError):
    """The body is of a media type that is not understood here."""

    code = "unsupported_media_type"
    status = 415


class Invalid(AppError):
    """The request is well-formed, but a value in it is not valid."""

    code = "invalid"
    status = 422


class DependencyDown(AppError):
    """A part this answer needs is out of reach; ask again shortly."""

    code = "dependency_down"
    status = 503
    retry_after_s = 1


class Internal(AppError):
    """Something went wrong on our side; the request id names it in the log."""

    code = "internal"
    status = 500


def catalogue(root: type[AppError] = AppError) -> list[type[AppError]]:
    """Returns every error of the loaded program, by code. Codes are unique, or this raises."""
    found: dict[str, type[AppError]] = {}
    waiting = list(root.__subclasses__())
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        assert re.fullmatch(r"[a-z][a-z0-9_]*", error.code), error
        assert error.code not in found, f"{error.code} stands for two errors"
        found[error.code] = error
    return [found[code] for code in sorted(found)]
