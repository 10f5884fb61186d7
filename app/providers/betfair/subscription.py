"""What one subscription of the stream has told so far: books, and the place to resume from. Pure.

A place counts only when the message that brought it is whole: an image that broke off half-way is
forgotten with its place, or a resume would add to half a book.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.providers.betfair.normalize import UNREADABLE, Followed, MarketKey, Offered
from app.providers.betfair.order_book import Book
from app.providers.betfair.payloads import (
    CHANGE,
    MarketIdOfTheirs,
    StreamMessage,
    refused,
)
from app.providers.betfair.payloads import UNREADABLE as BROKEN
from app.providers.provider import ProviderUnreadable, Rejected
from app.sports.observation import ObservedMarket

# What the stream says of itself when its own sources are late.
DATA_MAY_BE_OLD = 503


class _Named(msgspec.Struct, frozen=True):
    id: MarketIdOfTheirs


_NAMED = msgspec.json.Decoder(_Named)


class Subscription:
    """The markets asked for and their books. `stale` while the stream says its data may be old."""

    def __init__(self, followed: Sequence[Followed]) -> None:
        self.followed = {one.market_id: one for one in followed}
        self.id = 0
        self.initial_clk: str | None = None
        self.clk: str | None = None
        self.stale = False
        self.conflated = 0
        self.spoiled: set[str] = set()
        self._books: dict[str, Book] = {}
        self._changed: set[str] = set()
        self._half = False
        self._last: dict[str, dict[MarketKey, ObservedMarket]] = {}

    @property
    def resumable(self) -> bool:
        """True when there is a place to resume from."""
        return self.initial_clk is not None and self.clk is not None

    def learn(self, followed: Sequence[Followed]) -> None:
        """Takes what is known anew of markets that are followed already: lines that were added."""
        for one in followed:
            if self.followed.get(one.market_id) not in (None, one):
                self.followed[one.market_id] = one
                self._changed.add(one.market_id)

    def take(self, message: StreamMessage) -> list[Rejected]:
        """Takes a market change message in; returns what of it could not be read.

        A change that cannot be read spoils its market only; raises ProviderUnreadable when not even
        the market is known.
        """
        self.stale = message.status == DATA_MAY_BE_OLD
        if message.ct == "SUB_IMAGE" and message.segment_type in (None, "SEG_START"):
            self._forget()
        rejected: list[Rejected] = []
        for index, item in enumerate(message.mc or ()):
            rejected += self._change(index, bytes(item))
        self._half = message.segment_type in ("SEG_START", "SEG")
        if not self._half:
            self.initial_clk = message.initial_clk or self.initial_clk
            self.clk = message.clk or self.clk
        return rejected

    def told(self) -> list[tuple[Followed, Offered]]:
        """Returns the markets that changed since it was last asked, none while they may be old."""
        if self.stale or self._half:
            return []
        books = [(self.followed[one], self._offered(one)) for one in self._changed]
        self._changed.clear()
        return [(one, offered) for one, offered in books if offered is not None]

    def news_of(self, market_id: str, markets: Sequence[ObservedMarket]) -> list[ObservedMarket]:
        """Returns those that differ from what was told last, and remembers them as told."""
        last = self._last.setdefault(market_id, {})
        news = [one for one in markets if last.get((one.type, one.line)) != one]
        last.update(((one.type, one.line), one) for one in news)
        return news

    def confirm(self) -> None:
        """Makes everything news again: that a price still stands is worth saying now and then."""
        self._last.clear()
        self._changed.update(self._books, self.spoiled)

    def _offered(self, market_id: str) -> Offered | None:
        if market_id in self.spoiled:
            return Offered(status=UNREADABLE, offers={})
        return self._books[market_id].offered() if market_id in self._books else None

    def _forget(self) -> None:
        """A whole image begins: nothing from before it counts."""
        self._books.clear()
        self.spoiled.clear()
        self._last.clear()
        self.initial_clk = self.clk = None

    def _change(self, index: int, item: bytes) -> list[Rejected]:
        try:
            change = CHANGE.decode(item)
            market_id = change.id
            if market_id not in self.followed:
                return []
            self.conflated += bool(change.con)
            if change.img:
                self.spoiled.discard(market_id)
            self._books.setdefault(market_id, Book()).apply(change)
            self._changed.add(market_id)
        except BROKEN as error:
            self._spoil(item)
            return [refused(index, "unreadable", type(error).__name__, item)]
        return []

    def _spoil(self, item: bytes) -> None:
        """Gives a market up until its next image: a change of it is lost."""
        try:
            market_id = _NAMED.decode(item).id
        except BROKEN:
            raise ProviderUnreadable("a change of a market nobody can tell", raw=item) from None
        self._books.pop(market_id, None)
        if market_id in self.followed:
            self.spoiled.add(market_id)
            self._changed.add(market_id)


def published_at(message: StreamMessage, received_at: datetime) -> datetime:
    """Returns when a message was published; our clock where theirs says nothing or the future."""
    if not message.pt:
        return received_at
    return min(received_at, datetime.fromtimestamp(message.pt / 1000, UTC))
