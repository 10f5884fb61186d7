"""Rounds: reading again whenever nudged, one read at a time, through any outage."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import asyncpg

from app.errors import DependencyDown
from app.logs import logger

# Between two tries while Postgres is away.
RETRY_S = 0.25

log = logger(__name__)
# Takes the ids that were nudged and whether anything may be new; returns when all of it is read.
Read = Callable[[set[int], bool], Awaitable[None]]


class Rounds:
    """Calls `read` with what was nudged since its last call, and for everything once a sweep.

    Nothing depends on a nudge: what one that was lost costs is a sweep. Nudges that come while a
    read is under way make one more round. `name` is for the log.
    """

    def __init__(self, name: str, read: Read, *, sweep_s: float, apart_s: float = 0.0) -> None:
        self._name = name
        self._read = read
        self._sweep_s = sweep_s
        self._apart_s = apart_s
        self._ids: set[int] = set()
        self._everything = False
        self._wake = asyncio.Event()
        self._well = True

    def nudge(self, ids: Iterable[int] | None) -> None:
        """Notes that these, or with None any, have something new."""
        if ids is None:
            self._everything = True
        else:
            self._ids.update(ids)
        if self._everything or self._ids:
            self._wake.set()

    async def run(self) -> None:
        """Reads until cancelled, at most once in `apart_s`."""
        swept_at = float("-inf")
        while True:
            try:
                async with asyncio.timeout(max(0.0, swept_at + self._sweep_s - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                self._everything = True
            self._wake.clear()
            if self._everything:
                swept_at = time.monotonic()
            await self._round()
            await asyncio.sleep(self._apart_s if self._well else RETRY_S)

    async def _round(self) -> None:
        everything, self._everything = self._everything, False
        ids, self._ids = self._ids, set()
        try:
            await self._read(ids, everything)
            self._well = True
        except (DependencyDown, asyncpg.PostgresError) as error:
            if self._well:
                log.warning("round_failed", what=self._name, error=str(error))
            self._well = False
            self.nudge(None)
            self.nudge(ids)
