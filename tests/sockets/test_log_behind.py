"""While the log cannot be read, whoever follows a match is told so, and told when it is over."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from app.stream import hub
from tests.sockets.conftest import PATIENCE_S, Door, a_door, frame
from tests.sockets.described import Described
from tests.sockets.test_pusher import event, greeted
from tests.sockets.test_pusher import say as pusher_say
from tests.sockets.ws_client import a_client, a_match_today, channel_of, subscribe
from tests.stories.proxy import Proxy, a_proxy

Frame = dict[str, Any]
Next = Callable[[], Awaitable[Frame]]


@pytest.fixture
async def proxy(database_url: str) -> AsyncGenerator[Proxy]:
    """Stands between the application and Postgres."""
    parts = urlsplit(database_url)
    async with a_proxy((parts.hostname or "", parts.port or 5432)) as made:
        yield made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """As short as it can be, with a sweep in between."""
    monkeypatch.setattr(hub, "SWEEP_S", 0.25)
    monkeypatch.setattr(hub, "BEHIND_AFTER_S", 1.0)


def through(proxy: Proxy, database_url: str) -> str:
    """The address of the database by way of the proxy."""
    parts = urlsplit(database_url)
    account = f"{parts.username}:{parts.password}" if parts.password else parts.username
    return parts._replace(netloc=f"{account}@127.0.0.1:{proxy.port}").geturl()


@pytest.fixture
async def door(database_url: str, redis_url: str, proxy: Proxy) -> AsyncGenerator[Door]:
    """The application behind the proxy; the test itself writes past it."""
    behind = through(proxy, database_url)
    async with a_door(database_url, redis_url, DATABASE_URL=behind) as served:
        try:
            yield served
        finally:
            proxy.heal()


@asynccontextmanager
async def events(door: Door, match_id: int) -> AsyncGenerator[Next]:
    """A stream of Server-Sent Events."""
    url = f"http://127.0.0.1:{door.port}/live/{match_id}/events"
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url) as answer:
        lines = aiter(answer.aiter_lines())

        async def following() -> Frame:
            while not (line := await anext(lines)).startswith("data: "):
                pass
            return msgspec.json.decode(line.removeprefix("data: "))

        yield following


def out(proxy: Proxy, how: str) -> None:
    """Takes Postgres away: stopped, or gone."""
    if how == "stopped":
        proxy.stall("down")
    else:
        proxy.refusing = True
        proxy.cut()


@pytest.mark.parametrize("how", ["stopped", "gone"])
async def test_every_follower_hears_that_the_log_is_behind_and_when_it_is_current(
    door: Door, proxy: Proxy, how: str
):
    match_id = await a_match_today(door)
    async with contextlib.AsyncExitStack() as stack:
        live = await stack.enter_async_context(await door.open(match_id))
        prices = await stack.enter_async_context(await door.open(match_id, "?kinds=prediction"))
        pattern = await stack.enter_async_context(a_client(door))
        pusher, _ = await greeted(door)
        stack.push_async_callback(pusher.close)
        stream = await stack.enter_async_context(events(door, match_id))
        await subscribe(pattern, channel_of("*"))
        await pusher_say(pusher, "pusher:subscribe", channel=channel_of(match_id))

        async def of_pusher(kind: str) -> Frame:
            return (await event(pusher, kind))["data"]

        firsts = [await frame(live), await frame(pattern), await stream(), await frame(prices)]
        firsts.append(await of_pusher("snapshot"))
        seq, resume = firsts[0]["seq"], firsts[0]["resume"]
        out(proxy, how)
        told = [await frame(live), await frame(pattern), await stream()]
        told.append(await of_pusher("feed_status"))
        for one in told:
            assert (one["type"], one["data"]["state"]) == ("feed_status", "behind")
            assert (one["seq"], one["resume"], one["matchId"]) == (seq, resume, str(match_id))
        assert told[1]["channel"] == channel_of("*")
        assert Described().check(told) == {"feed_status"}
        # Who comes back meanwhile is told too, at the place it has.
        again = await stack.enter_async_context(await door.open(match_id, f"?since={resume}"))
        beat, late = await frame(again), await frame(again)
        assert (beat["type"], beat["seq"]) == ("heartbeat", seq)
        assert (late["seq"], late["data"]["state"]) == (seq, "behind")
        await door.tick(match_id, "9'")
        proxy.heal()
        # What was missed, and that nothing is missing: once each, in this order.
        for following in (
            lambda: frame(live),
            lambda: frame(pattern),
            stream,
            lambda: frame(again),
        ):
            changed, current = [await following() for _ in range(2)]
            assert (changed["type"], changed["seq"]) == ("score_update", seq + 1)
            assert (current["seq"], current["data"]["state"]) == (seq + 1, "current")
        assert (await of_pusher("feed_status"))["data"]["state"] == "current"
        # Who asked for nothing that could be late heard nothing of it.
        await prices.send('{"type":"ping"}')
        assert (await frame(prices))["type"] == "pong"


async def test_a_short_outage_is_told_to_nobody(door: Door, proxy: Proxy):
    match_id = await a_match_today(door)
    async with await door.open(match_id) as live:
        seq = (await frame(live))["seq"]
        for n in range(1, 4):
            proxy.cut()
            await door.tick(match_id, f"{n}'")
            changed = await frame(live)
            assert (changed["type"], changed["seq"]) == ("score_update", seq + n)


async def test_a_stall_of_our_own_is_no_outage(door: Door):
    served: hub.Hub = door.app.state.hub
    # What a blocked event loop finds when it goes on: much time has passed, but not one turn.
    before = served.log_state
    loop = asyncio.get_running_loop()
    blocked_until = loop.time() + 2 * hub.BEHIND_AFTER_S
    while loop.time() < blocked_until:
        pass
    match_id = await a_match_today(door)
    async with await door.open(match_id) as live:
        assert (await frame(live))["type"] == "snapshot"
    assert served.log_state == before


async def test_who_waits_for_a_first_state_is_told_by_that(door: Door, proxy: Proxy):
    match_id = await a_match_today(door)
    async with await door.open(match_id) as first:
        await frame(first)
        out(proxy, "gone")
        assert (await frame(first))["data"]["state"] == "behind"
        async with connect(door.url(match_id)) as late:
            await late.send('{"type":"ping"}')
            proxy.heal()
            # It has no place that another frame could name.
            assert [(await frame(late))["type"] for _ in range(2)] == ["snapshot", "pong"]


async def test_a_server_can_be_stopped_while_postgres_is(
    database_url: str, redis_url: str, proxy: Proxy
):
    behind = through(proxy, database_url)
    async with asyncio.timeout(PATIENCE_S):
        async with a_door(database_url, redis_url, DATABASE_URL=behind) as door:
            match_id = await a_match_today(door)
            async with await door.open(match_id) as live:
                await frame(live)
                out(proxy, "stopped")
                assert (await frame(live))["data"]["state"] == "behind"
