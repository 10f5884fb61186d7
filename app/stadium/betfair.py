"""Betfair over HTTP as it answers: log-ins, sessions, and the Sports API in both its dialects.

JSON-RPC refuses inside 200, REST with 400 and a fault. Requests have weights: what asks for too
much is refused with TOO_MUCH_DATA.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from app.stadium import calls
from app.stadium.betfair_bodies import book_body, catalogue_body, event_body
from app.stadium.calls import Call, Reply
from app.stadium.exchange import EVENT_TYPES, ExchangeMarket, markets
from app.stadium.market_filter import Filter, Refusal
from app.stadium.quotas import Quotas, Spent
from app.stadium.sessions import Sessions
from app.stadium.voices import Voice

WEIGHT_MAX = 200
RESULTS_MAX = 1_000
BATCH_MAX = 50
_RPC = re.compile(r".*/exchange/betting/json-rpc/v1/?")
_REST = re.compile(r".*/exchange/betting/rest/v1\.0/(?P<name>[A-Za-z]+)/?")
_IDENTITY = re.compile(r".*/api/(?P<name>login|certlogin|keepAlive|logout)/?")
_CATALOGUE_WEIGHTS = {"MARKET_DESCRIPTION": 1, "RUNNER_METADATA": 1}
_BOOK_WEIGHTS = {
    "SP_AVAILABLE": 3, "SP_TRADED": 7, "EX_BEST_OFFERS": 5, "EX_ALL_OFFERS": 17, "EX_TRADED": 17,
}  # fmt: skip
# Both together weigh less than one after the other.
_BOTH_WEIGHTS = (
    ({"EX_ALL_OFFERS", "EX_TRADED"}, 32),
    ({"EX_BEST_OFFERS", "EX_TRADED"}, 20),
)


class BetfairDesk:
    """Answers for Betfair."""

    def __init__(self, voice: Voice, quotas: Quotas, sessions: Sessions) -> None:
        self._voice = voice
        self._quotas = quotas
        self._sessions = sessions
        self._operations: Mapping[str, Callable[[dict[str, Any], datetime], Any]] = {
            "listEventTypes": self._event_types,
            "listCompetitions": self._competitions,
            "listEvents": self._events,
            "listMarketCatalogue": self._catalogue,
            "listMarketBook": self._books,
        }

    def answer(self, call: Call) -> Reply:
        """Answers a request to the identity service or to the Sports API."""
        if call.method != "POST":
            return calls.said({"error": "Method not allowed"}, status=405)
        if found := _IDENTITY.fullmatch(call.path):
            return self._identify(call, found["name"])
        if found := _REST.fullmatch(call.path):
            return self._rest(call, found["name"])
        if _RPC.fullmatch(call.path):
            return self._rpc(call)
        return calls.said({"error": "Not found"}, status=404)

    def nearly_spend(self, now: datetime, *, left: int) -> None:
        """Leaves so little, whoever asks."""
        for key in self._sessions.account.app_keys:
            self._quotas.lower(key, now, left=left)

    def _identify(self, call: Call, name: str) -> Reply:
        account, app_key = self._sessions.account, call.headers.get("x-application", "")
        token = call.headers.get("x-authentication", "")
        if name in {"keepAlive", "logout"}:
            well = self._sessions.known(token) and app_key in account.app_keys
            if well and name == "logout":
                self._sessions.end(token)
            return calls.said(
                _session(token if well else "", app_key, "" if well else "NO_SESSION")
            )
        form = parse_qs(call.body.decode("utf-8", "replace"), max_num_fields=20)
        right = form.get("username") == [account.username] and form.get("password") == [
            account.password
        ]
        wrong = "" if right else "INVALID_USERNAME_OR_PASSWORD"
        if app_key not in account.app_keys:
            wrong = "INPUT_VALIDATION_ERROR"
        token = "" if wrong else self._sessions.begin()
        if name == "login":
            return calls.said(_session(token, app_key, wrong))
        if wrong:
            return calls.said({"loginStatus": wrong})
        return calls.said({"sessionToken": token, "loginStatus": "SUCCESS"})

    def _rest(self, call: Call, name: str) -> Reply:
        try:
            return calls.said(self._called(call, name, _decoded(call.body)))
        except Refusal as refusal:
            detail = _exception(refusal)
            body = {"faultcode": "Client", "faultstring": refusal.fault, "detail": detail}
            return calls.said(body, status=400)

    def _rpc(self, call: Call) -> Reply:
        try:
            asked = _decoded(call.body)
        except Refusal:
            asked = None
        if isinstance(asked, list):
            return calls.said([self._rpc_one(call, each) for each in asked[:BATCH_MAX]])
        return calls.said(self._rpc_one(call, asked))

    def _rpc_one(self, call: Call, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict):
            error = {"code": -32600, "message": "DSC-0008"}
            return {"jsonrpc": "2.0", "error": error, "id": None}
        name = str(asked.get("method", "")).removeprefix("SportsAPING/v1.0/")
        answer = {"jsonrpc": "2.0", "id": asked.get("id")}
        try:
            return {**answer, "result": self._called(call, name, asked.get("params"))}
        except Refusal as refusal:
            error = {
                "code": -32099,
                "message": refusal.fault,
                "data": {"exceptionname": "APINGException", **_exception(refusal)},
            }
            return {**answer, "error": error}

    def _called(self, call: Call, name: str, parameters: Any) -> Any:
        """Returns the result of an operation; raises Refusal."""
        app_key = call.headers.get("x-application", "")
        if not app_key:
            raise Refusal("NO_APP_KEY", fault="ANGX-0011")
        if app_key not in self._sessions.account.app_keys:
            raise Refusal("INVALID_APP_KEY", fault="ANGX-0007")
        token = call.headers.get("x-authentication", "")
        if not token:
            raise Refusal("NO_SESSION", fault="ANGX-0012")
        if not self._sessions.known(token):
            raise Refusal("INVALID_SESSION_INFORMATION", fault="ANGX-0003")
        operation = self._operations.get(name)
        if operation is None:
            raise Refusal("INVALID_INPUT_DATA", fault="DSC-0021")
        try:
            self._quotas.take(app_key, call.now)
        except Spent:
            raise Refusal("TOO_MANY_REQUESTS", fault="ANGX-0010") from None
        return operation(parameters if isinstance(parameters, dict) else {}, call.now)

    def _markets(self, parameters: dict[str, Any], now: datetime) -> list[ExchangeMarket]:
        """Returns the markets a filter takes; those that are closed are not listed."""
        asked = _filter(parameters)
        said = self._voice.said_at(now, prices=True, numbers=asked.numbers(), sports=asked.sports())
        return [m for m in markets(said) if m.status != "CLOSED" and asked.takes(m)]

    def _event_types(self, parameters: dict[str, Any], now: datetime) -> list[Any]:
        counts: dict[str, int] = {}
        for market in self._markets(parameters, now):
            number = EVENT_TYPES[market.said.sport][0]
            counts[number] = counts.get(number, 0) + 1
        return [
            {"eventType": {"id": number, "name": name}, "marketCount": counts[number]}
            for number, name in EVENT_TYPES.values()
            if number in counts
        ]

    def _competitions(self, parameters: dict[str, Any], now: datetime) -> list[Any]:
        found: dict[int, list[ExchangeMarket]] = {}
        for market in self._markets(parameters, now):
            found.setdefault(market.said.league.number, []).append(market)
        return [
            {
                "competition": {"id": str(number), "name": those[0].said.league.name},
                "marketCount": len(those),
                "competitionRegion": "International",
            }
            for number, those in found.items()
        ]

    def _events(self, parameters: dict[str, Any], now: datetime) -> list[Any]:
        found: dict[str, list[ExchangeMarket]] = {}
        for market in self._markets(parameters, now):
            found.setdefault(market.event_id, []).append(market)
        return [
            {"event": event_body(those[0]), "marketCount": len(those)} for those in found.values()
        ]

    def _catalogue(self, parameters: dict[str, Any], now: datetime) -> list[Any]:
        most, shown = parameters.get("maxResults"), _words(parameters.get("marketProjection"))
        if not isinstance(most, int) or not 1 <= most <= RESULTS_MAX:
            raise Refusal("INVALID_INPUT_DATA")
        if most * sum(_CATALOGUE_WEIGHTS.get(word, 0) for word in shown) > WEIGHT_MAX:
            raise Refusal("TOO_MUCH_DATA", fault="ANGX-0001")
        found = self._markets(parameters, now)
        found.sort(key=lambda market: (market.said.start_time, market.id))
        return [catalogue_body(market, shown) for market in found[:most]]

    def _books(self, parameters: dict[str, Any], now: datetime) -> list[Any]:
        ids = _words(parameters.get("marketIds"))
        projection = parameters.get("priceProjection")
        data = _words(projection.get("priceData")) if isinstance(projection, dict) else ()
        if not ids:
            raise Refusal("INVALID_INPUT_DATA")
        if _weight(data) * len(ids) > WEIGHT_MAX:
            raise Refusal("TOO_MUCH_DATA", fault="ANGX-0001")
        said = self._voice.said_at(now, prices=True)
        wanted = frozenset(ids)
        found = {market.id: market for market in markets(said) if market.id in wanted}
        return [book_body(found[each], data) for each in dict.fromkeys(ids) if each in found]


def _session(token: str, app_key: str, error: str) -> dict[str, str]:
    status = "FAIL" if error else "SUCCESS"
    return {"token": token, "product": app_key, "status": status, "error": error}


def _exception(refusal: Refusal) -> dict[str, Any]:
    exception = {
        "requestUUID": "sim-stadium-00000000",
        "errorCode": refusal.code,
        "errorDetails": "",
    }
    return {"APINGException": exception}


def _weight(data: Sequence[str]) -> int:
    """Returns what one market of a request for books weighs."""
    words = set(data)
    if not words:
        return 2
    weight = 0
    for both, weighs in _BOTH_WEIGHTS:
        if both <= words:
            weight += weighs
            words -= both
    return weight + sum(_BOOK_WEIGHTS.get(word, 0) for word in words)


def _filter(parameters: dict[str, Any]) -> Filter:
    try:
        return msgspec.convert(parameters.get("filter", {}), Filter)
    except msgspec.ValidationError:
        raise Refusal("INVALID_INPUT_DATA") from None


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(each for each in value if isinstance(each, str))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise Refusal("INVALID_INPUT_DATA", fault="DSC-0008") from None
