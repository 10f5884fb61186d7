"""What the jobs of one worker share."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence

import msgspec

from app.database.engine import Pool
from app.ingest.held import Memory
from app.ingest.known import Known
from app.providers.archive import Archive
from app.providers.provider import AnyProvider, StreamFeed
from app.providers.registry import Named
from app.sports.match import Sport


def worker_id() -> str:
    """Returns a name for this worker that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Serves(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker serves: its sports, and its providers' places and feeds.

    What the `simulated` ones say comes from a stadium of ours, whose world runs `speed` times as
    fast as ours.
    """

    names: Sequence[Named] = ()
    sports: Sequence[Sport] = tuple(Sport)
    simulated: frozenset[str] = frozenset()
    speed: float = 1.0
    feeds: Sequence[StreamFeed] = ()
    archive: Archive | None = None


class Context:
    """Connections, providers, what each task's last poll taught, and what all lines remember."""

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, AnyProvider],
        *,
        memory: Memory | None = None,
        serves: Serves | None = None,
        changes_kept_hours: int,
        odds_kept_days: int,
        dead_letters_kept_days: int = 14,
    ) -> None:
        self.pool = pool
        self.providers = providers
        self.serves = serves or Serves()
        self.changes_kept_hours = changes_kept_hours
        self.odds_kept_days = odds_kept_days
        self.dead_letters_kept_days = dead_letters_kept_days
        self.memory = memory or Memory()
        self._known: dict[int, Known] = {}

    async def close(self) -> None:
        """Gives back what was opened. Safe to call twice."""
        for provider in self.providers.values():
            await provider.close()
        if self.serves.archive is not None:
            await asyncio.to_thread(self.serves.archive.close)
        self.pool.terminate()

    def borrow_known(self, task_id: int) -> Known:
        """Lends what a task's polls know; a poll that runs beside another starts afresh."""
        return self._known.pop(task_id, None) or Known(self.memory)

    def return_known(self, task_id: int, known: Known) -> None:
        """Takes it back for the task's next poll."""
        self._known[task_id] = known
