"""Predictions over HTTP: at once, with their age, and how good they were."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

import httpx
import msgspec
import pytest

from app.api.batch import BatchAnswer
from app.database import engine
from app.predictions.shapes import Accuracy, PendingShape, PredictionPath, PredictionShape
from tests.api.conftest import Api
from tests.builders import a_match
from tests.predictions.fitted import nations, skaters, use
from workers.predict import Predicting


class Oracle:
    """An API, and a predictor that looks when it is told to."""

    def __init__(self, api: Api, predictor: Predicting) -> None:
        self.api = api
        self.predictor = predictor

    async def a_match(self, home: str = "France", away: str = "Croatia", **more: Any) -> int:
        """A match of nations that begins soon."""
        begins = datetime.now(UTC) + timedelta(hours=2)
        said: dict[str, Any] = {"league": "World Cup", "status": None, "start_time": begins} | more
        return await a_match(self.api.connection, home, away, **said)

    async def a_finished_match(self, home_score: int, away_score: int, **more: Any) -> int:
        """One that was forecast before it was played."""
        match_id = await self.a_match(**more)
        await self.look()
        await self.api.connection.execute(
            "INSERT INTO live_scores (match_id, status, home_score, away_score)"
            " VALUES ($1, 'finished', $2, $3)",
            match_id, home_score, away_score,
        )  # fmt: skip
        await self.look()
        return match_id

    async def look(self) -> None:
        """Lets the predictor do all that is due."""
        while await self.predictor.look(around=True):
            pass

    async def get(self, path: str, **options: object) -> httpx.Response:
        """Asks for a path."""
        return await self.api.get(path, **options)


@pytest.fixture
async def oracle(api: Api, database_url: str) -> AsyncGenerator[Oracle]:
    """An API that hears of changes, beside a predictor that knows nations and skaters."""
    pool = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-oracle"
    )
    await use(api.connection, nations(), skaters())
    yield Oracle(api, Predicting(pool))
    pool.terminate()


def decoded(answer: httpx.Response) -> PredictionShape:
    """The answer as its shape says it."""
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=PredictionShape)


async def test_the_first_is_pending_and_being_asked_for_it_is_made(oracle: Oracle):
    far = datetime.now(UTC) + timedelta(days=30)
    match_id = await oracle.a_match(start_time=far)
    await oracle.look()
    pending = await oracle.get(f"/api/v1/predictions/{match_id}")
    assert pending.status_code == 202
    assert pending.headers["retry-after"] == "1"
    told = msgspec.json.decode(pending.content, type=PendingShape)
    assert (told.match_id, told.status) == (str(match_id), "pending")
    await oracle.look()
    while (answer := await oracle.get(f"/api/v1/predictions/{match_id}")).status_code == 202:
        pass
    assert decoded(answer).model.phase == "before"


async def test_a_forecast_is_answered_as_the_contract_has_it(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.look()
    answer = await oracle.get(f"/api/v1/predictions/{match_id}")
    told = decoded(answer)
    chances = told.prediction
    assert (told.match_id, told.status) == (str(match_id), "success")
    assert chances.draw_prob is not None
    assert chances.home_win_prob + chances.draw_prob + chances.away_win_prob == 1
    assert (told.model.name, told.model.version) == ("football-nation-1", nations().version)
    assert 0 <= told.age_ms < 60_000
    raw = msgspec.json.decode(answer.content)
    assert list(raw["prediction"]) == [
        "home_win_prob", "draw_prob", "away_win_prob", "confidence", "expected_goals",
    ]  # fmt: skip


async def test_where_a_sport_has_no_draw_it_is_null(oracle: Oracle):
    match_id = await oracle.a_match("Boston", "Ottawa", sport="hockey", league="PWHL")
    await oracle.look()
    chances = decoded(await oracle.get(f"/api/v1/predictions/{match_id}")).prediction
    assert chances.draw_prob is None
    assert chances.home_win_prob + chances.away_win_prob == 1


async def test_an_old_one_is_answered_at_once_with_its_age_and_a_younger_one_asked_for(
    oracle: Oracle,
):
    match_id = await oracle.a_match()
    await oracle.look()
    await oracle.api.connection.execute(
        "UPDATE forecasts SET generated_at = generated_at - interval '1 hour'"
    )
    old = decoded(await oracle.get(f"/api/v1/predictions/{match_id}"))
    assert old.age_ms > 3_500_000
    asked = "SELECT asked_at IS NOT NULL FROM forecast_places WHERE match_id = $1"
    assert await oracle.api.connection.fetchval(asked, match_id)
    await oracle.look()
    assert not await oracle.api.connection.fetchval(asked, match_id)


async def test_a_goal_is_in_the_next_answer(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.look()
    path = f"/api/v1/predictions/{match_id}"
    before = decoded(await oracle.get(path)).prediction.home_win_prob
    await oracle.api.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score, period, clock)"
        " VALUES ($1, 'live', 1, 0, '1st Half', '20''')",
        match_id,
    )
    await oracle.look()
    while (now := decoded(await oracle.get(path))).model.phase == "before":
        pass
    assert now.prediction.home_win_prob > before
    assert now.minute is not None


async def test_who_has_it_is_not_sent_it_again(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.look()
    path = f"/api/v1/predictions/{match_id}"
    tag = (await oracle.get(path)).headers["etag"]
    again = await oracle.get(path, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_path_of_chances_has_every_word(oracle: Oracle):
    match_id = await oracle.a_finished_match(2, 0)
    path = msgspec.json.decode(
        (await oracle.get(f"/api/v1/predictions/{match_id}/history")).content, type=PredictionPath
    )
    assert [point.phase for point in path.points] == ["before", "over"]
    last = path.points[-1]
    assert (last.home_win_prob, last.draw_prob, last.home_score, last.away_score) == (1, 0, 2, 0)
    assert not path.truncated


@pytest.mark.parametrize("path", ["", "/history"])
async def test_an_unknown_match_has_none(oracle: Oracle, path: str):
    answer = await oracle.get(f"/api/v1/predictions/999999{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_batch_of_matches_brings_their_predictions(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.look()
    unknown = await oracle.a_match(
        "Brazil", "Spain", start_time=datetime.now(UTC) + timedelta(days=30)
    )
    asked = {"match_ids": [str(unknown), str(match_id), "999999"]}
    answer = await oracle.api.client.post("/api/v1/matches/batch", json=asked)
    told = msgspec.json.decode(answer.content, type=BatchAnswer).results
    assert [result.prediction is None for result in told] == [True, False, True]
    alone = (await oracle.get(f"/api/v1/predictions/{match_id}")).json()
    in_batch = answer.json()["results"][1]["prediction"]
    assert in_batch == alone["prediction"] | {
        "model": alone["model"],
        "generated_at": alone["generated_at"],
    }


async def test_lists_of_matches_have_their_chances(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.look()
    [match] = (await oracle.get("/api/events?status=scheduled")).json()["items"]
    alone = (await oracle.get(f"/api/v1/predictions/{match_id}")).json()["prediction"]
    assert match["chances"] == {
        "home": alone["home_win_prob"],
        "draw": alone["draw_prob"],
        "away": alone["away_win_prob"],
    }


async def judged(oracle: Oracle, query: str = "") -> Accuracy:
    """What is told of how good forecasts were."""
    answer = await oracle.get(f"/api/predictions/accuracy{query}")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Accuracy)


async def test_accuracy_is_of_what_was_served_before_kick_off(oracle: Oracle):
    first = await oracle.a_finished_match(2, 0)
    await oracle.a_finished_match(0, 1, home="Brazil", away="Japan")
    unseen = await oracle.a_match("Spain", "Italy")
    await oracle.api.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score)"
        " VALUES ($1, 'finished', 1, 1)",
        unseen,
    )
    await oracle.look()
    told = await judged(oracle, "?to=2100-01-01T00:00:00Z&from=2020-01-01T00:00:00Z")
    [football] = told.sports
    assert (told.matches, football.matches) == (2, 2)
    served = next(v for v in football.verdicts if (v.teller, v.moment) == ("served", 0))
    rows = await oracle.api.connection.fetch(
        "SELECT j.match_id, home, draw, away FROM judged_chances j WHERE teller = 'served'"
    )
    came = [float(r["home"] if r["match_id"] == first else r["away"]) for r in rows]
    assert served.log_loss == pytest.approx(-sum(map(log, came)) / 2, abs=1e-5)
    assert {b.outcome for b in football.reliability} == {"home", "draw", "away"}
    assert sum(b.matches for b in football.reliability) == 6
    [version] = football.versions
    assert (version.version, version.ece) == (nations().version, football.ece)
    assert football.curve[-1].running == pytest.approx(served.log_loss, abs=1e-5)


async def test_simulated_matches_are_judged_apart(oracle: Oracle):
    match_id = await oracle.a_match()
    await oracle.api.connection.execute(
        "UPDATE matches SET simulated = true WHERE id = $1", match_id
    )
    await oracle.look()
    await oracle.api.connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score)"
        " VALUES ($1, 'finished', 1, 1)",
        match_id,
    )
    await oracle.look()
    span = "to=2100-01-01T00:00:00Z"
    assert (await judged(oracle, f"?{span}")).matches == 0
    assert (await judged(oracle, f"?{span}&from=2020-01-01T00:00:00Z&simulated=true")).matches == 1
