"""What guessing costs: past some tries one waits, over all processes, and without Redis too."""

import asyncio

import pytest
from redis.asyncio import Redis

from app import metrics
from app.access.errors import TooManyAttempts
from app.access.lockout import ACCOUNT, ADDRESS, Lockout, Patience

NOBODY = Patience(free=3, first_wait_s=1, longest_wait_s=5, window_s=60)


@pytest.fixture(params=["redis", "alone"])
async def lockout(request: pytest.FixtureRequest, redis: Redis) -> Lockout:
    """One over a Redis that is there, and one over none: the same promises."""
    if request.param == "redis":
        return Lockout(redis)
    return Lockout(Redis(port=1))


async def test_after_the_free_tries_one_waits(lockout: Lockout):
    waits = [await lockout.wait_s("a", NOBODY) for _ in range(NOBODY.free + 1)]
    assert waits[: NOBODY.free] == [0] * NOBODY.free
    assert 0 < waits[-1] <= 1
    assert await lockout.wait_s("b", NOBODY) == 0


async def test_each_further_try_waits_twice_as_long_up_to_the_longest(redis: Redis):
    lockout = Lockout(redis)
    locks: list[int] = []
    for _ in range(NOBODY.free + 4):
        assert await lockout.wait_s("a", NOBODY) == 0
        locks.append(await redis.pttl("locked:{a}"))
        # As if the time had passed.
        await redis.delete("locked:{a}")
    assert [round(lock / 1000) for lock in locks[NOBODY.free - 1 :]] == [1, 2, 4, 5, 5]
    assert 0 < await redis.pttl("tries:{a}") <= 60_000


async def test_of_a_hundred_tries_at_once_the_free_ones_are_made(lockout: Lockout):
    tries = (lockout.check(account="ada", address="192.0.2.1") for _ in range(100))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyAttempts)]
    assert len(refused) == 100 - ACCOUNT.free
    assert all(error.retry_s == 1 for error in refused)


async def test_the_right_password_gives_the_tries_back(lockout: Lockout):
    for _ in range(5):
        for _ in range(ACCOUNT.free - 1):
            await lockout.check(account="ada", address="192.0.2.1")
        await lockout.forgive(account="ada", address="192.0.2.1")


async def test_one_address_cannot_try_one_account_after_another(redis: Redis):
    lockout = Lockout(redis)
    for number in range(ADDRESS.free):
        await lockout.check(account=str(number), address="192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await lockout.check(account="another", address="192.0.2.1")
    await lockout.check(account="another", address="192.0.2.2")


async def test_two_processes_count_together(redis: Redis):
    processes = [Lockout(redis), Lockout(redis)]
    for number in range(ACCOUNT.free):
        await processes[number % 2].check(account="ada", address=f"192.0.2.{number}")
    for one in processes:
        with pytest.raises(TooManyAttempts):
            await one.check(account="ada", address="192.0.2.99")


async def test_without_redis_tries_are_counted_here_and_that_is_counted():
    before = metrics.REGISTRY.get_sample_value("touchline_lockout_local_total") or 0
    async with Redis(port=1) as nowhere:
        await Lockout(nowhere).wait_s("a", NOBODY)
    assert metrics.REGISTRY.get_sample_value("touchline_lockout_local_total") == before + 1
