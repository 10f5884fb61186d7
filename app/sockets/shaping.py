"""From entries of the log to the frames of a group."""

from collections.abc import Iterator, Sequence

from app import metrics
from app.database.places import Place
from app.sockets.member import GroupKey
from app.sockets.outgoing import Outgoing
from app.sockets.tail import Entry
from app.stream.conflation import conflate

# Written to one reader at a time while it catches up: it may be full after any of them.
FRAMES_AT_ONCE = 32


def in_portions(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yields entries some at a time."""
    for first in range(0, len(entries), FRAMES_AT_ONCE):
        yield entries[first : first + FRAMES_AT_ONCE]


def frames_of(key: GroupKey, entries: Sequence[Entry]) -> list[Outgoing]:
    """Returns the frames of a group: those it wishes for, in its dialect."""
    dialect, wish = key.dialect, key.wish
    return [e.frame(dialect, wish.channel) for e in entries if wish.wants(e.change.kind)]


def conflated_of(key: GroupKey, entries: Sequence[Entry], start: Place) -> list[Outgoing]:
    """Returns the frames of a group with the newest of each market, score and incident."""
    dialect, wish = key.dialect, key.wish
    wanted = [entry.change for entry in entries if wish.wants(entry.change.kind)]
    told = conflate(wanted, start)
    if len(told) == len(wanted):
        return frames_of(key, entries)
    metrics.frames_conflated.labels(dialect.name).inc(len(wanted) - len(told))
    return [Outgoing(dialect.change(change, wish.channel), change.kind) for change in told]
