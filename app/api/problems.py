"""Every error as a problem document (RFC 9457)."""

import asyncpg
import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.types import ExceptionHandlersMap, Method
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from app.api.answers import Asked
from app.database.engine import GONE
from app.errors import (
    AppError,
    BodyTooLarge,
    DependencyDown,
    FieldError,
    Internal,
    Invalid,
    MalformedRequest,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    UnsupportedMediaType,
)
from app.logs import logger

MEDIA_TYPE = "application/problem+json"
METHODS: tuple[Method, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

log = logger(__name__)

_BY_STATUS: dict[int, type[AppError]] = {
    400: MalformedRequest,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    422: Invalid,
    503: DependencyDown,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What went wrong. `code` is stable; `errors` names the fields, if any."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: tuple[FieldError, ...] = ()


def problem_of(error: AppError, request_id: str | None) -> Problem:
    """Returns the document of an error."""
    return Problem(
        type=f"urn:touchline:problem:{error.code}",
        title=error.title(),
        status=error.status,
        detail=error.detail,
        code=error.code,
        request_id=request_id,
        errors=error.errors,
    )


def problem_bytes(error: AppError, request_id: str | None) -> bytes:
    """Returns the document of an error as JSON."""
    return msgspec.json.encode(problem_of(error, request_id))


def as_app_error(error: Exception) -> AppError:
    """Returns what an exception means for the caller; Internal for what nobody foresaw."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, ValidationException):
        return Invalid(errors=_fields_of(error))
    if isinstance(error, HTTPException):
        return _of_litestar(error)
    return DependencyDown() if is_gone(error) else Internal()


def _of_litestar(error: HTTPException) -> AppError:
    """Returns Litestar's own error as ours; its words are kept where they help."""
    if error.status_code >= Internal.status and error.status_code != DependencyDown.status:
        return Internal()
    known = _BY_STATUS.get(error.status_code, MalformedRequest)
    return known(error.detail if known is MalformedRequest else "")


def is_gone(error: BaseException | None) -> bool:
    """Says whether it is a server that is out of reach, not a statement that is wrong.

    SQLAlchemy wraps the driver's error once or twice, so its causes are looked at too.
    """
    while error is not None:
        if isinstance(error, (*GONE, NoConnectionFree, RedisConnectionError, RedisTimeoutError)):
            return True
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ if isinstance(error, (DBAPIError, asyncpg.PostgresError)) else None
    return False


def _fields_of(error: ValidationException) -> tuple[FieldError, ...]:
    extra = error.extra if isinstance(error.extra, list) else []
    return tuple(
        FieldError(field=str(item.get("key", "")), message=str(item.get("message", "")))
        for item in extra
        if isinstance(item, dict)
    )


def respond(request: Asked, error: Exception) -> Response[bytes]:
    """Answers with the problem document of an error; what nobody foresaw is logged in full."""
    known = as_app_error(error)
    if isinstance(known, Internal):
        log.error("unexpected", exc_info=error)
    elif isinstance(known, DependencyDown):
        log.warning("dependency_down", error=str(error.__cause__ or error))
    request_id: str | None = request.scope.get("state", {}).get("request_id")
    headers = {"cache-control": "no-store"}
    if known.retry_s is not None:
        headers["retry-after"] = str(known.retry_s)
    if known.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowedException):
        headers["allow"] = ", ".join(_allowed(request))
    return Response(
        content=problem_bytes(known, request_id),
        status_code=known.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _allowed(request: Asked) -> list[str]:
    """Returns the methods that the path does answer."""
    allowed: list[str] = []
    for method in METHODS:
        try:
            request.app.asgi_router.handle_routing(request.scope["path"], method)
        except HTTPException:
            continue
        allowed.append(method)
    return ["GET", "HEAD", *allowed[1:]] if allowed[:1] == ["GET"] else allowed


HANDLERS: ExceptionHandlersMap = {Exception: respond, 500: respond}
