"""One reader of one match: its place and its bounded queue."""

import asyncio
from collections import deque

from app.database.places import Place
from app.stream.change import Change


class Subscription:
    """What the hub gives one reader.

    The hub calls `put` and `lose_track`; the reader waits on `ready` and takes with `take`. After
    `lost` the queue is no continuation any more: the reader starts from a snapshot (`restart_at`).
    """

    __slots__ = ("_queue", "_queue_max", "floor", "lost", "match_id", "place", "ready")

    def __init__(self, match_id: int, *, queue_max: int) -> None:
        self.match_id = match_id
        # None until the reader has its first state; the hub's changes wait in the queue.
        self.place: Place | None = None
        # Everything after it has been queued here; an older first state would leave a hole.
        self.floor: Place | None = None
        self.lost: str | None = None
        self.ready = asyncio.Event()
        self._queue: deque[Change] = deque()
        self._queue_max = queue_max

    def put(self, change: Change) -> bool:
        """Queues a change; a full queue is lost and False is returned. Never waits."""
        if self.lost is not None:
            return False
        if len(self._queue) >= self._queue_max:
            self.lose_track("slow_consumer")
            return False
        self._queue.append(change)
        self.ready.set()
        return True

    def lose_track(self, reason: str) -> None:
        """Empties the queue: what follows can only be a snapshot."""
        self._queue.clear()
        self.lost = reason
        self.ready.set()

    def restart(self, floor: Place | None) -> None:
        """Begins again after `lost`: changes queue up from now on, before the snapshot is read."""
        self._queue.clear()
        self.lost = None
        self.place = None
        self.floor = floor
        self.ready.clear()

    def take(self) -> list[Change]:
        """Returns what is next after the reader's place, in order, and moves the place.

        Drops what the reader has already. A number that is missing counts as lost track; it cannot
        come from the hub, and is checked all the same.
        """
        assert self.place is not None, "a reader takes only after its first state"
        taken: list[Change] = []
        seq = self.place.seq
        while self._queue:
            change = self._queue.popleft()
            if change.place.seq <= seq:
                continue
            if change.place.seq != seq + 1:
                self.lose_track("gap")
                break
            seq += 1
            taken.append(change)
        if taken:
            self.place = taken[-1].place
        if self.lost is None:
            self.ready.clear()
        return taken
