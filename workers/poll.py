"""One poll: ask, take in, write; fenced, so that no poll is written twice or too late."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from app import metrics
from app.database import engine
from app.errors import DependencyDown
from app.ingest.known import Known
from app.ingest.pipeline import OBSERVATIONS_MAX, ingest
from app.logs import logger
from app.polling import plan
from app.polling.plan import Claim
from app.providers.provider import ProviderError, Scope
from app.sports.match import Sport
from app.sports.observation import Observation
from workers.context import Context

# A deadlock with a writer that is not ours is tried again; twice is bad luck, thrice a bug.
WRITE_TRIES_MAX = 3

log = logger(__name__)


async def poll(ctx: dict[str, Any], claim: dict[str, Any]) -> None:
    """The Arq job: runs the poll that was claimed."""
    await run_poll(ctx["context"], msgspec.convert(claim, Claim))


async def run_poll(context: Context, claim: Claim) -> str:
    """Polls once; returns how it went, as counted: ok, stale, failed or lost.

    A poll never raises for what the world does: a provider that fails is noted on its task, a
    database that is away leaves the lease to run out.
    """
    started = time.monotonic()
    metrics.poll_late_seconds.labels(claim.provider).observe(
        max(0.0, time.time() - claim.due_at.timestamp())
    )
    try:
        outcome = await _poll(context, claim)
    except DependencyDown as error:
        log.warning("poll_lost", provider=claim.provider, task_id=claim.task_id, error=str(error))
        outcome = "lost"
    metrics.polls.labels(claim.provider, claim.scope, outcome).inc()
    metrics.poll_seconds.labels(claim.provider).observe(time.monotonic() - started)
    return outcome


async def _poll(context: Context, claim: Claim) -> str:
    async with engine.connection(context.pool) as connection:
        if not await plan.is_mine(connection, claim):
            return "stale"
    try:
        # No transaction and no connection is held while somebody else thinks.
        async with asyncio.timeout(claim.timeout_ms / 1000):
            observations = await context.providers[claim.provider].observe(
                Scope(claim.scope), Sport(claim.sport)
            )
    except (ProviderError, TimeoutError) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        log.warning("poll_failed", provider=claim.provider, scope=claim.scope, error=reason)
        async with engine.connection(context.pool) as connection:
            await plan.fail(connection, claim, reason)
        return "failed"
    return await _write(context, claim, observations)


async def _write(context: Context, claim: Claim, observations: Sequence[Observation]) -> str:
    known = context.borrow_known(claim.task_id)
    try:
        for _ in range(WRITE_TRIES_MAX - 1):
            with contextlib.suppress(asyncpg.DeadlockDetectedError):
                return await _write_once(context, claim, observations, known)
        return await _write_once(context, claim, observations, known)
    finally:
        context.return_known(claim.task_id, known)


async def _write_once(
    context: Context, claim: Claim, observations: Sequence[Observation], known: Known
) -> str:
    """Fences and takes in, in one transaction; what that taught is kept after its commit."""
    try:
        async with engine.connection(context.pool) as connection, connection.transaction():
            if not await plan.fence(connection, claim):
                return "stale"
            for start in range(0, len(observations), OBSERVATIONS_MAX):
                await ingest(connection, observations[start : start + OBSERVATIONS_MAX], known)
        known.keep()
    finally:
        known.drop()
    return "ok"
