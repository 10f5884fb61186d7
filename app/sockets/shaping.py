"""From entries of the log to the frames of a group."""

from collections.abc import Iterator, Sequence

from app import metrics
from app.database.places import Place
from app.sockets.member import GroupKey
from app.sockets.outgoing import Outgoing
from app.sockets.tail import Entry
from app.stream.conflation import conflate

# Written at once: a line may be full after any portion, and what is on its way into it by then is
# what it holds beyond its own mark.
PORTION_BYTES = 32_768


def in_portions(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yields entries some at a time, one at least."""
    first = size = 0
    for n, entry in enumerate(entries):
        size += len(entry.change.frame)
        if size > PORTION_BYTES and n > first:
            yield entries[first:n]
            first, size = n, len(entry.change.frame)
    if first < len(entries):
        yield entries[first:]


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
