"""One relay, a cluster of three, four API processes without a LISTEN of their own.

A node dies and comes back, a slot moves, the relay dies, two of them run at once: every follower
holds the truth at the end, over the one connection it began with.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.crc import key_slot

from app.devstack import ports
from app.stream.relay_messages import channel_of
from tests.builders import a_match
from tests.stories.follower import Follower
from tests.stories.processes import Processes, processes
from tests.stream.cluster import Cluster, a_cluster

pytestmark = pytest.mark.story

APIS = 4
SHARDS = 8
MATCHES = 6
PATIENCE_S = 60
# Between two changes of one match.
APART_S = 0.02


class Crowd:
    """Everybody who follows, one of each match at every API, and who changes the matches."""

    def __init__(self, url: str, matches: list[int], apis: list[str]) -> None:
        self._url = url
        self._matches = matches
        self.followers = [Follower(api, str(m)) for m in matches for api in apis]
        self._tasks: list[asyncio.Task[None]] = []
        self.changes = 0

    async def write(self) -> None:
        """Changes one match after the other, until cancelled."""
        connection = await asyncpg.connect(self._url)
        try:
            while True:
                for match_id in self._matches:
                    self.changes += 1
                    await connection.execute(
                        "UPDATE live_scores SET clock = $2 WHERE match_id = $1",
                        match_id,
                        f"{self.changes}''",
                    )
                await asyncio.sleep(APART_S)
        finally:
            connection.terminate()

    def go(self) -> None:
        """Everybody begins."""
        pieces = (self.write(), *(one.follow(lambda _: False) for one in self.followers))
        self._tasks = [asyncio.create_task(piece) for piece in pieces]

    async def go_on(self, rounds: int = 5) -> None:
        """Waits until everybody heard of some more changes."""
        heard = [follower.frames for follower in self.followers]
        await self.until(
            lambda: all(f.frames >= h + rounds for f, h in zip(self.followers, heard, strict=True))
        )

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits until it is so; what a follower found wrong ends the wait."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                for task in self._tasks:
                    if task.done() and not task.cancelled():
                        task.result()
                await asyncio.sleep(0.01)

    async def agree(self) -> None:
        """Nobody writes any more; everybody is to be where the log ends."""
        self._tasks[0].cancel()
        await asyncio.wait(self._tasks[:1])
        connection = await asyncpg.connect(self._url)
        heads = {
            str(row["match_id"]): row["seq"]
            for row in await connection.fetch("SELECT match_id, seq FROM match_heads")
        }
        connection.terminate()
        await self.until(lambda: all(f.seq == heads[f.match_id] for f in self.followers))

    async def close(self) -> None:
        """Everybody goes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for follower in self.followers:
            await follower.close()


@asynccontextmanager
async def a_crowd(url: str, apis: list[str]) -> AsyncGenerator[Crowd]:
    """A crowd over matches of its own."""
    connection = await asyncpg.connect(url)
    matches = [await a_match(connection, f"H{n}", f"A{n}") for n in range(MATCHES)]
    connection.terminate()
    crowd = Crowd(url, matches, apis)
    crowd.go()
    try:
        yield crowd
    finally:
        await crowd.close()


def hears(health: dict[str, Any]) -> bool:
    """The process hears of changes in time."""
    return health["dependencies"]["listener"]["status"] == "up"


async def everywhere(ours: Processes, apis: list[str], is_so: Callable[[Any], bool]) -> None:
    """Waits until the health of every API is so."""
    await asyncio.gather(*(ours.until(f"{api}/health", is_so) for api in apis))


@pytest.mark.timeout(180)
async def test_everybody_holds_the_truth_whatever_becomes_of_relay_and_cluster(
    database_url: str, redis_url: str, tmp_path: Path
):
    places = [ports.pick() for _ in range(APIS)]
    apis = [f"http://127.0.0.1:{port}" for port in places]
    with (
        a_cluster() as cluster,
        processes(
            tmp_path,
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            STREAM_SOURCE="relay",
            RELAY_URLS=",".join(cluster.urls),
            RELAY_SHARDS=str(SHARDS),
        ) as ours,
    ):
        ours.start("relay", "relay")
        for number, port in enumerate(places):
            ours.start(f"api{number}", "api", PORT=str(port))
        await everywhere(ours, apis, hears)
        async with a_crowd(database_url, apis) as crowd:
            await crowd.go_on()
            assert await listeners(database_url) == 1
            await lose_a_node(cluster, ours, crowd, apis)
            await move_a_slot(cluster, crowd)
            await lose_the_relay(ours, crowd, apis)
            await everywhere(ours, apis, hears)
            await crowd.agree()
            await check_reads(crowd, apis)
        assert {follower.connections for follower in crowd.followers} == {1}
        assert {tuple(follower.snapshots) for follower in crowd.followers} == {("start",)}


async def lose_a_node(cluster: Cluster, ours: Processes, crowd: Crowd, apis: list[str]) -> None:
    """A third of the shards is silent: what is in them comes by the timer, and health says so."""
    cluster.nodes[1].kill()
    await everywhere(ours, apis, lambda health: not hears(health))
    await crowd.go_on()
    cluster.nodes[1].start()
    await everywhere(ours, apis, hears)
    await crowd.go_on()


async def move_a_slot(cluster: Cluster, crowd: Crowd) -> None:
    """A slot with a shard goes to another node."""
    slot = key_slot(channel_of(1, SHARDS))
    home = cluster.owner_of(slot)
    cluster.move(slot, next(node for node in cluster.nodes if node is not home))
    await crowd.go_on()


async def lose_the_relay(ours: Processes, crowd: Crowd, apis: list[str]) -> None:
    """Without a relay the timer serves, and requests are still sent here; then two come at once."""
    ours.kill("relay")
    await everywhere(ours, apis, lambda health: not hears(health))
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{apis[0]}/health")).json()["status"] == "degraded"
        assert (await client.get(f"{apis[0]}/health/ready")).status_code == 200
    await crowd.go_on()
    ours.start("relay", "relay")
    ours.start("another relay", "relay")
    await everywhere(ours, apis, hears)
    await crowd.go_on()
    ours.end("relay")
    await crowd.go_on()


async def listeners(url: str) -> int:
    """How many LISTEN: the relay does, and no API process."""
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'touchline-listener'"
        )
        return found
    finally:
        connection.terminate()


async def check_reads(crowd: Crowd, apis: list[str]) -> None:
    """What REST says, from its cache or not, is what the followers hold."""
    async with httpx.AsyncClient() as client:
        for follower in crowd.followers:
            for api in apis:
                told = (await client.get(f"{api}/api/scores/{follower.match_id}")).json()
                assert (told["seq"], told["clock"]) == (follower.seq, follower.score["clock"])
