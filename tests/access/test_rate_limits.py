"""Limits that hold over processes, and what happens without Redis."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app import metrics
from app.access.rate_limits import REDIS_TIMEOUT_S, RateLimits, Taken
from app.cache.shared import open_redis
from app.devstack.valkey import EmbeddedValkey


def unchecked() -> float:
    return metrics.REGISTRY.get_sample_value("touchline_rate_limit_unchecked_total") or 0.0


async def answered(limits: RateLimits) -> Taken:
    """Asks until the limiter is asked again, which it is a second after trouble."""
    async with asyncio.timeout(30):
        while True:
            taken = await limits.take("a", 10)
            if taken is not None:
                return taken
            await asyncio.sleep(0.01)


async def test_a_bucket_counts_down_and_then_refuses(redis: Redis):
    limits = RateLimits(redis)
    # One a minute comes back, so nothing does while this runs.
    first = await limits.take("a", 1)
    second = await limits.take("a", 1)
    assert first is not None
    assert second is not None
    assert (first.allowed, first.limit, first.remaining, first.retry_after_s) == (True, 1, 0, 0)
    assert first.reset_s == 60
    assert not second.allowed
    assert 0 < second.retry_after_s <= 60


async def test_each_caller_has_a_bucket_of_its_own(redis: Redis):
    limits = RateLimits(redis)
    for key in ("a", "b"):
        taken = await limits.take(key, 1)
        assert taken is not None
        assert taken.allowed


async def test_what_was_taken_comes_back_evenly(redis: Redis):
    limits = RateLimits(redis)
    per_minute = 6_000  # One every 10 ms.
    while (taken := await limits.take("a", per_minute)) is not None and taken.allowed:
        if taken.remaining == 0:
            break
        await redis.set("limit:a", int((time.time() + 60) * 1_000_000))
    while (taken := await limits.take("a", per_minute)) is not None and not taken.allowed:
        assert taken.retry_after_s == 1
    assert taken is not None
    assert taken.remaining < 10


async def test_a_refusal_costs_nothing(redis: Redis):
    limits = RateLimits(redis)
    await limits.take("a", 1)
    before = await redis.get("limit:a")
    for _ in range(20):
        await limits.take("a", 1)
    assert await redis.get("limit:a") == before


async def test_a_bucket_that_is_full_again_is_forgotten(redis: Redis):
    await RateLimits(redis).take("a", 1)
    assert 0 < await redis.pttl("limit:a") <= 60_000


@pytest.mark.parametrize("per_minute", [7, 20, 100])
async def test_fifty_callers_over_two_processes_get_exactly_the_limit(
    redis_url: str, per_minute: int
):
    async with open_redis(redis_url) as one, open_redis(redis_url) as other:
        limits = [RateLimits(one), RateLimits(other)]
        began = time.monotonic()

        async def caller(number: int) -> int:
            taken = [await limits[number % 2].take("shared", per_minute) for _ in range(4)]
            return sum(t is not None and t.allowed for t in taken)

        admitted = sum(await asyncio.gather(*(caller(n) for n in range(50))))
        came_back = int((time.monotonic() - began) * per_minute / 60)
        assert per_minute <= admitted <= per_minute + came_back


async def test_a_redis_that_forgot_the_script_is_told_again(redis: Redis):
    limits = RateLimits(redis)
    await limits.take("a", 10)
    await redis.script_flush()
    taken = await limits.take("a", 10)
    assert taken is not None
    assert taken.remaining == 8


async def test_without_redis_requests_are_let_in_and_counted_until_it_is_back(tmp_path: Path):
    valkey = EmbeddedValkey(tmp_path / "valkey", log=tmp_path / "valkey.log")
    valkey.start()
    try:
        async with open_redis(valkey.url) as redis:
            limits = RateLimits(redis)
            assert await limits.take("a", 10) is not None
            valkey.kill()
            before = unchecked()
            assert [await limits.take("a", 10) for _ in range(5)] == [None] * 5
            assert unchecked() - before == 5
            valkey.start()
            assert (await answered(limits)).remaining == 9
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
            before = unchecked()
            async with asyncio.timeout(REDIS_TIMEOUT_S * 8):
                taken = [await limits.take("a", 10) for _ in range(20)]
        assert taken == [None] * 20
        assert unchecked() - before == 20
        assert asked == 1
    finally:
        server.close()
