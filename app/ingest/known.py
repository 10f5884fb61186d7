"""What a worker remembers between polls, so as not to ask Postgres again. Never the truth.

Ids of ours do not change, so remembering them is safe; what is learnt in a transaction is kept
only when it committed, or a rollback would leave ids behind that no row has.
"""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from app.ingest.held import Hold, Memory
from app.sports.incidents import Incident

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# About 200 bytes each: a worker that has seen a whole season stays under 100 MB.
REMEMBERED_MAX = 100_000


class Remembered(Generic[K, V]):
    """The newest things learnt, at most `limit`; `keep` makes what is pending known."""

    def __init__(self, limit: int = REMEMBERED_MAX) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._pending: dict[K, V] = {}
        self._limit = limit

    def get(self, key: K) -> V | None:
        """Returns what is known of a key, what is pending included."""
        if self._pending and (found := self._pending.get(key)) is not None:
            return found
        return self._kept.get(key)

    def learn(self, key: K, value: V) -> None:
        """Notes something that holds if the transaction commits."""
        self._pending[key] = value

    def forget(self, key: K) -> None:
        """Drops what is known of a key: it is wrong, whatever becomes of the transaction."""
        self._pending.pop(key, None)
        self._kept.pop(key, None)

    def keep(self) -> None:
        """The transaction committed."""
        if not self._pending:
            return
        self._kept.update(self._pending)
        self._pending.clear()
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def drop(self) -> None:
        """The transaction did not commit."""
        self._pending.clear()


class KnownMatch(msgspec.Struct, frozen=True, gc=False):
    """Which of ours a provider's match is, and whether it has the sides the other way round.

    `sides` are home and away as it named them when that was decided.
    """

    id: int
    inverted: bool = False
    sides: tuple[str, str] | None = None


class KnownMarket(msgspec.Struct, frozen=True):
    """A market's id and its selections' ids by key."""

    id: int
    selections: dict[str, int]


MatchKey = tuple[str, str]
MarketKey = tuple[int, str, Decimal | None]


class Known:
    """All that one line of polls remembers. Not shared between polls that run at once.

    What is held of matches is: the lines of a process are given one memory of it.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.held = Hold(memory or Memory())
        self.matches: Remembered[MatchKey, KnownMatch] = Remembered()
        # What a provider last told of a match's start.
        self.starts: Remembered[tuple[str, int], datetime] = Remembered()
        self.markets: Remembered[MarketKey, KnownMarket] = Remembered()
        # The newest word heard of a score, by (match, provider).
        self.told: Remembered[tuple[int, str], datetime] = Remembered()
        # The newest word heard of (market, provider), and who was named in it.
        self.words: Remembered[tuple[int, str], datetime] = Remembered()
        self.named: Remembered[tuple[int, str], int] = Remembered()
        # The version in which this line left a market's prices.
        self.versions: Remembered[int, int] = Remembered()
        self.incidents: Remembered[tuple[int, str], tuple[Incident, ...]] = Remembered(2_000)

    def keep(self) -> None:
        """The transaction committed: what it taught holds."""
        self.held.keep()
        for remembered in self._all():
            remembered.keep()

    def drop(self) -> None:
        """The transaction did not commit: what it taught does not hold."""
        self.held.drop()
        for remembered in self._all():
            remembered.drop()

    def _all(self) -> tuple[Remembered[Any, Any], ...]:
        return (
            self.matches, self.starts, self.markets, self.told, self.words,
            self.named, self.versions, self.incidents,
        )  # fmt: skip
