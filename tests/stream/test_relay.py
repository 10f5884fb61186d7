"""A relay and those who listen to it, over a real cluster: once, in order, or "look yourself"."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from redis.crc import key_slot

from app.database.engine import Pool
from app.database.listener import Listener, Nudge
from app.stream.relay import Relay
from app.stream.relay_listener import RelayListener
from app.stream.relay_messages import channel_of
from app.stream.relay_nodes import Nodes
from app.stream.relay_publisher import Publisher
from app.stream.run import Run
from tests.stream.cluster import Cluster, a_cluster
from tests.stream.conftest import a_match, tick

SHARDS = 8
# Another channel of Postgres, which carries ids of something else.
OTHERS = "touchline_others"
PATIENCE_S = 30
LOOK_AGAIN_S = 0.01


class Heard:
    """All that a listener was told."""

    def __init__(self) -> None:
        self.nudges: list[Nudge] = []
        self.runs: list[Run] = []
        self.others: list[Nudge] = []
        self.lost = 0

    def take_runs(self, runs: Sequence[Run]) -> None:
        """Takes what was said of matches."""
        self.runs += runs

    def lose(self) -> None:
        """Counts the times nothing was heard any more."""
        self.lost += 1

    def seqs(self, match_id: int) -> list[int]:
        """The numbers heard of a match, as they came."""
        return [c.seq for run in self.runs if run.match_id == match_id for c in run.changes]


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    """One cluster for the tests of this file, which leave it whole."""
    with a_cluster() as made:
        yield made


async def so(is_so: Callable[[], bool]) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(LOOK_AGAIN_S)


@asynccontextmanager
async def running(*forever: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None]:
    """Runs what runs for ever, for as long as it takes."""
    tasks = [asyncio.create_task(one()) for one in forever]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def a_relay(nodes: list[str], pool: Pool, url: str) -> AsyncGenerator[Relay]:
    """A relay with its own LISTEN."""
    publisher = Publisher(Nodes(nodes, shards=SHARDS), shards=SHARDS)
    relay = Relay(pool, publisher, shards=SHARDS)
    listener = Listener(
        url, on_nudge=relay.nudge, on_lost=relay.listener_lost, also={OTHERS: relay.also(OTHERS)}
    )
    async with running(publisher.run, relay.run, listener.run):
        yield relay


@asynccontextmanager
async def an_ear(nodes: list[str]) -> AsyncGenerator[tuple[RelayListener, Heard]]:
    """Somebody who listens."""
    heard = Heard()
    listener = RelayListener(
        Nodes(nodes[:1], shards=SHARDS),
        shards=SHARDS,
        on_nudge=heard.nudges.append,
        on_runs=heard.take_runs,
        on_lost=heard.lose,
        also={OTHERS: heard.others.append},
    )
    async with running(listener.run):
        yield listener, heard


async def matches(writer: asyncpg.Connection, count: int) -> list[int]:
    """Matches in play, of several shards."""
    return [await a_match(writer, f"m{n}") for n in range(count)]


async def met(writer: asyncpg.Connection, heard: Heard, match_id: int) -> None:
    """Makes a match known to the relay: of the first change it only says that there is one."""
    await tick(writer, match_id, "met")
    await so(lambda: any(ids and match_id in ids for ids in heard.nudges))


async def test_every_change_is_heard_once_in_order_and_the_first_as_a_nudge(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    mine = await matches(writer, 5)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        assert heard.nudges[-1] is None
        for match_id in mine:
            await met(writer, heard, match_id)
            assert heard.seqs(match_id) == []
        heard.nudges.clear()
        for n in range(20):
            for match_id in mine:
                await tick(writer, match_id, f"{n}'")
        for match_id in mine:
            await so(lambda m=match_id: len(heard.seqs(m)) == 20)
            first = heard.seqs(match_id)[0]
            assert heard.seqs(match_id) == list(range(first, first + 20))
        assert heard.nudges == []
        runs = [run for run in heard.runs if run.match_id == mine[0]]
        for run, following in itertools.pairwise(runs):
            assert following.after == run.changes[-1].place


async def test_what_is_named_on_other_channels_is_passed_on(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        heard.others.clear()
        await writer.execute("SELECT pg_notify($1, '7,15,16')", OTHERS)
        await so(lambda: {n for ids in heard.others for n in ids or ()} == {7, 15, 16})
        assert None not in heard.others
        await writer.execute("SELECT pg_notify($1, '*')", OTHERS)
        await so(lambda: None in heard.others)


async def test_a_server_that_is_no_cluster_will_do(
    pool: Pool, writer: asyncpg.Connection, database_url: str, redis_url: str
):
    (match_id,) = await matches(writer, 1)
    alone = [redis_url]
    async with an_ear(alone) as (listener, heard), a_relay(alone, pool, database_url):
        await so(lambda: listener.up)
        await met(writer, heard, match_id)
        await tick(writer, match_id, "1'")
        await so(lambda: len(heard.seqs(match_id)) == 1)


async def test_what_cannot_be_read_means_that_anything_may_be_new(
    cluster: Cluster, pool: Pool, database_url: str
):
    """Another version's message, or somebody else's on our channel."""
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        heard.nudges.clear()
        channel = channel_of(0, SHARDS)
        cluster.owner_of(key_slot(channel)).ask("SPUBLISH", channel, b"nonsense")
        await so(lambda: None in heard.nudges)
        assert listener.up


async def test_without_a_relay_nobody_believes_to_be_up_to_date(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    await matches(writer, 1)
    async with an_ear(cluster.urls) as (listener, heard):
        async with a_relay(cluster.urls, pool, database_url):
            await so(lambda: listener.up)
            heard.nudges.clear()
        await so(lambda: not listener.up)
        await so(lambda: heard.lost > 0)
        async with a_relay(cluster.urls, pool, database_url):
            await so(lambda: listener.up)
            # What was committed meanwhile nobody said: everything may be new.
            assert None in heard.nudges


async def test_a_relay_that_cannot_read_the_log_says_so(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    await matches(writer, 1)
    async with (
        an_ear(cluster.urls) as (listener, _),
        a_relay(cluster.urls, pool, database_url) as relay,
    ):
        await so(lambda: listener.up)
        relay.listener_lost()
        await so(lambda: not listener.up)
        relay.nudge(None)
        await so(lambda: listener.up)


async def test_two_relays_say_everything_twice_and_one_may_die(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    (match_id,) = await matches(writer, 1)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        async with a_relay(cluster.urls, pool, database_url):
            await so(lambda: listener.up)
            await met(writer, heard, match_id)
            await so(lambda: sum(bool(ids and match_id in ids) for ids in heard.nudges) == 2)
            lost = heard.lost
            await tick(writer, match_id, "1'")
            await so(lambda: len(heard.seqs(match_id)) == 2)
            assert len(set(heard.seqs(match_id))) == 1
        died_at = time.monotonic()
        await tick(writer, match_id, "2'")
        await so(lambda: len(heard.seqs(match_id)) == 3)
        await so(lambda: listener.heard_until > died_at)
        assert listener.up
        assert heard.lost == lost


async def test_a_moved_slot_is_followed_and_what_passed_meanwhile_is_looked_for(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    (match_id,) = await matches(writer, 1)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        await met(writer, heard, match_id)
        slot = key_slot(channel_of(match_id % SHARDS, SHARDS))
        for _ in range(2):
            home = cluster.owner_of(slot)
            heard.nudges.clear()
            cluster.move(slot, next(node for node in cluster.nodes if node is not home))
            await so(lambda: None in heard.nudges)
            await so(lambda: listener.up)
            heard.runs.clear()
            await tick(writer, match_id, f"slot of {home.port}")
            await so(lambda: len(heard.seqs(match_id)) == 1)


async def test_a_node_that_dies_silences_its_shards_until_it_is_back(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    mine = await matches(writer, SHARDS)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        for match_id in mine:
            await met(writer, heard, match_id)
        victim = cluster.nodes[1]
        silenced = [
            m for m in mine if cluster.owner_of(key_slot(channel_of(m % SHARDS, SHARDS))) is victim
        ]
        assert silenced
        assert len(silenced) < len(mine)
        victim.kill()
        await so(lambda: not listener.up)
        heard.nudges.clear()
        for match_id in mine:
            await tick(writer, match_id, "without")
        await so(lambda: all(heard.seqs(m) for m in mine if m not in silenced))
        victim.start()
        await so(lambda: listener.up)
        assert None in heard.nudges
        heard.runs.clear()
        for match_id in mine:
            await tick(writer, match_id, "with")
        await so(lambda: all(heard.seqs(m) for m in mine))


async def test_a_node_that_hangs_without_a_word_is_noticed(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    await matches(writer, 1)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        cluster.nodes[2].freeze()
        try:
            await so(lambda: not listener.up)
        finally:
            cluster.nodes[2].thaw()
        heard.nudges.clear()
        await so(lambda: listener.up)
        assert None in heard.nudges


async def test_a_log_from_another_life_is_not_said_to_go_on(
    cluster: Cluster, pool: Pool, writer: asyncpg.Connection, database_url: str
):
    """A restored backup has the numbers again: what follows them does not follow ours."""
    (match_id,) = await matches(writer, 1)
    async with an_ear(cluster.urls) as (listener, heard), a_relay(cluster.urls, pool, database_url):
        await so(lambda: listener.up)
        await met(writer, heard, match_id)
        await tick(writer, match_id, "1'")
        await so(lambda: len(heard.seqs(match_id)) == 1)
        old = heard.runs[-1].changes[-1].place
        heard.nudges.clear()
        async with writer.transaction():
            await writer.execute(
                "DELETE FROM changes WHERE match_id = $1 AND seq = $2", match_id, old.seq
            )
            await writer.execute(
                "UPDATE match_heads SET seq = $1, at = (SELECT at FROM changes WHERE seq = $1"
                " AND match_id = $2) WHERE match_id = $2",
                old.seq - 1,
                match_id,
            )
            await tick(writer, match_id, "another 1'")
            await tick(writer, match_id, "another 2'")
        await so(lambda: any(ids and match_id in ids for ids in heard.nudges))
        heard.runs.clear()
        await tick(writer, match_id, "another 3'")
        await so(lambda: bool(heard.seqs(match_id)))
        assert all(run.beyond(old) is None for run in heard.runs)
