"""Signing for private channels of the Pusher protocol, where its clients ask for it."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.status_codes import HTTP_200_OK

from app.access.channel_grants import ChannelGrants, Grant, check_socket_id
from app.api.guards import principal_of, require_user
from app.errors import MalformedRequest

# Two short words; clients may add words of their own.
BODY_BYTES_MAX = 4_096
FIELDS_MAX = 20
# A grant is for its caller alone.
_NOT_KEPT = {"Cache-Control": "no-store"}


class AskedToSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What pusher-js sends to sign in."""

    socket_id: str


class Asked(AskedToSignIn, frozen=True, kw_only=True):
    """What it sends for a channel."""

    channel_name: str


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What it hands on to the socket to sign in. `user_data` is JSON with `id` and a `ticket`."""

    auth: str
    user_data: str


A = TypeVar("A", bound=AskedToSignIn)


@post(
    "/broadcasting/auth",
    status_code=HTTP_200_OK,
    tags=["sockets"],
    request_max_body_size=BODY_BYTES_MAX,
)
async def authorise_channel(request: Request[Any, Any, State]) -> Response[Grant]:
    """Signs that the caller's socket may follow a private channel of `/app/{key}`.

    The body is a form, as pusher-js sends it, or JSON: `socket_id` and `channel_name`.
    """
    asked = read_asked(await request.body(), request.headers.get("content-type", ""), Asked)
    grants: ChannelGrants = request.app.state.channel_grants
    grant = grants.grant(principal_of(request), asked.socket_id, asked.channel_name)
    return Response(grant, headers=_NOT_KEPT)


@post(
    "/broadcasting/user-auth",
    status_code=HTTP_200_OK,
    tags=["sockets"],
    guards=[require_user],
    request_max_body_size=BODY_BYTES_MAX,
)
async def authorise_user(request: Request[Any, Any, State]) -> Response[SignIn]:
    """Signs that a socket of `/app/{key}` is the caller's: from then on it has the caller's limits.

    The body is a form, as pusher-js sends it, or JSON: `socket_id`. The ticket in the answer is
    good once and for half a minute.
    """
    body, media_type = await request.body(), request.headers.get("content-type", "")
    asked = read_asked(body, media_type, AskedToSignIn)
    check_socket_id(asked.socket_id)
    state, principal = request.app.state, principal_of(request)
    ticket = await state.gate.tickets.issue(principal)
    user_data = msgspec.json.encode({"id": str(principal.user_id), "ticket": ticket}).decode()
    grants: ChannelGrants = state.channel_grants
    auth = grants.user_auth(asked.socket_id, user_data)
    return Response(SignIn(auth=auth, user_data=user_data), headers=_NOT_KEPT)


def read_asked(body: bytes, media_type: str, kind: type[A]) -> A:
    """Returns what a body asks for, as JSON or as a form; raises MalformedRequest."""
    try:
        if media_type.partition(";")[0].strip().lower() == "application/json":
            return msgspec.json.decode(body, type=kind)
        fields = parse_qsl(body.decode(), errors="strict", max_num_fields=FIELDS_MAX)
        return msgspec.convert(dict(fields), kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedRequest(f"The body cannot be read: {error}") from error


broadcasting_routes = [authorise_channel, authorise_user]
