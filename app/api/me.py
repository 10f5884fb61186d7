"""Who one is, and the API keys one holds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_201_CREATED, HTTP_204_NO_CONTENT
from msgspec import Meta

from app.access import api_keys
from app.access.api_keys import EXPIRES_IN_DAYS_MAX, NAME_LENGTH_MAX, ApiKey
from app.access.audit import AuthEvents, AuthKind
from app.access.log_ins import LogIns
from app.access.scopes import Scope
from app.api.auth import NOT_KEPT, Asked, caller
from app.api.documents import described
from app.api.guards import principal_of, require_log_in, require_user, user_of
from app.api.requests import number_in
from app.database import engine
from app.errors import NotAllowed

# What only operators' keys may be made for.
_OF_OPERATORS = frozenset({Scope.FEED, Scope.OPERATE})


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who one is. `scopes` are those of the credentials that ask."""

    id: str
    email: str
    email_verified: bool
    role: str
    tier: str
    scopes: Sequence[Scope]
    created_at: str


class KeyWish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an API key is to be."""

    name: Annotated[str, Meta(description=f"1 to {NAME_LENGTH_MAX} characters.", max_length=1_000)]
    scopes: Annotated[
        frozenset[Scope],
        Meta(description="What it may be used for; feed and operate take an operator."),
    ] = frozenset({Scope.READ})
    expires_in_days: Annotated[
        int | None,
        Meta(description=f"1 to {EXPIRES_IN_DAYS_MAX}; null, the default, for never."),
    ] = None


class KeyShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An API key without its secret."""

    id: str
    name: str
    prefix: str
    scopes: Sequence[Scope]
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewKeyShape(KeyShape, frozen=True, kw_only=True, rename="camel"):
    """An API key that was made just now; `key` is shown this once."""

    key: str


class KeysShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All keys of a user; there are never so many that it takes a second page."""

    items: list[KeyShape]
    next_cursor: str | None = None


@get(
    "/api/me",
    guards=[require_user],
    tags=["me"],
    **described(Profile, problems=(401,)),
)
async def me(request: Asked, state: State) -> Response[Profile]:
    """Tells who one is."""
    log_ins: LogIns = state.log_ins
    user = await log_ins.profile(user_of(request))
    profile = Profile(
        id=str(user.id),
        email=user.email,
        email_verified=user.email_verified_at is not None,
        role=user.role,
        tier=user.tier,
        scopes=sorted(principal_of(request).scopes),
        created_at=wire_time(user.created_at),
    )
    return Response(profile, headers=NOT_KEPT)


@get(
    "/api/me/keys",
    guards=[require_log_in],
    tags=["me"],
    **described(KeysShape, problems=(401, 403)),
)
async def keys(request: Asked, state: State) -> Response[KeysShape]:
    """Tells which API keys one holds, the newest first."""
    async with engine.connection(state.pool) as connection:
        held = await api_keys.list_keys(connection, user_of(request))
    return Response(KeysShape(items=[_shape_of(key) for key in held]), headers=NOT_KEPT)


@post(
    "/api/me/keys",
    guards=[require_log_in],
    status_code=HTTP_201_CREATED,
    tags=["me"],
    **described(NewKeyShape, problems=(400, 401, 403, 409, 422), status=HTTP_201_CREATED),
)
async def make_key(request: Asked, data: JSONBody[KeyWish], state: State) -> Response[NewKeyShape]:
    """Makes an API key; its secret is in this answer and nowhere else."""
    if data.scopes & _OF_OPERATORS and not principal_of(request).is_operator:
        raise NotAllowed("The scopes feed and operate take an operator.")
    days = data.expires_in_days
    user_id = user_of(request)
    async with engine.connection(state.pool) as connection:
        made, secret = await api_keys.create(
            connection,
            user_id,
            name=data.name,
            scopes=data.scopes,
            expires_in=None if days is None else timedelta(days=_within_days(days)),
        )
    events: AuthEvents = state.auth_events
    events.note(AuthKind.KEY_CREATED, caller(request), user_id=user_id, api_key_id=made.id)
    shape = NewKeyShape(**msgspec.structs.asdict(_shape_of(made)), key=secret)
    return Response(shape, headers=NOT_KEPT)


@delete(
    "/api/me/keys/{key_id:str}",
    guards=[require_log_in],
    status_code=HTTP_204_NO_CONTENT,
    tags=["me"],
)
async def end_key(request: Asked, key_id: FromPath[str], state: State) -> None:
    """Revokes an API key, within a second in every process."""
    user_id = user_of(request)
    number = number_in(key_id, "API key")
    async with engine.connection(state.pool) as connection:
        await api_keys.revoke(connection, number, user_id=user_id)
    events: AuthEvents = state.auth_events
    events.note(AuthKind.KEY_REVOKED, caller(request), user_id=user_id, api_key_id=number)


def wire_time(at: datetime) -> str:
    """Returns a time as the wire has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _within_days(days: int) -> int:
    """Returns days that a timedelta can hold; what is out of range is refused as such later."""
    return max(0, min(days, EXPIRES_IN_DAYS_MAX + 1))


def _shape_of(key: ApiKey) -> KeyShape:
    return KeyShape(
        id=str(key.id),
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_at=wire_time(key.created_at),
        expires_at=None if key.expires_at is None else wire_time(key.expires_at),
        last_used_at=None if key.last_used_at is None else wire_time(key.last_used_at),
    )


me_routes = [me, keys, make_key, end_key]
