"""Limits that hold over processes, and what happens without Redis."""

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from app import metrics
from app.access.buckets import LEASE_S, Taken
from app.access.rate_limits import BUCKETS_MAX, REDIS_TIMEOUT_S, RateLimits
from app.access.tiers import Rate
from app.cache.redis_answers import open_redis
from app.devstack.valkey import EmbeddedValkey
from tests.conftest import PROJECT

TEN = Rate(requests_per_minute=10)
ONE = Rate(requests_per_minute=1)


class Got(msgspec.Struct):
    """What one process got."""

    allowed: int
    refused: int
    questions: float


def sample(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"touchline_rate_limit_{name}_total") or 0.0


async def processes_take(redis_url: str, per_minute: int, *, seconds: float) -> list[Got]:
    """Has four processes of 13 callers each take as fast as they can; returns what each got."""
    arguments = (redis_url, "shared", str(per_minute), "13", str(seconds))
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parent / "limited_process.py"),
            *arguments,
            cwd=PROJECT,
            env={"PYTHONPATH": str(PROJECT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]
    try:
        for process in running:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
        told = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return [msgspec.json.decode(out, type=Got) for out, _ in told]


@pytest.mark.parametrize("per_minute", [30, 3_000])
async def test_four_processes_of_fifty_callers_hold_the_limit_exactly(
    redis_url: str, per_minute: int
):
    began = time.monotonic()
    got = await processes_take(redis_url, per_minute, seconds=2.5)
    # From before they began to after they ended: it is a bound from above.
    came_back = (time.monotonic() - began) * per_minute / 60
    allowed = sum(one.allowed for one in got)
    assert allowed <= per_minute + came_back
    # What came back within the 2.5 s was there to be had, but for what each had leased at the end.
    assert allowed >= per_minute + int((2.5 - LEASE_S) * per_minute / 60)
    assert all(one.refused for one in got)


async def test_a_caller_below_a_large_limit_costs_a_question_now_and_then(redis: Redis):
    limits, rate = RateLimits(redis, "one"), Rate(requests_per_minute=600_000)
    before = sample("questions")
    for _ in range(5_000):
        if limits.try_take("hot", rate) is None:
            assert (await limits.take("hot", rate)).allowed
    assert sample("questions") - before < 25


async def test_who_came_while_tokens_were_asked_for_takes_of_those(redis: Redis):
    limits, rate = RateLimits(redis), Rate(requests_per_minute=100_000)
    # Who comes with many at once comes again: more than these need is leased.
    await asyncio.gather(*(limits.take("hot", rate) for _ in range(20)))
    while limits.try_take("hot", rate) is not None:
        pass
    asked = sample("questions")
    taking: list[asyncio.Task[Taken]] = []
    while sample("questions") == asked:
        taking.append(asyncio.create_task(limits.take("hot", rate)))
        await asyncio.sleep(0)
    assert all(taken.allowed for taken in await asyncio.gather(*taking))
    assert sample("questions") == asked + 1
    assert limits.try_take("hot", rate)


async def test_each_caller_has_a_bucket_of_its_own(redis: Redis):
    limits = RateLimits(redis)
    for key in ("a", "b"):
        assert (await limits.take(key, ONE)).allowed
    assert not (await limits.take("a", ONE)).allowed


async def test_those_who_wait_are_answered_in_the_order_they_came(redis: Redis):
    limits = RateLimits(redis)
    taken = await asyncio.gather(*(limits.take("a", TEN) for _ in range(15)))
    assert [one.allowed for one in taken] == [True] * 10 + [False] * 5
    assert [one.remaining for one in taken[:10]] == list(range(9, -1, -1))


async def test_who_stops_waiting_takes_nothing_from_the_others(redis: Redis):
    limits = RateLimits(redis)
    waiting = [asyncio.create_task(limits.take("a", TEN)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    more = [await limits.take("a", TEN) for _ in range(7)]
    assert [one.allowed for one in more] == [True] * 6 + [False]


async def test_a_refusal_costs_nothing_and_is_known_without_asking(redis: Redis):
    limits = RateLimits(redis)
    await limits.take("a", ONE)
    before, questions = await redis.hgetall("bucket:a"), sample("questions")  # pyright: ignore
    for _ in range(20):
        taken = limits.try_take("a", ONE)
        assert taken is not None
        assert not taken.allowed
        assert 0 < taken.retry_after_s <= 60
    assert await redis.hgetall("bucket:a") == before  # pyright: ignore
    assert sample("questions") == questions


async def test_a_bucket_that_is_full_again_is_forgotten_a_minute_later(redis: Redis):
    await RateLimits(redis).take("a", ONE)
    assert 0 < await redis.pttl("bucket:a") <= 120_000


async def test_a_process_that_stops_gives_back_what_it_leased(redis: Redis):
    limits, rate = RateLimits(redis, "one"), Rate(requests_per_minute=300)
    running = asyncio.create_task(limits.run())
    for _ in range(10):
        await limits.take("a", rate)
    running.cancel()
    await asyncio.wait([running])
    assert (await RateLimits(redis, "other").take("a", rate)).remaining >= 289


async def test_a_changed_rate_counts_at_once(redis: Redis):
    limits = RateLimits(redis)
    await limits.take("a", ONE)
    assert not (await limits.take("a", ONE)).allowed
    taken = await limits.take("a", TEN)
    assert (taken.allowed, taken.limit) == (True, 10)


async def test_callers_without_number_are_no_more_than_a_process_remembers(redis: Redis):
    limits = RateLimits(redis)
    # None of this is about Redis.
    limits._unasked_until = time.monotonic() + 1_000  # pyright: ignore[reportPrivateUsage]
    for number in range(BUCKETS_MAX + 10):
        limits.try_take(f"ip:{number}", TEN)
    assert len(limits._buckets) == BUCKETS_MAX  # pyright: ignore[reportPrivateUsage]


async def test_a_redis_that_forgot_the_script_is_told_again(redis: Redis):
    limits = RateLimits(redis)
    await limits.take("a", TEN)
    await redis.script_flush()
    assert (await limits.take("a", TEN)).remaining == 8


async def test_redis_killed_each_process_limits_alone_and_redis_restarted_is_charged(
    tmp_path: Path,
):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "valkey.log")
    valkey.start()
    try:
        async with open_redis(valkey.url) as redis, open_redis(valkey.url) as another:
            limits, before = RateLimits(redis, "one"), sample("local")
            assert (await limits.take("a", TEN)).remaining == 9
            valkey.kill()
            taken = [await limits.take("a", TEN) for _ in range(11)]
            assert [one.allowed for one in taken] == [True] * 9 + [False] * 2
            assert sample("local") - before == 11
            valkey.start()
            questions = sample("questions")
            async with asyncio.timeout(30):
                while sample("questions") == questions:
                    await asyncio.sleep(0.05)
                    await limits.take("a", TEN)
            # What it let in alone is charged, but for what came back meanwhile.
            other = await RateLimits(another, "other").take("a", TEN)
            assert other.remaining <= 3
    finally:
        valkey.kill()


async def test_a_redis_that_does_not_answer_is_asked_once_and_then_left_alone():
    asked = 0

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with open_redis(f"redis://127.0.0.1:{port}/0") as redis:
            limits = RateLimits(redis)
            before = sample("local")
            async with asyncio.timeout(REDIS_TIMEOUT_S * 8):
                taken = [await limits.take("a", TEN) for _ in range(20)]
        assert [one.allowed for one in taken] == [True] * 10 + [False] * 10
        assert sample("local") - before == 20
        assert asked == 1
    finally:
        server.close()
