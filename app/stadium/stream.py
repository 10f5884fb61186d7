"""Betfair's stream: lines of JSON over TLS, an image first and then what changes.

A subscription is worked out anew every tick and told where it differs from what was told before.
The place to resume from is the moment that was told, so that it holds in every process and after a
restart: what stood then is worked out again. A place from too long ago gets a whole image.
"""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from app.providers.replay.player import milliseconds
from app.stadium.asked import Asked
from app.stadium.books import DataFilter, MarketView, delta, image, segments, view_at
from app.stadium.faults import KEPT_MS, FaultKind, Faults, Window
from app.stadium.market_filter import Filter, Refusal
from app.stadium.programme import moment_of
from app.stadium.sessions import Sessions
from app.stadium.voices import Voice

LINE_BYTES_MAX = 64 * 1024
# What Betfair allows an account.
CONNECTIONS_MAX = 10
MARKETS_MAX = 200
IDLE_S = 15.0
HEARTBEATS_MS = (500, 5_000)
CONFLATE_MS_MAX = 120_000
# How often markets are looked at: prices move every few hundred milliseconds at most.
TICK_S = 0.2
SEGMENT_MARKETS = 20
# Who reads nothing for so long is cut off.
DRAIN_S = 10.0
# The path faults name it by.
PATH = "/stream"
_END = b"\r\n"


class Subscription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A `marketSubscription`."""

    id: int | None = None
    market_filter: Filter = Filter()
    market_data_filter: DataFilter = DataFilter()
    heartbeat_ms: int | None = None
    conflate_ms: int | None = None
    segmentation_enabled: bool = False
    initial_clk: str | None = None
    clk: str | None = None

    @property
    def heartbeat_s(self) -> float:
        """Returns the seconds of silence before a heartbeat, within what Betfair grants."""
        low, high = HEARTBEATS_MS
        return min(max(self.heartbeat_ms or high, low), high) / 1000

    @property
    def conflate_s(self) -> float:
        """Returns how long changes are gathered."""
        return min(max(self.conflate_ms or 0, 0), CONFLATE_MS_MAX) / 1000

    @property
    def mark(self) -> str:
        """Returns the first half of a place: which subscription it is of."""
        what = msgspec.json.encode([self.market_filter, self.market_data_filter])
        return base64.b64encode(blake2b(what, digest_size=12).digest()).decode()


class Closing(Exception):
    """The line ends; `code` is told first, unless it is empty."""

    def __init__(self, code: str = "", message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class Stream:
    """Serves every connection of the stream's port."""

    def __init__(
        self,
        voice: Voice,
        faults: Faults,
        sessions: Sessions,
        now: Callable[[], datetime],
        *,
        asked: Asked,
    ) -> None:
        self.asked = asked
        self.voice = voice
        self.faults = faults
        self.sessions = sessions
        self.now = now
        self._open: set[asyncio.Task[None]] = set()
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until it ends; raises nothing."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self._count += 1
        line = Line(self, reader, writer, self._count)
        try:
            await line.run(full=len(self._open) > CONNECTIONS_MAX)
        except asyncio.CancelledError:
            # The stadium closes; asyncio would report the cancellation as an error.
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Cuts every connection."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Line:
    """One connection."""

    def __init__(
        self,
        stream: Stream,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._writer = writer
        self._name = f"002-{number:012}-000001"
        self._authenticated = False
        self._telling: asyncio.Task[None] | None = None
        self._turn = 0
        self._ops: Mapping[str, Callable[[bytes], Awaitable[None]]] = {
            "authentication": self._authenticate,
            "marketSubscription": self._subscribe,
            "heartbeat": self._beat,
        }

    async def run(self, *, full: bool) -> None:
        """Talks until one side ends it."""
        try:
            await self._say({"op": "connection", "connectionId": self._name})
            await self._listen(full=full)
        except Closing as closing:
            with contextlib.suppress(Closing, OSError, TimeoutError):
                await self._end(closing)
        except (OSError, TimeoutError):
            pass  # The other side is gone, or reads nothing.
        finally:
            await self._stop_telling()

    async def _listen(self, *, full: bool) -> None:
        if full:
            raise Closing("MAX_CONNECTION_LIMIT_EXCEEDED", "Too many connections")
        while True:
            line = await self._heard()
            try:
                await self._do(line)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                raise Closing("INVALID_INPUT", "The message cannot be read") from None

    async def _do(self, line: bytes) -> None:
        do = self._ops.get(msgspec.json.decode(line, type=Op).op)
        if do is None:
            raise Closing("INVALID_INPUT", "Unknown op")
        await do(line)

    async def _heard(self) -> bytes:
        idle = None if self._authenticated and self._telling is not None else IDLE_S
        try:
            async with asyncio.timeout(idle):
                line = await self._reader.readline()
        except TimeoutError:
            raise Closing("TIMEOUT", "Connection is not subscribed and is idle") from None
        except ValueError:
            raise Closing("INVALID_INPUT", "The line is too long") from None
        if not line.endswith(b"\n"):
            raise Closing
        return line

    async def _authenticate(self, line: bytes) -> None:
        asked = msgspec.json.decode(line, type=Authentication)
        account = self._stream.sessions.account
        if asked.app_key not in account.app_keys:
            raise Closing("INVALID_APP_KEY" if asked.app_key else "NO_APP_KEY")
        if not self._stream.sessions.known(asked.session):
            code = "INVALID_SESSION_INFORMATION" if asked.session else "NO_SESSION"
            raise Closing(code)
        self._authenticated = True
        await self._well(asked.id)

    async def _beat(self, line: bytes) -> None:
        await self._well(msgspec.json.decode(line, type=Op).id)

    async def _subscribe(self, line: bytes) -> None:
        asked = msgspec.json.decode(line, type=Subscription)
        if not self._authenticated:
            raise Closing("NOT_AUTHORIZED", "Not authenticated")
        if asked.initial_clk and asked.initial_clk != asked.mark:
            raise Closing("INVALID_CLOCK", "The clock is of another subscription")
        ids = asked.market_filter.market_ids or asked.market_filter.event_ids or ()
        self._stream.asked.note_subscription(self._stream.now(), ids)
        view = self._view(asked, self._stream.now())
        if len(view) > MARKETS_MAX:
            raise Closing("SUBSCRIPTION_LIMIT_EXCEEDED", f"{len(view)} markets")
        await self._stop_telling()
        await self._well(asked.id)
        self._telling = asyncio.create_task(self._tell(asked))

    async def _tell(self, asked: Subscription) -> None:
        """Tells a subscription until it is cancelled; a line that breaks ends the reading too."""
        try:
            await self._tell_on(asked)
        except (Closing, OSError, TimeoutError):
            self._writer.transport.abort()

    async def _tell_on(self, asked: Subscription) -> None:
        moment = self._now()
        told = self._view(asked, moment)
        await self._say_first(asked, told, moment)
        spoke_at = self._loop_time()
        while True:
            await asyncio.sleep(max(TICK_S, asked.conflate_s))
            if FaultKind.REFUSED in self._met():
                raise Closing
            moment = self._now()
            view = self._view(asked, moment)
            changes = delta(told, view)
            told = view
            clk = clock_of(moment)
            if changes:
                await self._say_changes(asked, changes, {"clk": clk})
            elif self._loop_time() - spoke_at >= asked.heartbeat_s:
                await self._say(self._mcm(asked, {"clk": clk, "ct": "HEARTBEAT"}))
            else:
                continue
            spoke_at = self._loop_time()

    async def _say_first(
        self, asked: Subscription, view: Mapping[str, MarketView], moment: datetime
    ) -> None:
        """Tells all, or what changed since the place the subscriber came with."""
        since = _moment_of(asked.clk, moment) if asked.initial_clk and asked.clk else None
        head: dict[str, Any] = {
            "initialClk": asked.mark,
            "clk": clock_of(moment),
            "conflateMs": round(asked.conflate_s * 1000),
            "heartbeatMs": round(asked.heartbeat_s * 1000),
        }
        if since is None:
            await self._say_changes(asked, image(view), {**head, "ct": "SUB_IMAGE"})
            return
        changes = delta(self._view(asked, since), view)
        await self._say_changes(asked, changes, {**head, "ct": "RESUB_DELTA"})

    async def _say_changes(
        self, asked: Subscription, changes: list[dict[str, Any]], head: dict[str, Any]
    ) -> None:
        if not asked.segmentation_enabled or len(changes) <= SEGMENT_MARKETS:
            await self._say(self._mcm(asked, {**head, "mc": changes}))
            return
        for kind, piece in segments(changes, SEGMENT_MARKETS):
            await self._say(self._mcm(asked, {**head, "segmentType": kind, "mc": piece}))

    def _mcm(self, asked: Subscription, rest: dict[str, Any]) -> dict[str, Any]:
        now = self._stream.now()
        message = {"op": "mcm", "id": asked.id, **rest, "pt": int(now.timestamp() * 1000)}
        if self._stream.faults.on("betfair", FaultKind.STALE, milliseconds(now)):
            message["status"] = 503
        return message

    def _view(self, asked: Subscription, moment: datetime) -> dict[str, MarketView]:
        try:
            return view_at(
                self._stream.voice, moment, asked.market_filter, asked.market_data_filter
            )
        except Refusal:
            raise Closing("INVALID_INPUT", "The filter cannot be read") from None

    async def _well(self, number: int | None) -> None:
        await self._say(
            {
                "op": "status",
                "id": number,
                "statusCode": "SUCCESS",
                "connectionClosed": False,
                "connectionsAvailable": CONNECTIONS_MAX - 1,
            }
        )

    async def _end(self, closing: Closing) -> None:
        if closing.code:
            await self._say(
                {
                    "op": "status",
                    "statusCode": "FAILURE",
                    "errorCode": closing.code,
                    "errorMessage": closing.message,
                    "connectionClosed": True,
                    "connectionId": self._name,
                }
            )

    async def _say(self, message: dict[str, Any]) -> None:
        """Writes one line, with whatever is wrong with the line just now."""
        self._turn += 1
        met = self._met()
        if FaultKind.REFUSED in met:
            raise Closing
        if late := met.get(FaultKind.LATENCY):
            await asyncio.sleep(late.fault.latency_ms / 1000)
        while FaultKind.SILENT in self._met():  # noqa: ASYNC110 - it ends by the clock.
            await asyncio.sleep(TICK_S)
        if {FaultKind.ERROR, FaultKind.TOO_MANY} & met.keys() and message["op"] == "mcm":
            raise Closing
        body = msgspec.json.encode(message)
        if FaultKind.CUT in met:
            await self._write(body[: len(body) // 2])
            raise Closing
        if FaultKind.TRUNCATED in met:
            body = body[: len(body) // 2]
        await self._write(body + _END)

    async def _write(self, content: bytes) -> None:
        self._writer.write(content)
        async with asyncio.timeout(DRAIN_S):
            await self._writer.drain()

    def _met(self) -> dict[FaultKind, Window]:
        return self._stream.faults.of_request(
            "betfair", milliseconds(self._stream.now()), path=PATH, turn=self._turn
        )

    async def _stop_telling(self) -> None:
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    def _now(self) -> datetime:
        """Returns the moment in whole milliseconds, as a place names it."""
        return moment_of(milliseconds(self._stream.now()))

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()


class Op(msgspec.Struct, frozen=True):
    """What every message has."""

    op: str
    id: int | None = None


class Authentication(msgspec.Struct, frozen=True, rename="camel"):
    """An `authentication`."""

    id: int | None = None
    app_key: str = ""
    session: str = ""


def clock_of(moment: datetime) -> str:
    """Returns the second half of a place: the moment that was told."""
    return base64.b64encode(milliseconds(moment).to_bytes(8, "big", signed=True)).decode()


def _moment_of(clk: str, now: datetime) -> datetime | None:
    """Returns the moment of a place; None when it is none, or from too long ago."""
    try:
        raw = base64.b64decode(clk, validate=True)
    except ValueError:
        return None
    if len(raw) != 8:
        return None
    age_ms = milliseconds(now) - int.from_bytes(raw, "big", signed=True)
    if not 0 <= age_ms <= KEPT_MS:
        return None
    return now - timedelta(milliseconds=age_ms)
