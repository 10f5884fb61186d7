"""Chances on the board and on the match page, and the page that judges them, in a real Chromium."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from app.database import engine
from tests.builders import a_match
from tests.pages.conftest import Look, Site
from tests.predictions.fitted import nations, use
from workers.predict import Predicting

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

TO = "\N{EN DASH}"


class Pitch:
    """A site, and a predictor beside it that looks when it is told to."""

    def __init__(self, site: Site, predictor: Predicting) -> None:
        self.site = site
        self.predictor = predictor

    async def a_match(self, home: str = "France", away: str = "Croatia") -> int:
        """A match of nations that begins soon, forecast."""
        match_id = await a_match(
            self.site.connection, home, away, league="World Cup", status=None,
            start_time=datetime.now(UTC) + timedelta(hours=1),
        )  # fmt: skip
        await self.look()
        return match_id

    async def stands(
        self, match_id: int, home: int, away: int, clock: str, status: str = "live"
    ) -> None:
        """What is believed of a match from now on, and what is forecast then."""
        await self.site.connection.execute(
            "INSERT INTO live_scores AS s (match_id, status, home_score, away_score, period, clock)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (match_id) DO UPDATE SET status = $2,"
            " home_score = $3, away_score = $4, period = $5, clock = $6, updated_at = now()",
            match_id, status, home, away, "2nd Half" if clock > "45" else "1st Half", f"{clock}'",
        )  # fmt: skip
        await self.look()

    async def look(self) -> None:
        """Lets the predictor do all that is due."""
        while await self.predictor.look(around=True):
            pass


@pytest_asyncio.fixture(loop_scope="module")
async def pitch(site: Site, database_url: str) -> AsyncGenerator[Pitch]:
    """A site beside a predictor that knows nations."""
    pool = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-pitch"
    )
    await use(site.connection, nations())
    yield Pitch(site, Predicting(pool))
    pool.terminate()


async def test_the_chances_on_the_match_page_move_with_each_goal(
    pitch: Pitch, look: Look, tmp_path: Path
):
    match_id = await pitch.a_match()
    await look.open(f"/matches/{match_id}")
    bar = look.page.locator("#chances .part")
    await expect(bar.first).to_have_text("57 %")
    chart = look.page.locator("#win-chart")
    await expect(chart).to_have_attribute("data-points", "1")
    widths: list[float] = []
    for clock, home, away in (("10", 0, 0), ("20", 0, 1), ("55", 1, 1), ("80", 2, 1)):
        await pitch.stands(match_id, home, away, clock)
        await expect(look.page.locator(".goals")).to_have_text([str(home), str(away)])
        told = await pitch.site.connection.fetchval(
            "SELECT home FROM forecasts WHERE match_id = $1", match_id
        )
        await look.until(
            "wanted => Math.abs(Number(document.querySelector"
            "('#chances .part').style.flexGrow) - wanted) < 1e-9",
            float(told),
        )
        widths.append(float(told))
    level, behind, even, ahead = widths
    assert behind < even < ahead
    assert behind < level
    await expect(chart).to_have_attribute("data-points", "5")
    await expect(chart.locator(".goal-mark text")).to_have_text([f"0{TO}1", f"1{TO}1", f"2{TO}1"])
    await look.page.screenshot(path=tmp_path / "match.png", full_page=True)
    await pitch.stands(match_id, 2, 1, "90", "finished")
    await expect(bar.first).to_have_text("100 %")


async def test_a_page_opened_later_shows_the_path_so_far(pitch: Pitch, look: Look):
    match_id = await pitch.a_match()
    await pitch.stands(match_id, 0, 0, "10")
    await pitch.stands(match_id, 1, 0, "30")
    await look.open(f"/matches/{match_id}")
    chart = look.page.locator("#win-chart")
    await expect(chart).to_have_attribute("data-points", "3")
    await expect(chart.locator(".goal-mark text")).to_have_text([f"1{TO}0"])


@pytest.mark.parametrize(
    ("sport", "league", "ends", "note"),
    [
        ("football", "World Cup", "90'", "Chances since the start; a line is a goal."),
        ("basketball", "NBA", "48'", "Chances since the start."),
        ("basketball", "EuroLeague", "40'", "Chances since the start."),
    ],
)
async def test_the_path_is_as_long_as_the_match(
    pitch: Pitch, look: Look, sport: str, league: str, ends: str, note: str
):
    match_id = await a_match(pitch.site.connection, "North", "South", sport=sport, league=league)
    await pitch.site.connection.execute(
        "INSERT INTO forecasts (match_id, version, model, phase, minute, home, away, confidence,"
        " expected_home, expected_away, market_share, home_score, away_score, base)"
        " SELECT $1, max(version), 'x', 'in_play', 30, 0.5, 0.5, 0.5, 1, 1, 0, 1, 0, '{}'"
        " FROM model_parameters",
        match_id,
    )
    await look.open(f"/matches/{match_id}")
    await expect(look.page.locator("#win-chart .tick").last).to_have_text(ends)
    await expect(look.page.locator("#win-note")).to_have_text(note)


async def test_every_match_of_the_board_has_its_bar_until_it_is_over(
    pitch: Pitch, look: Look, tmp_path: Path
):
    ahead, played = await pitch.a_match(), await pitch.a_match("Brazil", "Japan")
    await pitch.stands(played, 1, 0, "30")
    await look.open("/")
    for match_id in (ahead, played):
        bar = look.page.locator(f'.row[data-match="{match_id}"] .chances')
        await expect(bar).to_be_visible()
    await expect(bar).to_have_attribute("aria-label", r := await bar.get_attribute("title") or "")
    assert r.startswith("Brazil ")
    await look.page.screenshot(path=tmp_path / "board.png")
    await pitch.stands(played, 1, 0, "90", "finished")
    await expect(bar).to_be_hidden()


async def test_the_page_of_predictions_draws_how_good_they_were(
    pitch: Pitch, look: Look, tmp_path: Path
):
    for n, (home, away) in enumerate(
        (("France", "Croatia"), ("Brazil", "Japan"), ("Spain", "Iran"))
    ):
        match_id = await pitch.a_match(home, away)
        await pitch.site.connection.execute(
            "UPDATE matches SET simulated = true, start_time = start_time - $2::interval"
            " WHERE id = $1",
            match_id,
            timedelta(days=7 * n, hours=2),
        )
        await pitch.stands(match_id, 0, 0, "16")
        await pitch.stands(match_id, n, 1, "90", "finished")
    await look.open("/predictions")
    await expect(look.page.locator("#simulated")).to_be_visible()
    football = look.page.locator('.card[data-sport="football"]')
    await expect(football.locator("h2")).to_have_text("Football · 3 matches")
    dots = football.locator("svg[aria-label='Reliability diagram'] .dot")
    rows = await pitch.site.connection.fetchval(
        "SELECT count(DISTINCT (w.way, floor(w.chance * 10))) FROM judged_chances,"
        " LATERAL (VALUES (0, home), (1, draw), (2, away)) AS w (way, chance)"
        " WHERE teller = 'served' AND moment = 0"
    )
    await expect(dots).to_have_count(rows)
    await expect(football.locator(".dot.week")).to_have_count(3)
    await expect(football.get_by_text("Minute 15")).to_be_visible()
    await look.page.screenshot(path=tmp_path / "predictions.png", full_page=True)
