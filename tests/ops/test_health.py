"""How the process says it is."""

from typing import Any

from tests.api.conftest import Api, served
from tests.builders import a_poll_task


async def health(api: Api, status: int = 200) -> dict[str, Any]:
    answer = await api.get("/health")
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_all_is_well_when_everything_answers(api: Api):
    found = await health(api)
    assert (found["status"], found["version"], found["uptimeSeconds"] >= 0) == ("ok", "0.1.0", True)
    assert {name: part["status"] for name, part in found["dependencies"].items()} == {
        "postgres": "up",
        "redis": "up",
        "listener": "up",
    }
    assert found["dependencies"]["postgres"]["latencyMs"] > 0
    assert found["providers"] == {}
    assert found["polling"] == {"tasks": 0, "overdue": 0, "oldestLagMs": 0}
    assert (await api.get("/health/live")).json() == {"status": "ok"}
    assert (await api.get("/health/ready")).json() == {"status": "ok"}


async def test_a_provider_is_as_it_is_in_the_worst_sport_it_is_asked_for(api: Api):
    await api.connection.execute(
        """
        INSERT INTO provider_health (provider, sport_id, state, expected_since, failures)
        VALUES ('replay', 'football', 'up', now(), 0), ('replay', 'tennis', 'down', NULL, 6)
        """
    )
    found = await health(api)
    assert (found["status"], found["providers"]["replay"]["state"]) == ("ok", "up")
    await api.connection.execute("UPDATE provider_health SET expected_since = now()")
    found = await health(api)
    assert found["status"] == "degraded"
    assert found["providers"] == {"replay": {"state": "down", "lastSuccessAt": None, "failures": 6}}


async def test_a_task_nobody_runs_is_overdue(api: Api):
    await a_poll_task(api.connection)
    await a_poll_task(api.connection, sport="tennis")
    await api.connection.execute(
        "UPDATE poll_tasks SET next_due_at = now() - interval '1 minute' WHERE sport_id = 'tennis'"
    )
    polling = (await health(api))["polling"]
    assert (polling["tasks"], polling["overdue"]) == (2, 1)
    assert polling["oldestLagMs"] >= 60_000


async def test_without_redis_it_is_degraded(database_url: str):
    async with served(database_url, "redis://127.0.0.1:1/0") as api:
        await api.until_listening()
        found = await health(api)
        assert (found["status"], found["dependencies"]["redis"]) == (
            "degraded",
            {"status": "down", "latencyMs": None},
        )
        assert (await api.get("/api/events")).status_code == 200


async def test_it_starts_without_postgres_and_says_that_it_is_down(redis_url: str):
    async with served("postgresql://nobody@127.0.0.1:1/nothing", redis_url) as api:
        found = await health(api, 503)
        assert (found["status"], found["polling"]) == ("down", None)
        assert found["dependencies"]["redis"]["status"] == "up"
        assert (await api.get("/health/live")).status_code == 200
        ready = await api.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "unready"})
        for path in ("/api/sports", "/api/events", "/api/scores/1"):
            answer = await api.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "dependency_down")
            assert "retry-after" in answer.headers
