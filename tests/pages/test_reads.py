"""REST reads of a page: how often, and how long it waits when it is told to."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, Route

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

REPEAT = """async () => {
    const { read, repeat } = await import("/static/any/reads.js");
    window.answered = 0;
    const ask = () => read("/api/events").finally(() => { window.answered += 1; });
    window.end = repeat(ask, 6000);
}"""


class Answers:
    """Answers every read with one status, and counts them."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers, self.count = status, headers or {}, 0

    async def give(self, route: Route) -> None:
        """Answers one read."""
        self.count += 1
        await route.fulfill(status=self.status, json={"items": []}, headers=self.headers)


async def repeating(modules: Page, answers: Answers) -> None:
    # From here on the page's time passes only when we say so.
    await modules.clock.install(time=NOON)
    await modules.clock.pause_at(NOON + timedelta(hours=1))
    await modules.route("**/api/events", answers.give)
    await modules.evaluate(REPEAT)
    await answered(modules, 1)


async def answered(modules: Page, count: int) -> None:
    # Polled by us, because the page's own clock stands still.
    while await modules.evaluate("window.answered") < count:
        pass


async def test_a_list_is_read_again_after_its_time(modules: Page):
    answers = Answers(200)
    await repeating(modules, answers)
    await modules.clock.run_for(5_900)
    assert answers.count == 1
    await modules.clock.run_for(200)
    await answered(modules, 2)
    assert answers.count == 2


async def test_whoever_is_over_the_limit_waits_as_long_as_told(modules: Page):
    answers = Answers(429, {"Retry-After": "40"})
    await repeating(modules, answers)
    await modules.clock.run_for(39_900)
    assert answers.count == 1
    await modules.clock.run_for(200)
    await answered(modules, 2)


async def test_nothing_is_read_after_the_end(modules: Page):
    answers = Answers(200)
    await repeating(modules, answers)
    await modules.evaluate("window.end()")
    await modules.clock.run_for(60_000)
    assert answers.count == 1
