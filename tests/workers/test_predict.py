"""Forecasts follow the log: once for each change, to the end, whatever dies."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest

from app.catalog.freshness import QUOTE_FRESH
from app.database import engine
from app.database.engine import Connection, Pool
from app.predictions.fitting import refit
from app.predictions.keeping import parameters_of
from app.predictions.models import Terms, forecast
from app.predictions.parameters import Parameters
from app.predictions.told import told_chances
from app.sports.match import Sport
from tests.builders import a_market, a_match, a_price, an_incident, selections_of
from tests.conftest import PROJECT
from tests.predictions.fitted import nations, skaters, use
from workers.predict import Predicting

SOON = timedelta(hours=2)


class Day:
    """A database with parameters in use, a predictor over it, and a connection beside it."""

    def __init__(self, pool: Pool, connection: Connection) -> None:
        self.pool = pool
        self.connection = connection
        self.predictor = Predicting(pool)

    async def a_match(self, home: str = "France", away: str = "Croatia", **more: Any) -> int:
        """A match of nations that begins soon."""
        more = {
            "league": "World Cup",
            "status": None,
            "start_time": datetime.now(UTC) + SOON,
        } | more
        return await a_match(self.connection, home, away, **more)

    async def stands(
        self, match_id: int, home: int, away: int, clock: str, status: str = "live"
    ) -> None:
        """What is believed of a match from now on."""
        period = "2nd Half" if int(clock.partition("'")[0]) > 45 else "1st Half"
        await self.connection.execute(
            "INSERT INTO live_scores AS s (match_id, status, home_score, away_score, period, clock)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (match_id) DO UPDATE SET"
            " status = $2, home_score = $3, away_score = $4, period = $5, clock = $6,"
            " updated_at = clock_timestamp(),"
            " points_at = CASE WHEN (s.home_score, s.away_score) = ($3, $4) THEN s.points_at"
            " ELSE clock_timestamp() END",
            match_id, status, home, away, period, clock,
        )  # fmt: skip

    async def told(self, match_id: int) -> Any:
        """The forecast as it is kept, after whatever is due was made."""
        while await self.predictor.look(around=True):
            pass
        return await self.connection.fetchrow(
            "SELECT * FROM forecasts WHERE match_id = $1", match_id
        )

    async def frames(self, match_id: int) -> list[dict[str, Any]]:
        """What subscribers were told."""
        rows = await self.connection.fetch(
            "SELECT body::text FROM changes WHERE match_id = $1 AND kind = 'prediction_update'"
            " ORDER BY seq",
            match_id,
        )
        return [msgspec.json.decode(row["body"]) for row in rows]

    async def records(self) -> list[Any]:
        """Every final record."""
        return await self.connection.fetch("SELECT * FROM forecast_records ORDER BY match_id")


@pytest.fixture
async def day(database_url: str) -> AsyncGenerator[Day]:
    """A day on which nations and skaters are known."""
    pool = await engine.open_pool(
        database_url, connections_max=3, statement_timeout_s=10, name="test-predict"
    )
    async with engine.connection(pool) as connection:
        await use(connection, nations(), skaters())
        yield Day(pool, connection)
    pool.terminate()


async def test_a_match_that_begins_soon_is_forecast_and_subscribers_are_told(day: Day):
    match_id = await day.a_match()
    told = await day.told(match_id)
    own = forecast(nations(), Terms(home="france", away="croatia", neutral=True))
    assert (told["home"], told["draw"], told["away"]) == told_chances(own.chances)
    assert (told["phase"], told["version"], told["market_share"]) == (
        "before",
        nations().version,
        0,
    )
    [frame] = await day.frames(match_id)
    assert frame["homeWinProb"] == float(told["home"])
    assert frame["model"] == {
        "name": "football-nation-1",
        "version": nations().version,
        "marketShare": 0,
        "phase": "before",
    }


async def test_nothing_is_told_twice_and_the_own_word_is_not_followed(day: Day):
    match_id = await day.a_match()
    await day.told(match_id)
    assert await day.predictor.look(around=True) == 0
    await day.connection.execute(
        "UPDATE forecast_places SET looked_at = looked_at - interval '1 h'"
    )
    assert await day.predictor.look(around=True) == 1
    assert len(await day.frames(match_id)) == 1


async def test_fresh_prices_have_their_part_and_it_is_said(day: Day):
    match_id = await day.a_match()
    before = await day.told(match_id)
    market = await a_market(day.connection, match_id)
    await day.connection.execute(
        "UPDATE selections SET fair_probability = CASE key WHEN 'home' THEN 0.2"
        " WHEN 'draw' THEN 0.3 ELSE 0.5 END WHERE market_id = $1",
        market,
    )
    await day.connection.execute(
        "UPDATE forecast_places SET looked_at = looked_at - interval '1 h'"
    )
    told = await day.told(match_id)
    assert told["away"] > Decimal("0.45") > before["away"]
    assert told["market_share"] == Decimal("0.95")
    await day.connection.execute("UPDATE markets SET status = 'suspended' WHERE id = $1", market)
    await day.connection.execute(
        "UPDATE forecast_places SET looked_at = looked_at - interval '1 h'"
    )
    assert (await day.told(match_id))["home"] == before["home"]


async def test_every_goal_moves_the_chances_and_the_whistle_ends_them(day: Day):
    match_id = await day.a_match()
    before = await day.told(match_id)
    await day.stands(match_id, 0, 0, "1'")
    at_kick_off = await day.told(match_id)
    assert abs(at_kick_off["home"] - before["home"]) < Decimal("0.02")
    await day.stands(match_id, 0, 1, "20'")
    behind = await day.told(match_id)
    assert behind["home"] < at_kick_off["home"] - Decimal("0.1")
    await day.stands(match_id, 2, 1, "80'")
    ahead = await day.told(match_id)
    assert ahead["home"] > Decimal("0.8")
    await day.stands(match_id, 2, 1, "90'", "finished")
    over = await day.told(match_id)
    assert (over["home"], over["draw"], over["away"], over["phase"]) == (1, 0, 0, "over")
    [record] = await day.records()
    assert (record["home_score"], record["away_score"], record["outcome"]) == (2, 1, 0)
    assert await day.predictor.look(around=True) == 0


async def test_a_red_card_and_a_minute_count(day: Day):
    match_id = await day.a_match()
    await day.stands(match_id, 1, 1, "60'")
    level = await day.told(match_id)
    await an_incident(day.connection, match_id, 1, type="card", colour="red", side="home")
    short = await day.told(match_id)
    assert short["home"] < level["home"]
    await day.connection.execute(
        "UPDATE forecast_places SET looked_at = looked_at - interval '2 m'"
    )
    await day.connection.execute("UPDATE live_scores SET updated_at = updated_at - interval '3 m'")
    later = await day.told(match_id)
    assert later["draw"] > short["draw"]
    assert later["minute"] == short["minute"] + 3


async def test_prices_from_before_a_goal_do_not_count_after_it(day: Day):
    match_id = await day.a_match()
    market = await a_market(day.connection, match_id, {"home": "3", "draw": "3", "away": "3"})
    await day.stands(match_id, 0, 0, "30'")
    assert (await day.told(match_id))["market_share"] == Decimal("0.95")
    await day.stands(match_id, 1, 0, "31'")
    assert (await day.told(match_id))["market_share"] == 0
    await a_price(day.connection, (await selections_of(day.connection, market))["home"], "2.9")
    priced = "UPDATE markets SET updated_at = clock_timestamp(), fresh_until = $1"
    again = "UPDATE forecast_places SET looked_at = looked_at - interval '1 h'"
    # Priced since, but for what somebody said before the goal and nobody says anew.
    await day.connection.execute(priced, datetime.now(UTC) + timedelta(seconds=30))
    await day.connection.execute(again)
    assert (await day.told(match_id))["market_share"] == 0
    await day.connection.execute(priced, datetime.now(UTC) + QUOTE_FRESH)
    await day.connection.execute(again)
    assert (await day.told(match_id))["market_share"] == Decimal("0.95")


async def test_what_was_told_in_time_is_judged_and_what_came_late_is_not(day: Day):
    match_id = await day.a_match()
    await day.told(match_id)
    for clock in ("1'", "16'", "33'", "47'", "61'", "80'"):
        await day.stands(match_id, 0, 0, clock)
        await day.told(match_id)
    await day.stands(match_id, 0, 0, "90'", "finished")
    await day.told(match_id)
    rows = await day.connection.fetch("SELECT moment, teller FROM judged_chances ORDER BY 1, 2")
    # 33' is later than 30' by more than a word on it may be, and 80' than 75'.
    assert [tuple(row) for row in rows] == [
        (0, "model"), (0, "served"), (1, "served"), (3, "served"), (4, "served"),
    ]  # fmt: skip


async def test_a_result_put_right_changes_its_record_and_makes_no_second_one(day: Day):
    match_id = await day.a_match()
    await day.stands(match_id, 1, 0, "90'", "finished")
    await day.told(match_id)
    await day.stands(match_id, 1, 1, "90'", "finished")
    assert (await day.told(match_id))["draw"] == 1
    [record] = await day.records()
    assert (record["outcome"], record["away_score"]) == (1, 1)


async def test_what_finished_is_learnt_from_unless_it_was_simulated(day: Day):
    real, simulated = await day.a_match(), await day.a_match("Brazil", "Argentina")
    await day.connection.execute("UPDATE matches SET simulated = true WHERE id = $1", simulated)
    for match_id in (real, simulated):
        await day.stands(match_id, 3, 1, "90'", "finished")
    await day.told(real)
    [result] = await day.connection.fetch("SELECT * FROM past_results")
    assert (result["home"], result["league"], result["source"]) == (
        "france", "internationals", "touchline",
    )  # fmt: skip
    assert msgspec.json.decode(result["told"])["neutral"]


async def test_sides_nobody_knows_get_wide_chances_and_other_sports_no_draw(day: Day):
    strangers = await day.a_match("Nowhere Rovers", "Nobody United")
    skating = await day.a_match("Boston", "Ottawa", sport="hockey", league="PWHL")
    wide = await day.told(strangers)
    assert min(wide["home"], wide["draw"], wide["away"]) > Decimal("0.15")
    assert wide["confidence"] < Decimal("0.95")
    told = await day.told(skating)
    assert told["draw"] is None
    assert told["home"] + told["away"] == 1


async def test_a_match_that_cannot_stand_as_it_does_keeps_what_was_told(day: Day):
    match_id = await day.a_match("Boston", "Ottawa", sport="hockey", league="PWHL")
    before = await day.told(match_id)
    await day.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score)"
        " VALUES ($1, 'finished', 2, 2)",
        match_id,
    )
    assert (await day.told(match_id))["home"] == before["home"]
    assert await day.records() == []
    assert await day.predictor.look(around=True) == 0


async def test_newer_parameters_forecast_what_is_ahead_and_leave_what_is_played(day: Day):
    ahead, played = await day.a_match(), await day.a_match("Brazil", "Argentina")
    await day.stands(played, 0, 0, "10'")
    await day.told(ahead)
    newer = msgspec.structs.replace(nations(), level=0.3)  # pyright: ignore[reportCallIssue]
    await use(day.connection, newer)
    assert (await day.told(ahead))["version"] == newer.version
    await day.stands(played, 1, 0, "11'")
    assert (await day.told(played))["version"] == nations().version


async def test_what_no_model_was_there_for_is_forecast_as_soon_as_there_is_one(day: Day):
    await day.connection.execute("DELETE FROM model_parameters WHERE sport_id = 'hockey'")
    match_id = await day.a_match("Boston", "Ottawa", sport="hockey", league="PWHL")
    await day.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score, period, clock)"
        " VALUES ($1, 'live', 1, 0, '2nd Period', '10:00')",
        match_id,
    )
    assert await day.told(match_id) is None
    await use(day.connection, skaters())
    told = await day.told(match_id)
    assert (told["phase"], told["version"]) == ("in_play", skaters().version)


async def test_an_old_version_makes_its_forecasts_again_from_what_is_kept(day: Day):
    match_id = await day.a_match()
    told = await day.told(match_id)
    kept: Parameters = await parameters_of(day.connection, told["version"])
    assert kept.version == told["version"]
    again = forecast(kept, Terms(home="france", away="croatia", neutral=True))
    assert told_chances(again.chances) == (told["home"], told["draw"], told["away"])


async def test_of_two_predictors_one_forecasts(day: Day):
    match_id = await day.a_match()
    beside = Predicting(day.pool)
    looks = [day.predictor.look(around=True), beside.look(around=True)]
    assert sum(await asyncio.gather(*looks)) >= 1
    await day.told(match_id)
    assert len(await day.frames(match_id)) == 1


async def test_a_league_is_fitted_when_there_is_something_new_to_learn(day: Day):
    today = datetime.now(UTC).date()
    first = await refit(day.pool, today, only=Sport.HOCKEY)
    assert [(one.league, one.because) for one in first] == [("nhl", "fitted"), ("pwhl", "fitted")]
    # In use at once, all of them or none.
    writers = await day.connection.fetch(
        "SELECT DISTINCT xmin::text FROM model_parameters WHERE version = ANY ($1)",
        [one.version for one in first],
    )
    assert len(writers) == 1
    again = await refit(day.pool, today + timedelta(days=1), only=Sport.HOCKEY)
    assert {one.because for one in again} == {"nothing new"}
    match_id = await day.a_match("Boston", "Ottawa", sport="hockey", league="PWHL")
    await day.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score)"
        " VALUES ($1, 'finished', 2, 1)",
        match_id,
    )
    await day.told(match_id)
    learnt = await refit(day.pool, today + timedelta(days=2), only=Sport.HOCKEY)
    assert [one.league for one in learnt if one.because == "fitted"] == ["pwhl"]


class Killed:
    """A predictor in a process of its own, which dies again and again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.workers.predictor", self._url, cwd=PROJECT
        )

    async def kill(self) -> None:
        """Kills it, wherever it is."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


async def test_killed_at_random_every_finished_match_has_exactly_one_record(
    day: Day, database_url: str
):
    fates = random.Random(7)
    ids = [await day.a_match(f"Side {n}", f"Other {n}") for n in range(30)]
    killed = Killed(database_url)
    beside: asyncpg.Connection = await asyncpg.connect(database_url)
    await killed.start()
    for clock in ("10'", "50'", "89'"):
        for match_id in ids:
            await day.stands(match_id, fates.randint(0, 3), fates.randint(0, 3), clock)
        while not await _some(beside, "phase = 'in_play'"):
            await asyncio.sleep(0.01)
        await killed.kill()
        await killed.start()
    for n, match_id in enumerate(ids):
        await day.stands(match_id, 1, 1, "90'", "finished")
        if n % 10 == 9:
            while await _some(beside, "phase = 'over'") < n // 2:
                await asyncio.sleep(0.01)
            await killed.kill()
            await killed.start()
    while await _some(beside, "phase = 'over'") < len(ids):
        await asyncio.sleep(0.02)
    await killed.kill()
    records = await day.records()
    assert [record["match_id"] for record in records] == ids
    assert {record["outcome"] for record in records} == {1}
    await beside.close()


async def _some(connection: asyncpg.Connection, which: str) -> int:
    """How many forecasts there are like that."""
    return await connection.fetchval(  # pyright: ignore[reportReturnType]
        f"SELECT count(*) FROM forecasts WHERE {which}"
    )
