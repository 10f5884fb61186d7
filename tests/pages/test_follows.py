"""What the pages follow: as much as there is room for, over one socket. We are the server."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.pages.test_touchline_client import LEAGUE, Line, Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

BEGIN = """async () => {
    const { Follows, SUBSCRIPTIONS_MAX } = await import("/static/any/follows.js");
    window.max = SUBSCRIPTIONS_MAX;
    window.states = [];
    window.refused = [];
    window.follows = new Follows({
        onState: (id, state) => window.states.push([id, state.seq]),
        onRefused: (id, { code }) => window.refused.push([id, code]),
    });
    window.want = (first, count, ...stay) => window.follows.want(
        Array.from({ length: count }, (_, n) => ({
            id: String(first + n), sport: "football", league: { slug: "premier-league" },
        })),
        (id) => stay.includes(id),
    );
}"""


async def begin(page: Page) -> Server:
    server = Server()
    await page.route_web_socket("**/ws", server.take)
    await page.clock.install()
    await page.evaluate(BEGIN)
    return server


async def heard(line: Line, count: int) -> list[tuple[str, str]]:
    """The next messages: what is asked, and of which match."""
    said: list[dict[str, Any]] = [await line.hear() for _ in range(count)]
    return [(one["type"], one["channel"].removeprefix(f"{LEAGUE}.")) for one in said]


async def test_all_matches_share_a_socket_and_there_is_none_before_the_first(modules: Page):
    server = await begin(modules)
    assert await modules.evaluate("window.follows.connection") == "idle"
    await modules.evaluate("window.want(1, 3)")
    line = await server.next()
    assert await heard(line, 3) == [("subscribe", "1"), ("subscribe", "2"), ("subscribe", "3")]
    assert server.count == 1


async def test_what_is_wanted_goes_before_what_may_stay_and_there_is_a_bound(modules: Page):
    server = await begin(modules)
    await modules.evaluate("window.want(1, 2)")
    line = await server.next()
    await heard(line, 2)
    # Of wishes that follow one another the last counts.
    await modules.evaluate("window.want(50, 9); window.want(100, window.max - 1, '1', '2')")
    await modules.clock.run_for(2_000)
    asked = await heard(line, 20)
    assert asked[0] == ("unsubscribe", "2")
    assert asked[1:] == [("subscribe", str(match)) for match in range(100, 119)]


async def test_with_fewer_than_wished_for_it_does_with_fewer(modules: Page):
    server = await begin(modules)
    await modules.evaluate("window.want(1, 3)")
    line = await server.next()
    await heard(line, 3)
    line.say(type="error", code="too_many_subscriptions", message="2 are allowed.")
    assert await heard(line, 1) == [("unsubscribe", "3")]
    await modules.clock.run_for(2_000)
    await modules.evaluate("window.want(4, 3)")
    asked = await heard(line, 4)
    assert asked == [
        ("unsubscribe", "1"),
        ("unsubscribe", "2"),
        ("subscribe", "4"),
        ("subscribe", "5"),
    ]


async def test_a_match_that_is_refused_is_told_and_not_asked_for_again(modules: Page):
    server = await begin(modules)
    await modules.evaluate("window.want(1, 2)")
    line = await server.next()
    await heard(line, 2)
    line.say(type="error", code="not_found", message="There is none.", channel=f"{LEAGUE}.1")
    await modules.wait_for_function("window.refused.length === 1")
    assert await modules.evaluate("window.refused") == [["1", "not_found"]]
    line.tell("snapshot", 5, "2", data={"score": {}, "markets": [], "incidents": []})
    await modules.wait_for_function("window.states.length === 1")
    assert await modules.evaluate("window.states") == [["2", 5]]


async def test_what_was_forgotten_begins_with_a_snapshot_again(modules: Page):
    server = await begin(modules)
    await modules.evaluate("window.want(1, 1)")
    line = await server.next()
    await heard(line, 1)
    line.tell("snapshot", 5, data={"score": {}, "markets": [], "incidents": []})
    await modules.wait_for_function("window.states.length === 1")
    await modules.evaluate("window.want(2, 1)")
    await modules.clock.run_for(2_000)
    await heard(line, 2)
    await modules.evaluate("window.want(1, 1)")
    await modules.clock.run_for(2_000)
    assert await heard(line, 1) == [("unsubscribe", "2")]
    # It was away, not forgotten: it goes on.
    assert (await line.hear())["since"] == {"1": "r5"}
    await modules.evaluate("window.want(2, 1)")
    await modules.clock.run_for(2_000)
    await modules.evaluate("window.follows.keep(new Set(['2'])); window.want(1, 1)")
    await modules.clock.run_for(2_000)
    await heard(line, 3)
    assert (await line.hear())["since"] == {}
    assert await modules.evaluate("window.follows.stateOf('1')") is None
