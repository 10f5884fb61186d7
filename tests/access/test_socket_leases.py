"""Sockets of a caller counted over processes: real processes, a real Valkey, and none."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from app import metrics
from app.access.errors import TooManySockets
from app.access.socket_leases import HOLDERS, LEASE_S, Lease, SocketLeases
from app.access.tiers import Allowance
from app.cache.redis_answers import open_redis
from app.devstack.valkey import EmbeddedValkey

PATIENCE_S = 30
LEASE_IN_TESTS_S = 1.2

# A process that opens as many sockets as it may and then says how many, until it is killed.
HOLDING = """
import asyncio, sys
from app.access.errors import TooManySockets
from app.access.socket_leases import SocketLeases
from app.access.tiers import Allowance
from app.cache.redis_answers import open_redis

async def hold(url, lease_s, most):
    allowance = Allowance(requests_per_minute=1, sockets=most, subscriptions_per_socket=1)
    async with open_redis(url) as redis:
        leases = SocketLeases(redis, f"process-{sys.argv[4]}", lease_s=lease_s)
        running = asyncio.create_task(leases.run())
        await asyncio.sleep(0)
        try:
            while True:
                await leases.acquire("user:1", allowance)
        except TooManySockets:
            print(leases.held("user:1"), flush=True)
        await running

asyncio.run(hold(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
"""


def an_allowance(sockets: int) -> Allowance:
    return Allowance(requests_per_minute=1, sockets=sockets, subscriptions_per_socket=1)


def unshared() -> float:
    return metrics.REGISTRY.get_sample_value("touchline_socket_leases_unshared_total") or 0.0


@asynccontextmanager
async def a_process(redis: Redis, *, lease_s: float = LEASE_S) -> AsyncGenerator[SocketLeases]:
    """The leases of what might be one process, running."""
    leases = SocketLeases(redis, uuid4().hex, lease_s=lease_s)
    running = asyncio.create_task(leases.run())
    await asyncio.sleep(0)
    try:
        yield leases
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def opened(
    leases: SocketLeases, times: int, *, most: int, key: str = "user:1"
) -> list[Lease]:
    """Opens so many at once; returns those that were let in."""
    asked = [leases.acquire(key, an_allowance(most)) for _ in range(times)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Lease | TooManySockets) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Lease)]


async def a_real_process(redis_url: str, name: str, *, most: int) -> asyncio.subprocess.Process:
    """Starts a process that opens all that `most` leaves to it, and waits until it has."""
    given = (redis_url, str(LEASE_IN_TESTS_S), str(most), name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDING, *given, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert int(await process.stdout.readline()) > 0
    return process


async def told(redis: Redis, key: str) -> int:
    """How many sockets of a caller Redis knows of."""
    answer: Any = await redis.execute_command("HVALS", f"{{sockets}}:{key}")
    return sum(map(int, answer))


async def let_in(leases: SocketLeases, *, most: int) -> Lease:
    """Tries until it is let in."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(TooManySockets):
                return await leases.acquire("user:1", an_allowance(most))
            await asyncio.sleep(0.01)


async def test_a_caller_is_let_in_up_to_the_limit_and_told_what_it_is(redis: Redis):
    async with a_process(redis) as leases:
        assert len(await opened(leases, 5, most=5)) == 5
        with pytest.raises(TooManySockets, match=r"^5 sockets"):
            await leases.acquire("user:1", an_allowance(5))
        assert await leases.acquire("user:2", an_allowance(5))


async def test_what_one_process_let_in_another_counts(redis: Redis):
    async with a_process(redis) as one, a_process(redis) as other:
        assert len(await opened(one, 3, most=5)) == 3
        assert len(await opened(other, 5, most=5)) == 2
        assert await opened(one, 5, most=5) == []


@pytest.mark.parametrize("most", [1, 7, 40])
async def test_a_storm_over_three_processes_lets_in_exactly_the_limit(redis: Redis, most: int):
    async with a_process(redis) as a, a_process(redis) as b, a_process(redis) as c:
        storm = await asyncio.gather(*(opened(leases, 50, most=most) for leases in (a, b, c)))
    assert sum(map(len, storm)) == most


async def test_a_closed_socket_makes_room_here_at_once_and_elsewhere_soon(redis: Redis):
    async with a_process(redis) as one, a_process(redis) as other:
        first, second = await opened(one, 2, most=2)
        first.release()
        first.release()
        third = await one.acquire("user:1", an_allowance(2))
        with pytest.raises(TooManySockets):
            await one.acquire("user:1", an_allowance(2))
        second.release()
        third.release()
        assert await let_in(other, most=1)


async def test_an_opening_costs_one_round_trip_and_many_at_once_share_it(redis: Redis):
    async with a_process(redis, lease_s=600) as leases:
        await leases.acquire("user:1", an_allowance(1_000))
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await opened(leases, 400, most=1_000)
        after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert after - before == 1


async def test_a_caller_at_its_limit_in_this_process_costs_redis_nothing(redis: Redis):
    async with a_process(redis, lease_s=600) as leases:
        await opened(leases, 1, most=1)
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert await opened(leases, 100, most=1) == []
        assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before


async def test_an_opening_given_up_while_it_waits_holds_nothing(redis: Redis):
    async with a_process(redis) as one, a_process(redis) as other:
        for pause in range(6):
            opening = asyncio.create_task(one.acquire("user:1", an_allowance(1)))
            for _ in range(pause):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.wait([opening])
            assert opening.cancelled()
        assert await let_in(other, most=1)


async def test_a_stopped_process_frees_what_it_held_at_once(redis: Redis):
    async with a_process(redis) as stays:
        async with a_process(redis) as goes:
            await opened(goes, 2, most=2)
            assert await opened(stays, 1, most=2) == []
        assert len(await opened(stays, 3, most=2)) == 2


async def test_a_killed_process_frees_what_it_held_when_its_lease_is_over(
    redis: Redis, redis_url: str
):
    async with a_process(redis, lease_s=LEASE_IN_TESTS_S) as leases:
        killed = [await a_real_process(redis_url, name, most=m) for name, m in (("a", 2), ("b", 3))]
        assert await opened(leases, 1, most=3) == []
        for process in killed:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for _ in range(3):
            await let_in(leases, most=3)
        assert await opened(leases, 1, most=3) == []


async def test_a_lease_lives_longer_than_its_time_while_it_is_renewed(redis: Redis):
    async with a_process(redis, lease_s=0.2) as quiet, a_process(redis) as other:
        await opened(quiet, 1, most=1)
        ends = set[float]()
        async with asyncio.timeout(PATIENCE_S):
            while len(ends) < 8:  # Renewed for twice its time.
                holders = await redis.zrange(HOLDERS, 0, -1, withscores=True)
                ends.update(score for _, score in holders)
                await asyncio.sleep(0.01)
        assert await opened(other, 1, most=1) == []


async def test_a_process_that_slept_through_its_lease_tells_again_what_it_holds(redis: Redis):
    async with a_process(redis) as slept, a_process(redis) as other:
        await opened(slept, 1, most=1)
        await redis.delete(HOLDERS, "{sockets}:user:1")
        # Its next turn, for whomever, finds the lease gone.
        await slept.acquire("user:9", an_allowance(1))
        async with asyncio.timeout(PATIENCE_S):
            while not await redis.exists("{sockets}:user:1"):
                await asyncio.sleep(0.01)
        assert await opened(other, 1, most=1) == []


async def test_without_redis_each_process_counts_alone_until_it_is_back(tmp_path: Path):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "valkey.log")
    valkey.start()
    try:
        async with (
            open_redis(valkey.url) as redis,
            open_redis(valkey.url) as second,
            a_process(redis) as one,
            a_process(second) as other,
        ):
            assert len(await opened(one, 2, most=4)) == 2
            valkey.kill()
            before = unshared()
            assert len(await opened(one, 9, most=4)) == 2
            assert len(await opened(other, 9, most=4)) == 4
            assert unshared() - before >= 6
            valkey.start()
            # Both tell what they hold, as it was let in meanwhile; nobody is thrown out.
            async with asyncio.timeout(PATIENCE_S), open_redis(valkey.url) as asking:
                while await told(asking, "user:1") != 8:
                    await asyncio.sleep(0.01)
                assert (one.held("user:1"), other.held("user:1")) == (4, 4)
    finally:
        valkey.kill()


async def test_a_redis_that_does_not_answer_delays_one_opening_and_then_none():
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with (
            open_redis(f"redis://127.0.0.1:{port}/0") as redis,
            a_process(redis) as leases,
            asyncio.timeout(PATIENCE_S),
        ):
            assert len(await opened(leases, 10, most=5)) == 5
    finally:
        server.close()


async def test_openings_before_and_after_the_run_are_counted_alone(redis: Redis):
    leases = SocketLeases(redis, "here")
    before = unshared()
    assert len(await opened(leases, 3, most=2)) == 2
    assert unshared() - before == 2


@given(
    moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.booleans()), max_size=30),
    most=st.integers(1, 4),
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_order_of_openings_and_closes_goes_over_the_limit(
    redis_url: str, moves: list[tuple[int, int, bool]], most: int
):
    async def play() -> None:
        async with open_redis(redis_url) as redis:
            await redis.flushdb()
            async with a_process(redis) as a, a_process(redis) as b, a_process(redis) as c:
                await through(moves, (a, b, c), most)

    asyncio.run(play())


async def through(
    moves: list[tuple[int, int, bool]], processes: tuple[SocketLeases, ...], most: int
) -> None:
    """Plays the moves: process, caller, whether one is opened or the oldest closed."""
    held: dict[tuple[int, int], list[Lease]] = {}
    for process, caller, opens in moves:
        mine = held.setdefault((process, caller), [])
        if opens:
            mine += await opened(processes[process], 1, most=most, key=f"user:{caller}")
        elif mine:
            mine.pop().release()
        for key in (0, 1):
            counted = [leases.held(f"user:{key}") for leases in processes]
            assert counted == [len(held.get((n, key), [])) for n in range(3)]
            assert sum(counted) <= most
