"""One reader of the log for the whole process: nudged, it reads what is next and hands it out."""

import asyncio
import time
from collections import Counter

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
from app.stream.subscription import Subscription

# Looks at all followed matches this often, nudged or not: what a lost notification may cost.
SWEEP_S = 1.0
RETRY_S = 0.1
# Matches read in one statement.
MATCHES_PER_READ_MAX = 1_000

log = logger(__name__)


class Hub:
    """Follows the matches that somebody here subscribes to.

    `nudge` says that something may be new; `run` reads and hands out. `current` is True while
    nudges arrive and the last read went well: only then may a cache be believed.
    """

    def __init__(self, pool: Pool, *, queue_max: int) -> None:
        self._pool = pool
        self._queue_max = queue_max
        self._readers: dict[int, set[Subscription]] = {}
        self._places: dict[int, Place] = {}
        self._dirty: set[int] = set()
        self._everything = True
        self._wake = asyncio.Event()
        self._listening = False
        self._reading_well = True

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

    def listener_lost(self) -> None:
        """Notes that notifications no longer arrive."""
        self._listening = False

    def subscribe(self, match_id: int) -> Subscription:
        """Begins to queue a match's changes for one reader, who then reads its first state."""
        subscription = Subscription(match_id, queue_max=self._queue_max)
        subscription.floor = self._places.get(match_id)
        self._readers.setdefault(match_id, set()).add(subscription)
        metrics.hub_matches.set(len(self._readers))
        return subscription

    def restart(self, subscription: Subscription) -> None:
        """Begins anew for a reader that lost track, as if it had just subscribed."""
        subscription.restart(self._places.get(subscription.match_id))

    def started(self, subscription: Subscription, place: Place) -> bool:
        """Takes note that a reader has its first state, true at `place`.

        False: that state is older than what is queued begins with (it was read before somebody
        else's who set the hub's place); read it again. The first reader of a match sets its place.
        """
        match_id = subscription.match_id
        if subscription.floor is not None and place.seq < subscription.floor.seq:
            return False
        subscription.place = place
        if match_id not in self._places:
            self._places[match_id] = place
            for reader in self._readers[match_id]:
                reader.floor = place
            self._dirty.add(match_id)
            self._wake.set()
        return True

    def unsubscribe(self, subscription: Subscription) -> None:
        """Lets a reader go; a match nobody follows is forgotten. Safe to call twice."""
        readers = self._readers.get(subscription.match_id)
        if readers is None:
            return
        readers.discard(subscription)
        if not readers:
            del self._readers[subscription.match_id]
            self._places.pop(subscription.match_id, None)
            metrics.hub_matches.set(len(self._readers))

    def is_followed(self, match_id: int) -> bool:
        """Says whether anybody here follows a match."""
        return match_id in self._readers

    async def run(self) -> None:
        """Reads and hands out until cancelled."""
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
            await self._read(connection)
            self._reading_well = True

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
        if not places:
            return set()
        heads = await ordered_log.heads(connection, list(places))
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
        for reader in self._readers.get(match_id, ()):
            reader.lose_track("resume_expired")

    async def _catch_up(self, connection: engine.Connection, dirty: set[int]) -> None:
        """Reads the matches, the long ones again and again, until nothing is left."""
        waiting = list(dirty)
        while waiting:
            batch, waiting = waiting[:MATCHES_PER_READ_MAX], waiting[MATCHES_PER_READ_MAX:]
            places = {m: self._places[m] for m in batch if m in self._places}
            if not places:
                continue
            changes, broken = await ordered_log.changes_after(connection, places)
            for match_id in broken:
                self._resync(match_id, places[match_id])
            counts = Counter(change.match_id for change in changes)
            self._hand_out(changes)
            waiting += [m for m, n in counts.items() if n >= ordered_log.CHANGES_PER_READ_MAX]

    def _hand_out(self, changes: list[Change]) -> None:
        for change in changes:
            place = self._places.get(change.match_id)
            if place is None or change.place.seq <= place.seq:
                continue
            assert change.place.seq == place.seq + 1, (change.match_id, place, change.place)
            self._places[change.match_id] = change.place
            metrics.hub_changes.inc()
            metrics.hub_lag_seconds.observe(max(0.0, time.time() - change.place.at_us / 1e6))
            for reader in self._readers[change.match_id]:
                if reader.lost is None and not reader.put(change):
                    metrics.slow_readers.labels("snapshot").inc()
