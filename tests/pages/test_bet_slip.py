"""The bet slip of the match page in a real Chromium, and what operators see of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from app.betting.pending import decide_due
from app.betting.settlement import settle_match
from app.database import engine
from app.database.engine import Pool
from app.sports.ids import MatchId
from tests.betting.money_machine import AT_ONCE, HOUSE
from tests.builders import a_market, a_match, a_price, a_quote, a_score, selections_of
from tests.pages.conftest import PHONE, Look, Looker, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]
EMAIL, PASSWORD = "punter@example.org", "correct horse battery"


@pytest_asyncio.fixture(loop_scope="module")
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """What a worker would work with."""
    opened = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=30, name="touchline-tests"
    )
    yield opened
    await opened.close()


async def a_book(site: Site, *, status: str = "scheduled") -> tuple[int, dict[str, int]]:
    """Makes a match that takes bets; returns its id, and its selections' by their keys."""
    soon = datetime.now(UTC) + timedelta(hours=2)
    score = None if status == "scheduled" else (0, 0)
    match_id = await a_match(site.connection, start_time=soon, status=status, score=score)
    selections = await selections_of(site.connection, await a_market(site.connection, match_id))
    for key, odds in (("home", "2.10"), ("draw", "3.4"), ("away", "3.625")):
        now = datetime.now(UTC)
        await a_quote(site.connection, selections[key], odds, observed_at=now)
    return match_id, selections


async def inside(look: Look, match_id: int) -> None:
    """Registers on the page and pays in."""
    await look.open(f"/matches/{match_id}")
    page = look.page
    await page.get_by_role("button", name="Bet on home").click()
    await expect(page.locator("#slip-play-money")).to_be_hidden()
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Register").click()
    await expect(page.get_by_label("Stake")).to_be_focused()
    await expect(page.locator("#slip-play-money")).to_be_visible()
    await page.get_by_role("button", name="Pay in 100").click()
    await expect(page.locator("#slip-balance")).to_have_text("100.00 EUR")


async def test_a_bet_is_on_and_settled_while_one_looks(site: Site, look: Look, pool: Pool):
    match_id, _ = await a_book(site)
    page = look.page
    await inside(look, match_id)
    await expect(page.locator("#slip-name")).to_have_text("home · Winner")
    await page.get_by_label("Stake").fill("12.50")
    await expect(page.locator("#slip-returns")).to_have_text("26.25")
    await page.get_by_role("button", name="Place bet").click()
    await expect(page.locator("#slip-said")).to_have_text("Your bet is on.")
    await expect(page.locator(".bet-state")).to_have_text(["Accepted"])
    await expect(page.locator("#slip-balance")).to_have_text("87.50 EUR")
    await a_score(site.connection, match_id, (1, 0), status="finished")
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert await settle_match(pool, MatchId(match_id), waits=AT_ONCE, now=later) == 1
    await expect(page.locator(".bet-state")).to_have_text(["Won"])
    await expect(page.locator("#slip-balance")).to_have_text("113.75 EUR")


async def test_in_play_a_bet_is_pending_and_then_accepted(site: Site, look: Look, pool: Pool):
    match_id, _ = await a_book(site, status="live")
    page = look.page
    await inside(look, match_id)
    await page.get_by_role("button", name="Place bet").click()
    await expect(page.locator(".bet-state")).to_have_text(["Pending"])
    assert await decide_due(pool, HOUSE, datetime.now(UTC) + timedelta(minutes=1)) == 1
    await expect(page.locator(".bet-state")).to_have_text(["Accepted"])


async def test_a_price_that_moved_is_asked_about(site: Site, looker: Looker):
    look = await looker(PHONE)
    match_id, selections = await a_book(site)
    page = look.page
    await inside(look, match_id)
    await expect(page.locator("#slip-odds")).to_have_text("2.10")
    # The page hears of the new price only after it has asked for the old one.
    await page.route("**/bets", move_first(site, selections["home"], "1.95"))
    await page.get_by_role("button", name="Place bet").click()
    dialogue = page.get_by_role("dialog", name="The price has moved")
    await expect(dialogue).to_contain_text("to 1.95")
    await page.unroute("**/bets")
    await dialogue.get_by_role("button", name="Take the new price").click()
    await expect(page.locator(".bet-state")).to_have_text(["Accepted"])
    await expect(page.locator(".bet b")).to_have_text("1.95")
    assert await page.evaluate(
        "document.getElementById('slip').getBoundingClientRect().right <= innerWidth"
    )
    look.complaints = [said for said in look.complaints if "409" not in said]


def move_first(site: Site, selection_id: int, odds: str) -> Callable[[Route], Awaitable[None]]:
    """Returns a handler that moves a price while a request is on its way."""

    async def handler(route: Route) -> None:
        await a_price(site.connection, selection_id, odds)
        await route.continue_()

    return handler


async def test_operators_see_what_hangs_decide_on_withdrawals_and_void(site: Site, looker: Looker):
    match_id, _ = await a_book(site)
    look = await looker()
    page = look.page
    await inside(look, match_id)
    await page.get_by_role("button", name="Place bet").click()
    await expect(page.locator(".bet-state")).to_have_text(["Accepted"])
    await page.evaluate(
        """async (path) => {
            const { ask } = await import(path);
            const headers = { "Idempotency-Key": "out" };
            await ask("/wallet/withdrawals", { method: "POST", body: { amount: "30" }, headers });
        }""",
        await page.evaluate(
            "document.querySelector('script[type=module]').src.replace('match.js', 'log_in.js')"
        ),
    )
    await site.connection.execute("UPDATE users SET role = 'operator'")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.locator("#slip-log-in")).to_be_visible()
    await look.open("/ops/bets")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator("#ledger")).to_have_text("It adds up.")
    for what in ("exposure", "exposure-matches", "exposure-users"):
        await expect(page.locator(f"#{what} td").last).to_have_text("11.00 EUR")
    await page.get_by_role("button", name="Approve payment").click()
    await expect(page.locator("#no-withdrawals")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept("a palpable error"))
    await page.get_by_role("button", name="Void bet").click()
    await expect(page.locator("#bets td").nth(4)).to_have_text("void")
    note = await site.connection.fetchval("SELECT note FROM settlements")
    assert note == "a palpable error"
    # A fault is planted, as somebody with a password of the database could.
    await site.connection.execute("UPDATE accounts SET balance = balance + 1 WHERE kind = 'held'")
    await look.open("/ops/bets")
    await expect(page.locator("#ledger")).to_have_text("2 faults")
    look.complaints = [said for said in look.complaints if "401" not in said and "403" not in said]
