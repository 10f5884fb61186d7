"""A client follows a whole match while worker, API, Valkey and Postgres are killed in turn.

At the end it holds exactly the state that REST answers: snapshot + frames = truth.
"""

import asyncio

import pytest

from tests.stories.agreement import check_that_rest_says_the_same
from tests.stories.conftest import MakeHouse
from tests.stories.follower import Follower
from tests.stories.house import House

PATIENCE_S = 150
# A football match of two hours takes twenty seconds.
SPEED = "360"
KILLS = ("worker", "api", "valkey", "postgres", "api", "worker", "postgres", "valkey")


async def a_coming_match(house: House) -> str:
    """A match that is about to begin, with markets or not."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            coming = house.get("/api/events?sport=football&status=scheduled&limit=1")["items"]
            if coming:
                return coming[0]["id"]
            await asyncio.sleep(0.05)


@pytest.mark.story
@pytest.mark.timeout(240)
async def test_snapshot_and_frames_are_the_truth_whatever_is_killed(make_house: MakeHouse):
    house = make_house(REPLAY_SPEED=SPEED)
    follower = Follower(house.url, await a_coming_match(house))
    async with asyncio.timeout(PATIENCE_S):
        await follower.follow(lambda f: f.score["status"] == "live")
        for part in KILLS:
            seen = follower.frames
            house.kill(part)
            # Each kill is survived: the match goes on before the next one.
            await follower.follow(lambda f, seen=seen: f.frames >= seen + 5 or is_over(f))
        await follower.follow(is_over)
        house.end("worker")
        house.wait_until_ready()
        truth = house.get(f"/api/scores/{follower.match_id}")
        await follower.follow(lambda f: f.seq >= truth["seq"])
        await follower.close()
    # Only the API's own death costs a socket its connection.
    assert follower.connections == 1 + KILLS.count("api")
    assert follower.snapshots[0] == "start"
    check_that_rest_says_the_same(house, follower, "football")


def is_over(follower: Follower) -> bool:
    """The match is finished and its markets are closed."""
    return follower.score["status"] == "finished" and all(
        market["status"] == "closed" for market in follower.markets.values()
    )
