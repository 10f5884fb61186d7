"""What holds for an endpoint and does not stand in its signature: who may ask, which problems come
before it is reached, which headers its answers have.
"""

import re
from collections.abc import Mapping
from typing import Any

from litestar.handlers import HTTPRouteHandler

from app.api.documents import SAID
from app.api.examples import EXAMPLES
from app.api.guards import LOG_IN_PATHS, SIGNED_PREFIXES, is_open, require_log_in
from app.api.money_shapes import IDEMPOTENCY_KEY
from app.api.problems import MEDIA_TYPE

_JSON = "application/json"
_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`accessToken` of a log-in.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of `POST /api/me/keys`, for its scopes.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "Hex HMAC-SHA256 of the body with the secret both sides know.",
    },
}
_ANY_USER = [{"bearer": []}, {"apiKey": []}]
_TAGS = {
    "auth": "Signing up, logging in, tokens.",
    "me": "Oneself, and one's API keys.",
    "leagues": "Sports and leagues.",
    "matches": "Matches, scores, and each match's log.",
    "markets": "Markets and prices.",
    "predictions": "Chances of matches, and how good they were.",
    "bets": "Striking bets, and what became of them.",
    "money": "The wallet.",
    "sockets": "What the Pusher protocol asks over HTTP; the sockets are AsyncAPI's.",
    "feeds": "Pushing observations.",
    "operations": "How it runs; mostly for operators.",
}
_HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-Id": ("string", "Names the request in the log: the caller's, if it sent one."),
    "ETag": ("string", "For If-None-Match."),
    "Cache-Control": ("string", "How long it may be kept, by whom."),
    "RateLimit-Limit": ("integer", "Requests a minute."),
    "RateLimit-Remaining": ("integer", "Requests left now."),
    "RateLimit-Reset": ("integer", "Seconds until all of them are back."),
    "Retry-After": ("integer", "Seconds after which to ask again."),
}
_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,100}$"}
# Where a request that is sent again must not be done again.
_NAMED_REQUESTS = frozenset(
    {"/bets", "/bets/{bet_id}/cash-out", "/wallet/deposits", "/wallet/withdrawals"}
)
_KEY_PARAMETER = {
    "name": IDEMPOTENCY_KEY.title(),
    "in": "header",
    "required": True,
    "description": "Names the request: sent again, it gets the same answer and is not done again.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
    "example": "my-request-1",
}
_FIRST = "$response.body#/items/0/id"
_MADE = "$response.body#/id"
# What an answer leads on to: the operation, its status, then where to go with what.
_LINKS: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "listEvents": (
        "200",
        {
            "getScore": ("match_id", _FIRST),
            "getMatch": ("match_id", _FIRST),
            "getOdds": ("match_id", _FIRST),
            "getHistory": ("match_id", _FIRST),
            "listChanges": ("match_id", _FIRST),
        },
    ),
    "makeKey": ("201", {"endKey": ("key_id", _MADE)}),
    "placeBet": ("201", {"ownBet": ("bet_id", _MADE), "offered": ("bet_id", _MADE)}),
    "takeOut": ("202", {"cancelWithdrawal": ("payment_id", _MADE)}),
}
_SOCKET_ID = {"type": "string", "examples": ["1234.5678"]}
# Bodies that are read as bytes, because clients of others send them as forms.
_FORMS: dict[str, dict[str, Any]] = {
    "/broadcasting/auth": {
        "socket_id": _SOCKET_ID,
        "channel_name": {"type": "string", "examples": ["private-bets"]},
    },
    "/broadcasting/user-auth": {"socket_id": _SOCKET_ID},
}
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
# Litestar's names of generic shapes have the module in them.
_PAGE = re.compile(rb"Items_(?:\w+\.)*(\w+?)_(?=\")")


def completed(
    operation: Mapping[str, Any], handler: HTTPRouteHandler, *, path: str, method: str
) -> dict[str, Any]:
    """Returns an operation with its credentials, its parameters and all its answers."""
    more: dict[str, Any] = _said(operation)
    security = _security_of(handler, path)
    parameters = [_parameter(one) for one in operation.get("parameters", ())]
    if method == "post" and path in _NAMED_REQUESTS:
        parameters.append(_KEY_PARAMETER)
    responses = dict(operation["responses"])
    if path in _FORMS:
        more["requestBody"] = _form(_FORMS[path])
    has_body = "requestBody" in {**operation, **more}
    for status in _problems_around(security, path, has_body=has_body):
        responses[status] = _problem(int(status))
    responses = {
        status: _answer(status, said, is_counted=not is_open(path))
        for status, said in sorted(responses.items())
    }
    status, links = _LINKS.get(operation["operationId"], ("", {}))
    if links:
        said = {name: _link(name, *given) for name, given in links.items()}
        responses[status] = {**responses[status], "links": said}
    if parameters:
        more["parameters"] = parameters
    return {**operation, **more, "security": security, "responses": responses}


def _said(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what an endpoint is for in one line, and the rest; its docstring has both."""
    first, _, rest = operation["description"].partition("\n\n")
    return {"summary": " ".join(first.split()).removesuffix("."), "description": rest}


def around(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parts of the description that are of no endpoint."""
    components: Mapping[str, Any] = schema["components"]
    shapes = {name: _shape(name, said) for name, said in components["schemas"].items()}
    headers = {
        name: {"description": text, "schema": {"type": kind}}
        for name, (kind, text) in _HEADERS.items()
    }
    return {
        "components": {
            **components,
            "schemas": shapes,
            "headers": headers,
            "securitySchemes": _SCHEMES,
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
    }


def with_plain_names(description: bytes) -> bytes:
    """Returns the description with pages named by what is on them: MatchSummaryPage."""
    return _PAGE.sub(rb"\1Page", description)


def _shape(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """Returns a shape with its example; decimals that are sent to us may be text as well."""
    if name.endswith("Wish"):
        said = {
            **said,
            "properties": {field: _sent(kind) for field, kind in said["properties"].items()},
        }
    # Two rooms may have a Reason: generated clients go by the title.
    title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    said = {**said, "title": title} if "." not in name else said
    return {**said, "examples": [EXAMPLES[name]]} if name in EXAMPLES else said


def _sent(kind: dict[str, Any]) -> dict[str, Any]:
    if kind.get("type") == "number":
        return {**kind, "type": ["number", "string"]}
    if "oneOf" in kind:
        return {**kind, "oneOf": [_sent(one) for one in kind["oneOf"]]}
    return kind


def _security_of(handler: HTTPRouteHandler, path: str) -> list[dict[str, list[str]]]:
    """Returns which credentials an endpoint takes, as its guards say."""
    if path.startswith(SIGNED_PREFIXES):
        takes_key = path.startswith(SIGNED_PREFIXES[0])
        return [{"signature": []}, {"apiKey": []}] if takes_key else [{"signature": []}]
    if is_open(path) or path in LOG_IN_PATHS:
        return []
    guards = list(handler.guards or ())
    if require_log_in in guards:
        return [{"bearer": []}]
    return _ANY_USER if guards else [{}, *_ANY_USER]


def _problems_around(security: list[Any], path: str, *, has_body: bool) -> list[str]:
    """Returns the statuses that may come before the handler is asked."""
    found = {"503"}
    if not is_open(path):
        found.add("429")
    if security and not path.startswith(SIGNED_PREFIXES):
        found |= {"401", "403"}
    if has_body:
        found |= {"400", "413", "422"}
    return sorted(found)


def _link(operation: str, parameter: str, expression: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {parameter: expression}}


def _form(fields: dict[str, Any]) -> dict[str, Any]:
    shape = {"schema": {"type": "object", "properties": fields, "required": list(fields)}}
    return {
        "required": True,
        "content": dict.fromkeys(("application/x-www-form-urlencoded", _JSON), shape),
    }


def _parameter(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a parameter; ids of the path are said to be ids."""
    if declared["in"] == "path" and declared["schema"] == {"type": "string"}:
        return {**declared, "schema": _ID}
    return dict(declared)


def _problem(status: int) -> dict[str, Any]:
    return {"description": SAID[status], "content": _PROBLEM}


def _answer(status: str, said: Mapping[str, Any], *, is_counted: bool) -> dict[str, Any]:
    """Returns an answer with its headers; 304 has no body, and no problem is Litestar's own."""
    if status == "304":
        said = {"description": SAID[304]}
    elif status >= "400" and MEDIA_TYPE not in said.get("content", {_JSON: 0}):
        said = said if "content" in said and status == "503" else _problem(int(status))
    names = ["X-Request-Id", *(_LIMITS if is_counted else ())]
    if status in ("429", "503"):
        names.append("Retry-After")
    if status in ("200", "304"):
        names += ["Cache-Control", *(("ETag",) if status == "304" else ())]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {**said, "headers": {**said.get("headers", {}), **headers}}
