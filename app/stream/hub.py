"""One reader of the log for the whole process: nudged, it reads what is next and hands it out."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.database.listener import Nudge
from app.database.places import Place
from app.errors import DependencyDown
from app.logs import logger
from app.stream import log as ordered_log
from app.stream.change import Change
from app.stream.log_state import LogState
from app.stream.run import Run

# Looks at all followed matches this often, nudged or not: what a lost notification may cost.
SWEEP_S = 1.0
RETRY_S = 0.1
# Nothing read for so long, who follows is told: three sweeps, or one and a connection made anew.
BEHIND_AFTER_S = 3.0
# Looks so often whether anything was read.
WATCH_S = 0.25
# Readers told of the log's state before the event loop gets a turn.
TOLD_AT_ONCE = 100
# Matches read in one statement.
MATCHES_PER_READ_MAX = 1_000

log = logger(__name__)


class Reader(Protocol):
    """Who hears of a match in this process. There is one a match: the crowd of its sockets."""

    def told(self, changes: Sequence[Change]) -> None:
        """Takes what is next, in order, after the place it began at. Never waits, never raises."""
        ...

    def lose_track(self) -> None:
        """Takes note that the log is another one: nothing comes until it begins anew."""
        ...

    def log_state_changed(self) -> None:
        """Takes note of the hub's `log_state`. May be called when it knows already."""
        ...


class Hub:
    """Follows the matches that somebody here reads.

    `nudge` says that something may be new; `run` reads and hands out. `current` is True while
    nudges arrive and the last read went well: only then may a cache be believed. `log_state` is
    what followers are told, and more patient: a sweep finds what no nudge told.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._readers: dict[int, Reader] = {}
        self._places: dict[int, Place] = {}
        self._dirty: set[int] = set()
        self._everything = True
        self._wake = asyncio.Event()
        self._listening = False
        self._reading_well = True
        self.log_state = LogState(state="current", since=datetime.now(UTC))
        self._read_at = self.log_state.since
        self._turns_unread = 0

    @property
    def current(self) -> bool:
        """Whether what changes is heard of at once."""
        return self._listening and self._reading_well

    def nudge(self, ids: Nudge) -> None:
        """Takes a notification: these matches, or with None any, have something new."""
        if ids is None:
            self._listening = True
            self._everything = True
        else:
            self._dirty.update(ids & self._readers.keys())
        if self._everything or self._dirty:
            self._wake.set()

    def _look_at_all(self) -> None:
        """Looks at every match followed, at once."""
        self._everything = True
        self._wake.set()

    def offer(self, runs: Sequence[Run]) -> None:
        """Takes what somebody else read. What goes on from our place is handed out as if we had
        read it; of anything else the log is asked.
        """
        for run in runs:
            place = self._places.get(run.match_id)
            if place is None:
                continue
            beyond = run.beyond(place)
            if beyond:
                self._hand_out(run.match_id, list(beyond))
                metrics.hub_offered.labels("taken").inc()
            elif beyond is None:
                self._dirty.add(run.match_id)
                self._wake.set()
                metrics.hub_offered.labels("read").inc()
            else:
                metrics.hub_offered.labels("had").inc()

    def listener_lost(self) -> None:
        """Notes that notifications no longer arrive."""
        self._listening = False

    def follow(self, match_id: int, reader: Reader) -> None:
        """Takes the one reader of a match; nothing is handed out before it `begin`s somewhere."""
        assert match_id not in self._readers, match_id
        self._readers[match_id] = reader
        metrics.hub_matches.set(len(self._readers))

    def begin(self, match_id: int, place: Place) -> None:
        """Hands out what comes after `place` from now on, where a first state was true."""
        assert match_id in self._readers, match_id
        self._places[match_id] = place
        self._dirty.add(match_id)
        self._wake.set()

    def unfollow(self, match_id: int) -> None:
        """Forgets a match nobody reads any more."""
        del self._readers[match_id]
        self._places.pop(match_id, None)
        metrics.hub_matches.set(len(self._readers))

    def is_followed(self, match_id: int) -> bool:
        """Says whether anybody here follows a match."""
        return match_id in self._readers

    async def run(self) -> None:
        """Reads and hands out until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._read_on()
        finally:
            watching.cancel()

    async def _read_on(self) -> None:
        while True:
            try:
                # One connection for good: borrowing and giving back cost more than a read.
                async with engine.connection(self._pool) as connection:
                    await self._follow(connection)
            except (DependencyDown, asyncpg.PostgresError) as error:
                if self._reading_well:
                    log.warning("log_out_of_reach", error=str(error))
                self._reading_well = False
                self._everything = True
                await asyncio.sleep(RETRY_S)

    async def _follow(self, connection: engine.Connection) -> None:
        """Reads whenever nudged, and everything once a sweep, until the connection fails."""
        sweep_due_at = 0.0
        while True:
            try:
                async with asyncio.timeout(max(0.0, sweep_due_at - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                self._everything = True
            self._wake.clear()
            if self._everything:
                sweep_due_at = time.monotonic() + SWEEP_S
            began, swept = time.monotonic(), self._everything
            await self._read(connection)
            self._reading_well = True
            if self.log_state.is_behind:
                # An answer that was long under way may be as old as the question.
                if swept and time.monotonic() - began < SWEEP_S:
                    await self._set_log_state(LogState(state="current", since=self._read_at))
                else:
                    self._look_at_all()

    async def _watch(self) -> None:
        """Finds out that nothing was read for too long. Turns are counted, not seconds: after a
        stall of the event loop of ours it is the reader's turn first.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            self._turns_unread += 1
            is_late = self._turns_unread * WATCH_S >= BEHIND_AFTER_S
            if is_late and not self.log_state.is_behind:
                await self._set_log_state(LogState(state="behind", since=self._read_at))

    async def _set_log_state(self, state: LogState) -> None:
        """Tells every reader; each reads `log_state` itself, so that the last one told is true."""
        self.log_state = state
        metrics.hub_behind.set(state.is_behind)
        log.warning("log_state", state=state.state, since=state.since.isoformat())
        for told, match_id in enumerate(list(self._readers)):
            if told % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)
            reader = self._readers.get(match_id)
            if reader is not None:
                reader.log_state_changed()

    def _note_read(self) -> None:
        self._turns_unread = 0
        self._read_at = datetime.now(UTC)

    async def _read(self, connection: engine.Connection) -> None:
        """One round: with `everything`, finds who is behind; then reads until nothing is left."""
        everything, self._everything = self._everything, False
        dirty, self._dirty = self._dirty, set()
        if everything:
            dirty |= await self._find_behind(connection)
        await self._catch_up(connection, dirty)

    async def _find_behind(self, connection: engine.Connection) -> set[int]:
        """Returns the matches with something new; those whose log is not ours any more restart."""
        places = dict(self._places)
        if not self._readers:
            self._note_read()
            return set()
        # Of nobody, while all wait for their first state: that the log can be read is worth a look.
        heads = await ordered_log.heads(connection, list(places))
        self._note_read()
        for match_id, place in places.items():
            head = heads.get(match_id)
            if head is None or head.seq < place.seq or (head.seq == place.seq and head != place):
                self._resync(match_id, place)
        return {m for m, head in heads.items() if head.seq > places[m].seq}

    def _resync(self, match_id: int, place: Place) -> None:
        """Sends the readers of a match back to a snapshot, unless its place has moved since."""
        if self._places.get(match_id) != place:
            return
        metrics.hub_resyncs.inc()
        log.warning("log_is_another", match_id=match_id, seq=place.seq)
        del self._places[match_id]
        self._readers[match_id].lose_track()

    async def _catch_up(self, connection: engine.Connection, dirty: set[int]) -> None:
        """Reads the matches, the long ones again and again, until nothing is left."""
        waiting = list(dirty)
        while waiting:
            batch, waiting = waiting[:MATCHES_PER_READ_MAX], waiting[MATCHES_PER_READ_MAX:]
            places = {m: self._places[m] for m in batch if m in self._places}
            if not places:
                continue
            changes, broken = await ordered_log.changes_after(connection, places)
            self._note_read()
            for match_id in broken:
                self._resync(match_id, places[match_id])
            for match_id, found in groupby(changes, attrgetter("match_id")):
                next_ones = list(found)
                self._hand_out(match_id, next_ones)
                if len(next_ones) >= ordered_log.CHANGES_PER_READ_MAX:
                    waiting.append(match_id)

    def _hand_out(self, match_id: int, changes: list[Change]) -> None:
        """Tells the reader of a match what is after its place; it may have begun elsewhere since
        the read.
        """
        place = self._places.get(match_id)
        if place is None:
            return
        after = [change for change in changes if change.place.seq > place.seq]
        if not after or after[0].place.seq != place.seq + 1:
            return
        self._places[match_id] = after[-1].place
        self._turns_unread = 0
        metrics.hub_changes.inc(len(after))
        metrics.hub_lag_seconds.observe(max(0.0, time.time() - after[0].place.at_us / 1e6))
        self._readers[match_id].told(after)
