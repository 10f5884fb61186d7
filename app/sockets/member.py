"""Member: one reader of a match. Group: the members that are in step and take the same bytes."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from app.database.places import Place
from app.errors import AppError
from app.sockets.counting import count_sent, note_latency
from app.sockets.dialect import Dialect, SnapshotReason
from app.sockets.line import Line, Ready, WireForm
from app.sockets.outgoing import Outgoing, pack
from app.sockets.tail import Entry

# A write to a socket costs the kernel some 3 to 5 µs, whether one frame is in it or ten. So while
# changes of a match follow one another faster than its many sockets are written to, those that come
# within so long after the last telling, for each member, go out together. A change that comes alone
# never waits, and none waits longer than the maximum.
JOINED_FROM_MEMBERS = 100
JOINED_S_EACH = 0.000_01
JOINED_S_MAX = 0.005


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How a match is to be told. Members with equal wishes share every frame.

    `channel` is handed to the dialect; `kinds` are the frames' types wanted, None: all;
    `conflate_s`: at most one frame a match and market in so long, 0: every change as it comes;
    `snapshot`: False for readers that want no first state but the place they begin at; what they
    lost track of is told by a snapshot all the same.
    """

    channel: str = ""
    kinds: frozenset[str] | None = None
    conflate_s: float = 0.0
    snapshot: bool = True

    def wants(self, kind: str) -> bool:
        """Says whether frames of this type are wanted."""
        return self.kinds is None or kind in self.kinds


class Reading(Protocol):
    """What a crowd sees of the session behind a member."""

    @property
    def line(self) -> Line:
        """Where its frames go."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How they look."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether the line takes no more for now."""
        ...

    def began(self) -> None:
        """Is told that a first state was written."""
        ...

    def said(self) -> None:
        """Is told that something was written to its line alone."""
        ...


class Member(ABC):
    """One reader. In the flow it has no state of its own: its place is its group's.

    Out of it, `place` is what it has, None before its first state; `reason` is set while it needs
    a snapshot; `behind` is True from when its line was full until it is in step again, `came_back`
    from when it joined with a place until it went on from there.
    """

    __slots__ = (
        "behind", "came_back", "group", "key", "match_id", "place", "reason", "session", "wish",
    )  # fmt: skip

    def __init__(self, session: Reading, match_id: int, *, key: str, wish: Wish) -> None:
        self.session = session
        self.match_id = match_id
        self.key = key
        self.wish = wish
        self.place: Place | None = None
        self.reason: SnapshotReason | None = None
        self.behind = False
        self.came_back = False
        self.group: Group | None = None

    @abstractmethod
    def failed(self, error: AppError) -> None:
        """Is told that there is nothing to follow, or no longer."""

    def beat_at(self, place: Place) -> bool:
        """Writes a heartbeat that names a place; False when its dialect has no such frame."""
        text = self.session.dialect.heartbeat(self.match_id, place, self.wish.channel)
        if text is not None:
            self.write([Outgoing(text, "heartbeat")])
        return text is not None

    def write(self, frames: Sequence[Outgoing]) -> None:
        """Writes frames to this member alone, and counts them."""
        session = self.session
        ready = pack(frames, session.line.form)
        count_sent(session.dialect.name, frames, ready)
        session.said()
        session.line.write(ready)


class GroupKey(msgspec.Struct, frozen=True):
    """What members must have in common to be written the same bytes."""

    dialect: Dialect
    wish: Wish
    form: WireForm


class Group:
    """Members in step at `place`. Telling them something is one call a member, of its line's own
    `write`: whatever is to be known of a member is known of the group.
    """

    __slots__ = ("_writes", "key", "members", "place", "timer", "told_at")

    def __init__(self, key: GroupKey, place: Place) -> None:
        self.key = key
        self.place = place
        # When it was told something last, monotonic.
        self.told_at = 0.0
        # Runs while changes wait to be told conflated.
        self.timer: asyncio.TimerHandle | None = None
        self.members: dict[Member, Callable[[Ready], None]] = {}
        # The same as a sequence that stays while it is gone through: a line that gets full in
        # between takes its member out.
        self._writes: tuple[Callable[[Ready], None], ...] | None = None

    def add(self, member: Member) -> None:
        """Takes a member in that has the group's place."""
        member.group = self
        member.place = None
        self.members[member] = member.session.line.write
        self._writes = None

    def discard(self, member: Member) -> None:
        """Lets a member go; it has what the group has."""
        del self.members[member]
        member.group = None
        member.place = self.place
        self._writes = None
        if not self.members and self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def pause_s(self) -> float:
        """Returns how long it is left alone: as it wished; and one of many that was told this very
        moment until it can be told more at once, with one write for each of them.
        """
        apart_s = self.key.wish.conflate_s
        if not apart_s and len(self.members) >= JOINED_FROM_MEMBERS:
            apart_s = min(JOINED_S_MAX, JOINED_S_EACH * len(self.members))
        return max(0.0, self.told_at + apart_s - time.monotonic()) if apart_s else 0.0

    def tell(self, frames: Sequence[Outgoing], entries: Sequence[Entry]) -> None:
        """Writes frames that stand for these entries to all members; then they are at the last."""
        # First the place: a line that gets full while it is written to leaves with it.
        self.place = entries[-1].change.place
        if not frames:
            return
        ready = pack(frames, self.key.form)
        writes = self._writes
        if writes is None:
            writes = self._writes = tuple(self.members.values())
        for write in writes:
            write(ready)
        self.told_at = time.monotonic()
        protocol = self.key.dialect.name
        count_sent(protocol, frames, ready, len(writes))
        note_latency(protocol, time.time() - entries[0].change.place.at_us / 1e6)
