"""The account in a real Chromium: registering, a key, what the key used, limits."""

import asyncio

import httpx
import pytest
from playwright.async_api import expect

from tests.pages.conftest import PHONE, Look, Looker, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


async def enter(look: Look, how: str, password: str = PASSWORD) -> None:
    await look.open("/account")
    await look.page.fill("#email", EMAIL)
    await look.page.fill("#password", password)
    await look.page.click(f'button[value="{how}"]')


async def make_a_key(look: Look, name: str) -> str:
    await look.page.fill("#name", name)
    await look.page.click("#make button")
    await expect(look.page.locator("#secret")).to_be_visible()
    return await look.page.locator("#secret-text").inner_text()


async def test_from_signing_up_to_a_key_and_the_chart_of_what_it_used(site: Site, look: Look):
    page = look.page
    await enter(look, "register")
    await expect(page.locator("#who")).to_have_text(EMAIL)
    await expect(page.locator("#figures")).to_contain_text("free")
    secret = await make_a_key(look, "scoreboard")
    async with httpx.AsyncClient(base_url=site.url, headers={"X-API-Key": secret}) as program:
        for _ in range(25):
            assert (await program.get("/api/sports")).status_code == 200
        assert (await program.get("/api/odds/1/history")).status_code == 404
    await page.click('[data-days="7"]')
    row = page.locator("#endpoints tr", has_text="GET /api/sports")
    await expect(row.locator("td")).to_have_text(["25", "25", "0"])
    heavy = page.locator("#endpoints tr", has_text="history")
    await expect(heavy.locator("td")).to_have_text(["1", "5", "0"])
    await expect(page.locator(".usage .day")).to_have_count(7)
    today = page.locator(".usage .day").last
    await today.hover()
    await expect(page.locator("#told")).to_contain_text("units")
    assert float(await today.locator(".bar").get_attribute("height") or 0) > 20
    await expect(page.locator(".api-key")).to_contain_text("scoreboard")
    await page.reload()
    await expect(page.locator("#who")).to_have_text(EMAIL)
    # Once means once.
    await expect(page.locator("#secret")).to_be_hidden()
    assert secret not in await page.content()

    page.on("dialog", lambda dialog: dialog.accept())
    await page.click(".api-key button")
    await expect(page.locator(".api-key")).to_have_count(0)
    async with httpx.AsyncClient(base_url=site.url, headers={"X-API-Key": secret}) as program:
        # Every process hears of it within a second; were it never, this would time out.
        while (await program.get("/api/sports")).status_code == 200:
            await asyncio.sleep(0.05)
        assert (await program.get("/api/sports")).status_code == 401


async def test_what_is_wrong_is_said_and_logging_out_ends_it_in_every_tab(
    site: Site, looker: Looker
):
    look = await looker(PHONE)
    page = look.page
    await enter(look, "register", "short")
    await expect(page.locator("#notice")).to_contain_text("8 to 256 characters")
    await enter(look, "register")
    await expect(page.locator("#who")).to_have_text(EMAIL)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    other = await page.context.new_page()
    await other.goto(site.url + "/account")
    await expect(other.locator("#who")).to_have_text(EMAIL)
    await page.click("#log-out")
    for tab in (page, other):
        await expect(tab.locator("#entry")).to_be_visible()
        await expect(tab.locator("#inside")).to_be_hidden()
    # What a browser says by itself of a refused sign-up.
    look.complaints = [said for said in look.complaints if "status of 422" not in said]


async def test_a_token_that_ended_early_is_renewed_behind_the_page(site: Site, look: Look):
    page = look.page
    await enter(look, "register")
    await expect(page.locator("#who")).to_have_text(EMAIL)
    await site.connection.execute("UPDATE users SET tier = 'pro'")
    await look.until(
        """async () => {
            document.querySelector('[data-days="90"]').click();
            await new Promise((done) => setTimeout(done, 200));
            return document.getElementById("figures").textContent.includes("pro");
        }"""
    )
    look.complaints = [said for said in look.complaints if "status of 401" not in said]
