"""A client follows a whole match while worker, API, Valkey and Postgres are killed in turn.

At the end it holds exactly the state that REST answers: snapshot + frames = truth.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from app.stream.change import wire_time
from tests.eager import EAGER
from tests.stories.agreement import check_that_rest_says_the_same
from tests.stories.conftest import MakeHouse
from tests.stories.follower import Follower
from tests.stories.house import House

PATIENCE_S = 150
# A football match of two hours takes half a minute.
SPEED = "240"
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
    house = make_house(**EAGER, REPLAY_SPEED=SPEED)
    follower = Follower(house.url, await a_coming_match(house))
    async with asyncio.timeout(PATIENCE_S):
        await follower.follow(lambda f: f.score["status"] == "live")
        for part in KILLS:
            seen = follower.frames
            house.kill(part)
            killed_at = wire_time(datetime.now(UTC))
            # Each kill is survived: the match goes on before the next one.
            await follower.follow(lambda f, seen=seen: f.frames >= seen + 5 or is_over(f))
            await house.until("/health", lambda h, at=killed_at: was_asked_since(h, at))
        await follower.follow(is_over)
        truth = await the_end(house, follower.match_id)
        # The same number is not enough: what Postgres lost in a crash had numbers too.
        await follower.follow(lambda f: f.resume == truth["resume"])
        await follower.close()
    # Only the API's own death costs a socket its connection.
    assert follower.connections == 1 + KILLS.count("api")
    assert follower.snapshots[0] == "start"
    check_that_rest_says_the_same(house, follower, "football")


def was_asked_since(health: dict[str, Any], moment: str) -> bool:
    """A worker runs that asks its provider, and what it says is written."""
    replay = health.get("providers", {}).get("replay", {})
    return (replay.get("lastSuccessAt") or "") > moment


async def the_end(house: House, match_id: str) -> dict[str, Any]:
    """The score as REST has it, once the match is over there too and nobody writes any more."""
    score = f"/api/scores/{match_id}"
    markets = f"/api/markets/football?matchId={match_id}&limit=200"
    await house.until(score, lambda s: s["status"] == "finished")
    await house.until(markets, lambda page: all(m["status"] == "closed" for m in page["items"]))
    house.end("worker")
    house.wait_until_ready()
    return house.get(score)


def is_over(follower: Follower) -> bool:
    """The match is finished and its markets are closed."""
    return follower.score["status"] == "finished" and all(
        market["status"] == "closed" for market in follower.markets.values()
    )
