"""Betfair's stream over TLS: who gets in, images, deltas, resuming, heartbeats, faults."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from app.providers.replay.player import milliseconds
from app.stadium import stream
from app.stadium.books import DataFilter, MarketView, view_at
from app.stadium.faults import Fault, FaultKind
from app.stadium.ground import KEY, Stadium
from app.stadium.market_filter import Filter
from tests.stadium.grounds import Clock, ground, opened

FILTER = {"eventTypeIds": ["1"]}
DATA = {"fields": ["EX_BEST_OFFERS", "EX_MARKET_DEF"], "ladderLevels": 2}


class Listener:
    """A client of the stream that keeps a book of what it was told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.books: dict[str, dict[Any, Any]] = {}
        self.definitions: dict[str, Any] = {}
        self.place: dict[str, str] = {}

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        line = await self._reader.readuntil(b"\r\n")
        return msgspec.json.decode(line)

    async def hear_on(self) -> None:
        """Hears until the line ends or says what is no message."""
        while True:
            await self.hear()

    async def say(self, **message: Any) -> None:
        """Sends a message."""
        await self.send(msgspec.json.encode(message) + b"\r\n")

    async def send(self, line: bytes) -> None:
        """Sends bytes."""
        self._writer.write(line)
        await self._writer.drain()

    async def subscribe(self, **more: Any) -> dict[str, Any]:
        """Subscribes to football; returns the first message of it."""
        await self.say(
            op="marketSubscription", id=2, marketFilter=FILTER, marketDataFilter=DATA, **more
        )
        answer = await self.hear()
        assert answer["statusCode"] == "SUCCESS", answer
        first = await self.hear()
        self.take(first)
        return first

    def take(self, message: dict[str, Any]) -> None:
        """Brings the books up to date."""
        self.place |= {k: message[k] for k in ("initialClk", "clk") if k in message}
        for change in message.get("mc", ()):
            if change.get("img"):
                self.books[change["id"]] = {}
            if "marketDefinition" in change:
                self.definitions[change["id"]] = change["marketDefinition"]
            book = self.books[change["id"]]
            for runner in change.get("rc", ()):
                for side in ("batb", "batl"):
                    for level, price, size in runner.get(side, ()):
                        book[runner["id"], side, level] = (price, size)
                        if not size:
                            del book[runner["id"], side, level]


def book_of(view: MarketView) -> dict[Any, Any]:
    return {
        (runner, side, level): (entry[1], entry[2])
        for runner, ladders in view.runners.items()
        for side, ladder in ladders.items()
        for level, entry in ladder.items()
    }


@asynccontextmanager
async def listening(stadium: Stadium, *, session: str | None = None) -> AsyncGenerator[Listener]:
    """A line that is authenticated, unless a session is given that is none."""
    tls = ssl.create_default_context(cafile=str(stadium.ca_file))
    reader, writer = await asyncio.open_connection("127.0.0.1", stadium.stream_port, ssl=tls)
    listener = Listener(reader, writer)
    try:
        assert (await listener.hear())["op"] == "connection"
        if session is None:
            token = stadium.ground.sessions.begin()
            await listener.say(op="authentication", id=1, appKey=KEY, session=token)
            assert (await listener.hear())["statusCode"] == "SUCCESS"
        yield listener
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.fixture
def clock() -> Clock:
    """It stands until a test moves it."""
    return Clock()


@pytest.fixture
async def stadium(clock: Clock, tmp_path: Path) -> AsyncGenerator[Stadium]:
    """One whose clock the test moves."""
    async with opened(ground(now=clock), tmp_path) as place:
        yield place


def shown(stadium: Stadium) -> dict[str, MarketView]:
    """What a subscriber to football has to have now."""
    voice = stadium.ground.voices["betfair"]
    data = DataFilter(fields=("EX_BEST_OFFERS", "EX_MARKET_DEF"), ladder_levels=2)
    return view_at(voice, stadium.ground.now(), Filter(event_type_ids=("1",)), data)


def has_all(listener: Listener, stadium: Stadium) -> bool:
    return all(
        listener.books.get(number) == book_of(view)
        and listener.definitions[number] == msgspec.to_builtins(view.definition)
        for number, view in shown(stadium).items()
    )


async def test_an_image_is_everything_and_deltas_keep_it_so(stadium: Stadium, clock: Clock) -> None:
    async with listening(stadium) as listener:
        first = await listener.subscribe()
        assert (first["ct"], first["id"]) == ("SUB_IMAGE", 2)
        assert len(first["mc"]) > 5
        assert has_all(listener, stadium)
        for _ in range(5):
            clock.move(7)
            while not has_all(listener, stadium):
                message = await listener.hear()
                assert "ct" not in message
                listener.take(message)


async def test_a_line_that_broke_goes_on_with_what_changed_meanwhile(
    stadium: Stadium, clock: Clock
) -> None:
    async with listening(stadium) as listener:
        await listener.subscribe()
        clock.move(20)
        assert not has_all(listener, stadium)
        kept = listener
    async with listening(stadium) as listener:
        listener.books, listener.definitions = kept.books, kept.definitions
        first = await listener.subscribe(**kept.place)
        assert first["ct"] == "RESUB_DELTA"
        assert has_all(listener, stadium)


async def test_a_place_holds_in_another_stadium_of_the_same_plan(
    stadium: Stadium, clock: Clock, tmp_path: Path
) -> None:
    async with listening(stadium) as listener:
        await listener.subscribe()
        kept = listener
    clock.move(20)
    async with (
        opened(ground(now=clock), tmp_path / "other") as other,
        listening(other) as listener,
    ):
        listener.books, listener.definitions = kept.books, kept.definitions
        first = await listener.subscribe(**kept.place)
        assert first["ct"] == "RESUB_DELTA"
        assert has_all(listener, other)


@pytest.mark.parametrize("clk", ["AAAAAAAA", "no place", "////////////"])
async def test_a_place_that_is_none_gets_an_image(stadium: Stadium, clk: str) -> None:
    async with listening(stadium) as listener:
        await listener.subscribe()
        first = await listener.subscribe(initialClk=listener.place["initialClk"], clk=clk)
        assert first["ct"] == "SUB_IMAGE"


async def test_a_place_from_long_ago_gets_an_image(stadium: Stadium, clock: Clock) -> None:
    async with listening(stadium) as listener:
        await listener.subscribe()
        place = listener.place
    clock.move(3600)
    async with listening(stadium) as listener:
        assert (await listener.subscribe(**place))["ct"] == "SUB_IMAGE"


async def test_a_place_of_another_subscription_is_refused(stadium: Stadium) -> None:
    async with listening(stadium) as listener:
        await listener.say(op="marketSubscription", id=2, initialClk="other", clk="AAAAAAAA")
        answer = await listener.hear()
    assert (answer["statusCode"], answer["errorCode"]) == ("FAILURE", "INVALID_CLOCK")


async def test_silence_is_broken_by_heartbeats(stadium: Stadium) -> None:
    async with listening(stadium) as listener:
        first = await listener.subscribe(heartbeatMs=1)
        assert first["heartbeatMs"] == 500
        beat = await listener.hear()
    assert beat["ct"] == "HEARTBEAT"
    assert "mc" not in beat
    assert beat["clk"]


async def test_changes_are_gathered_for_who_asks_for_that(stadium: Stadium, clock: Clock) -> None:
    async with listening(stadium) as listener:
        first = await listener.subscribe(conflateMs=400)
        assert first["conflateMs"] == 400
        clock.move(10)
        listener.take(await listener.hear())
        assert has_all(listener, stadium)


async def test_long_images_come_in_segments_when_wanted(clock: Clock, tmp_path: Path) -> None:
    async with (
        opened(ground(now=clock, lanes=6), tmp_path) as place,
        listening(place) as listener,
    ):
        message = await listener.subscribe(segmentationEnabled=True)
        kinds = [message["segmentType"]]
        while kinds[-1] != "SEG_END":
            message = await listener.hear()
            listener.take(message)
            kinds.append(message["segmentType"])
        assert has_all(listener, place)
    assert kinds[0] == "SEG_START"
    assert set(kinds[1:-1]) <= {"SEG"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"op": "authentication", "appKey": "wrong", "session": "x"}, "INVALID_APP_KEY"),
        ({"op": "authentication", "appKey": "", "session": "x"}, "NO_APP_KEY"),
        ({"op": "authentication", "appKey": KEY, "session": "x"}, "INVALID_SESSION_INFORMATION"),
        ({"op": "authentication", "appKey": KEY, "session": 7}, "INVALID_INPUT"),
        ({"op": "marketSubscription"}, "NOT_AUTHORIZED"),
        ({"op": "dance"}, "INVALID_INPUT"),
    ],
)
async def test_who_is_not_let_in_hears_why_and_the_line_ends(
    stadium: Stadium, message: dict[str, Any], code: str
) -> None:
    async with listening(stadium, session="none") as listener:
        await listener.say(**message)
        answer = await listener.hear()
        assert (answer["errorCode"], answer["connectionClosed"]) == (code, True)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await listener.hear()


@pytest.mark.parametrize("line", [b"nonsense\r\n", b"\xff\r\n", b"[" * 5_000 + b"\r\n"])
async def test_what_is_no_message_ends_the_line(stadium: Stadium, line: bytes) -> None:
    async with listening(stadium) as listener:
        await listener.send(line)
        assert (await listener.hear())["errorCode"] == "INVALID_INPUT"


async def test_more_markets_than_allowed_are_refused(clock: Clock, tmp_path: Path) -> None:
    async with (
        opened(ground(now=clock, lanes=30), tmp_path) as place,
        listening(place) as listener,
    ):
        await listener.say(op="marketSubscription", id=2, marketDataFilter=DATA)
        assert (await listener.hear())["errorCode"] == "SUBSCRIPTION_LIMIT_EXCEEDED"


async def test_more_lines_than_allowed_are_refused(
    stadium: Stadium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CONNECTIONS_MAX", 1)
    async with listening(stadium), listening(stadium, session="none") as second:
        assert (await second.hear())["errorCode"] == "MAX_CONNECTION_LIMIT_EXCEEDED"


async def test_a_stale_exchange_says_so_on_every_message(stadium: Stadium, clock: Clock) -> None:
    faults = stadium.ground.faults
    stale = Fault(provider="betfair", kind=FaultKind.STALE)
    async with listening(stadium) as listener:
        await listener.subscribe(heartbeatMs=500)
        faults.add([stale], now_ms=milliseconds(clock()))
        clock.move(30)
        while (message := await listener.hear()).get("status") != 503:
            pass
        assert message["ct"] == "HEARTBEAT"
        clock.move(1)
        faults.clear(now_ms=milliseconds(clock()))
        while "status" in (message := await listener.hear()):
            pass
        listener.take(message)
        assert has_all(listener, stadium)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.REFUSED, FaultKind.ERROR])
async def test_a_line_is_cut_on_demand(stadium: Stadium, kind: FaultKind) -> None:
    async with listening(stadium) as listener:
        await listener.subscribe(heartbeatMs=500)
        async with httpx.AsyncClient(base_url=stadium.url, trust_env=False) as client:
            await client.post("/faults", json={"provider": "betfair", "kind": kind})
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await listener.hear_on()


async def test_a_truncated_line_is_no_json(stadium: Stadium, clock: Clock) -> None:
    truncated = Fault(provider="betfair", kind=FaultKind.TRUNCATED, path="/stream")
    async with listening(stadium) as listener:
        await listener.subscribe(heartbeatMs=500)
        stadium.ground.faults.add([truncated], now_ms=milliseconds(clock()))
        with pytest.raises(msgspec.DecodeError):
            await listener.hear_on()


async def test_the_certificate_is_of_loopback_and_of_nobody_else(stadium: Stadium) -> None:
    tls = ssl.create_default_context(cafile=str(stadium.ca_file))
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1", stadium.stream_port, ssl=tls, server_hostname="example.com"
        )
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1", stadium.stream_port, ssl=ssl.create_default_context()
        )
