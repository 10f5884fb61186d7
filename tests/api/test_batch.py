"""Many matches in one request."""

from typing import Any

import httpx
import msgspec

from app.api.batch import BatchAnswer
from tests.api.conftest import Api, served
from tests.builders import a_market, a_match, an_incident


async def batch(api: Api, *match_ids: Any) -> httpx.Response:
    return await api.client.post("/api/v1/matches/batch", json={"match_ids": list(match_ids)})


async def test_matches_are_told_in_the_order_asked_with_those_there_are_not(api: Api):
    one = str(await a_match(api.connection))
    two = str(await a_match(api.connection, "Leeds", "Hull"))
    await a_market(api.connection, int(two))
    await an_incident(api.connection, int(two))
    answer = await batch(api, two, "999", one, "no-number", two)
    told = msgspec.json.decode(answer.content, type=BatchAnswer).results
    assert [(r.match_id, r.status) for r in told] == [
        (two, "success"),
        ("999", "not_found"),
        (one, "success"),
        ("no-number", "not_found"),
        (two, "success"),
    ]
    assert (told[1].match, told[1].prediction) == (None, None)
    for result, number in zip(answer.json()["results"], (two, None, one, None, two), strict=True):
        alone = await api.get(f"/api/v1/matches/{number}")
        assert result["match"] == (alone.json() if number else None)


async def test_a_match_that_was_merged_is_the_one_it_was_merged_into(api: Api):
    kept = await a_match(api.connection)
    gone = await a_match(api.connection, "Arsenal FC", "Chelsea FC")
    await api.connection.execute("UPDATE matches SET merged_into = $2 WHERE id = $1", gone, kept)
    (result,) = (await batch(api, str(gone))).json()["results"]
    assert (result["match_id"], result["status"]) == (str(gone), "success")
    assert result["match"]["match_id"] == str(kept)


async def test_what_cannot_be_read_is_refused_by_its_place(api: Api):
    for ids, field in (([], ""), (["1"] * 101, ""), (["1", "a b"], "match_ids[1]"), ([7], "")):
        answer = await batch(api, *ids)
        assert answer.status_code in {400, 422}, ids
        problem = answer.json()
        assert not field or [error["field"] for error in problem["errors"]] == [field]


async def test_ten_matches_count_as_one_request(database_url: str, redis_url: str):
    async with served(database_url, redis_url, LIMIT_ANONYMOUS_PER_MINUTE="23") as api:
        left = [
            int((await batch(api, *map(str, range(1, n + 1)))).headers["ratelimit-remaining"])
            for n in (10, 20, 100, 100)
        ]
        # One comes back every three seconds.
        assert [left[0], left[1] in {20, 21}, left[2] in {10, 11, 12}] == [22, True, True]
        assert (await batch(api, *map(str, range(100)))).status_code == 429
