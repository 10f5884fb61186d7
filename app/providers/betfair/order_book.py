"""A market's offers as its stream tells them: images and deltas in, the whole book out. Pure.

From Betfair's specification of the stream: an image replaces, a delta changes what it names; offers
come by position (`batb`, `batl`) or by price (`atb`, `atl`), and a size of 0 removes either.
"""

from collections.abc import Iterable
from decimal import Decimal

from app.providers.betfair.lines import RunnerKey
from app.providers.betfair.normalize import Offered
from app.providers.betfair.payloads import (
    Level,
    MarketChange,
    MarketDefinition,
    Offer,
    RunnerChange,
)

_NO_LINE = Decimal(0)
# The specification allows ten positions and some 350 prices of the ladder; what is more than this
# is nobody's book.
OFFERS_MAX = 1_000
RUNNERS_MAX = 1_000


class BookOverflow(ValueError):
    """A book with more offers or runners than any real one; it cannot be kept."""


class RunnerOffers:
    """The offers for one runner: by position, and by price, to back and to lay."""

    __slots__ = ("atb", "atl", "batb", "batl")

    def __init__(self) -> None:
        self.batb: dict[int, Offer] = {}
        self.batl: dict[int, Offer] = {}
        self.atb: dict[Decimal, Decimal] = {}
        self.atl: dict[Decimal, Decimal] = {}

    def apply(self, change: RunnerChange) -> None:
        """Takes a delta in; raises BookOverflow."""
        _place(self.batb, change.batb or ())
        _place(self.batl, change.batl or ())
        _price(self.atb, change.atb or ())
        _price(self.atl, change.atl or ())

    @property
    def best_back(self) -> Decimal | None:
        """The best price somebody may back at now, None without an offer."""
        if self.batb:
            return self.batb[min(self.batb)][0]
        return max(self.atb, default=None)


def _place(kept: dict[int, Offer], levels: Iterable[Level]) -> None:
    for position, price, size in levels:
        _check(price, size)
        if size == 0:
            kept.pop(position, None)
        else:
            kept[position] = (price, size)
    if len(kept) > OFFERS_MAX:
        raise BookOverflow("too many positions")


def _price(kept: dict[Decimal, Decimal], offers: Iterable[Offer]) -> None:
    for price, size in offers:
        _check(price, size)
        if size == 0:
            kept.pop(price, None)
        else:
            kept[price] = size
    if len(kept) > OFFERS_MAX:
        raise BookOverflow("too many prices")


def _check(price: Decimal, size: Decimal) -> None:
    """Raises ValueError for what JSON allows as text and no exchange means: NaN, infinity."""
    if not price.is_finite() or not size.is_finite():
        raise ValueError("an offer that is no number")


class Book:
    """One market. Without a definition it has no status, and nothing may be told of it."""

    __slots__ = ("definition", "runners")

    def __init__(self) -> None:
        self.definition: MarketDefinition | None = None
        self.runners: dict[RunnerKey, RunnerOffers] = {}

    def apply(self, change: MarketChange) -> None:
        """Takes an image or a delta in; raises BookOverflow, ValueError for a line that is none.

        An image that brings no definition leaves the one there is: it is told with every change
        of its own, and a status is never part of the prices.
        """
        if change.img:
            self.runners.clear()
        if change.market_definition is not None:
            self.definition = change.market_definition
        for runner in change.rc or ():
            self._of(runner.id, runner.hc).apply(runner)

    def offered(self) -> Offered | None:
        """Returns what may be backed now, None while the status is not known."""
        if self.definition is None:
            return None
        active = {
            (runner.id, runner.hc if runner.hc is not None else _NO_LINE)
            for runner in self.definition.runners
            if runner.status == "ACTIVE" and (runner.hc is None or runner.hc.is_finite())
        }
        backs = ((key, runner.best_back) for key, runner in self.runners.items() if key in active)
        return Offered(
            status=self.definition.status,
            offers={key: price for key, price in backs if price is not None},
        )

    def _of(self, selection_id: int, handicap: Decimal | None) -> RunnerOffers:
        key = (selection_id, handicap if handicap is not None else _NO_LINE)
        if not key[1].is_finite():
            raise ValueError("a line that is no number")
        found = self.runners.get(key)
        if found is None:
            if len(self.runners) >= RUNNERS_MAX:
                raise BookOverflow("too many runners")
            found = self.runners[key] = RunnerOffers()
        return found
