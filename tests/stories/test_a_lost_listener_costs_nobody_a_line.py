"""LISTEN is killed again and again under open sockets: nobody notices but the clock."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from tests.sockets.conftest import Door, a_door
from tests.stories.follower import Follower
from tests.stories.schedules import KILL_LISTENERS

pytestmark = pytest.mark.story

KILLS = 5
CHANGES_EACH = 20
FOLLOWERS = 8
PATIENCE_S = 60


@pytest.fixture
async def door(database_url: str, redis_url: str) -> AsyncGenerator[Door]:
    """An API over servers that are there."""
    async with a_door(database_url, redis_url) as served:
        yield served


async def test_what_was_missed_is_read_from_the_log_and_the_sockets_stay(
    door: Door, database_url: str
):
    match_ids = [await door.a_match(f"m{n}") for n in range(2)]
    followers = [
        Follower(f"http://127.0.0.1:{door.port}", str(match_ids[n % 2])) for n in range(FOLLOWERS)
    ]
    tasks = [asyncio.create_task(one.follow(lambda _: False)) for one in followers]
    killer = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            for kill in range(KILLS):
                while not await killer.fetchval(KILL_LISTENERS):
                    await asyncio.sleep(0.01)
                # Some while nobody listens, some when somebody does again.
                for n in range(CHANGES_EACH):
                    await door.tick(match_ids[n % 2], f"{kill}'{n}")
            for follower, task in zip(followers, tasks, strict=True):
                head = await door.seq_of(int(follower.match_id))
                while follower.seq < head:
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.01)
            while not door.app.state.hub.current:
                await asyncio.sleep(0.01)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for follower in followers:
            await follower.close()
        await killer.close()
    assert {follower.connections for follower in followers} == {1}
    assert {tuple(follower.snapshots) for follower in followers} == {("start",)}
