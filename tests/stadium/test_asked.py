"""The stadium tells what it was asked: how often, beyond which quota, for whose prices."""

from typing import Any

import httpx

from app.stadium.ground import KEY
from app.stadium.quotas import Limit
from tests.stadium.grounds import Clock, asking, ground, logged_in


async def asked(client: httpx.AsyncClient, provider: str) -> dict[str, Any]:
    """What one provider was asked."""
    return (await client.get("/asked")).json()[provider]


async def test_what_is_refused_for_a_quota_is_counted() -> None:
    limits = {"thesportsdb": (Limit(window="minute", most=2),)}
    async with asking(ground(now=Clock(), limits=limits)) as client:
        for _ in range(2):
            await client.get("/thesportsdb/api/v2/json/livescore/soccer")
        before = await asked(client, "thesportsdb")
        await client.get("/thesportsdb/api/v2/json/livescore/soccer")
        after = await asked(client, "thesportsdb")
    assert (before["requests"], before["overQuota"]) == (2, 0)
    assert (after["requests"], after["overQuota"]) == (3, 1)
    assert after["leastLeft"] == {"minute": 0}
    assert after["doors"] == {"/api/v2/json/livescore/soccer": 3}


async def test_questions_for_prices_are_kept_with_the_matches_they_name() -> None:
    clock = Clock()
    async with asking(ground(now=clock)) as client:
        await client.get("/api-football/fixtures?live=all")
        await client.get("/api-football/odds/live?fixture=17")
        path = "/odds-api/v4/sports/basketball_nba"
        named = {"apiKey": KEY, "regions": "eu", "eventIds": "a,b"}
        await client.get(f"{path}/events", params={"apiKey": KEY})
        await client.get(f"{path}/odds", params=named)
        await client.get(f"{path}/odds", params={"apiKey": KEY, "regions": "eu"})
        session = await logged_in(client)
        books = {"marketIds": ["1.5", "1.6"]}
        door = "/exchange/betting/rest/v1.0/listMarketBook"
        await client.post(f"/betfair{door}/", json=books, headers=session)
        told = (await client.get("/asked")).json()
    at = clock.at.isoformat().replace("+00:00", "Z")
    assert told["api-football"]["prices"] == [{"door": "/odds/live", "at": at, "names": ["17"]}]
    assert [one["names"] for one in told["odds-api"]["prices"]] == [["a", "b"], []]
    assert [one["names"] for one in told["betfair"]["prices"]] == [["1.5", "1.6"]]
    assert told["thesportsdb"]["prices"] == []
