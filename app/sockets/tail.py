"""Tail: what a match's log ended with, kept once for everybody who owes it to a reader."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from app.database.places import Place
from app.sockets.dialect import Dialect
from app.sockets.outgoing import Outgoing
from app.stream.change import Change

# Kept for those who join a moment after: a snapshot is read while changes come.
CHANGES_MIN = 16


class Entry:
    """One change, and the frames it has become: one a dialect and channel, made once."""

    __slots__ = ("_frames", "change")

    def __init__(self, change: Change) -> None:
        self.change = change
        self._frames: dict[tuple[Dialect, str], Outgoing] = {}

    def frame(self, dialect: Dialect, channel: str) -> Outgoing:
        """Returns the frame of a dialect and channel."""
        key = (dialect, channel)
        made = self._frames.get(key)
        if made is None:
            change = self.change
            made = self._frames[key] = Outgoing(dialect.change(change, channel), change.kind)
        return made


class Tail:
    """The last entries of one match's log, without a hole; `start` is the place before them."""

    __slots__ = ("_bytes", "_entries", "end", "start")

    def __init__(self, start: Place) -> None:
        self.start = start
        self.end = start
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def extend(self, changes: Sequence[Change]) -> list[Entry]:
        """Takes what is next; returns it as entries."""
        assert changes[0].place.seq == self.end.seq + 1, (self.end, changes[0].place)
        entries = [Entry(change) for change in changes]
        self._entries.extend(entries)
        self._bytes += sum(len(change.frame) for change in changes)
        self.end = changes[-1].place
        return entries

    def after(self, place: Place) -> list[Entry] | None:
        """Returns what comes after a place; None when that is no longer here, or when the place is
        not of this log, or ahead of it.
        """
        skipped = place.seq - self.start.seq
        if skipped < 0 or place.seq > self.end.seq:
            return None
        here = self._entries[skipped - 1].change.place if skipped else self.start
        if here != place:
            return None
        return list(islice(self._entries, skipped, None))

    def trim(self, bytes_max: int) -> None:
        """Lets the oldest go, down to so many bytes or the least there is to keep."""
        while len(self._entries) > CHANGES_MIN and self._bytes > bytes_max:
            gone = self._entries.popleft().change
            self._bytes -= len(gone.frame)
            self.start = gone.place
