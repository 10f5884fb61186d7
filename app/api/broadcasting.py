"""Signing for private channels of the Pusher protocol, where its clients ask for it."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.status_codes import HTTP_200_OK

from app.access.channel_grants import ChannelGrants, Grant
from app.api.guards import principal_of
from app.errors import MalformedRequest

# Two short words; clients may add words of their own.
BODY_BYTES_MAX = 4_096
FIELDS_MAX = 20
# A grant is for its caller alone.
_NOT_KEPT = {"Cache-Control": "no-store"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What pusher-js sends."""

    socket_id: str
    channel_name: str


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
    asked = read_asked(await request.body(), request.headers.get("content-type", ""))
    grants: ChannelGrants = request.app.state.channel_grants
    grant = grants.grant(principal_of(request), asked.socket_id, asked.channel_name)
    return Response(grant, headers=_NOT_KEPT)


def read_asked(body: bytes, media_type: str) -> Asked:
    """Returns what a body asks for, as JSON or as a form; raises MalformedRequest."""
    try:
        if media_type.partition(";")[0].strip().lower() == "application/json":
            return msgspec.json.decode(body, type=Asked)
        fields = parse_qsl(body.decode(), errors="strict", max_num_fields=FIELDS_MAX)
        return msgspec.convert(dict(fields), Asked)
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedRequest(f"socket_id and channel_name cannot be read: {error}") from error


broadcasting_routes = [authorise_channel]
