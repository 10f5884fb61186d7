"""One poll: ask, take in, write; fenced, so that no poll is written twice or too late."""

import asyncio
import time
from typing import Any

import msgspec

from app import metrics
from app.database import engine
from app.errors import DependencyDown
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in
from app.logs import logger
from app.polling import plan
from app.polling.plan import Claim
from app.providers.provider import Answer, Ask, ProviderError, Scope, observe
from app.sports.match import Sport
from workers.context import Context

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
    ask = Ask(scope=Scope(claim.scope), sport=Sport(claim.sport), part=claim.part)
    try:
        # No transaction and no connection is held while somebody else thinks.
        async with asyncio.timeout(claim.timeout_ms / 1000):
            answer = await observe(context.providers[claim.provider], ask)
    except (ProviderError, TimeoutError) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        log.warning("poll_failed", provider=claim.provider, scope=claim.scope, error=reason)
        async with engine.connection(context.pool) as connection:
            await plan.fail(connection, claim, reason)
        return "failed"
    return await _write(context, claim, answer)


async def _write(context: Context, claim: Claim, answer: Answer) -> str:
    """Fences and takes in, in one transaction; what that taught is kept after its commit."""
    origin = Origin(provider=claim.provider, scope=claim.scope, sport=claim.sport)
    known = context.borrow_known(claim.task_id)
    try:
        taken = await take_in(
            context.pool, origin, answer, known, fence=lambda c: plan.fence(c, claim)
        )
    finally:
        context.return_known(claim.task_id, known)
    return "stale" if taken is None else "ok"
