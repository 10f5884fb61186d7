"""What operators see of polls, and how they change them; what readers and sockets make wanted."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from app.access.passwords import PASSWORDS
from app.api.documents import Items
from app.api.operator_shapes import PollTaskShape
from app.cli import main
from app.database import engine
from app.polling import plan
from app.polling.planner import Planner
from app.polling.schedule import Paces
from app.providers.provider import PollRule, Scope
from app.sports.match import Sport
from tests.api.conftest import Api, served
from tests.builders import a_market, a_match

RULES = [
    PollRule(scope=scope, sport=Sport.FOOTBALL, interval_ms=1_000, timeout_ms=1_000)
    for scope in Scope
]


@pytest.fixture
async def operator(api: Api) -> dict[str, str]:
    """The headers of an operator."""
    await api.connection.execute(
        "INSERT INTO users (email, password_hash, role) VALUES ($1, $2, 'operator')",
        "ops@example.com",
        await PASSWORDS.hash("correct horse"),
    )
    answer = await api.client.post(
        "/auth/login", json={"email": "ops@example.com", "password": "correct horse"}
    )
    return {"Authorization": f"Bearer {answer.json()['accessToken']}"}


@pytest.fixture
async def planner(api: Api, database_url: str) -> AsyncGenerator[Planner]:
    """A planner over three tasks of a provider."""
    pool = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-planner"
    )
    await plan.keep_tasks(api.connection, "told", RULES)
    planner = Planner(pool, Paces())
    await planner.replan()
    yield planner
    pool.terminate()


async def status(api: Api, operator: dict[str, str], query: str = "") -> list[PollTaskShape]:
    """The tasks as the API tells them."""
    answer = await api.get(f"/api/polling/status{query}", headers=operator)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Items[PollTaskShape]).items


async def update(api: Api, operator: dict[str, str], **body: Any) -> httpx.Response:
    """Asks for an interval."""
    return await api.client.post("/api/polling/update", json=body, headers=operator)


async def subjects(api: Api) -> dict[str, list[Any]]:
    """What is wanted: sockets for scores and markets, and whether readers want either."""
    rows = await api.connection.fetch(
        "SELECT subject, scores, markets, coalesce(scores_until > now(), false) AS read_scores,"
        " coalesce(markets_until > now(), false) AS read_markets FROM demand"
    )
    return {name: counts for name, *counts in (tuple(row.values()) for row in rows)}


async def test_every_task_says_how_often_it_is_asked_and_why(
    api: Api, operator: dict[str, str], planner: Planner
):
    found = {task.task_id: task for task in await status(api, operator)}
    assert list(found) == [
        "told.fixtures.football",
        "told.scores.football",
        "told.markets.football",
    ]
    assert found["told.fixtures.football"].because == "fixtures: 10 min"
    assert found["told.markets.football"].state == "unwanted"
    assert found["told.markets.football"].next_run_at is None
    scores = found["told.scores.football"]
    assert (scores.interval_ms, scores.because) == (300_000, "nothing known to be on: 5 min")
    assert (scores.rule_interval_ms, scores.set_ms, scores.failures) == (1_000, None, 0)


async def test_the_tasks_come_in_pages_and_narrowed(
    api: Api, operator: dict[str, str], planner: Planner
):
    first = (await api.get("/api/polling/status?limit=2", headers=operator)).json()
    rest = await status(api, operator, f"?limit=2&cursor={first['nextCursor']}")
    assert [task.scope for task in rest] == ["markets"]
    assert await status(api, operator, "?provider=other") == []
    assert len(await status(api, operator, "?provider=told&sport=football")) == 3


async def test_an_interval_is_set_counts_and_is_taken_back(
    api: Api, operator: dict[str, str], planner: Planner
):
    answer = await update(api, operator, taskId="told.scores.football", interval=2_500)
    assert (answer.status_code, answer.json()) == (
        200,
        {"taskId": "told.scores.football", "interval": 2_500, "setAt": None},
    )
    await planner.replan(every_s=0)
    [task] = [one for one in await status(api, operator) if one.scope == "scores"]
    assert (task.interval_ms, task.set_ms) == (2_500, 2_500)
    assert task.because == "set for this task: 2.5 s"
    listed = (await api.get("/api/polling/overrides", headers=operator)).json()["items"]
    assert [(one["taskId"], one["interval"]) for one in listed] == [("told.scores.football", 2_500)]
    assert (await update(api, operator, taskId="told.scores.football", interval=0)).is_success
    await planner.replan(every_s=0)
    [task] = [one for one in await status(api, operator) if one.scope == "scores"]
    assert (task.interval_ms, task.set_ms) == (300_000, None)


@pytest.mark.parametrize(
    "level", ["match.{match}", "league.premier-league", "sport.tennis", "default"]
)
async def test_levels_are_set_too(api: Api, operator: dict[str, str], planner: Planner, level: str):
    match = await a_match(api.connection)
    answer = await update(api, operator, taskId=level.format(match=match), interval=50)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "status_code", "code"),
    [
        ({"taskId": "told.scores.tennis", "interval": 100}, 404, "unknown_task"),
        ({"taskId": "match.999", "interval": 100}, 404, "unknown_task"),
        ({"taskId": "match.x", "interval": 100}, 404, "unknown_task"),
        ({"taskId": "league.none", "interval": 0}, 404, "unknown_task"),
        ({"taskId": "sport.chess", "interval": 100}, 404, "unknown_task"),
        ({"taskId": "default", "interval": 49}, 422, "interval_out_of_bounds"),
        ({"taskId": "default", "interval": -1}, 422, "interval_out_of_bounds"),
        ({"taskId": "default", "interval": 86_400_001}, 422, "interval_out_of_bounds"),
        ({"taskId": "default", "interval": 10**30}, 422, "interval_out_of_bounds"),
        ({"taskId": "default", "interval": "fast"}, 422, "invalid"),
        ({"taskId": "default"}, 422, "invalid"),
        ({"taskId": "", "interval": 100}, 422, "invalid"),
        ({"taskId": "x" * 301, "interval": 100}, 422, "invalid"),
        ({"taskId": "a\0b", "interval": 100}, 404, "unknown_task"),
    ],
)
async def test_what_cannot_be_set_is_refused_by_name(
    api: Api,
    operator: dict[str, str],
    planner: Planner,
    body: dict[str, Any],
    status_code: int,
    code: str,
):
    answer = await update(api, operator, **body)
    assert (answer.status_code, answer.json()["code"]) == (status_code, code)
    assert await api.connection.fetchval("SELECT count(*) FROM poll_overrides") == 0


async def test_only_operators_see_and_change_polls(api: Api):
    for answer in (
        await api.get("/api/polling/status"),
        await api.get("/api/polling/overrides"),
        await api.client.post("/api/polling/update", json={"taskId": "default", "interval": 0}),
    ):
        assert answer.status_code == 401


async def until_wanted(api: Api, **expected: tuple[int, int, bool, bool]) -> None:
    """Waits until Postgres knows of exactly this demand."""
    wanted = {name.replace("_", "."): list(counts) for name, counts in expected.items()}
    async with asyncio.timeout(20):
        while await subjects(api) != wanted:
            await asyncio.sleep(0.01)


async def test_what_is_read_is_wanted_for_a_while_out_of_the_cache_too(api: Api):
    match = await a_match(api.connection)
    await a_market(api.connection, match)
    for _ in range(2):
        assert (await api.get(f"/api/scores/{match}")).is_success
    await until_wanted(api, **{f"match_{match}": (0, 0, True, False)})
    assert (await api.get(f"/api/odds/{match}")).is_success
    await until_wanted(api, **{f"match_{match}": (0, 0, True, True)})
    for path in ("/api/events?sport=football", "/api/markets/football", "/api/events"):
        assert (await api.get(path)).is_success
    await until_wanted(
        api,
        **{f"match_{match}": (0, 0, True, True)},
        sport_football=(0, 0, True, True),
        everything=(0, 0, True, False),
    )


async def test_what_does_not_exist_is_not_wanted(api: Api):
    assert (await api.get("/api/scores/77")).status_code == 404
    assert (await api.get("/api/odds/77")).status_code == 404
    match = await a_match(api.connection)
    assert (await api.get(f"/api/scores/{match}")).is_success
    await until_wanted(api, **{f"match_{match}": (0, 0, True, False)})


async def test_a_process_that_stops_wants_nothing(api: Api, database_url: str, redis_url: str):
    match = await a_match(api.connection)
    async with served(database_url, redis_url) as another:
        assert (await another.get(f"/api/scores/{match}")).is_success
        await until_wanted(api, **{f"match_{match}": (0, 0, True, False)})
    assert await subjects(api) == {}


async def test_the_command_line_shows_and_sets(
    api: Api, planner: Planner, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, main, ["polling", *arguments])

    done = await run("update", "told.scores.football", "700")
    assert (done.exit_code, done.output) == (0, "told.scores.football: 700 ms\n")
    shown = await run("status")
    assert "set by hand: told.scores.football 700 ms" in shown.output
    assert "nothing known to be on: 5 min" in shown.output
    told = json.loads((await run("status", "--json", "--provider", "told")).output)
    assert [one["setMs"] for one in told] == [None, 700, None]
    done = await run("update", "told.scores.football", "0")
    assert done.output == "told.scores.football: back to the rule\n"
    refused = await run("update", "nothing.there", "700")
    assert refused.exit_code == 1
    assert "There is no 'nothing.there'." in refused.output
