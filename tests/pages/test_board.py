"""The scoreboard in a real Chromium, over a real API, Postgres and Valkey."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.builders import a_market, a_match, a_price, a_score, selections_of
from tests.pages.conftest import PHONE, Look, Looker, ProcessSite, RollingSite, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

# Notes every flash as "home up", so that none is missed however short it is.
NOTE_FLASHES = """() => {
    window.flashes = [];
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const { flash, key } = target.dataset;
            if (flash) window.flashes.push(`${key ?? target.className} ${flash}`);
        }
    }).observe(document.body, { subtree: true, attributeFilter: ["data-flash"] });
}"""


def in_minutes(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def row(look: Look, match_id: int):
    return look.page.locator(f'.row[data-match="{match_id}"]')


def score(look: Look, match_id: int):
    return row(look, match_id).locator(".points")


async def test_matches_stand_where_they_belong(site: Site, look: Look):
    live = await a_match(site.connection)
    await a_market(site.connection, live)
    soon = await a_match(
        site.connection, "Leeds", "Everton", status=None, start_time=in_minutes(30)
    )
    over = await a_match(site.connection, "Fulham", "Burnley", status="finished", score=(3, 1))
    await look.open()
    await expect(look.page.locator("#live .row")).to_have_count(1)
    await expect(score(look, live)).to_have_text(["0", "0"])
    await expect(row(look, live).locator(".odds")).to_have_text(["2.10", "3.40", "3.63"])
    await expect(look.page.locator(f'#upcoming .row[data-match="{soon}"] .name')).to_have_text(
        ["Leeds", "Everton"]
    )
    await expect(look.page.locator(f'#results .row[data-match="{over}"] .points')).to_have_text(
        ["3", "1"]
    )
    await expect(look.page.locator("#connection")).to_have_text("Live")


async def test_a_score_written_to_postgres_appears_without_a_reload(site: Site, look: Look):
    match_id = await a_match(site.connection)
    await look.open()
    await expect(score(look, match_id)).to_have_text(["0", "0"])
    await expect(look.page.locator("#connection")).to_have_text("Live")
    await look.page.evaluate("window.stayed = true")
    await look.page.evaluate(NOTE_FLASHES)
    await a_score(site.connection, match_id, (1, 0))
    await expect(score(look, match_id)).to_have_text(["1", "0"])
    await look.until("window.flashes.includes('points score')")
    assert await look.page.evaluate("window.stayed")


async def test_a_price_flashes_the_way_it_went(site: Site, look: Look):
    match_id = await a_match(site.connection)
    selections = await selections_of(site.connection, await a_market(site.connection, match_id))
    await look.open()
    odds = row(look, match_id).locator(".odds")
    await expect(odds).to_have_text(["2.10", "3.40", "3.63"])
    await look.page.evaluate(NOTE_FLASHES)
    await a_price(site.connection, selections["home"], "2.25")
    await a_price(site.connection, selections["away"], "3.5")
    await expect(odds).to_have_text(["2.25", "3.40", "3.50"])
    await look.until("window.flashes.length === 2")
    assert await look.page.evaluate("window.flashes") == ["home up", "away down"]


async def test_a_suspended_market_says_so(site: Site, look: Look):
    match_id = await a_match(site.connection)
    market_id = await a_market(site.connection, match_id)
    await look.open()
    word = row(look, match_id).get_by_text("Suspended")
    await expect(row(look, match_id).locator(".odds").first).to_be_visible()
    await expect(word).to_be_hidden()
    await site.connection.execute(
        "UPDATE markets SET status = 'suspended', version = version + 1 WHERE id = $1", market_id
    )
    await expect(word).to_be_visible()


async def test_a_match_that_ends_moves_to_the_results(site: Site, look: Look):
    match_id = await a_match(site.connection)
    await a_market(site.connection, match_id)
    await look.open()
    await expect(look.page.locator("#live .row")).to_have_count(1)
    await a_score(site.connection, match_id, (2, 1), status="finished")
    ended = look.page.locator(f'#results .row[data-match="{match_id}"]')
    await expect(ended.locator(".points")).to_have_text(["2", "1"])
    await expect(ended.locator(".clock")).to_have_text("FT")
    await expect(ended.locator(".prices")).to_be_hidden()
    await expect(look.page.get_by_text("No match is being played right now.")).to_be_visible()


@pytest.mark.parametrize("site_form", [ProcessSite, Site], ids=["killed", "stopped"])
async def test_after_an_outage_the_board_goes_on_where_it_was(site: Site, look: Look):
    match_id = await a_match(site.connection)
    selections = await selections_of(site.connection, await a_market(site.connection, match_id))
    await look.open()
    await expect(row(look, match_id).locator(".odds").first).to_have_text("2.10")
    await site.stop()
    await expect(look.page.locator("#connection")).to_have_text("Reconnecting")
    await a_score(site.connection, match_id, (0, 1))
    await a_price(site.connection, selections["home"], "4.2")
    await site.start()
    await expect(score(look, match_id)).to_have_text(["0", "1"])
    await expect(row(look, match_id).locator(".odds").first).to_have_text("4.20")
    await expect(look.page.locator("#connection")).to_have_text("Live")
    # It came back with the place it had, and was told the rest; it was never told all anew.
    places = [json.loads(text).get("since") for text in look.said]
    assert str(match_id) in (places[-1] or {})
    told = (await site.get(f"/api/scores/{match_id}")).json()
    assert (told["homeScore"], told["awayScore"]) == (0, 1)
    look.forgive_outage()


@pytest.mark.parametrize("site_form", [RollingSite])
async def test_a_board_left_open_over_a_rolling_restart_shows_the_right_score(
    site: Site, look: Look
):
    assert isinstance(site, RollingSite)
    match_id = await a_match(site.connection)
    await look.open()
    await expect(score(look, match_id)).to_have_text(["0", "0"])
    await expect(look.page.locator("#connection")).to_have_text("Live")
    await look.page.evaluate("window.stayed = true")
    # A line that is not taken yet would be taken by a new one.
    await look.has_said_something()
    site.renew()
    goals = 0
    # Whichever of the two it was with told it to go.
    while len(look.sockets) < 2 or not site.is_renewed:
        goals += 1
        await a_score(site.connection, match_id, (goals, 0))
        await expect(score(look, match_id)).to_have_text([str(goals), "0"])
    await a_score(site.connection, match_id, (goals, 1))
    await expect(score(look, match_id)).to_have_text([str(goals), "1"])
    told = (await site.get(f"/api/scores/{match_id}")).json()
    assert (told["homeScore"], told["awayScore"]) == (goals, 1)
    await expect(look.page.locator("#connection")).to_have_text("Live")
    assert await look.page.evaluate("window.stayed")
    look.forgive_outage()


async def test_what_is_simulated_is_marked(site: Site, look: Look):
    simulated = await a_match(site.connection)
    await site.connection.execute("UPDATE matches SET simulated = true WHERE id = $1", simulated)
    await look.open()
    card = look.page.locator("#live .group")
    await expect(card.locator(".group-title").get_by_text("Simulated")).to_be_visible()
    real = await a_match(site.connection, "Leeds", "Everton")
    # Beside a real one it is the row that says so, and only the one that is.
    await expect(row(look, simulated).get_by_text("Simulated")).to_be_visible()
    await expect(row(look, real).get_by_text("Simulated")).to_be_hidden()
    await expect(card.locator(".group-title").get_by_text("Simulated")).to_be_hidden()


async def test_one_sport_can_be_looked_at_alone(site: Site, look: Look):
    await a_match(site.connection)
    await a_match(
        site.connection, "Simona", "Serena", sport="tennis", league="ATP Metz", score=(1, 0)
    )
    await look.open()
    await expect(look.page.locator("#live .row")).to_have_count(2)
    await look.page.get_by_role("button", name="Tennis").click()
    await expect(look.page.locator("#live .row")).to_have_count(1)
    await expect(look.page.locator("#live .name")).to_have_text(["Simona", "Serena"])
    await look.page.reload()
    await expect(look.page.get_by_role("button", name="Tennis")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(look.page.locator("#live .row")).to_have_count(1)


@pytest.mark.parametrize("site_settings", [{"LIMIT_ANONYMOUS_PER_MINUTE": "1"}])
async def test_a_board_that_asks_too_often_says_so_and_shows_what_it_got(site: Site, look: Look):
    await look.open()
    await expect(look.page.locator("#notice")).to_contain_text("Too many requests")
    look.complaints.clear()  # A browser calls a 429 an error; here it is what was asked for.


@pytest.mark.parametrize("path", ["/", "/matches/{}"])
async def test_a_phone_needs_no_sideways_scrolling(site: Site, looker: Looker, path: str):
    long = "Borussia Verein für Leibesübungen 1900"
    match_id = await a_match(site.connection, long, "Olympique Gymnaste Club de Nice")
    await a_market(site.connection, match_id, {"home": "101", "draw": "12.5", "away": "1.001"})
    look = await looker(PHONE)
    await look.open(path.format(match_id))
    await expect(look.page.get_by_text("1.001").first).to_be_visible()
    widths = await look.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [PHONE[0], PHONE[0]]


BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(244, 245, 247)", "rgb(14, 18, 21)"


@pytest.mark.parametrize(("scheme", "colour"), [("light", LIGHT), ("dark", DARK)])
async def test_the_theme_is_the_systems(looker: Looker, scheme: str, colour: str):
    look = await looker(color_scheme=scheme)
    await look.open()
    assert await look.page.evaluate(BACKGROUND) == colour


async def test_a_chosen_theme_is_remembered(looker: Looker):
    look = await looker(color_scheme="light")
    await look.open()
    await look.page.get_by_role("button", name="Switch to the dark theme").click()
    await look.until(f"{BACKGROUND} === '{DARK}'")
    await look.open("/matches/1")
    assert await look.page.evaluate(BACKGROUND) == DARK
    await expect(look.page.get_by_role("button", name="Switch to the light theme")).to_be_visible()
    await expect(look.page.get_by_text("There is no such match.")).to_be_visible()
    look.complaints.clear()  # A 404 is what was asked for.


async def test_a_row_leads_to_its_match_by_keyboard(site: Site, look: Look):
    match_id = await a_match(site.connection)
    await look.open()
    link = row(look, match_id).get_by_role("link")
    await link.focus()
    await look.page.keyboard.press("Enter")
    await expect(look.page).to_have_url(f"{site.url}/matches/{match_id}")
    await expect(look.page.get_by_role("heading", level=1)).to_contain_text("Arsenal")
