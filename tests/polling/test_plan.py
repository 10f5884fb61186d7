"""Postgres decides: each due poll is one worker's, and late writers write nothing."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from app.polling import plan
from app.providers.provider import PollRule, Scope
from app.sports.match import Sport

RULE = PollRule(scope=Scope.SCORES, sport=Sport.FOOTBALL, interval_ms=1_000, timeout_ms=3_000)


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """One connection to the test's own database, with one task."""
    opened = await asyncpg.connect(database_url)
    await plan.keep_tasks(opened, "replay", [RULE])
    yield opened
    await opened.close()


async def expire_lease(connection: asyncpg.Connection) -> None:
    """Time passes: the lease is over and the task is due."""
    await connection.execute(
        "UPDATE poll_tasks SET lease_until = now() - interval '1 ms',"
        " next_due_at = now() - interval '1 ms'"
    )


async def test_a_due_task_is_claimed_once(connection: asyncpg.Connection):
    [claim] = await plan.claim_due(connection, ["replay"])
    assert (claim.provider, claim.scope, claim.sport) == ("replay", "scores", "football")
    assert await plan.claim_due(connection, ["replay"]) == []


async def test_a_task_of_a_provider_this_worker_does_not_run_is_left(
    connection: asyncpg.Connection,
):
    assert await plan.claim_due(connection, ["betfair"]) == []


async def test_many_workers_never_claim_the_same(connection: asyncpg.Connection, database_url: str):
    sports = list(Sport)
    rules = [
        PollRule(scope=scope, sport=sport, interval_ms=50, timeout_ms=3_000)
        for scope in (Scope.FIXTURES, Scope.SCORES)
        for sport in sports
    ]
    await plan.keep_tasks(connection, "replay", rules)
    seen: list[tuple[int, int]] = []

    async def work() -> None:
        mine = await asyncpg.connect(database_url)
        for _ in range(30):
            for claim in await plan.claim_due(mine, ["replay"]):
                seen.append((claim.task_id, claim.generation))
                assert await plan.fence(mine, claim)
        await mine.close()

    await asyncio.gather(*(work() for _ in range(4)))
    assert len(seen) == len(set(seen)) >= len(rules)


async def test_a_worker_that_comes_back_from_the_dead_writes_nothing(
    connection: asyncpg.Connection,
):
    [dead] = await plan.claim_due(connection, ["replay"])
    await expire_lease(connection)
    assert not await plan.is_mine(connection, dead)
    [alive] = await plan.claim_due(connection, ["replay"])
    assert alive.generation == dead.generation + 1
    assert not await plan.fence(connection, dead)
    await plan.fail(connection, dead, "too late to matter")
    assert await plan.fence(connection, alive)


async def test_missed_ticks_are_skipped_and_the_grid_is_kept(connection: asyncpg.Connection):
    grid = await connection.fetchval(
        "UPDATE poll_tasks SET next_due_at = now() - interval '10.4 s' RETURNING next_due_at"
    )
    await plan.claim_due(connection, ["replay"])
    row = await connection.fetchrow(
        "SELECT next_due_at > clock_timestamp() - interval '100 ms' AS ahead,"
        " extract(epoch FROM next_due_at - $1::timestamptz) AS since FROM poll_tasks",
        grid,
    )
    assert row is not None
    assert row["ahead"]
    assert row["since"] == int(row["since"])
    assert row["since"] >= 11


async def test_a_failure_is_counted_and_a_success_forgets_it(connection: asyncpg.Connection):
    for _ in range(2):
        [claim] = await plan.claim_due(connection, ["replay"])
        await plan.fail(connection, claim, "x" * 10_000)
        await expire_lease(connection)
    row = await connection.fetchrow("SELECT failures, length(last_error) FROM poll_tasks")
    assert row is not None
    assert tuple(row) == (2, plan.ERROR_LENGTH_MAX)
    [claim] = await plan.claim_due(connection, ["replay"])
    assert await plan.fence(connection, claim)
    row = await connection.fetchrow("SELECT failures, last_error, lease_until FROM poll_tasks")
    assert row is not None
    assert tuple(row) == (0, None, None)


async def test_rules_that_change_change_their_tasks(connection: asyncpg.Connection):
    quicker = PollRule(scope=RULE.scope, sport=RULE.sport, interval_ms=500, timeout_ms=900)
    other = PollRule(scope=Scope.FIXTURES, sport=RULE.sport, interval_ms=500, timeout_ms=900)
    await plan.keep_tasks(connection, "replay", [quicker])
    await plan.keep_tasks(connection, "rival", [other])
    await plan.keep_tasks(connection, "replay", [])
    rows = await connection.fetch(
        "SELECT provider, interval_ms, enabled FROM poll_tasks ORDER BY provider"
    )
    assert [tuple(row) for row in rows] == [("replay", 500, False), ("rival", 500, True)]
    assert [c.provider for c in await plan.claim_due(connection, ["replay", "rival"])] == ["rival"]


async def test_a_new_task_of_prices_waits_for_the_plan(connection: asyncpg.Connection):
    prices = PollRule(scope=Scope.MARKETS, sport=RULE.sport, interval_ms=500, timeout_ms=900)
    await plan.keep_tasks(connection, "replay", [prices])
    assert await plan.claim_due(connection, ["replay"]) == []


async def test_a_worker_claims_for_the_sports_it_serves(connection: asyncpg.Connection):
    assert await plan.claim_due(connection, ["replay"], ["tennis"]) == []
    assert len(await plan.claim_due(connection, ["replay"], ["tennis", "football"])) == 1


async def test_tasks_nobody_runs_any_more_are_switched_off(connection: asyncpg.Connection):
    await connection.execute("DELETE FROM poll_tasks")
    await plan.keep_tasks(connection, "here", [RULE])
    await plan.keep_tasks(connection, "gone", [RULE])
    await connection.execute(
        "INSERT INTO provider_health (provider, sport_id) SELECT provider || end_of_it, sport_id"
        " FROM poll_tasks, unnest(ARRAY['', '-stream']) AS end_of_it"
    )
    await plan.stay(connection, ["here"])
    on = "SELECT provider FROM poll_tasks WHERE enabled ORDER BY 1"
    assert [row["provider"] for row in await connection.fetch(on)] == ["gone", "here"]
    await connection.execute(
        "UPDATE poll_tasks SET kept_at = kept_at - $1::interval", plan.FORSAKEN_AFTER
    )
    await plan.stay(connection, ["here"])
    assert [row["provider"] for row in await connection.fetch(on)] == ["here"]
    left = await connection.fetch("SELECT provider FROM provider_health")
    assert {row["provider"] for row in left} == {"here", "here-stream"}
    await plan.keep_tasks(connection, "gone", [RULE])
    assert [row["provider"] for row in await connection.fetch(on)] == ["gone", "here"]
