"""Sign-up, log-in, tokens, tickets, and who one is."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT
from msgspec import Meta

from app.access import tickets
from app.access.gate import Gate
from app.access.log_ins import LogIns, TokenPair
from app.api.guards import principal_of, require_user
from app.errors import NotAuthenticated

# Tokens are for their caller alone (RFC 6749 5.1).
_NOT_KEPT = {"Cache-Control": "no-store"}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody signs up and logs in with."""

    email: Annotated[str, Meta(description="E-mail address; case does not matter.")]
    password: Annotated[str, Meta(description="8 to 256 characters.")]


class Renewal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A refresh token, to be used up or given back."""

    refresh_token: Annotated[str, Meta(max_length=512)]


class Ticket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket for `?token=` of a socket: good once."""

    ticket: str
    expires_in: int = tickets.TTL_S


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who one is."""

    id: str
    email: str
    role: str
    tier: str
    created_at: str


@post("/auth/register", status_code=HTTP_201_CREATED, tags=["auth"])
async def register(data: JSONBody[Credentials], state: State) -> Response[TokenPair]:
    """Signs up and logs in."""
    log_ins: LogIns = state.log_ins
    return Response(await log_ins.register(data.email, data.password), headers=_NOT_KEPT)


@post("/auth/login", status_code=HTTP_200_OK, tags=["auth"])
async def log_in(data: JSONBody[Credentials], state: State) -> Response[TokenPair]:
    """Logs in."""
    log_ins: LogIns = state.log_ins
    return Response(await log_ins.log_in(data.email, data.password), headers=_NOT_KEPT)


@post("/auth/refresh", status_code=HTTP_200_OK, tags=["auth"])
async def refresh(data: JSONBody[Renewal], state: State) -> Response[TokenPair]:
    """Gives the next pair of tokens; the refresh token is used up."""
    log_ins: LogIns = state.log_ins
    return Response(await log_ins.renew(data.refresh_token), headers=_NOT_KEPT)


@post("/auth/logout", status_code=HTTP_204_NO_CONTENT, tags=["auth"])
async def log_out(data: JSONBody[Renewal], state: State) -> None:
    """Ends the log-in that a refresh token belongs to; unknown ones are over already."""
    log_ins: LogIns = state.log_ins
    await log_ins.log_out(data.refresh_token)


@post("/auth/ticket", status_code=HTTP_200_OK, tags=["auth"])
async def ticket(request: Request[Any, Any, Any], state: State) -> Response[Ticket]:
    """Gives a ticket for a socket's address, so that no token stands in it."""
    gate: Gate = state.gate
    issued = await gate.tickets.issue(principal_of(request))
    return Response(Ticket(ticket=issued), headers=_NOT_KEPT)


@get("/api/me", guards=[require_user], tags=["auth"])
async def me(request: Request[Any, Any, Any], state: State) -> Response[Profile]:
    """Tells who one is."""
    log_ins: LogIns = state.log_ins
    user_id = principal_of(request).user_id
    if user_id is None:
        raise NotAuthenticated
    user = await log_ins.profile(user_id)
    profile = Profile(
        id=str(user.id),
        email=user.email,
        role=user.role,
        tier=user.tier,
        created_at=_wire_time(user.created_at),
    )
    return Response(profile, headers=_NOT_KEPT)


def _wire_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


auth_routes = [register, log_in, refresh, log_out, ticket, me]
