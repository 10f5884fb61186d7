"""While Postgres or Valkey is away the API says so, sockets stay open, and nothing is lost."""

import asyncio

import pytest

from tests.stories.conftest import MakeHouse
from tests.stories.follower import Follower
from tests.stories.house import House

pytestmark = pytest.mark.story
PATIENCE_S = 60


async def a_live_follower(house: House) -> Follower:
    """Somebody who follows the match that has begun last: it will not end meanwhile."""
    live = await house.until("/api/events?status=live&limit=200", lambda a: a["items"])
    follower = Follower(house.url, live["items"][-1]["id"])
    await follower.follow(lambda f: f.frames >= 3)
    return follower


async def test_without_postgres_reads_say_when_to_come_back_and_sockets_stay(
    make_house: MakeHouse,
):
    house = make_house()
    assert house.stack.postgres
    async with asyncio.timeout(PATIENCE_S):
        follower = await a_live_follower(house)
        house.stack.postgres.kill()
        await house.until("/health", lambda h: h["status"] == "down")
        assert house.ask("/health").status_code == 503
        assert house.ask("/health/live").status_code == 200
        for path in ("/api/events", f"/api/scores/{follower.match_id}", "/api/sports"):
            answer = house.ask(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "dependency_down")
            assert int(answer.headers["retry-after"]) > 0
        heard = follower.heartbeats
        await follower.follow(lambda f: f.heartbeats > heard)
        house.stack.postgres.start()
        seen = follower.frames
        await follower.follow(lambda f: f.frames >= seen + 3)
        await follower.close()
    assert follower.connections == 1


async def test_without_valkey_everything_goes_on_a_little_slower(make_house: MakeHouse):
    house = make_house()
    assert house.stack.valkey
    async with asyncio.timeout(PATIENCE_S):
        follower = await a_live_follower(house)
        house.stack.valkey.kill()
        health = await house.until("/health", lambda h: h["status"] == "degraded")
        assert health["dependencies"]["redis"]["status"] == "down"
        # Changes still come, because polls go on; and reads see them, because they ask Postgres.
        seen = follower.frames
        await follower.follow(lambda f: f.frames >= seen + 5)
        score = house.get(f"/api/scores/{follower.match_id}")
        assert score["seq"] >= follower.seq
        house.stack.valkey.start()
        await house.until("/health", lambda h: h["status"] == "ok")
        seen = follower.frames
        await follower.follow(lambda f: f.frames >= seen + 3)
        await follower.close()
    assert follower.connections == 1
