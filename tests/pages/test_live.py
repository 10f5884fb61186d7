"""The socket client: when it comes back, and from where. The other end is this test."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, WebSocketRoute

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

FOLLOW = """async (heartbeatMs) => {
    const { Follower } = await import("/static/any/live.js");
    window.states = [];
    window.words = [];
    window.follower = new Follower("1", {
        heartbeatMs,
        onState: (state) => window.states.push(state),
        onConnection: (word, code) => window.words.push([word, code ?? null]),
    });
}"""
SCORE = {"homeScore": 0, "awayScore": 0, "status": "live"}


class Server:
    """The other end of the sockets a page opens, one after another."""

    def __init__(self) -> None:
        self.opened: asyncio.Queue[WebSocketRoute] = asyncio.Queue()
        self.count = 0

    async def next(self) -> tuple[WebSocketRoute, dict[str, list[str]]]:
        """Waits for the next socket; returns it with the query it came with."""
        socket = await self.opened.get()
        return socket, parse_qs(urlsplit(socket.url).query)

    def take(self, socket: WebSocketRoute) -> None:
        """Takes a socket the page opens."""
        self.count += 1
        self.opened.put_nowait(socket)


def frame(kind: str, seq: int, **data: Any) -> str:
    return json.dumps({"type": kind, "seq": seq, "resume": f"r{seq}", "data": data})


async def follow(modules: Page, heartbeat_ms: int = 15_000) -> Server:
    server = Server()
    await modules.route_web_socket("**/live/*", server.take)
    await modules.evaluate(FOLLOW, heartbeat_ms)
    return server


async def until_seq(modules: Page, seq: int) -> None:
    await modules.wait_for_function("(seq) => window.follower.state.seq === seq", arg=seq)


async def test_it_asks_for_what_it_missed_when_the_server_goes_away(modules: Page):
    server = await follow(modules)
    socket, query = await server.next()
    assert "since" not in query
    socket.send(frame("snapshot", 5, score=SCORE, markets=[], incidents=[]))
    socket.send(frame("score_update", 6, homeScore=1))
    await until_seq(modules, 6)
    await socket.close(code=1001)
    socket, query = await server.next()
    assert query["since"] == ["r6"]
    socket.send(frame("score_update", 7, awayScore=1))
    await until_seq(modules, 7)
    assert await modules.evaluate("window.follower.state.score") == {
        **SCORE,
        "homeScore": 1,
        "awayScore": 1,
    }
    words = await modules.evaluate("window.words")
    assert words == [["live", None], ["reconnecting", 1001], ["live", None]]


async def test_it_starts_afresh_when_a_frame_is_missing(modules: Page):
    server = await follow(modules)
    socket, _ = await server.next()
    socket.send(frame("snapshot", 5, score=SCORE, markets=[], incidents=[]))
    socket.send(frame("score_update", 7, homeScore=2))
    socket, query = await server.next()
    assert "since" not in query
    socket.send(frame("snapshot", 7, score={**SCORE, "homeScore": 2}, markets=[], incidents=[]))
    await until_seq(modules, 7)
    # What was shown in between never had the hole in it.
    assert [one["seq"] for one in await modules.evaluate("window.states")] == [5, 7]


async def test_it_reconnects_when_heartbeats_stay_away(modules: Page):
    server = await follow(modules, heartbeat_ms=40)
    socket, query = await server.next()
    assert query["heartbeatMs"] == ["40"]
    socket.send(frame("snapshot", 5, score=SCORE, markets=[], incidents=[]))
    _, query = await server.next()
    assert query["since"] == ["r5"]


async def test_why_a_socket_is_closed_is_not_taken_for_life(modules: Page):
    server = await follow(modules)
    socket, _ = await server.next()
    socket.send(json.dumps({"type": "error", "code": "not_found", "message": "no such match"}))
    await socket.close(code=4404)
    await modules.wait_for_function("window.follower.connection === 'closed'")
    assert await modules.evaluate("window.words") == [["closed", 4404]]


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4404])
async def test_it_does_not_come_back_where_it_was_turned_away(modules: Page, code: int):
    server = await follow(modules)
    socket, _ = await server.next()
    await socket.close(code=code)
    await modules.wait_for_function("window.follower.connection === 'closed'")
    await modules.evaluate("window.follower.comeBack()")
    assert await modules.evaluate("window.words") == [["closed", code]]
    assert server.count == 1


async def test_it_comes_back_at_once_when_the_network_does(modules: Page):
    server = await follow(modules)
    socket, _ = await server.next()
    # Too many sockets: the next attempt by itself is a minute away.
    await socket.close(code=4429)
    await modules.wait_for_function("window.follower.connection === 'reconnecting'")
    await modules.evaluate("dispatchEvent(new Event('online'))")
    await server.next()


async def test_a_stopped_one_says_nothing_any_more(modules: Page):
    server = await follow(modules)
    socket, _ = await server.next()
    socket.send(frame("snapshot", 5, score=SCORE, markets=[], incidents=[]))
    await until_seq(modules, 5)
    await modules.evaluate("window.follower.stop(); dispatchEvent(new Event('online'))")
    assert await modules.evaluate("window.words") == [["live", None]]
    assert server.count == 1


async def test_waits_grow_up_to_a_bound_and_differ(modules: Page):
    waits = await modules.evaluate(
        """async () => {
            const { delayMs } = await import("/static/any/live.js");
            return [0, 3, 30].map((attempt) => [delayMs(attempt, 0), delayMs(attempt, 1)]);
        }"""
    )
    assert waits == [[125, 500], [1000, 4000], [7500, 30_000]]
