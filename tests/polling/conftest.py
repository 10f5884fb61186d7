"""A database with providers, matches they know, and readers; the parts tests plan with."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.polling import plan as polls
from app.polling.planner import Planner
from app.polling.schedule import Paces
from app.providers.provider import PollRule, Scope
from app.sports.match import Sport
from tests import builders

# A quick world: nothing here waits for real intervals.
PACES = Paces()


def a_rule(scope: Scope = Scope.SCORES, **more: object) -> PollRule:
    """A rule of football that may be asked every second."""
    rule = PollRule(scope=scope, sport=Sport.FOOTBALL, interval_ms=1_000, timeout_ms=3_000)
    return msgspec.structs.replace(rule, **more)


class World(msgspec.Struct, frozen=True):
    """A database, and what tests do to it."""

    pool: Pool
    connection: Connection
    planner: Planner

    async def plan(self) -> None:
        """Makes the plan now."""
        assert await self.planner.replan(every_s=0) is not None

    async def task(self, scope: str = "scores", provider: str = "told", part: str = "") -> Row:
        """What is planned of a task."""
        row = await self.connection.fetchrow(
            "SELECT *, next_due_at <= clock_timestamp() AS is_due, next_due_at = 'infinity'"
            " AS is_never FROM poll_tasks WHERE scope = $1 AND provider = $2 AND part = $3",
            scope,
            provider,
            part,
        )
        assert row is not None
        return row

    async def match(
        self,
        name: str = "m1",
        *,
        status: str | None = "live",
        starts_in: timedelta = timedelta(minutes=-30),
        league: str = "Premier League",
        providers: tuple[str, ...] = ("told",),
    ) -> int:
        """A match these providers know by its name."""
        number = await builders.a_match(
            self.connection,
            f"Home {name}",
            f"Away {name}",
            status=status,
            league=league,
            start_time=datetime.now(UTC) + starts_in,
        )
        for provider in providers:
            await self.connection.execute(
                "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
                " VALUES ($1, 'match', $2, $3)",
                provider,
                name,
                number,
            )
        return number

    async def wanted(
        self, match_id: int, *, scores: int = 1, markets: int = 1, holder: str = "api"
    ) -> None:
        """So many sockets follow a match from now on."""
        await self.hold(holder)
        await self.connection.execute(
            "INSERT INTO demand (holder, subject, match_id, scores, markets)"
            " VALUES ($4, 'match.' || $1::bigint, $1, $2, $3)"
            " ON CONFLICT (holder, subject) DO UPDATE"
            " SET scores = excluded.scores, markets = excluded.markets",
            match_id,
            scores,
            markets,
            holder,
        )

    async def hold(self, holder: str = "api", lease_s: float = 60) -> None:
        """A process that speaks for readers lives for so long."""
        await self.connection.execute(
            "INSERT INTO demand_holders VALUES ($1, clock_timestamp() + $2 * interval '1 second')"
            " ON CONFLICT (holder) DO UPDATE SET until = excluded.until",
            holder,
            lease_s,
        )

    async def ran(self, ago_ms: int) -> None:
        """All tasks ran so long ago."""
        await self.connection.execute(
            "UPDATE poll_tasks SET last_run_at = clock_timestamp() - $1 * interval '1 ms',"
            " lease_until = NULL, last_success_at = clock_timestamp()",
            ago_ms,
        )

    async def polled(self, *, providers: tuple[str, ...] = ("told",)) -> list[polls.Claim]:
        """What a worker claims now; its polls succeed at once."""
        claims = await polls.claim_due(self.connection, providers)
        for claim in claims:
            assert await polls.fence(self.connection, claim)
        return claims


@pytest.fixture
async def world(database_url: str) -> AsyncGenerator[World]:
    """A provider `told` with a task of each scope of football."""
    pool = await engine.open_pool(
        database_url, connections_max=8, statement_timeout_s=10, name="test-planner"
    )
    connection = await asyncpg.connect(database_url)
    await polls.keep_tasks(connection, "told", [a_rule(scope) for scope in Scope])
    yield World(pool, connection, Planner(pool, PACES))
    await connection.close()
    pool.terminate()
