"""The HTTP side: providers by prefix, faults of the line around them, and the stadium's own door.

    /api-football/...  /thesportsdb/...  /betfair/...  /odds-api/...   the providers
    GET    /health                          what is played, and how fast
    GET    /truth, /truth?at=ISO            what is so
    GET    /said/{provider}?at=ISO          what a provider says, in one shape for all
    GET    /asked                           what the providers were asked
    GET    /faults                          all faults, with when they are on
    POST   /faults                          a fault or a list of them, from now on
    DELETE /faults, /faults?provider=P      ends them

A plain ASGI application: it needs of uvicorn only a way to cut the line (`CUT` in the scope's
extensions). It answers loopback only.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.providers.replay.player import milliseconds
from app.stadium import calls
from app.stadium.asked import Asked
from app.stadium.calls import Call, Desk, Reply
from app.stadium.faults import Fault, FaultKind, Faults, TooManyFaults, Window
from app.stadium.naming import ProviderKey
from app.stadium.programme import Programme, moment_of
from app.stadium.voices import Voice

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CUT = "touchline.cut"
# A request of an adapter has a few hundred bytes, the longest filter a few thousand.
BODY_BYTES_MAX = 256 * 1024
QUERY_FIELDS_MAX = 50
# How often a silent provider looks whether it may speak again, and for how long it looks.
SILENT_LOOK_S = 0.1
SILENT_S_MAX = 120.0


class CuttableProtocol(HttpToolsProtocol):
    """As uvicorn's, and `scope["extensions"][CUT]()` cuts the line at once, past flow control."""

    def on_message_begin(self) -> None:
        """Offers the cut before the application sees the scope."""
        super().on_message_begin()
        scope = cast("Scope", self.scope)
        scope["extensions"] = {CUT: self.transport.abort}


class Web:
    """The ASGI application."""

    def __init__(
        self,
        *,
        programme: Programme,
        desks: Mapping[ProviderKey, Desk],
        voices: Mapping[ProviderKey, Voice],
        faults: Faults,
        asked: Asked,
        now: Callable[[], datetime],
    ) -> None:
        self._programme = programme
        self._desks = desks
        self._voices = voices
        self._faults = faults
        self._asked = asked
        self._now = now
        self._turns: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        if not is_loopback(scope):
            await _say(send, calls.said({"error": "loopback only"}, status=403))
            return
        try:
            call = await self._call(scope, receive)
        except ValueError as error:
            await _say(send, calls.said({"error": str(error)}, status=413))
            return
        provider, _, rest = call.path.removeprefix("/").partition("/")
        if provider in self._desks:
            key = cast("ProviderKey", provider)
            await self._provide(key, msgspec.structs.replace(call, path=f"/{rest}"), (scope, send))
            return
        await _say(send, self._own(call))

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > BODY_BYTES_MAX:
                raise ValueError(f"more than {BODY_BYTES_MAX} bytes")
        query = scope["query_string"].decode("latin-1")
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
        return Call(
            method=scope["method"],
            path=scope["path"],
            query=dict(fields),
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            body=bytes(body),
            now=self._now(),
        )

    async def _provide(self, key: ProviderKey, call: Call, line: tuple[Scope, Send]) -> None:
        """Answers for a provider, with whatever is wrong with it just now."""
        scope, send = line
        self._asked.note(key, call)
        turn = self._turns[key] = self._turns.get(key, 0) + 1
        met = self._met(key, call.path, turn)
        if FaultKind.REFUSED in met:
            await _cut(scope)
            return
        if late := met.get(FaultKind.LATENCY):
            await asyncio.sleep(late.fault.latency_ms / 1000)
        if FaultKind.SILENT in met:
            await self._keep_silent(key, call.path, turn)
            await _cut(scope)
            return
        reply = self._refusal(met) or self._answer(key, call, met)
        if FaultKind.CUT in met:
            await _say(send, reply, most=len(reply.body) // 2)
            await _cut(scope)
            return
        if FaultKind.TRUNCATED in met:
            reply = msgspec.structs.replace(reply, body=reply.body[: len(reply.body) // 2])
        await _say(send, reply)

    def _answer(self, key: ProviderKey, call: Call, met: Mapping[FaultKind, Window]) -> Reply:
        desk = self._desks[key]
        if low := met.get(FaultKind.QUOTA_LOW):
            desk.nearly_spend(call.now, left=low.fault.left)
        return desk.answer(call)

    def _refusal(self, met: Mapping[FaultKind, Window]) -> Reply | None:
        if many := met.get(FaultKind.TOO_MANY):
            wait_s = many.fault.retry_after_s
            headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
            return calls.said({"message": "Too many requests"}, status=429, headers=headers)
        if error := met.get(FaultKind.ERROR):
            body = b"<html><body>upstream error</body></html>"
            return Reply(status=error.fault.status, body=body, media_type="text/html")
        return None

    async def _keep_silent(self, key: ProviderKey, path: str, turn: int) -> None:
        for _ in range(round(SILENT_S_MAX / SILENT_LOOK_S)):
            if FaultKind.SILENT not in self._met(key, path, turn):
                return
            await asyncio.sleep(SILENT_LOOK_S)

    def _met(self, key: ProviderKey, path: str, turn: int) -> dict[FaultKind, Window]:
        return self._faults.of_request(key, milliseconds(self._now()), path=path, turn=turn)

    def _own(self, call: Call) -> Reply:
        """Answers at the stadium's own door."""
        head, _, rest = call.path.removeprefix("/").partition("/")
        try:
            match head, call.method:
                case "health" | "asked", "GET":
                    told = self._health() if head == "health" else self._asked.told()
                    return calls.said(told)
                case "truth", "GET":
                    return calls.said(self._programme.truth_at(_asked_moment(call)))
                case "said", "GET" if rest in self._voices:
                    voice = self._voices[cast("ProviderKey", rest)]
                    return calls.said(voice.said_at(_asked_moment(call), prices=True))
                case "faults", "GET" | "POST" | "DELETE":
                    return self._own_faults(call)
                case _:
                    return calls.said({"error": "not found"}, status=404)
        except (msgspec.MsgspecError, ValueError, TooManyFaults) as error:
            return calls.said({"error": str(error)}, status=422)

    def _own_faults(self, call: Call) -> Reply:
        now_ms = milliseconds(call.now)
        if call.method == "POST":
            asked = msgspec.json.decode(call.body, type=Fault | list[Fault])
            self._faults.add(asked if isinstance(asked, list) else [asked], now_ms=now_ms)
        if call.method == "DELETE":
            self._faults.clear(now_ms=now_ms, provider=call.query.get("provider"))
        return calls.said([_told(window, now_ms) for window in self._faults.windows()])

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "speed": self._programme.speed,
            "recordings": len(self._programme.tracks),
            "requests": self._turns,
        }


def is_loopback(scope: Scope) -> bool:
    """Says whether the other side is on this machine, and asked for this machine.

    The Host header is looked at too: a page from elsewhere must not get here by its own name.
    """
    client = scope.get("client")
    if client is not None and not _is_local(client[0]):
        return False
    hosts = [v.decode("latin-1") for k, v in scope["headers"] if k == b"host"]
    return all(_is_local(_host_of(host)) for host in hosts)


def _host_of(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _asked_moment(call: Call) -> datetime:
    text = call.query.get("at")
    if text is None:
        return call.now
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(window: Window, now_ms: int) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(window.fault),
        "begins": moment_of(window.begins_ms).isoformat(),
        "ends": None if window.ends_ms is None else moment_of(window.ends_ms).isoformat(),
        "on": window.on(now_ms),
    }


async def _say(send: Send, reply: Reply, *, most: int | None = None) -> None:
    """Sends an answer; with `most`, only so many bytes of the body it promised."""
    headers = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body)),
        **reply.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    whole = most is None
    body = reply.body if whole else reply.body[:most]
    await send({"type": "http.response.body", "body": body, "more_body": not whole})


async def _cut(scope: Scope) -> None:
    """Cuts the line, and lets the server notice before the application ends."""
    scope["extensions"][CUT]()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
