"""The page of one match in a real Chromium."""

import pytest
from playwright.async_api import expect

from tests.builders import a_market, a_match, a_price, a_score, an_incident, selections_of
from tests.pages.conftest import Look, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

TO = "\N{EN DASH}"


async def test_it_shows_the_score_its_periods_and_every_market(site: Site, look: Look):
    match_id = await a_match(site.connection, score=(2, 1))
    await site.connection.execute(
        "UPDATE live_scores SET periods = $2 WHERE match_id = $1",
        match_id,
        '[{"name": "1st Half", "home": 2, "away": 1}]',
    )
    await a_market(site.connection, match_id)
    await a_market(site.connection, match_id, {"over": "1.9", "under": "1.95"}, line="2.5")
    await look.open(f"/matches/{match_id}")
    await expect(look.page.locator(".goals")).to_have_text(["2", "1"])
    await expect(look.page.locator(".periods td:not(:empty)")).to_have_text(["2", "2", "1", "1"])
    await expect(look.page.locator(".market-name")).to_have_text(["Winner", "Total 2.5"])
    winner = look.page.locator(".market").first
    await expect(winner.locator("tbody tr").first.locator("td")).to_have_text(
        ["2.10", "2.10", "sim-north", "33 %"]
    )
    await expect(look.page).to_have_title(f"Arsenal 2{TO}1 Chelsea · Touchline")


async def test_the_chart_holds_the_path_so_far_and_grows(site: Site, look: Look):
    match_id = await a_match(site.connection)
    selections = await selections_of(site.connection, await a_market(site.connection, match_id))
    for odds in ("2.2", "2.3", "2.4"):
        await a_price(site.connection, selections["home"], odds)
    await look.open(f"/matches/{match_id}")
    chart = look.page.locator("#chart")
    await expect(chart.locator("canvas")).to_be_visible()
    # Three first prices and three moves; the socket's first state adds nothing to them.
    await expect(chart).to_have_attribute("data-points", "6")
    await expect(look.page.locator("#keys")).to_contain_text("home 2.40")
    await a_price(site.connection, selections["home"], "2.5")
    await expect(chart).to_have_attribute("data-points", "7")
    await expect(look.page.locator("#keys")).to_contain_text("home 2.50")


async def test_what_happens_comes_in_at_the_top(site: Site, look: Look):
    match_id = await a_match(site.connection, score=(1, 0))
    await an_incident(site.connection, match_id, 1, player="Saka", clock="9'")
    await look.open(f"/matches/{match_id}")
    titles = look.page.locator(".incident .title")
    await expect(titles).to_have_text(["Saka"])
    await an_incident(
        site.connection, match_id, 2, type="card", colour="red", side="away", player="James"
    )
    await expect(titles).to_have_text(["James", "Saka"])
    await expect(look.page.locator(".incident").first).to_contain_text("Chelsea · red card")
    await expect(look.page.locator(".incident").last).to_contain_text(f"1{TO}0")


async def test_a_withdrawn_goal_is_struck_through_and_the_score_says_why(site: Site, look: Look):
    match_id = await a_match(site.connection, score=(1, 0))
    goal = await an_incident(site.connection, match_id, player="Saka")
    await look.open(f"/matches/{match_id}")
    await expect(look.page.locator(".incident .title")).to_have_text(["Saka"])
    await site.connection.execute("UPDATE incidents SET withdrawn = true WHERE id = $1", goal)
    await a_score(site.connection, match_id, (0, 0))
    await expect(look.page.locator(".incident s")).to_contain_text("Saka")
    await expect(look.page.locator(".goals")).to_have_text(["0", "0"])
    await expect(look.page.get_by_text(f"Corrected from 1{TO}0")).to_be_visible()


async def test_names_are_text_and_never_markup(site: Site, look: Look):
    match_id = await a_match(site.connection, "<img src=x onerror=alert(1)>", "<b>Bold</b>")
    await an_incident(site.connection, match_id, player="<script>alert(1)</script>")
    await look.open(f"/matches/{match_id}")
    await expect(look.page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    await expect(look.page.locator(".incident .title")).to_have_text(["<script>alert(1)</script>"])


async def test_where_no_socket_gets_through_the_match_is_asked_for(site: Site, look: Look):
    match_id = await a_match(site.connection, score=(1, 0))
    await look.page.clock.install()
    await look.page.route_web_socket("**/ws", lambda socket: socket.close(code=4500))
    await look.open(f"/matches/{match_id}")
    await expect(look.page.locator("#connection")).to_have_text("Reconnecting")
    for home in (2, 3):
        await a_score(site.connection, match_id, (home, 0))
        await an_incident(site.connection, match_id, home, player=f"Player {home}")
        await look.page.clock.fast_forward(31_000)
        await expect(look.page.locator(".goals")).to_have_text([str(home), "0"])
    await expect(look.page.locator(".incident .title")).to_have_text(["Player 3", "Player 2"])


async def test_an_unknown_match_is_said_to_be_none(look: Look):
    await look.open("/matches/999999")
    await expect(look.page.get_by_text("There is no such match.")).to_be_visible()
    await expect(look.page.locator("#connection")).to_have_text("Not connected")
    assert look.sockets == []
    look.complaints.clear()  # A browser calls a 404 an error; here it is what was asked for.


async def test_the_documentation_draws_every_operation_from_here(look: Look):
    await look.open("/docs/api")
    await expect(look.page.locator(".opblock-summary-path").first).to_be_visible()
    paths = await look.page.locator(".opblock-summary-path").all_inner_texts()
    assert any("scores" in path for path in paths)
