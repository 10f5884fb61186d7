"""GET /health and its probes: what works, what does not, and since when."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import asyncpg
import msgspec
from litestar import Response, get
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from redis.exceptions import RedisError

from app.database import engine
from app.database.engine import GONE, Pool, Row
from app.errors import DependencyDown

# A probe that takes longer than this is answered "down".
CHECK_TIMEOUT_S = 1.0
# A task this late is overdue; less is the grid of the dispatcher.
OVERDUE_S = 2
# A worker that was killed is replaced, and its leases end, well within this time; longer, and
# nobody polls.
LAG_MS_MAX = 10_000

_TASKS = f"""
SELECT count(*) AS tasks,
       count(*) FILTER (WHERE next_due_at < now() - interval '{OVERDUE_S} seconds') AS overdue,
       greatest(0, extract(epoch FROM now() - min(next_due_at)) * 1000)::bigint AS lag_ms
FROM poll_tasks WHERE enabled
"""
# The sports a provider is not asked for say nothing of it.
_PROVIDERS = """
SELECT provider,
       (array_agg(state ORDER BY array_position(
           ARRAY['down', 'recovering', 'behind', 'up'], state)))[1] AS state,
       wire_time(max(last_success_at)) AS last_success_at, sum(failures) AS failures
FROM provider_health WHERE expected_since IS NOT NULL GROUP BY provider ORDER BY provider
"""

State3 = Literal["ok", "degraded", "down"]


class Dependency(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing this process needs; `latencyMs` is null when it did not answer."""

    status: Literal["up", "down"]
    latency_ms: float | None = None


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One provider: how it is in the sport that is worst."""

    state: Literal["up", "behind", "down", "recovering"]
    last_success_at: str | None
    failures: int


class Polling(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the plan of polls is kept."""

    tasks: int
    overdue: int
    oldest_lag_ms: int


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Down when Postgres is; degraded when anything else is, or when nobody polls."""

    status: State3
    version: str
    uptime_seconds: int
    dependencies: Mapping[str, Dependency]
    providers: Mapping[str, ProviderHealth]
    polling: Polling | None


class Probe(msgspec.Struct, frozen=True):
    """The answer to a probe."""

    status: Literal["ok", "unready"]


class Vitals:
    """What is asked for one's health. `ping_redis` answers or raises; `listens` says it at once;
    `must_listen`: without it this process is not ready; `replica_is_used` is None without one.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        ping_redis: Callable[[], Awaitable[Any]],
        listens: Callable[[], bool],
        must_listen: bool = True,
        replica_is_used: Callable[[], bool] | None = None,
        version: str,
    ) -> None:
        self._pool = pool
        self._ping_redis = ping_redis
        self._listens = listens
        self._must_listen = must_listen
        self._replica_is_used = replica_is_used
        self._version = version
        self._began = time.monotonic()

    async def postgres_answers(self) -> bool:
        """Says whether Postgres answers and changes are heard of."""
        dependency, _ = await _timed(self._read)
        return dependency.status == "up"

    def hears(self) -> bool:
        """Says whether changes are heard of, or would be, a little later, without being told."""
        return not self._must_listen or self._listens()

    async def look(self) -> Health:
        """Returns how it is now; asks everything at once and waits a second at most."""
        (postgres, read), (redis, _) = await asyncio.gather(
            _timed(self._read), _timed(self._ping_redis)
        )
        said = {"listener": _said(self._listens)}
        if self._replica_is_used is not None:
            said["replica"] = _said(self._replica_is_used)
        rows, polling = read or ([], None)
        providers = {row["provider"]: _provider_in(row) for row in rows}
        parts = [redis.status, *(one.status for one in said.values())]
        parts += [provider.state for provider in providers.values()]
        well = all(part == "up" for part in parts) and (
            polling is None or polling.oldest_lag_ms <= LAG_MS_MAX
        )
        return Health(
            status="down" if postgres.status == "down" else "ok" if well else "degraded",
            version=self._version,
            uptime_seconds=int(time.monotonic() - self._began),
            dependencies={"postgres": postgres, "redis": redis, **said},
            providers=providers,
            polling=polling,
        )

    async def _read(self) -> tuple[list[Row], Polling]:
        async with engine.connection(self._pool) as connection:
            tasks = await connection.fetchrow(_TASKS)
            assert tasks is not None, "a count is a row"
            return await connection.fetch(_PROVIDERS), Polling(
                tasks=tasks["tasks"],
                overdue=tasks["overdue"],
                oldest_lag_ms=tasks["lag_ms"] or 0,
            )


def _said(is_well: Callable[[], bool]) -> Dependency:
    return Dependency(status="up" if is_well() else "down")


async def _timed(ask: Callable[[], Awaitable[Any]]) -> tuple[Dependency, Any]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            answer = await ask()
    except (*GONE, DependencyDown, RedisError, asyncpg.PostgresError):
        # A database without our tables yet answers, but not to us.
        return Dependency(status="down"), None
    took_ms = round((time.perf_counter() - began) * 1000, 2)
    return Dependency(status="up", latency_ms=took_ms), answer


def _provider_in(row: Row) -> ProviderHealth:
    return ProviderHealth(
        state=row["state"],
        last_success_at=row["last_success_at"],
        failures=row["failures"],
    )


def _fresh(content: msgspec.Struct, status: int) -> Response[bytes]:
    return Response(
        content=msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _described(answer: type[msgspec.Struct]) -> dict[int, ResponseSpec]:
    """Returns what OpenAPI says: the same shape whether all is well or not."""
    well = ResponseSpec(answer, description="Well enough.", generate_examples=False)
    unwell = ResponseSpec(answer, description="Not well.", generate_examples=False)
    return {200: well, 503: unwell}


@get("/health", tags=["operations"], responses=_described(Health))
async def get_health(state: State) -> Response[bytes]:
    """Says how it is: 200 when ok or degraded, 503 when down."""
    health = await state.vitals.look()
    return _fresh(health, 503 if health.status == "down" else 200)


@get("/health/live", tags=["operations"], responses=_described(Probe))
async def get_live() -> Response[bytes]:
    """Says that the process answers."""
    return _fresh(Probe("ok"), 200)


@get("/health/ready", tags=["operations"], responses=_described(Probe))
async def get_ready(state: State) -> Response[bytes]:
    """Says whether to send requests here: Postgres answers and changes are heard of."""
    vitals: Vitals = state.vitals
    ready = vitals.hears() and await vitals.postgres_answers()
    return _fresh(Probe("ok" if ready else "unready"), 200 if ready else 503)


health_routes: list[Any] = [get_health, get_live, get_ready]
