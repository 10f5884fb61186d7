"""A queue a sport: what holds up one sport holds up no other."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.database import engine
from app.polling import plan
from app.polling.plan import Claim
from app.providers.provider import Answer, Ask, PollRule, Scope
from app.sports.match import Sport
from tests.observed import a_score, an_observation
from workers import queues as of_queues
from workers.context import Context
from workers.dispatch import encoded
from workers.queues import Queue, open_redis, queue_of, run_queue

ANSWERS_WITHIN_S = 30
SHARE = 2
SPORTS = (Sport.FOOTBALL, Sport.HOCKEY)


class Storm:
    """A provider whose football never ends; its hockey answers at once."""

    name = "storm"

    def __init__(self) -> None:
        self.stuck = 0
        self.all_stuck = asyncio.Event()

    def rules(self) -> list[PollRule]:
        """Five leagues of football, one question of hockey."""
        leagues = [(Sport.FOOTBALL, f"league-{n}") for n in range(5)]
        return [
            PollRule(
                scope=Scope.SCORES, sport=sport, part=part, interval_ms=1_000, timeout_ms=60_000
            )
            for sport, part in [*leagues, (Sport.HOCKEY, "")]
        ]

    async def fixtures(self, ask: Ask) -> Answer:
        """Has none."""
        raise AssertionError(ask)

    async def scores(self, ask: Ask) -> Answer:
        """Never comes back from football."""
        if ask.sport is Sport.FOOTBALL:
            self.stuck += 1
            if self.stuck == SHARE:
                self.all_stuck.set()
            await asyncio.Event().wait()
        said = an_observation("h", score=a_score(1), provider="storm", sport=Sport.HOCKEY)
        return Answer(observations=(said,))

    async def close(self) -> None:
        """Has nothing to close."""


@pytest.fixture
async def storm() -> Storm:
    """The provider."""
    return Storm()


@pytest.fixture
async def context(database_url: str, storm: Storm) -> AsyncGenerator[Context]:
    """What the jobs share, with the provider's tasks in place."""
    pool = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-queues"
    )
    async with engine.connection(pool) as connection:
        await plan.keep_tasks(connection, "storm", storm.rules())
    yield Context(pool, {"storm": storm}, changes_kept_hours=48, odds_kept_days=14)
    pool.terminate()


async def claims(context: Context) -> list[Claim]:
    """Everything that is due."""
    async with engine.connection(context.pool) as connection:
        return await plan.claim_due(connection, ["storm"])


async def test_a_sport_whose_polls_hang_delays_no_other(
    context: Context, storm: Storm, redis_url: str
):
    stopping = asyncio.Event()
    queues = [Queue(sport=sport, handed=asyncio.Event()) for sport in SPORTS]
    running = [
        asyncio.create_task(run_queue(context, redis_url, queue, jobs_max=SHARE, stopping=stopping))
        for queue in queues
    ]
    sender = open_redis(redis_url)
    due = await claims(context)
    football = [claim for claim in due if claim.sport == Sport.FOOTBALL.value]
    (hockey,) = (claim for claim in due if claim.sport == Sport.HOCKEY.value)
    for claim in football:
        await sender.enqueue_job("poll", encoded(claim), _queue_name=queue_of(claim.sport))
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        await storm.all_stuck.wait()
        # More football waits than may run at once; hockey comes last.
        await sender.enqueue_job("poll", encoded(hockey), _queue_name=queue_of(hockey.sport))
        while await scores(context) == 0:
            await asyncio.sleep(0.02)
    assert storm.stuck == SHARE
    stopping.set()
    await asyncio.gather(*running)
    await sender.aclose(close_connection_pool=True)


async def test_what_this_process_hands_over_is_begun_at_once(
    context: Context, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    # Nobody looks again: only the first job is found by looking.
    monkeypatch.setattr(of_queues, "PICK_UP_S", 3_600)
    stopping, sender = asyncio.Event(), open_redis(redis_url)
    queue = Queue(sport=Sport.HOCKEY, handed=asyncio.Event())
    queued = queue_of(queue.sport)
    (first,) = (claim for claim in await claims(context) if claim.sport == queue.sport.value)
    await sender.enqueue_job("poll", encoded(first), _queue_name=queued)
    running = asyncio.create_task(
        run_queue(context, redis_url, queue, jobs_max=SHARE, stopping=stopping)
    )
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while await scores(context) == 0:
            await asyncio.sleep(0.02)
        async with engine.connection(context.pool) as connection:
            await connection.execute("DELETE FROM live_scores")
            await connection.execute("UPDATE poll_tasks SET next_due_at = now()")
        # As it is a minute later: by hand nothing is told to those who remember.
        context.memory.clear()
        (again,) = (claim for claim in await claims(context) if claim.sport == queue.sport.value)
        await sender.enqueue_job("poll", encoded(again), _queue_name=queued)
        queue.handed.set()
        while await scores(context) == 0:
            await asyncio.sleep(0.02)
    stopping.set()
    await running
    await sender.aclose(close_connection_pool=True)


async def scores(context: Context) -> int:
    """How many matches have a score."""
    async with engine.connection(context.pool) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM live_scores")
    return count
