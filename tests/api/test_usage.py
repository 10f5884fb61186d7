"""What was used, told to whom it concerns, and in the books after a clean stop."""

import asyncpg
import pytest

from app.api.guards import UNMATCHED
from tests.api.caller import Caller, a_caller
from tests.api.conftest import Api, served


@pytest.fixture
async def ada(api: Api) -> Caller:
    """A user."""
    return await a_caller(api, "ada@example.org")


async def test_a_user_sees_what_was_used_a_day_and_endpoint_and_what_is_left(ada: Caller):
    for _ in range(3):
        await ada.get("/api/sports")
    await ada.get("/api/odds/1/history")
    await ada.get("/api/nothing/of/this/name")
    told = (await ada.get("/api/me/usage")).json()
    counted = {one["endpoint"]: (one["requests"], one["units"]) for one in told["items"]}
    assert counted["GET /api/sports"] == (3, 3)
    assert counted["GET /api/odds/{match_id}/history"] == (1, 5)
    assert counted[UNMATCHED] == (1, 1)
    assert {one["day"] for one in told["items"]} == {told["to"]}
    assert told["tier"] == "free"
    assert told["limits"]["requestsPerMinute"] == 300
    # Nine units until here, and two for the question.
    assert 289 <= told["remaining"]["now"] <= 291
    assert told["remaining"]["day"] is None


@pytest.mark.parametrize(
    "query",
    ["from=x", "from=2026-02-30", "from=2026-03-02&to=2026-03-01", "from=2020-01-01", "to="],
)
async def test_days_that_are_none_are_refused(ada: Caller, query: str):
    answer = await ada.get(f"/api/me/usage?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_the_ends_of_time_are_days(ada: Caller, day: str):
    for query in (f"from={day}&to={day}", f"to={day}"):
        assert (await ada.get(f"/api/me/usage?{query}")).status_code == 200


async def test_what_is_one_users_is_no_other_users_and_totals_are_operators(api: Api, ada: Caller):
    boss = await a_caller(api, "boss@example.org", role="operator")
    made = await ada.send("/api/me/keys", {"name": "a program"})
    key = {"X-API-Key": made.json()["key"]}
    for _ in range(40):
        await api.client.get("/api/sports", headers=key)
    assert "GET /api/sports" not in (await boss.get("/api/me/usage")).text
    assert (await ada.get("/api/usage")).status_code == 403
    [first, *_] = (await boss.get("/api/usage?by=user&limit=5")).json()["items"]
    assert (first["id"], first["name"]) == (str(ada.user_id), "ada@example.org")
    [of_key] = (await boss.get("/api/usage?by=key")).json()["items"]
    assert (of_key["requests"], of_key["name"]) == (40, made.json()["prefix"])
    [busiest, *_] = (await boss.get("/api/usage?by=endpoint")).json()["items"]
    assert busiest["id"] == "GET /api/sports"
    [today] = (await boss.get("/api/usage?by=day")).json()["items"]
    assert today["requests"] > 40


async def test_a_clean_stop_loses_no_count(database_url: str, redis_url: str):
    async with served(database_url, redis_url, LIMIT_ANONYMOUS_PER_MINUTE="30") as api:
        for _ in range(37):
            await api.get("/api/sports")
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT endpoint, requests, refused FROM usage ORDER BY 1")
    await connection.close()
    counted = {row["endpoint"]: (row["requests"], row["refused"]) for row in rows}
    answered, refused = counted["GET /api/sports"][0], counted["refused"][1]
    assert answered + refused == 37
    assert answered >= 30


async def test_a_quota_that_is_used_up_is_a_429_that_says_when_it_begins_anew(
    api: Api, ada: Caller
):
    await api.connection.execute("UPDATE tiers SET units_per_day = 8 WHERE name = 'free'")
    statuses: list[int] = []
    while 429 not in statuses:
        assert len(statuses) < 250
        statuses.append((await ada.get("/api/me/usage")).status_code)
    refused = await ada.get("/api/sports")
    assert refused.json()["code"] == "quota_exhausted"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    mails = await api.connection.fetch("SELECT percent FROM usage_alerts ORDER BY percent")
    assert [row["percent"] for row in mails] == [80, 100]
