"""Errands: what must be awaited for one session. There is none while nothing happens."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app.errors import AppError, Internal
from app.logs import logger

log = logger(__name__)


class Errands:
    """The tasks of one session, which end with it."""

    __slots__ = ("_refuse", "_tasks")

    def __init__(self, refuse: Callable[[AppError], None]) -> None:
        # Told the errors of tasks; Internal when it is a mistake of ours.
        self._refuse = refuse
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs some work as a task."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Cancelled before it began, the task never came to it.
        task.add_done_callback(lambda _: work.close())

    def cancel(self) -> None:
        """Ends what runs."""
        for task in tuple(self._tasks):
            task.cancel()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except AppError as error:
            self._refuse(error)
        except Exception:
            log.exception("session_failed")
            self._refuse(Internal())
