"""One poll: ask, take in, write; fenced, so that no poll is written twice or too late."""

import asyncio
import time
from typing import Any

import msgspec
from msgspec.structs import replace

from app import metrics
from app.database import engine
from app.errors import DependencyDown
from app.health.noting import note_failure, note_success
from app.ingest.dead_letters import Letter, Origin, bury
from app.ingest.intake import take_in
from app.logs import logger
from app.polling import plan, quotas
from app.polling.plan import Claim
from app.providers.provider import (
    Answer,
    Ask,
    ProviderError,
    ProviderTimeout,
    ProviderUnreadable,
    Scope,
    observe,
)
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
        wanted = await plan.targets(connection, claim)
    ask = Ask(scope=Scope(claim.scope), sport=Sport(claim.sport), part=claim.part, matches=wanted)
    began = time.monotonic()
    try:
        answer = await _asked(context, claim, ask)
    except ProviderError as error:
        await _note_failure(context, claim, error)
        return "failed"
    took_ms = round((time.monotonic() - began) * 1000)
    # Before the write, which may be long: it answered. And apart from it, or polls of one provider
    # would wait for each other's transactions.
    async with engine.connection(context.pool) as connection:
        await note_success(
            connection,
            claim.provider,
            claim.sport,
            took_ms=took_ms,
            observations=answer.observations,
        )
    return "ok" if await _write(context, claim, answer) else "stale"


async def _asked(context: Context, claim: Claim, ask: Ask) -> Answer:
    """Asks; no transaction and no connection is held while somebody else thinks."""
    try:
        async with asyncio.timeout(claim.timeout_ms / 1000):
            answer = await observe(context.providers[claim.provider], ask)
    except TimeoutError:
        raise ProviderTimeout(f"no answer within {claim.timeout_ms} ms") from None
    if claim.provider not in context.serves.simulated:
        return answer
    speed = context.serves.speed
    marked = tuple(replace(said, simulated=True, speed=speed) for said in answer.observations)
    return replace(answer, observations=marked)


async def _write(context: Context, claim: Claim, answer: Answer) -> bool:
    """Fences and takes in, in one transaction; False: the claim is no longer ours."""
    known = context.borrow_known(claim.task_id)
    try:
        taken = await take_in(
            context.pool, _origin(claim), answer, known, fence=lambda c: plan.fence(c, claim)
        )
    finally:
        context.return_known(claim.task_id, known)
    return taken is not None


async def _note_failure(context: Context, claim: Claim, error: ProviderError) -> None:
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    log.warning("poll_failed", provider=claim.provider, scope=claim.scope, error=reason)
    async with engine.connection(context.pool) as connection, connection.transaction():
        await plan.fail(connection, claim, reason)
        await quotas.note(connection, claim.provider, error)
        await note_failure(connection, claim.provider, claim.sport, kind=error.kind, error=reason)
        if isinstance(error, ProviderUnreadable):
            letter = Letter(code=error.kind, message=reason, raw=error.raw)
            await bury(connection, _origin(claim), [letter])


def _origin(claim: Claim) -> Origin:
    return Origin(provider=claim.provider, scope=claim.scope, sport=claim.sport)
