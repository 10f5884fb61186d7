"""Nothing older than the last nudge is ever served."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import Counter

from app import metrics
from app.cache.lifetimes import Made
from app.cache.redis_answers import open_redis
from app.cache.tags import match_tag, sport_tag
from app.devstack import ports
from app.devstack.valkey import EmbeddedValkey
from tests.cache.worlds import FRESH_IDS, World, a_cache, until_kept


def outcomes(outcome: str) -> float:
    counter: Counter = metrics.cache_reads.labels("score", outcome)
    return counter._value.get()  # pyright: ignore


async def test_a_kept_answer_is_served_to_every_process_until_it_is_forgotten(redis_url: str):
    world = World()
    async with a_cache(redis_url) as one, a_cache(redis_url) as two:
        await until_kept(world, one)
        await until_kept(world, two)
        loads = world.loads
        assert [await world.read(cache) for cache in (one, two, one)] == [0, 0, 0]
        assert world.loads == loads
        world.value = 1
        one.forget(frozenset({world.match_id}))
        assert await world.read(one) == 1
        await until_kept(world, one)
        # The other one hears of it a little later.
        two.forget(frozenset({world.match_id}))
        assert await world.read(two) == 1


async def test_a_change_of_one_match_leaves_the_others_and_other_sports_alone(redis_url: str):
    football, tennis, everything = World(), World(), World()
    changed = next(FRESH_IDS)
    async with a_cache(redis_url) as cache:
        cache.learn([changed], "football")
        lists = ((football, "football"), (tennis, "tennis"), (everything, None))
        for world, sport in lists:
            await until_kept(world, cache, sport_tag(sport))
        before = {sport: world.loads for world, sport in lists}
        cache.forget(frozenset({changed}))
        for world, sport in lists:
            await world.read(cache, sport_tag(sport))
        assert {sport: world.loads - before[sport] for world, sport in lists} == {
            "football": 1,
            "tennis": 0,
            None: 1,
        }
        # Of which sport this one is nobody knows, so every list may be meant.
        cache.forget(frozenset({next(FRESH_IDS)}))
        await tennis.read(cache, sport_tag("tennis"))
        assert tennis.loads == before["tennis"] + 1


async def test_readers_at_once_share_one_load_and_none_takes_it_away(redis_url: str):
    world = World()
    world.gate = asyncio.Event()
    async with a_cache(redis_url) as cache:
        readers = [asyncio.create_task(world.read(cache)) for _ in range(20)]
        await world.loading.wait()
        readers[0].cancel()
        world.gate.set()
        assert await asyncio.gather(*readers[1:]) == [0] * 19
        assert world.loads == 1


async def test_who_asks_after_a_nudge_does_not_join_a_load_from_before_it(redis_url: str):
    world = World()
    world.gate = before = asyncio.Event()
    async with a_cache(redis_url) as cache:
        early = asyncio.create_task(world.read(cache))
        await world.loading.wait()
        world.value, world.gate = 1, None
        cache.forget(frozenset({world.match_id}))
        assert await world.read(cache) == 1
        before.set()
        assert await early == 0
        # What the early one stored was made under tokens that are no more.
        await until_kept(world, cache)
        assert await world.read(cache) == 1


async def test_nothing_is_kept_while_changes_are_not_heard_of(redis_url: str):
    world = World()
    current = False
    async with a_cache(redis_url, is_current=lambda: current) as cache:
        for expected in range(5):
            world.value = expected
            assert await world.read(cache) == expected
        assert world.loads == 5
        current = True
        await until_kept(world, cache)
        current = False
        world.value = 9
        assert await world.read(cache) == 9


async def test_a_load_that_fails_fails_its_readers_and_is_tried_anew(redis_url: str):
    class Broken(Exception):
        """Broken."""

    async def fail() -> Made:
        raise Broken

    world = World()
    async with a_cache(redis_url) as cache:
        readers = [cache.read("score", str(world.match_id), (), fail) for _ in range(3)]
        found = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(error) for error in found] == [Broken] * 3
        assert await world.read(cache) == 0


async def test_no_such_thing_is_never_kept(redis_url: str):
    async def nothing() -> None:
        return None

    world = World()
    async with a_cache(redis_url) as cache:
        await until_kept(World(), cache)
        name = str(world.match_id)
        assert await cache.read("score", name, (match_tag(world.match_id),), nothing) is None
        assert await world.read(cache) == 0


async def test_redis_killed_and_back_never_shows_what_was_before(tmp_path: Path):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "log")
    world = World()
    try:
        valkey.start()
        async with a_cache(valkey.url) as cache:
            await until_kept(world, cache)
            away = outcomes("away") + outcomes("off")
            valkey.kill()
            for expected in range(1, 6):
                world.value = expected
                cache.forget(frozenset({world.match_id}))
                assert await world.read(cache) == expected
            assert outcomes("away") + outcomes("off") == away + 5
            valkey.start()
            await until_kept(world, cache)
            assert await world.read(cache) == 5
            world.value = 6
            cache.forget(frozenset({world.match_id}))
            assert await world.read(cache) == 6
    finally:
        valkey.kill()


@pytest.mark.parametrize("waits_its_turn", [False, True])
async def test_what_redis_was_not_told_yet_is_not_served_from_it(
    tmp_path: Path,
    waits_its_turn: bool,  # noqa: FBT001
):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "log")
    world = World()
    try:
        valkey.start()
        async with a_cache(valkey.url) as cache, open_redis(valkey.url) as admin:
            await until_kept(world, cache)
            # Writes wait, reads don't: the old tokens and the old entry are there to be believed.
            await admin.client_pause(60_000, all=False)
            if waits_its_turn:
                # Another match is being told of; ours is only noted.
                cache.forget(frozenset({next(FRESH_IDS)}))
                await admin.mget(["x"])
            for expected in range(1, 20):
                world.value = expected
                cache.forget(frozenset({world.match_id}))
                assert await world.read(cache) == expected
                await admin.mget(["x"])  # Time for the telling to be on its way.
            await admin.client_unpause()
            await until_kept(world, cache)
            assert await world.read(cache) == 19
    finally:
        valkey.kill()


class Wire:
    """A line to Redis that can be cut, while Redis keeps all it has."""

    def __init__(self, redis_url: str) -> None:
        self._far = urlsplit(redis_url)
        self._is_whole = True
        self._ends: list[asyncio.StreamWriter] = []
        self._joined: set[asyncio.Task[None]] = set()
        self.port = ports.pick()

    @property
    def url(self) -> str:
        """The address of the near end."""
        user, _, _ = self._far.netloc.rpartition("@")
        return self._far._replace(netloc=f"{user}@127.0.0.1:{self.port}").geturl()

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncGenerator[None]:
        """Takes connections until the end."""
        server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        yield
        await self.cut()
        server.close()

    def mend(self) -> None:
        """Lets connections through from now on."""
        self._is_whole = True

    async def cut(self) -> None:
        """Ends every connection, and new ones as they come."""
        self._is_whole = False
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()
        if self._joined:
            await asyncio.wait(self._joined)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_whole:
            writer.transport.abort()
            return
        joined = asyncio.current_task()
        assert joined is not None
        self._joined.add(joined)
        joined.add_done_callback(self._joined.discard)
        self._ends.append(writer)
        far_reader, far_writer = await asyncio.open_connection(self._far.hostname, self._far.port)
        self._ends.append(far_writer)
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()


async def test_what_was_forgotten_while_redis_was_out_of_reach_stays_forgotten(redis_url: str):
    wire, world = Wire(redis_url), World()
    async with wire.laid(), a_cache(wire.url) as cache:
        await until_kept(world, cache)
        await wire.cut()
        world.value = 1
        cache.forget(frozenset({world.match_id}))
        # The telling is tried in vain at once; every read meanwhile is of Postgres.
        for _ in range(100):
            assert await world.read(cache) == 1
            await asyncio.sleep(0.001)
        wire.mend()
        await until_kept(world, cache)
        assert await world.read(cache) == 1


async def test_memory_answers_without_redis_and_without_a_load(tmp_path: Path):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "log")
    world = World()
    valkey.start()
    try:
        async with a_cache(valkey.url) as cache:
            await until_kept(world, cache)
            valkey.kill()
            loads, hits = world.loads, outcomes("memory")
            assert [await world.read(cache) for _ in range(5)] == [0] * 5
            assert (world.loads, outcomes("memory")) == (loads, hits + 5)
            valkey.start()
            await until_kept(World(), cache)
    finally:
        valkey.kill()


async def test_what_is_not_there_is_remembered_for_its_time_and_no_longer(redis_url: str):
    loads = 0

    async def nothing() -> None:
        nonlocal loads
        loads += 1

    world = World()
    name, tags = str(world.match_id), (match_tag(world.match_id),)
    async with a_cache(redis_url, nothing_ttl_s=300) as cache:
        await until_kept(World(), cache)
        for _ in range(3):
            assert await cache.read("score", name, tags, nothing) is None
        assert loads == 1
        # It is made, which is told.
        cache.forget(frozenset({world.match_id}))
        assert await world.read(cache) == 0


async def test_an_answer_is_computed_anew_behind_its_readers_before_its_time_is_over(
    redis_url: str,
):
    world = World()
    async with a_cache(redis_url, ttl_s=0.2) as cache:
        await until_kept(world, cache)
        world.loads, world.value = 0, 1
        while world.loads == 0:
            # Nobody waits for the load: what was kept is read while it runs.
            assert cache.good(f"score:{world.match_id}", time.monotonic()) is not None
            await asyncio.sleep(0.001)
        while await world.read(cache) != 1:
            await asyncio.sleep(0.001)


async def test_memory_stays_within_its_bytes(redis_url: str):
    async with a_cache(redis_url, memory_bytes_max=10_000) as cache:
        for _ in range(100):
            await World().read(cache)
            assert cache.memory.bytes <= 10_000
        assert len(cache.memory) > 3
