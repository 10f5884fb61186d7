"""The one way in: an answer of one provider, polled, streamed or pushed, taken in whole."""

from collections.abc import Awaitable, Callable

import asyncpg

from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest.dead_letters import Letter, Origin, bury
from app.ingest.known import Known
from app.ingest.pipeline import OBSERVATIONS_MAX, Ingested, ingest
from app.providers.provider import Answer

# A deadlock with a writer that is not ours is tried again; twice is bad luck, thrice a bug.
WRITE_TRIES_MAX = 3

# Asked first in the transaction; False: what was heard is no longer ours to write.
Fence = Callable[[Connection], Awaitable[bool]]


async def take_in(
    pool: Pool, origin: Origin, answer: Answer, known: Known, *, fence: Fence | None = None
) -> Ingested | None:
    """Takes an answer in, in one transaction; None when the fence did not hold.

    What of it could not be read is kept as dead letters in the same transaction. Raises
    DependencyDown when Postgres is away; nothing was written then.
    """
    for tries_left in reversed(range(WRITE_TRIES_MAX)):
        try:
            async with engine.connection(pool) as connection, connection.transaction():
                if fence is not None and not await fence(connection):
                    return None
                ingested = await _write(connection, origin, answer, known)
            known.keep()
        except asyncpg.DeadlockDetectedError:
            if not tries_left:
                raise
        else:
            return ingested
        finally:
            known.drop()
    raise AssertionError("the last try returns or raises")


async def _write(connection: Connection, origin: Origin, answer: Answer, known: Known) -> Ingested:
    whole = Ingested()
    for start in range(0, len(answer.observations), OBSERVATIONS_MAX):
        batch = answer.observations[start : start + OBSERVATIONS_MAX]
        whole += await ingest(connection, batch, known)
    letters = [Letter(code=one.code, message=one.message, raw=one.raw) for one in answer.rejected]
    await bury(connection, origin, letters)
    return whole
