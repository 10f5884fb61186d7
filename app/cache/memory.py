"""The first layer: answers in this process, bounded in bytes, dropped by what they are about."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b

from app import metrics
from app.cache.lifetimes import Made

# What an entry costs beside its body, name and tags: measured with tracemalloc, rounded up.
ENTRY_COSTS_BYTES = 1_200

Load = Callable[[], Awaitable[Made | None]]


class Entry:
    """An answer and for how long it is good; times are monotonic seconds.

    `renew_from` is when it is to be computed anew, though still good. `is_nothing` says that there
    is no such thing. `is_kept` is False for one that was not to be kept, or no longer is.
    `is_read` is set by who reads it.
    """

    __slots__ = (
        "body", "is_kept", "is_nothing", "is_read", "kind", "load", "name", "renew_from", "size",
        "tag", "tags", "until",
    )  # fmt: skip

    def __init__(self, *, kind: str, name: str, tags: tuple[str, ...], made: Made | None) -> None:
        self.kind = kind
        self.name = name
        self.tags = tags
        self.body = b"" if made is None else made.body
        self.tag = "" if made is None else made.tag or tag_of(made.body)
        self.is_nothing = made is None
        self.load: Load | None = None
        self.until = 0.0
        self.renew_from = 0.0
        self.is_kept = False
        self.is_read = False
        self.size = ENTRY_COSTS_BYTES + len(self.body) + len(name)

    def apart(self) -> "Entry":
        """Returns the same answer as one that is not kept, for who asked for something else."""
        made = None if self.is_nothing else Made(body=self.body, tag=self.tag)
        return Entry(kind=self.kind, name=self.name, tags=self.tags, made=made)


def tag_of(body: bytes) -> str:
    """Returns the strong entity tag of exactly these bytes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


class Memory:
    """Entries by name, the one read last at the end."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        # By what they are about; most matches have one.
        self._names: dict[str, str | set[str]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str, now: float) -> Entry | None:
        """Returns the entry while it is good."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.until <= now:
            self.drop(name)
            return None
        self._entries.move_to_end(name)
        return entry

    def keep(self, entry: Entry) -> None:
        """Keeps an entry instead of the one of its name; what is too large for all is not kept."""
        self.drop(entry.name)
        if entry.size > self._bytes_max:
            return
        self._entries[entry.name] = entry
        entry.is_kept = True
        self.bytes += entry.size
        for tag in entry.tags:
            names = self._names.setdefault(tag, entry.name)
            if isinstance(names, set):
                names.add(entry.name)
            elif names != entry.name:
                self._names[tag] = {names, entry.name}
        while self.bytes > self._bytes_max:
            metrics.cache_evictions.inc()
            self.drop(next(iter(self._entries)))
        self._tell()

    def drop(self, name: str) -> None:
        """Drops one entry, if it is there."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        entry.is_kept = False
        self.bytes -= entry.size
        for tag in entry.tags:
            names = self._names[tag]
            if isinstance(names, set):
                names.discard(name)
            if not names or names == name:
                del self._names[tag]

    def forget(self, tags: Iterable[str]) -> None:
        """Drops every entry about any of these."""
        for tag in tags:
            names = self._names.get(tag, ())
            for name in (names,) if isinstance(names, str) else tuple(names):
                self.drop(name)
        self._tell()

    def _tell(self) -> None:
        metrics.cache_bytes.set(self.bytes)
        metrics.cache_entries.set(len(self._entries))
