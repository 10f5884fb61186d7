"""The documentation: requests go out from the page with credentials; no page breaks its policy."""

import pytest
from playwright.async_api import expect

from tests.builders import a_market, a_match
from tests.pages.conftest import Look, Looker, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

LOG_IN = '{"email": "ada@example.org", "password": "correct horse battery"}'
# What a browser tells the page of each thing its policy forbade.
NOTE_VIOLATIONS = """
globalThis.violations = [];
document.addEventListener("securitypolicyviolation", (one) =>
  globalThis.violations.push(`${one.violatedDirective} ${one.blockedURI}`));
"""


async def execute(look: Look, operation: str, body: str | None = None) -> str:
    """Sends a request from its place on the page; returns the status and the body shown."""
    block = look.page.locator(f"[id$='-{operation}']")
    await block.locator(".opblock-summary-control").click()
    if body is not None:
        await block.locator("textarea.body-param__text").fill(body)
    await block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).not_to_be_empty()
    return " ".join(await answer.all_inner_texts())


async def test_requests_are_sent_from_the_page_with_a_token_and_with_a_key(look: Look, site: Site):
    await look.open("/docs/api")
    assert "201" in await execute(look, "register", LOG_IN)
    token = await look.page.evaluate(
        """(body) => fetch("/auth/login", {method: "POST", body,
            headers: {"content-type": "application/json"}})
            .then((answer) => answer.json()).then((pair) => pair.accessToken)""",
        LOG_IN,
    )
    await authorize(look, "bearer", token)
    assert "ada@example.org" in await execute(look, "getMe")
    made = await execute(look, "makeKey", '{"name": "page"}')
    assert "201" in made
    key = made.split('"key": "')[1].split('"')[0]
    await authorize(look, "apiKey", key)
    assert '"items"' in await execute(look, "listSports")


async def authorize(look: Look, scheme: str, credential: str) -> None:
    """Gives the page a credential, in place of those it had."""
    await look.page.locator(".auth-wrapper .authorize").first.click()
    forms = look.page.locator(".auth-container")
    for button in await forms.get_by_role("button", name="Remove").all():
        await button.click()
    form = look.page.locator(".auth-container", has_text=f"{scheme} (")
    await form.locator("input").fill(credential)
    await form.get_by_role("button", name="Apply credentials").click()
    await look.page.locator(".modal-ux .close-modal").click()


async def test_no_page_does_what_its_policy_forbids(looker: Looker, site: Site):
    match_id = await a_match(site.connection)
    await a_market(site.connection, match_id)
    pages = {
        "/": ".match, [data-match]",
        f"/matches/{match_id}": "#headline:not([hidden])",
        "/docs/api": ".opblock",
        "/docs/errors": "#not_found",
    }
    if (await site.get("/account")).status_code == 200:
        pages["/account"] = "main"
    for path, shown in pages.items():
        look = await looker()
        await look.page.add_init_script(NOTE_VIOLATIONS)
        await look.open(path)
        await expect(look.page.locator(shown).first).to_be_attached()
        assert await look.page.evaluate("globalThis.violations") == [], path
        # And the policy is there to be broken.
        await look.page.evaluate("document.body.append(document.createElement('iframe'))")
        await look.page.evaluate("document.querySelector('iframe').src = 'data:text/html,x'")
        await look.until("globalThis.violations.length > 0")
        assert all("frame-src" in one for one in await look.page.evaluate("globalThis.violations"))
        look.complaints.clear()
