"""One account for all processes: takes never exceed it, words of the provider lower it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import asyncpg
import pytest

from app.database import engine
from app.database.engine import Pool
from app.polling import quotas
from app.polling.quotas import SharedAllowance, Withheld
from app.polling.windows import Limit
from app.providers.provider import ProviderTimeout, QuotaSpent, ToldQuota, Window

DAY = Limit(window=Window.DAY, limit=30)
MINUTE = Limit(window=Window.MINUTE, limit=20)


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """The pool of a worker, whose commits do not wait."""
    opened = await engine.open_pool(
        database_url,
        connections_max=8,
        statement_timeout_s=20,
        name="test-quotas",
        more={"synchronous_commit": "off"},
    )
    yield opened
    opened.terminate()


async def left(pool: Pool, window: str = "day") -> int:
    """What Postgres says is left."""
    found: int = await pool.fetchval(
        'SELECT remaining FROM provider_quotas WHERE "window" = $1', window
    )
    return found


async def take_all(pool: Pool, *limits: Limit, times: int, cost: int = 1) -> int:
    """How many of so many takes, each by an allowance of its own, were granted."""

    async def one() -> int:
        try:
            await SharedAllowance(pool, "api", limits).take(cost)
        except QuotaSpent:
            return 0
        return cost

    return sum(await asyncio.gather(*(one() for _ in range(times))))


async def test_many_takers_never_take_more_than_there_is(pool: Pool):
    assert await take_all(pool, DAY, times=60) == 30
    assert await left(pool) == 0


async def test_takers_of_different_costs_leave_what_does_not_fit(pool: Pool):
    assert await take_all(pool, DAY, times=12, cost=7) == 28
    assert await take_all(pool, DAY, times=5, cost=1) == 2


async def test_a_take_is_from_every_window_or_from_none(pool: Pool):
    assert await take_all(pool, DAY, MINUTE, times=40) == 20
    assert (await left(pool), await left(pool, "minute")) == (10, 0)


async def test_a_refusal_says_when_to_ask_again_and_is_a_spent_quota(pool: Pool):
    allowance = SharedAllowance(pool, "api", [MINUTE])
    await allowance.take(20)
    with pytest.raises(QuotaSpent, match="0 of 20 a minute") as refused:
        await allowance.take()
    assert refused.value.retry_after_s is not None
    assert 1 <= refused.value.retry_after_s <= 62


async def test_a_day_is_renewed(pool: Pool):
    await take_all(pool, DAY, times=30)
    await pool.execute("UPDATE provider_quotas SET resets_at = now() - interval '1 ms'")
    assert await take_all(pool, DAY, times=40) == 30


async def test_what_a_provider_says_counts_for_every_process(pool: Pool):
    one, two = SharedAllowance(pool, "api", [DAY]), SharedAllowance(pool, "api", [DAY])
    await one.take()
    await one.told([ToldQuota(window=Window.DAY, limit=30, remaining=2)])
    await two.take()
    await one.take()
    with pytest.raises(QuotaSpent):
        await two.take()


async def test_a_quota_nobody_configured_is_learnt(pool: Pool):
    allowance = SharedAllowance(pool, "api")
    await allowance.take(1_000)
    await allowance.told([ToldQuota(window=Window.MONTH, limit=500, remaining=3, resets_in_s=60)])
    with pytest.raises(QuotaSpent, match="3 of 500 a month"):
        await allowance.take(4)
    await allowance.take(3)


async def test_a_limit_that_is_configured_anew_counts_at_once(pool: Pool):
    await take_all(pool, DAY, times=10)
    assert await take_all(pool, Limit(window=Window.DAY, limit=12), times=10) == 2
    assert await take_all(pool, DAY, times=30) == 18


async def test_providers_have_accounts_of_their_own(pool: Pool):
    await SharedAllowance(pool, "other", [DAY]).take(30)
    assert await take_all(pool, DAY, times=1) == 1


async def test_a_provider_that_refused_is_left_alone_for_as_long_as_it_said(pool: Pool):
    error = QuotaSpent("429", retry_after_s=30)
    async with engine.connection(pool) as connection:
        await quotas.note(connection, "api", error)
        # A shorter word does not end a longer one.
        await quotas.block(connection, "api", for_s=1)
    for limits in ((), (DAY,)):
        with pytest.raises(Withheld, match="left alone") as refused:
            await SharedAllowance(pool, "api", limits).take()
        assert refused.value.retry_after_s is not None
        assert 20 < refused.value.retry_after_s <= 30
    await pool.execute("UPDATE provider_blocks SET until = now()")
    assert await take_all(pool, DAY, times=1) == 1


async def test_what_we_withheld_ourselves_and_other_failures_block_nobody(pool: Pool):
    async with engine.connection(pool) as connection:
        await quotas.note(connection, "api", Withheld("ours", retry_after_s=3_600))
        await quotas.note(connection, "api", ProviderTimeout("slow"))
    assert await pool.fetchval("SELECT count(*) FROM provider_blocks") == 0


async def test_without_postgres_nothing_is_asked_and_the_reason_is_told():
    away = await engine.open_pool(
        "postgresql://nobody@127.0.0.1:1/none", connections_max=1, statement_timeout_s=1, name="x"
    )
    allowance = SharedAllowance(away, "api", [DAY])
    with pytest.raises(QuotaSpent, match="database is out of reach"):
        await allowance.take()
    await allowance.told([ToldQuota(window=Window.DAY, limit=30, remaining=2)])
    away.terminate()


async def test_the_windows_of_all_are_read_as_they_are_now(pool: Pool):
    await SharedAllowance(pool, "api", [DAY, MINUTE]).take(5)
    await pool.execute(
        "UPDATE provider_quotas SET resets_at = now() - $1::interval WHERE \"window\" = 'day'",
        timedelta(seconds=1),
    )
    async with engine.connection(pool) as connection:
        found = await quotas.windows_of_all(connection)
    assert {one.window: one.used for one in found["api"]} == {Window.DAY: 0, Window.MINUTE: 5}


async def test_takes_survive_a_crash_though_commits_of_workers_do_not_wait(pool: Pool):
    async with engine.connection(pool) as connection, connection.transaction():
        allowance = SharedAllowance(pool, "api", [DAY])
        await allowance._take(connection, 1)  # pyright: ignore[reportPrivateUsage]
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
    async with asyncio.timeout(10), engine.connection(pool) as connection:
        assert await connection.fetchval("SHOW synchronous_commit") == "off"
    assert isinstance(pool, asyncpg.Pool)
