"""Reads go to a real streaming replica, and never get less than what was told."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path

import asyncpg
import pytest

from app import metrics
from app.database.engine import open_pool
from app.database.replica import Mark, NotReplayed, Replica, without_header
from tests.api.conftest import Api, served
from tests.builders import a_market, a_match
from tests.conftest import Servers, embedded, in_database, migrate
from tests.database.standby import Standby, a_standby

PATIENCE_S = 30
STEPS = 40


@pytest.fixture(scope="module")
def primary_url(servers: Servers, template_database: str) -> Generator[str]:
    """A migrated database of an embedded Postgres."""
    if servers.stack is not None:
        yield in_database(servers.database_url, template_database)
        return
    with embedded() as found:
        migrate(found.database_url)
        yield found.database_url


@pytest.fixture(scope="module")
def standby(primary_url: str) -> Generator[Standby]:
    with (
        tempfile.TemporaryDirectory(prefix="touchline-standby-") as folder,
        a_standby(primary_url, Path(folder) / "replica") as found,
    ):
        Path(folder).chmod(0o711)
        yield found


@pytest.fixture
async def database(primary_url: str, standby: Standby) -> AsyncGenerator[str]:
    """A copy of the migrated database, on the replica too."""
    name = "replicated"
    connection = await asyncpg.connect(in_database(primary_url, "postgres"))
    template = primary_url.rpartition("/")[2]
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        await standby.until_there_is(name)
        yield in_database(primary_url, name)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
async def api(database: str, standby: Standby, redis_url: str) -> AsyncGenerator[Api]:
    more = {"DATABASE_REPLICA_URL": standby.url(database), "REPLICA_LAG_MAX_S": "1"}
    async with served(database, redis_url, **more) as api:
        await api.until_listening()
        await until(lambda: is_used(api))
        yield api
        await standby.resume()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.01)


async def is_used(api: Api) -> bool:
    told = (await api.get("/health")).json()
    return told["dependencies"]["replica"]["status"] == "up"


def reads(outcome: str) -> float:
    return (
        metrics.REGISTRY.get_sample_value("touchline_replica_reads_total", {"outcome": outcome})
        or 0.0
    )


async def empty(api: Api) -> None:
    """Forgets every answer that is kept, and nothing else."""
    api.app.state.cache.memory.forget(["all"])
    kept = await api.app.state.redis.keys("entry:*")
    if kept:
        await api.app.state.redis.delete(*kept)


async def home_score(api: Api, match_id: int) -> int:
    answer = await api.get(f"/api/v1/matches/{match_id}")
    return answer.json()["score"]["home"]


async def score(api: Api, match_id: int, home: int) -> None:
    """Moves a score, and waits until the process was told of it."""
    heard = api.app.state.cache.heard
    tags = (f"match:{match_id}",)
    before = heard.at(tags)
    await api.connection.execute(
        "UPDATE live_scores SET home_score = $2, updated_at = clock_timestamp()"
        " WHERE match_id = $1",
        match_id,
        home,
    )
    async with asyncio.timeout(PATIENCE_S):
        while heard.at(tags) == before:
            await asyncio.sleep(0.001)


async def test_the_replica_answers_while_it_has_what_was_told_and_the_primary_when_not(
    api: Api, standby: Standby
):
    match_id = await a_match(api.connection)
    await a_market(api.connection, match_id)
    paths = [
        f"/api/v1/matches/{match_id}",
        f"/api/odds/{match_id}",
        f"/api/odds/{match_id}/history",
        f"/api/v1/predictions/{match_id}/history",
        "/api/events?sport=football",
        "/api/markets/football",
        "/api/leaderboards/premier-league",
        "/api/predictions/accuracy",
    ]

    async def all_by_the_replica() -> bool:
        await empty(api)
        before = reads("replica")
        answers = [await api.get(path) for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(paths)
        # The league's sport, and its table.
        return reads("replica") == before + len(paths) + 1

    await until(all_by_the_replica)
    # What it said is not handed to processes that may have heard more.
    assert await api.app.state.redis.keys(f"entry:match:{match_id}") == []

    await standby.pause()
    await score(api, match_id, 1)
    assert await home_score(api, match_id) == 1
    await until(lambda: negated(is_used(api)))
    await score(api, match_id, 2)
    assert await home_score(api, match_id) == 2

    await standby.resume()
    await until(lambda: is_used(api))
    await until(all_by_the_replica)
    assert await home_score(api, match_id) == 2


async def negated(said: Awaitable[bool]) -> bool:
    return not await said


async def test_no_answer_is_older_than_what_was_told_however_replay_goes(
    api: Api, standby: Standby
):
    chance = random.Random(5)
    ids = [await a_match(api.connection, f"Home {n}", f"Away {n}") for n in range(4)]
    scores = dict.fromkeys(ids, 0)
    before = reads("replica")
    is_paused = False
    for step in range(STEPS):
        match_id = chance.choice(ids)
        deed = chance.random()
        if deed < 0.15:
            await (standby.resume if is_paused else standby.pause)()
            is_paused = not is_paused
        elif deed < 0.5:
            scores[match_id] = step
            await score(api, match_id, step)
        else:
            # So that it is read again, wherever that is.
            await asyncio.sleep(0.03)
            await empty(api)
        assert [await home_score(api, one) for one in ids] == list(scores.values())
    await standby.resume()

    async def the_replica_has_answered() -> bool:
        await empty(api)
        assert [await home_score(api, one) for one in ids] == list(scores.values())
        return reads("replica") > before

    await until(the_replica_has_answered)


async def test_a_server_that_has_not_come_so_far_is_not_read_from(database: str, standby: Standby):
    pool = await open_pool(
        standby.url(database), connections_max=2, statement_timeout_s=5, name="replica-test"
    )
    replica = Replica(pool, pool, lag_max_s=5)
    with pytest.raises(NotReplayed):
        async with replica.connection(Mark(time.monotonic(), 2**60)):
            pass
    async with replica.connection(Mark(time.monotonic(), 1)) as connection:
        assert await connection.fetchval("SELECT pg_is_in_recovery()")
    pool.terminate()


async def test_a_primary_or_another_database_is_no_replica(database: str, primary_url: str):
    pools = [
        await open_pool(url, connections_max=2, statement_timeout_s=5, name="replica-test")
        for url in (database, in_database(primary_url, "postgres"))
    ]
    for copy, why_not in zip(pools, ("not in recovery", "of another database"), strict=True):
        replica = Replica(copy, pools[0], lag_max_s=5)
        await replica.look()
        assert why_not in replica.why_not
        assert replica.mark(0) is None
    for pool in pools:
        pool.terminate()


def test_the_end_of_an_entry_is_before_the_header_of_the_next_page():
    page = 8_192
    assert [without_header(n) for n in (page + 24, page + 40, page + 32, page, 24 + 5 * page)] == [
        page, page, page + 32, page, 5 * page,
    ]  # fmt: skip


# Last: nobody can be read from afterwards.
async def test_when_the_replica_is_killed_the_primary_answers(api: Api, standby: Standby):
    match_id = await a_match(api.connection)
    await score(api, match_id, 3)
    standby.server.kill()
    assert await home_score(api, match_id) == 3
    await until(lambda: negated(is_used(api)))
    await empty(api)
    assert await home_score(api, match_id) == 3
    standby.server.start()
    await until(lambda: is_used(api))
