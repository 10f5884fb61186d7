"""Pulse: what follows from time, for all sessions of the process, with no timer a socket."""

import asyncio
import random
import time
from typing import Protocol

from app.logs import logger

# How exact heartbeats and time limits of sockets are.
PULSE_S = 0.25
# Longest a stopping server lets sockets take their last frames.
DRAIN_S = 2.0
# Clients of a server that goes away are asked to come back spread over time: so many a second.
RECONNECTS_PER_S = 500
RECONNECT_MS_MIN = 100
RECONNECT_SPREAD_MS_MIN = 1_000

log = logger(__name__)


class Beating(Protocol):
    """What the pulse sees of a session."""

    def look(self, now: float) -> float:
        """Does what is due at `now` (monotonic); returns when to look again."""
        ...

    def go_away(self, reconnect_in_ms: int) -> None:
        """Says that the server stops, and closes."""
        ...

    def cut(self) -> None:
        """Ends what did not close in time."""
        ...


class Pulse:
    """All sessions of the process, by when each is to be looked at: heartbeats, tokens that end,
    readers that are stuck. And the way out.
    """

    def __init__(self) -> None:
        # The tick each session is looked at next; the wheel is the same the other way round.
        self.sessions: dict[Beating, int] = {}
        self._wheel: dict[int, set[Beating]] = {}
        self._tick = _tick_of(time.monotonic())
        self._empty = asyncio.Event()
        self.going_away = False

    def schedule(self, session: Beating, at: float) -> None:
        """Looks after a session from now on, next at `at`, monotonic, or earlier."""
        tick = max(_tick_of(at), self._tick + 1)
        before = self.sessions.get(session)
        if before is not None:
            if before <= tick:
                return
            self._wheel[before].discard(session)
        self.sessions[session] = tick
        self._wheel.setdefault(tick, set()).add(session)

    def discard(self, session: Beating) -> None:
        """Looks after it no more. Safe to call twice."""
        tick = self.sessions.pop(session, None)
        if tick in self._wheel:
            self._wheel[tick].discard(session)
        if not self.sessions:
            self._empty.set()

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            await asyncio.sleep(PULSE_S)
            self.beat(time.monotonic())

    def beat(self, now: float) -> None:
        """Looks at every session that is due."""
        for tick in range(self._tick + 1, _tick_of(now) + 1):
            self._tick = tick
            for session in self._wheel.pop(tick, ()):
                if self.sessions.pop(session, None) is None:
                    continue  # Gone, by the doing of one before it.
                # Back in before it is looked at: that may end it.
                self.schedule(session, now + PULSE_S)
                self._look(session, now)

    def _look(self, session: Beating, now: float) -> None:
        try:
            again = session.look(now)
        except Exception:
            # One session's trouble must not stop the heart of all.
            log.exception("look_failed")
            session.cut()
            return
        if session in self.sessions:
            self._wheel[self.sessions.pop(session)].discard(session)
            self.schedule(session, again)

    def reconnect_in_ms(self, sockets: int = 0) -> int:
        """Returns when one of so many clients may come back, drawn."""
        spread_ms = max(RECONNECT_SPREAD_MS_MIN, 1_000 * sockets // RECONNECTS_PER_S)
        # Spreads a load; nobody gains by foreseeing it.
        return RECONNECT_MS_MIN + random.randrange(spread_ms)  # noqa: S311

    async def drain(self) -> None:
        """Tells every socket that the server goes away, and waits a little for them to hear it."""
        self.going_away = True
        sessions = list(self.sessions)
        if not sessions:
            return
        self._empty.clear()
        for session in sessions:
            session.go_away(self.reconnect_in_ms(len(sessions)))
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._empty.wait()
        except TimeoutError:
            for session in list(self.sessions):
                session.cut()
        log.info("sockets_drained", told=len(sessions))


def _tick_of(at: float) -> int:
    return int(at / PULSE_S)
