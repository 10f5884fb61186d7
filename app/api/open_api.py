"""The API's description: what Litestar finds in the handlers, and what holds around them."""

from decimal import Decimal
from typing import Any

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.types import Method

from app.api import contract

_TEXT = """Real-time sports data and bets: matches, scores, markets, in one order.

**Credentials** are `Authorization: Bearer <token>` of `POST /auth/login`, or `X-API-Key: <key>` of
`POST /api/me/keys`; *Authorize* keeps one for this page. Without either, reads are answered by
address, unless this server says no to strangers.

**Errors** are `application/problem+json`; look at `code`, which is stable:
[every code](/docs/errors). Any request may also be refused before it reaches an endpoint, and the
line closed: 400 for what is no HTTP, 408 when it takes too long to arrive, 414 and 431 for an
address or a head that is too large.

**Limits** stand on every counted answer as `RateLimit-Limit`, `RateLimit-Remaining` and
`RateLimit-Reset`."""

# Handlers that share a name with another's: what they are called outside.
_NAMES = {
    "told": "tellPayment",
    "strike": "placeBet",
    "push": "pushFeed",
    "ticket": "makeTicket",
    "decide": "decideReview",
    "wallet": "getWallet",
    "me": "getMe",
    "keys": "listKeys",
    "jwks": "getKeySet",
}


def open_api(version: str) -> OpenAPIConfig:
    """Returns how the API is described."""
    return OpenAPIConfig(
        title="Touchline",
        version=version,
        path="/schema",
        render_plugins=[Whole()],
        use_handler_docstrings=True,
        description=_TEXT,
        operation_id_creator=operation_id,
    )


def operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[Any]) -> str:
    """Returns what generated clients call an endpoint: its handler's name."""
    first, *more = handler.handler_name.split("_")
    return _NAMES.get(handler.handler_name) or first + "".join(map(str.capitalize, more))


class Numbers(OpenAPISchemaPlugin):
    """Says that decimals are numbers, as they are written; Litestar would call them text."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Says whether it is a decimal."""
        return value is Decimal

    def to_openapi_schema(self, field_definition: Any, schema_creator: Any) -> Schema:  # noqa: ARG002 - Litestar's.
        """Returns a number."""
        return Schema(type=OpenAPIType.NUMBER)


class Whole(JsonRenderPlugin):
    """Renders the description as JSON, completed once a process."""

    def __init__(self) -> None:
        super().__init__()
        self._rendered = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Returns the whole description."""
        if not self._rendered:
            whole = whole_of(request.app, openapi_schema)
            self._rendered = contract.with_plain_names(self.render_json(request, whole))
        return self._rendered


def whole_of(app: Litestar, schema: dict[str, Any]) -> dict[str, Any]:
    """Returns Litestar's description of the application's routes, completed."""
    handlers = {
        (route.path_format, method.lower()): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods
    }
    paths = {
        path: {
            method: contract.completed(part, handlers[path, method], path=path, method=method)
            if (path, method) in handlers
            else part
            for method, part in parts.items()
        }
        for path, parts in schema["paths"].items()
    }
    return {**schema, "paths": paths, **contract.around(schema)}
