"""/schema/asyncapi.json: every socket of ours as AsyncAPI 3 describes it, made from the types.

Read by people and by generators of clients. In AsyncAPI "send" and "receive" are ours: what the
server sends, what it takes. Close codes have no place of their own there: they stand under
`x-close-codes`, as the catalogue has them.
"""

import functools
import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Request, Response, get

from app.sockets.close_codes import CLOSE_CODES
from app.sockets.frame_examples import EXAMPLES
from app.sockets.frame_shapes import MATCH_FRAMES
from app.sockets.message_shapes import (
    LIST_FRAMES,
    MESSAGES,
    PUSHER_FRAMES,
    PUSHER_MESSAGES,
    SESSION_FRAMES,
    Auth,
    Authenticated,
    Error,
    Expiring,
    GoingAway,
    LiveQuery,
    Ping,
    Pong,
)
from app.sockets.own_shapes import OWN_FRAMES

Shape = type[msgspec.Struct]
Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_MESSAGES = "#/components/messages/"
# Odds and probabilities are exact numbers on the wire, not the strings msgspec makes of decimals.
_ENCODER = msgspec.json.Encoder(decimal_format="number")
# What is asked for seldom, and is the same until the next release.
_KEPT = "public, max-age=300"


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    """One address: what it says and takes, and what may stand in its URL."""

    name: str
    address: str
    title: str
    server: str
    says: Sequence[Shape]
    takes: Sequence[Shape] = ()
    query: Shape | None = None
    parameters: dict[str, str] = {}


_MATCH_ID = "The match, as /api/events lists it."
_DOORS = (
    _Door(
        name="live",
        address="/live/{matchId}",
        title="One match: first its state, or what you missed; then every change, once, in order",
        server="websocket",
        says=(*MATCH_FRAMES, Pong, Error, Authenticated, Expiring, GoingAway),
        takes=(Ping, Auth),
        query=LiveQuery,
        parameters={"matchId": _MATCH_ID},
    ),
    _Door(
        name="liveEvents",
        address="/live/{matchId}/events",
        title="The same as Server-Sent Events; `id` is the resume, for `Last-Event-ID`",
        server="http",
        says=(*MATCH_FRAMES, Error, Expiring, GoingAway),
        query=LiveQuery,
        parameters={"matchId": _MATCH_ID},
    ),
    _Door(
        name="ws",
        address="/ws",
        title="Many matches by channel, lists, markets and your own bets over one socket",
        server="websocket",
        says=(*MATCH_FRAMES, *SESSION_FRAMES, *LIST_FRAMES, *OWN_FRAMES),
        takes=MESSAGES,
    ),
    _Door(
        name="pusher",
        address="/app/{key}",
        title="The channels in Pusher protocol 7, for pusher-js and Laravel Echo",
        server="websocket",
        says=PUSHER_FRAMES,
        takes=PUSHER_MESSAGES,
        parameters={"key": "The application's key, as PUSHER_APP_KEY sets it."},
    ),
)
_ANSWERED = {Ping: Pong}
_SHAPES: tuple[Shape, ...] = tuple(
    dict.fromkeys(shape for door in _DOORS for shape in (*door.says, *door.takes))
)


def schemas_of(shapes: Iterable[Shape]) -> Json:
    """Returns the JSON schemas of the shapes, and of all they are made of, by name."""
    _, found = msgspec.json.schema_components(tuple(shapes), ref_template=_SCHEMAS + "{name}")
    return {name: _with_numbers(schema) for name, schema in found.items()}


def _with_numbers(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_numbers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: _with_numbers(part) for key, part in schema.items()}
    if told.get("format") == "decimal":
        told["type"] = "number"
    return told


def _message(shape: Shape) -> Json:
    return {
        "name": _tag(shape),
        "title": shape.__name__,
        "summary": " ".join((shape.__doc__ or "").split("\n\n")[0].split()),
        "contentType": "application/json",
        "payload": {"$ref": _SCHEMAS + shape.__name__},
        "examples": [
            {"payload": msgspec.json.decode(_ENCODER.encode(example))}
            for example in EXAMPLES
            if type(example) is shape
        ],
    }


def _tag(shape: Shape) -> str:
    tag = shape.__struct_config__.tag
    return str(tag) if tag is not None else shape.__name__


def _channel(door: _Door) -> Json:
    both = dict.fromkeys((*door.says, *door.takes))
    described: Json = {
        "address": door.address,
        "title": door.title,
        "servers": [{"$ref": f"#/servers/{door.server}"}],
        "messages": {shape.__name__: {"$ref": _MESSAGES + shape.__name__} for shape in both},
        "x-close-codes": {"$ref": "#/components/x-close-codes"},
    }
    if door.parameters:
        described["parameters"] = {
            name: {"description": text} for name, text in door.parameters.items()
        }
    if door.server == "websocket":
        asked: Json = {"method": "GET", "bindingVersion": "0.1.0"}
        if door.query is not None:
            asked["query"] = schemas_of((door.query,))[door.query.__name__]
        described["bindings"] = {"ws": asked}
    return described


def _operations(door: _Door) -> Json:
    def to(shapes: Iterable[Shape]) -> list[Json]:
        return [{"$ref": f"#/channels/{door.name}/messages/{s.__name__}"} for s in shapes]

    channel = {"$ref": f"#/channels/{door.name}"}
    described: Json = {
        f"{door.name}Says": {"action": "send", "channel": channel, "messages": to(door.says)}
    }
    for shape in door.takes:
        taken: Json = {"action": "receive", "channel": channel, "messages": to((shape,))}
        if shape in _ANSWERED:
            taken["reply"] = {"channel": channel, "messages": to((_ANSWERED[shape],))}
        described[f"{door.name}Takes{shape.__name__}"] = taken
    return described


def _servers() -> Json:
    here = {"host": {"default": "127.0.0.1:8000", "description": "Where this installation is."}}
    security = [
        {"$ref": f"#/components/securitySchemes/{name}"}
        for name in ("bearer", "apiKey", "queryToken", "subprotocol")
    ]
    return {
        "websocket": {
            "host": "{host}",
            "protocol": "ws",
            "description": "wss behind a proxy that ends TLS. Without credentials the caller is"
            " anonymous, unless the installation does not let anonymous callers in.",
            "variables": here,
            "security": security,
        },
        "http": {
            "host": "{host}",
            "protocol": "http",
            "description": "Server-Sent Events.",
            "variables": here,
            "security": security[:3],
        },
    }


def _security() -> Json:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "apiKey": {"type": "httpApiKey", "in": "header", "name": "X-API-Key"},
        "queryToken": {
            "type": "httpApiKey",
            "in": "query",
            "name": "token",
            "description": "An access token or, better, a ticket of POST /auth/ticket.",
        },
        "subprotocol": {
            "type": "httpApiKey",
            "in": "header",
            "name": "Sec-WebSocket-Protocol",
            "description": "For browsers, which set no other header: `touchline, bearer.TOKEN`.",
        },
    }


def document() -> Json:
    """Returns the whole description."""
    shapes = [*_SHAPES, *(door.query for door in _DOORS if door.query is not None)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Touchline",
            "version": version("touchline"),
            "description": "Every change of a match, once, in order, over WebSocket, the Pusher"
            " protocol and Server-Sent Events. REST is described by /schema/openapi.json.",
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {door.name: _channel(door) for door in _DOORS},
        "operations": {name: op for door in _DOORS for name, op in _operations(door).items()},
        "components": {
            "schemas": schemas_of(shapes),
            "messages": {shape.__name__: _message(shape) for shape in _SHAPES},
            "securitySchemes": _security(),
            "x-close-codes": {str(code.code): msgspec.to_builtins(code) for code in CLOSE_CODES},
        },
    }


@functools.cache
def _written() -> tuple[bytes, str]:
    body = msgspec.json.encode(document())
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@get("/schema/asyncapi.json", include_in_schema=False, sync_to_thread=False)
def asyncapi(request: Request[Any, Any, Any]) -> Response[bytes | None]:
    """The sockets' description, AsyncAPI 3."""
    body, etag = _written()
    headers = {"ETag": etag, "Cache-Control": _KEPT}
    if request.headers.get("if-none-match") == etag:
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


asyncapi_routes = [asyncapi]
