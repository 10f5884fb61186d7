"""One poll: asked once, written once, or not at all."""

import asyncio
from typing import Any

from msgspec.structs import replace

from app.database import engine
from app.providers.provider import ProviderUnavailable, ProviderUnreadable
from tests.observed import a_score, an_observation
from tests.workers.conftest import RULE, Told, claimed
from workers.context import Context, Serves
from workers.poll import run_poll


async def row(context: Context, query: str) -> Any:
    """The first row as a tuple."""
    async with engine.connection(context.pool) as connection:
        found = await connection.fetchrow(query)
    return tuple(found.values()) if found else None


async def make_due(context: Context) -> None:
    """Makes the task due again."""
    async with engine.connection(context.pool) as connection:
        await connection.execute("UPDATE poll_tasks SET lease_until = NULL, next_due_at = now()")


async def test_what_a_provider_says_is_written_and_the_task_is_free_again(
    context: Context, provider: Told
):
    provider.says = [an_observation(score=a_score(1))]
    assert await run_poll(context, await claimed(context)) == "ok"
    assert await row(context, "SELECT home_score FROM live_scores") == (1,)
    assert await row(
        context, "SELECT lease_until, failures, last_success_at IS NOT NULL FROM poll_tasks"
    ) == (None, 0, True)


async def test_a_provider_that_fails_is_noted_and_nothing_is_written(
    context: Context, provider: Told
):
    provider.fails = ProviderUnavailable("503 from upstream")
    assert await run_poll(context, await claimed(context)) == "failed"
    assert await row(context, "SELECT failures, last_error FROM poll_tasks") == (
        1,
        "ProviderUnavailable: 503 from upstream",
    )


async def test_a_provider_that_does_not_answer_in_time_has_failed(context: Context, provider: Told):
    provider.gate.clear()
    async with engine.connection(context.pool) as connection:
        await connection.execute("UPDATE poll_tasks SET timeout_ms = 50")
    assert await run_poll(context, await claimed(context)) == "failed"
    assert await row(context, "SELECT last_error FROM poll_tasks") == (
        "ProviderTimeout: no answer within 50 ms",
    )


async def test_a_job_whose_lease_is_over_does_not_even_ask(context: Context, provider: Told):
    claim = await claimed(context)
    async with engine.connection(context.pool) as connection:
        await connection.execute("UPDATE poll_tasks SET lease_until = now() - interval '1 s'")
    assert await run_poll(context, claim) == "stale"
    assert provider.asked == 0


async def test_an_answer_that_comes_after_somebody_elses_turn_is_not_written(
    context: Context, provider: Told
):
    provider.says = [an_observation(score=a_score(1))]
    provider.gate.clear()
    late = asyncio.create_task(run_poll(context, await claimed(context)))
    async with asyncio.timeout(RULE.timeout_ms / 1000):
        while not provider.asked:
            await asyncio.sleep(0)
    async with engine.connection(context.pool) as connection:
        await connection.execute("UPDATE poll_tasks SET generation = generation + 1")
    provider.gate.set()
    assert await late == "stale"
    assert await row(context, "SELECT count(*) FROM matches") == (0,)


async def test_a_database_that_is_away_loses_the_poll_and_nothing_else(
    context: Context, provider: Told
):
    claim = await claimed(context)
    context.pool.terminate()
    assert await run_poll(context, claim) == "lost"
    assert provider.asked == 0


async def test_what_a_failed_write_taught_is_forgotten(context: Context, provider: Told):
    provider.says = [an_observation(score=a_score(1))]
    async with engine.connection(context.pool) as connection:
        await connection.execute(
            "ALTER TABLE live_scores ADD CONSTRAINT refuse CHECK (home_score <> 1) NOT VALID"
        )
    assert await run_poll(context, await claimed(context)) == "ok"
    assert await row(context, "SELECT code FROM dead_letters") == ("not_stored",)
    assert await row(context, "SELECT count(*) FROM live_scores") == (0,)
    async with engine.connection(context.pool) as connection:
        await connection.execute("ALTER TABLE live_scores DROP CONSTRAINT refuse")
    await make_due(context)
    assert await run_poll(context, await claimed(context)) == "ok"
    assert await row(context, "SELECT count(*) FROM live_scores") == (1,)


async def test_a_success_and_a_failure_are_noted_of_the_provider(context: Context, provider: Told):
    provider.says = [an_observation(score=a_score(1))]
    assert await run_poll(context, await claimed(context)) == "ok"
    noted = "SELECT failures, circuit, cardinality(response_ms), data_at IS NOT NULL, errors::text"
    assert await row(context, f"{noted} FROM provider_health") == (0, "closed", 1, True, "{}")
    provider.fails = ProviderUnavailable("503 from upstream")
    await make_due(context)
    assert await run_poll(context, await claimed(context)) == "failed"
    assert await row(context, f"{noted} FROM provider_health") == (
        *(1, "closed", 2, True),
        '{"unavailable": 1}',
    )


async def test_an_answer_that_cannot_be_read_is_kept(context: Context, provider: Told):
    provider.fails = ProviderUnreadable("no JSON", raw=b"<html>")
    assert await run_poll(context, await claimed(context)) == "failed"
    assert await row(context, "SELECT provider, scope, code, raw FROM dead_letters") == (
        *("told", "scores", "unreadable"),
        b"<html>",
    )


async def test_what_a_stadium_says_is_marked_as_simulated(context: Context, provider: Told):
    real = replace(an_observation(score=a_score(1)), simulated=False)
    provider.says = [real]
    context.serves = Serves(simulated=frozenset({"told"}))
    assert await run_poll(context, await claimed(context)) == "ok"
    assert await row(context, "SELECT simulated FROM matches") == (True,)
