"""One reader of all users' logs for the whole process: nudged, it reads and hands out."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from app.database import engine
from app.database.engine import Connection, Pool
from app.database.listener import Nudge
from app.database.places import Place
from app.logs import logger
from app.stream import user_log
from app.stream.rounds import Rounds
from app.stream.user_log import UserChange

# Looks at all followed users this often, nudged or not: what a lost notification may cost.
SWEEP_S = 1.0
# Users read in one statement.
USERS_PER_READ_MAX = 1_000

log = logger(__name__)


class UserReader(Protocol):
    """Who follows a user. It keeps its own place, so nothing is queued for it.

    `place` is None while it takes nothing: before its first state, and while its line is full.
    """

    @property
    def user_id(self) -> int:
        """Whose log."""
        ...

    @property
    def place(self) -> Place | None:
        """What it has."""
        ...

    def told(self, changes: Sequence[UserChange]) -> None:
        """Takes what comes after its place, in order, and moves it."""
        ...

    def lose_track(self) -> None:
        """Hears that its place is not of this log any more: it needs a first state."""
        ...


class UserHub:
    """Follows the users that somebody here follows; `run` reads and hands out.

    Each reader is told what comes after its own place, read from the lowest of a user's readers. So
    a first state needs no queue: a reader that takes its place from a read of its own is told what
    came since, however long that took, once and in order.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._readers: dict[int, set[UserReader]] = {}
        self._rounds = Rounds("user_log", self._read, sweep_s=SWEEP_S)

    def nudge(self, ids: Nudge) -> None:
        """Takes a notification: these users, or with None any, have something new."""
        self._rounds.nudge(None if ids is None else ids & self._readers.keys())

    def follow(self, reader: UserReader) -> None:
        """Tells a reader from now on whatever comes after its place."""
        self._readers.setdefault(reader.user_id, set()).add(reader)
        self.ready(reader)

    def ready(self, reader: UserReader) -> None:
        """Looks for a reader that takes again: it got its first state, or its line drained."""
        self.nudge(frozenset({reader.user_id}))

    def unfollow(self, reader: UserReader) -> None:
        """Lets a reader go. Safe to call twice."""
        readers = self._readers.get(reader.user_id)
        if readers is None:
            return
        readers.discard(reader)
        if not readers:
            del self._readers[reader.user_id]

    def is_followed(self, user_id: int) -> bool:
        """Says whether anybody here follows a user."""
        return user_id in self._readers

    async def run(self) -> None:
        """Reads and hands out until cancelled; without readers it asks nothing."""
        await self._rounds.run()

    async def _read(self, nudged: set[int], everything: bool) -> None:  # noqa: FBT001 - a Read.
        waiting = set(self._readers) if everything else nudged
        users = [user_id for user_id in waiting if self._lowest(user_id) is not None]
        if not users:
            return
        async with engine.connection(self._pool) as connection:
            for first in range(0, len(users), USERS_PER_READ_MAX):
                batch = users[first : first + USERS_PER_READ_MAX]
                await self._catch_up(connection, batch, check=everything)

    async def _catch_up(self, connection: Connection, users: list[int], *, check: bool) -> None:
        """Reads these users until nothing is left; with `check`, only those whose head has moved,
        and sends those back to a first state whose log is another.
        """
        if check:
            users = await self._behind(connection, users)
        while users:
            places = {u: place for u in users if (place := self._lowest(u)) is not None}
            if not places:
                return
            changes, broken = await user_log.changes_after(connection, places)
            for user_id in broken:
                self._lose_track(user_id, places[user_id])
            by_user: defaultdict[int, list[UserChange]] = defaultdict(list)
            for change in changes:
                by_user[change.user_id].append(change)
            for user_id, told in by_user.items():
                self._hand_out(user_id, told)
            users = [u for u, told in by_user.items() if len(told) >= user_log.CHANGES_PER_READ_MAX]

    async def _behind(self, connection: Connection, users: list[int]) -> list[int]:
        # As they are before the read: a reader may take a later place meanwhile.
        readers = [(r, r.place) for user_id in users for r in self._readers.get(user_id, ())]
        heads = await user_log.heads(connection, users)
        behind: set[int] = set()
        for reader, place in readers:
            head = heads[reader.user_id]
            if place is None or place == head or reader.place != place:
                continue
            if head.seq <= place.seq:
                self._lose_track(reader.user_id, place)
            else:
                behind.add(reader.user_id)
        return list(behind)

    def _lowest(self, user_id: int) -> Place | None:
        """Returns the place to read a user from, None when none of its readers takes anything."""
        places = [reader.place for reader in self._readers.get(user_id, ())]
        return min((place for place in places if place is not None), default=None, key=_by_seq)

    def _lose_track(self, user_id: int, place: Place) -> None:
        """Sends readers back to a first state that still are at a place that is not of the log."""
        log.warning("user_log_is_another", user_id=user_id, seq=place.seq)
        for reader in list(self._readers.get(user_id, ())):
            if reader.place == place:
                reader.lose_track()

    def _hand_out(self, user_id: int, changes: list[UserChange]) -> None:
        for reader in list(self._readers.get(user_id, ())):
            place = reader.place
            if place is None:
                continue
            new = [change for change in changes if change.place.seq > place.seq]
            # One that took its place after the read began may be further on than all of it, or
            # further back than its beginning: the next round reads for it.
            if new and new[0].place.seq == place.seq + 1:
                reader.told(new)


def _by_seq(place: Place) -> int:
    return place.seq
