"""A line between a client and a session: what is said arrives, and it ends as it should."""

import asyncio
import zlib
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from app.framing import BINARY, CLOSE, DEFLATED, EMPTY_BLOCK, FINAL, PING, PONG, TEXT
from app.serving.server import MESSAGE_BYTES_MAX, Carrying
from app.sockets.close_codes import DONE, NO_PONG, OUR_FAULT, TOO_SLOW
from app.sockets.line import WireForm
from tests.serving.conftest import PATIENCE_S, House, closed, sent, serving

# More than any kernel takes for somebody who doesn't read.
MUCH = "x" * 65_536
LOST = 1006


async def test_text_binary_and_fragments_reach_the_session_and_are_answered(house: House):
    client, session = await house.open()
    async with client:
        for message in ("grüße", b"\x00\xff", ["in ", "three ", "pieces"], ""):
            await client.send(message)
        got = [await asyncio.wait_for(client.recv(), PATIENCE_S) for _ in range(4)]
    assert got == ["grüße", "bytes 2", "in three pieces", ""]
    assert session.told == ["grüße", b"\x00\xff", "in three pieces", ""]


async def test_what_comes_before_the_session_is_told_first(house: House):
    go = asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        session = await house.accept(scope, receive, send)
        session.say("welcome")
        await go.wait()
        await session.line.carry(session)

    house.arrive = late
    client, session = await house.open()
    async with client:
        await client.send("one")
        await client.send("two")
        assert await client.recv() == "welcome"
        go.set()
        assert [await client.recv(), await client.recv()] == ["one", "two"]
    assert session.told == ["one", "two"]


BROKEN = {
    "text that is none": (sent(TEXT, b"\xff"), 1007),
    "no mask": (b"\x81\x01a", 1002),
    "a reserved bit": (b"\xa1\x80\x00\x00\x00\x00", 1002),
    "an unknown opcode": (b"\x8b\x80\x00\x00\x00\x00", 1002),
    "nothing to continue": (sent(0, b"x"), 1002),
    "deflated, unasked": (b"\xc1\x80\x00\x00\x00\x00", 1002),
    "a close of one byte": (b"\x88\x81\x00\x00\x00\x00x", 1002),
    "a close that says nonsense": (b"\x88\x82\x00\x00\x00\x00\x00\x01", 1002),
    "too big": (b"\x82\xff" + (MESSAGE_BYTES_MAX + 1).to_bytes(8) + bytes(4), 1009),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_who_breaks_the_protocol_is_told_the_code_and_the_session_once(
    house: House, name: str
):
    wire, code = BROKEN[name]
    client = await house.raw()
    client.say(sent(TEXT, b"before"))
    session = await house.session()
    assert await client.frame() == (FINAL | TEXT, b"before")
    client.say(wire)
    first, payload = await client.frame()
    assert (first, int.from_bytes(payload[:2])) == (FINAL | CLOSE, code)
    await client.end()
    await session.until(lambda session: bool(session.gone))
    assert len(session.gone) == 1
    assert session.told == ["before"]


async def test_a_clients_goodbye_is_answered_with_the_same(house: House):
    client, session = await house.open()
    await client.close(4321, "bye")
    assert (client.close_code, client.close_reason) == (4321, "bye")
    await session.until(lambda session: bool(session.gone))
    assert session.gone == [4321]
    await nobody_left(house)


async def test_our_goodbye_comes_behind_what_was_said(house: House):
    client, session = await house.open()
    session.say("last words")
    session.line.close(DONE)
    session.line.close(OUR_FAULT)  # Once is enough.
    session.say("unheard")
    assert await client.recv() == "last words"
    assert await closed(client) == (DONE.code, DONE.name)
    await session.until(lambda session: bool(session.gone))
    assert session.gone == [DONE.code]
    await nobody_left(house)


async def test_a_session_that_closes_at_once_is_told_that_it_is_gone(house: House):
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        session = await house.accept(scope, receive, send)
        session.say("no")
        session.line.close(TOO_SLOW)
        await session.line.carry(session)

    house.arrive = refuse
    client, session = await house.open()
    assert await client.recv() == "no"
    assert await closed(client) == (TOO_SLOW.code, TOO_SLOW.name)
    await session.until(lambda session: bool(session.gone))
    assert session.gone == [TOO_SLOW.code]


async def test_a_mistake_of_ours_closes_that_line_only(house: House):
    (one, session), (other, _) = await house.open(), await house.open()
    await one.send("fail")
    # Sessions mend their own; uvicorn's way with what they don't is to hang up.
    assert (await closed(one))[0] in {OUR_FAULT.code, LOST}
    await session.until(lambda session: bool(session.gone))
    await other.send("still here")
    assert await other.recv() == "still here"
    await other.close()


async def test_a_client_that_vanishes_is_told_to_the_session(house: House):
    client, session = await house.open()
    client.transport.abort()
    await session.until(lambda session: bool(session.gone))
    # uvicorn's own says that there was no code.
    assert session.gone in ([LOST], [1005])
    await nobody_left(house)


async def test_a_clients_ping_is_answered_with_its_payload_between_fragments_too(house: House):
    client = await house.raw()
    client.say(sent(TEXT, b"half", fin=False) + sent(PING, b"there?") + sent(0, b" and half"))
    assert await client.frame() == (FINAL | PONG, b"there?")
    assert await client.frame() == (FINAL | TEXT, b"half and half")


async def test_who_does_not_read_fills_the_line_and_nothing_is_lost_when_he_does(house: House):
    client = await house.raw()
    session = await house.session()
    written = await fill(session)
    assert session.line.waiting <= 2 * len(MUCH)
    reading = [await client.frame() for _ in range(written)]
    assert reading == [(FINAL | TEXT, MUCH.encode())] * written
    await session.until(lambda session: session.told == ["FULL", "DRAINED"])
    session.say("go on")
    assert await client.frame() == (FINAL | TEXT, b"go on")


async def test_an_abort_waits_for_nobody_who_does_not_read(house: House):
    await house.raw()
    session = await house.session()
    await fill(session)
    session.line.abort(TOO_SLOW)
    assert session.gone == [TOO_SLOW.code]
    await nobody_left(house)


async def test_who_is_aborted_and_reads_in_time_learns_why(house: House):
    client = await house.raw()
    session = await house.session()
    await fill(session)
    session.line.abort(TOO_SLOW)
    frames = [await client.frame()]
    while frames[-1][0] != FINAL | CLOSE:
        frames.append(await client.frame())
    assert frames[-1] == (FINAL | CLOSE, TOO_SLOW.code.to_bytes(2) + TOO_SLOW.name.encode())


async def test_a_server_that_stops_says_so(house: House):
    client, session = await house.open()
    house.server.should_exit = True
    assert (await closed(client))[0] in {1001, 1012}
    await session.until(lambda session: bool(session.gone))


async def test_deflated_messages_are_understood_and_a_bomb_is_not_opened(house: House):
    client, session = await house.open(compression="deflate")
    await client.send("odds " * 200)
    assert await client.recv() == "odds " * 200
    deflater = zlib.compressobj(wbits=-15)
    bomb = deflater.compress(bytes(10_000_000)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    frame = bytearray(sent(BINARY, bomb[: -len(EMPTY_BLOCK)]))
    frame[0] |= DEFLATED
    client.transport.write(bytes(frame))
    assert (await closed(client))[0] == 1009
    await session.until(lambda session: bool(session.gone))
    assert session.told == ["odds " * 200]


OFFERS: dict[str, tuple[ClientPerMessageDeflateFactory, bool]] = {
    "a browser's": (ClientPerMessageDeflateFactory(), True),
    "with no memory": (ClientPerMessageDeflateFactory(True, True), True),
    "a window that fits": (ClientPerMessageDeflateFactory(server_max_window_bits=13), True),
    "a window that is too small": (
        ClientPerMessageDeflateFactory(server_max_window_bits=9),
        False,
    ),
}


@pytest.mark.parametrize("name", OFFERS)
async def test_each_offer_of_deflating_is_met_or_passed_over(house: House, name: str):
    """Whatever was agreed on, the client's own library understands it."""
    offer, fits = OFFERS[name]
    client, session = await house.open(compression=None, extensions=[offer])
    async with client:
        if session.line.form is not WireForm.TEXT:
            assert session.line.form is (WireForm.DEFLATED if fits else WireForm.FRAMED)
        for text in ("short", "a score that is long enough to be deflated " * 9, "again " * 99):
            await client.send(text)
            assert await client.recv() == text


async def test_sockets_that_ask_for_no_compression_get_none_and_no_setting_forces_it():
    house = House()
    async with serving(house, Carrying(compression=False)):
        client, _ = await house.open(compression="deflate")
        async with client:
            assert client.response is not None
            assert "Sec-WebSocket-Extensions" not in client.response.headers


@pytest.mark.parametrize("shared", [True, False])
async def test_who_answers_no_ping_is_closed_and_who_does_is_not(shared: bool):  # noqa: FBT001
    house = House()
    quick = Carrying(shared=shared, ping_interval_s=0.2, ping_timeout_s=0.2)
    async with serving(house, quick):
        lively, _ = await house.open()
        silent = await house.raw()
        frames: list[tuple[int, bytes]] = []
        while not frames or frames[-1][0] != FINAL | CLOSE:
            frames.append(await silent.frame())
        assert [first for first, _ in frames] == [FINAL | PING, FINAL | CLOSE]
        assert int.from_bytes(frames[-1][1][:2]) == NO_PONG.code
        await lively.send("still here")
        assert await lively.recv() == "still here"
        await lively.close()


async def test_an_application_that_listens_for_itself_gets_what_uvicorn_gives():
    house = House()

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})  # type: ignore[typeddict-item]
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})  # type: ignore

    house.arrive = listening
    async with serving(house, Carrying()):
        client = await connect(f"ws://127.0.0.1:{house.port}/")
        async with client:
            for text in ("one", "two " * 1_000):
                await client.send(text)
                assert await client.recv() == text


async def test_an_idle_line_has_no_task_and_no_timer_of_its_own():
    house = House()
    async with serving(house, Carrying()):
        before = len(asyncio.all_tasks())
        client, _ = await house.open()
        (line,) = house.server.server_state.connections
        assert line._timer is None  # pyright: ignore
        while house.server.server_state.tasks:
            await asyncio.sleep(0)
        # The client's own.
        assert len(asyncio.all_tasks()) - before <= 2
        await client.close()


async def fill(session: Any) -> int:
    """Writes until the line is full; returns how many frames."""
    written = 0
    while "FULL" not in session.told:
        session.say(MUCH)
        written += 1
        await asyncio.sleep(0)
    return written


async def nobody_left(house: House) -> None:
    """Waits until the server holds no connection and no task."""
    state = house.server.server_state
    async with asyncio.timeout(PATIENCE_S):
        while state.connections or state.tasks:
            await asyncio.sleep(0.01)
