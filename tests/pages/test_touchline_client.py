"""The reference client, as the pages use it: what it asks for, and when. We are the server."""

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, WebSocketRoute

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

FOLLOW = """async ({ channels, tokens, silentMs }) => {
    const { follow } = await import("/static/any/touchline_client.mjs");
    window.frames = [];
    window.refused = [];
    window.words = [];
    window.client = follow("ws://modules.test/ws", {
        token: tokens ? () => tokens.shift() : undefined,
        silentMs,
        onFrame: (frame) => window.frames.push(frame),
        onError: (frame) => window.refused.push(frame.code),
        onConnection: (word, code) => window.words.push([word, code ?? null]),
    });
    channels.forEach(window.client.subscribe);
}"""
LEAGUE = "sports.football.leagues.premier-league.matches"
MATCH = f"{LEAGUE}.1"


class Line:
    """One socket of the page, seen from the server."""

    def __init__(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        socket.on_message(lambda text: self._said.put_nowait(json.loads(text)))

    async def hear(self) -> dict[str, Any]:
        """Waits for what the page says next."""
        return await self._said.get()

    def say(self, **frame: Any) -> None:
        """Sends a frame."""
        self._socket.send(json.dumps(frame))

    def tell(self, kind: str, seq: int, match: str = "1", **more: Any) -> None:
        """Sends a frame of a match."""
        place = {"matchId": match, "seq": seq, "resume": f"r{seq}", "channel": f"{LEAGUE}.{match}"}
        self.say(type=kind, **(place | {"data": {}} | more))

    async def close(self, code: int) -> None:
        """Closes it."""
        await self._socket.close(code=code)


class Server:
    """The other end of the sockets a page opens, one after another."""

    def __init__(self) -> None:
        self._opened: asyncio.Queue[Line] = asyncio.Queue()
        self.count = 0

    async def next(self) -> Line:
        """Waits for the next socket."""
        return await self._opened.get()

    def take(self, socket: WebSocketRoute) -> None:
        """Takes a socket the page opens."""
        self.count += 1
        self._opened.put_nowait(Line(socket))


async def follow(
    page: Page, *channels: str, tokens: list[str] | None = None, silent_ms: int = 20_000
) -> Server:
    server = Server()
    await page.route_web_socket("**/ws", server.take)
    asked = {"channels": channels or (MATCH,), "tokens": tokens, "silentMs": silent_ms}
    await page.evaluate(FOLLOW, asked)
    return server


async def until(page: Page, script: str, argument: Any = None) -> None:
    await page.wait_for_function(script, arg=argument)


async def seqs(page: Page) -> list[int]:
    return await page.evaluate("window.frames.map(({ seq }) => seq)")


async def test_it_asks_for_what_it_missed_when_the_server_goes_away(modules: Page):
    server = await follow(modules)
    line = await server.next()
    assert await line.hear() == {"type": "subscribe", "channel": MATCH, "since": {}}
    line.tell("snapshot", 5)
    line.tell("score_update", 6)
    await until(modules, "window.frames.length === 2")
    await line.close(1001)
    line = await server.next()
    assert (await line.hear())["since"] == {"1": "r6"}
    line.tell("heartbeat", 6)
    line.tell("score_update", 7)
    await until(modules, "window.client.places.get('1').seq === 7")
    assert await seqs(modules) == [5, 6, 6, 7]
    words = await modules.evaluate("window.words")
    assert words == [["live", None], ["reconnecting", 1001], ["live", None]]


async def test_of_a_pattern_each_match_goes_on_from_its_own_place(modules: Page):
    server = await follow(modules, f"{LEAGUE}.*", "sports.tennis.leagues.*.matches.*")
    line = await server.next()
    line.tell("snapshot", 5, "1")
    line.tell("snapshot", 9, "2", channel=f"{LEAGUE}.*")
    await until(modules, "window.frames.length === 2")
    await line.close(4500)
    line = await server.next()
    assert (await line.hear())["since"] == {"1": "r5", "2": "r9"}
    assert (await line.hear())["since"] == {}


async def test_a_match_with_a_frame_missing_begins_afresh_and_the_others_go_on(modules: Page):
    server = await follow(modules)
    line = await server.next()
    await line.hear()
    line.tell("snapshot", 5)
    line.tell("snapshot", 5, "2")
    line.tell("score_update", 7)
    line.tell("score_update", 8)
    line.tell("score_update", 6, "2")
    assert await line.hear() == {"type": "subscribe", "channel": MATCH, "since": {}}
    line.tell("snapshot", 8)
    line.tell("score_update", 8)
    line.tell("score_update", 9)
    await until(modules, "window.client.places.get('1')?.seq === 9")
    # Neither the frames around the hole nor what was heard before was handed on.
    assert await seqs(modules) == [5, 5, 6, 8, 9]


async def test_a_heartbeat_ahead_of_what_was_heard_is_a_hole(modules: Page):
    server = await follow(modules)
    line = await server.next()
    await line.hear()
    line.tell("snapshot", 5)
    line.tell("heartbeat", 6)
    assert (await line.hear())["type"] == "subscribe"


async def test_a_conflated_frame_may_jump(modules: Page):
    server = await follow(modules)
    line = await server.next()
    line.tell("snapshot", 5)
    # Of a burst all but the last name the place before it.
    line.tell("odds_update", 5, conflated=True)
    line.tell("score_update", 9, conflated=True)
    await until(modules, "window.client.places.get('1')?.seq === 9")
    assert await seqs(modules) == [5, 5, 9]


async def test_a_silent_line_is_asked_and_then_given_up(modules: Page):
    # Longer than the browser and we may take to answer each other on a busy machine.
    server = await follow(modules, silent_ms=1_500)
    line = await server.next()
    await line.hear()
    assert await line.hear() == {"type": "ping"}
    line.say(type="pong")
    # It was answered: it is asked once more before it is given up.
    assert await line.hear() == {"type": "ping"}
    await server.next()


async def test_it_says_who_it_is_first_and_again_before_the_token_ends(modules: Page):
    server = await follow(modules, tokens=["one", "two", "three"])
    line = await server.next()
    assert await line.hear() == {"type": "auth", "token": "one"}
    assert (await line.hear())["type"] == "subscribe"
    line.say(type="expiring", expiresIn=30)
    assert await line.hear() == {"type": "auth", "token": "two"}
    await line.close(4401)
    line = await server.next()
    assert await line.hear() == {"type": "auth", "token": "three"}


async def test_it_comes_back_when_a_server_that_stops_said_so(modules: Page):
    server = await follow(modules)
    # By itself it would come back after half a second at most.
    await modules.evaluate("window.before = performance.now()")
    line = await server.next()
    line.say(type="going_away", reconnectInMs=700)
    await line.close(1001)
    await server.next()
    assert await modules.evaluate("performance.now() - window.before") >= 700


async def test_what_was_refused_is_told_and_ends_nothing(modules: Page):
    server = await follow(modules)
    line = await server.next()
    line.say(type="error", code="not_found", message="There is no such match.", channel=MATCH)
    await until(modules, "window.refused.length === 1")
    assert await modules.evaluate("window.refused") == ["not_found"]
    # Nor is it taken for life.
    assert await modules.evaluate("window.words") == []


@pytest.mark.parametrize("code", [1000, 4400, 4401, 4403, 4404])
async def test_it_does_not_come_back_where_it_was_turned_away(modules: Page, code: int):
    server = await follow(modules)
    await (await server.next()).close(code)
    await until(modules, "window.client.connection === 'closed'")
    await modules.evaluate("window.client.comeBack()")
    assert await modules.evaluate("window.words") == [["closed", code]]
    assert server.count == 1


async def test_it_comes_back_at_once_when_the_network_does(modules: Page):
    server = await follow(modules)
    # Too many sockets: the next try by itself is a minute away.
    await (await server.next()).close(4429)
    await until(modules, "window.client.connection === 'reconnecting'")
    await modules.evaluate("window.client.comeBack()")
    await server.next()


async def test_a_closed_one_says_nothing_any_more(modules: Page):
    server = await follow(modules)
    line = await server.next()
    line.tell("snapshot", 5)
    await until(modules, "window.frames.length === 1")
    await modules.evaluate("window.client.close(); window.client.comeBack()")
    assert await modules.evaluate("window.words") == [["live", None]]
    assert server.count == 1


async def test_waits_grow_up_to_a_bound_and_differ(modules: Page):
    waits = await modules.evaluate(
        """async () => {
            const { delayMs } = await import("/static/any/touchline_client.mjs");
            return [0, 3, 30].map((tries) => [delayMs(tries, 0), delayMs(tries, 1)]);
        }"""
    )
    assert waits == [[125, 500], [1000, 4000], [7500, 30_000]]
