"""A context of a worker, over a provider made for tests."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from app.database import engine
from app.polling import plan
from app.providers.provider import Answer, Ask, PollRule, Scope
from app.sports.match import Sport
from app.sports.observation import Observation
from workers.context import Context

RULE = PollRule(scope=Scope.SCORES, sport=Sport.FOOTBALL, interval_ms=1_000, timeout_ms=3_000)


class Told:
    """A provider that says what it was told to say; `asked` counts, `gate` holds answers back."""

    name = "told"

    def __init__(self) -> None:
        self.says: Sequence[Observation] = ()
        self.fails: Exception | None = None
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def rules(self) -> Sequence[PollRule]:
        """One rule."""
        return [RULE]

    async def fixtures(self, ask: Ask) -> Answer:
        """Has no fixtures."""
        raise AssertionError(ask)

    async def scores(self, ask: Ask) -> Answer:
        """Says it, or fails, once the gate is open."""
        assert (ask.scope, ask.sport) == (RULE.scope, RULE.sport)
        self.asked += 1
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return Answer(observations=tuple(self.says))

    async def close(self) -> None:
        """Has nothing to close."""


@pytest.fixture
def provider() -> Told:
    """The provider."""
    return Told()


@pytest.fixture
async def context(database_url: str, provider: Told) -> AsyncGenerator[Context]:
    """What the jobs of a worker share, with the provider's task in place."""
    pool = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=10, name="test-worker"
    )
    async with engine.connection(pool) as connection:
        await plan.keep_tasks(connection, "told", provider.rules())
    yield Context(pool, {"told": provider}, changes_kept_hours=48, odds_kept_days=14)
    pool.terminate()


async def claimed(context: Context) -> plan.Claim:
    """Claims the one task."""
    async with engine.connection(context.pool) as connection:
        [claim] = await plan.claim_due(connection, ["told"])
    return claim
