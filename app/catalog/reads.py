"""Which Postgres is asked: a replica where that cannot be told from the primary, else the primary.

A read names what it is about, as the cache does. It goes to the replica only while changes are
heard of, and only when the replica has replayed all that was told about these things. So an answer
from there is never older than what this process had heard of when it was asked for, which is what
the cache promises. It promises more of what is shared through Redis (another process may have heard
more), so what a replica said is not shared.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from app import metrics
from app.cache.heard import Heard
from app.cache.lifetimes import Made
from app.cache.tags import EVERYTHING
from app.database import engine
from app.database.engine import Connection, Pool
from app.database.replica import FAILED, Mark, Replica

T = TypeVar("T")
Read = Callable[[Connection], Awaitable[T]]


class Reads:
    """Asks one of the two; `replica` is None where there is none."""

    def __init__(
        self,
        primary: Pool,
        replica: Replica | None,
        *,
        heard: Heard,
        is_current: Callable[[], bool],
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._heard = heard
        self._is_current = is_current

    async def of(self, tags: tuple[str, ...], read: Read[T]) -> T:
        """Returns what `read` finds out about these things."""
        found, _ = await self._ask(tags, read)
        return found

    async def made(self, tags: tuple[str, ...], make: Read[Made | None]) -> Made | None:
        """Returns an answer to be kept about these things; None when there is no such thing."""
        found, is_from_replica = await self._ask(tags, make)
        if found is None or not is_from_replica:
            return found
        return msgspec.structs.replace(found, is_shared=False)

    async def _ask(self, tags: tuple[str, ...], read: Read[T]) -> tuple[T, bool]:
        """Returns what was found, and whether the replica has found it. That it has found nothing
        counts for nothing: the primary may have it already.
        """
        replica = self._replica
        mark = None if replica is None else self._mark(replica, tags)
        if replica is not None and mark is not None:
            try:
                async with replica.connection(mark) as connection:
                    found = await read(connection)
            except FAILED:
                metrics.replica_reads.labels("failed").inc()
            else:
                metrics.replica_reads.labels("replica" if found is not None else "nothing").inc()
                if found is not None:
                    return found, True
        async with engine.connection(self._primary) as connection:
            return await read(connection), False

    def _mark(self, replica: Replica, tags: tuple[str, ...]) -> Mark | None:
        mark = None
        if self._is_current():
            mark = replica.mark(self._heard.at((EVERYTHING, *tags)))
        if mark is None:
            metrics.replica_reads.labels("away" if replica.why_not else "told").inc()
        return mark
