"""What providers say of one market to its status, its prices and its chances. Pure.

The price is the lower median of what bookmakers offer, so that one bookmaker's error moves it to
the next offer at most; the chances are those of the medians, freed of their margin. They add up to
the number of answers that come true; where some answers are never offered, nobody can tell them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

import msgspec

from app.ingest.margins import Method, shin, two_of_three
from app.sports.market import THREE_PLACES, MarketStatus

FOUR_PLACES = Decimal("0.0001")
# By how many answers come true.
_METHODS: Mapping[int, Method] = {1: shin, 2: two_of_three}

# Of two providers of the same rank the more cautious word counts.
_CAUTION = {
    MarketStatus.OPEN: 0,
    MarketStatus.SUSPENDED: 1,
    MarketStatus.CLOSED: 2,
    MarketStatus.SETTLED: 3,
}


class MarketWord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one provider last said of a whole market; `rank` is its place in the declared order.

    `down`: the provider is in quarantine for what it said then.
    """

    provider: str
    status: MarketStatus
    reason: str | None
    observed_at: datetime
    rank: int
    down: bool = False


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What is offered for a selection: the lower median, the best, and whose that is."""

    odds: Decimal
    best_odds: Decimal
    best_provider: str


class PricedSelection(msgspec.Struct, frozen=True, gc=False):
    """What we hold of one selection: consensus odds, the best offer and whose, the fair chance."""

    odds: Decimal
    best_odds: Decimal
    best_provider: str
    fair_probability: Decimal | None


class PricedMarket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What we hold of one market; `selections` are those with a price, by key."""

    status: MarketStatus
    reason: str | None
    overround: Decimal | None
    selections: Mapping[str, PricedSelection]


class MarketNow(msgspec.Struct, kw_only=True):
    """All that is told of one market: words, and offers by selection key, None without one.

    `selections` are our ids. `version` counts the changes of its prices. `winners` is how many
    answers come true, None where not all are offered. What was observed before `oldest` counts no
    more, `fresh_for` after it was. `down`: quotes were left out because their provider is in
    quarantine; `stale`: because they are too old. `fresh_until` is when the first of those that
    count gets too old.
    """

    oldest: datetime
    fresh_for: timedelta
    words: dict[str, MarketWord]
    version: int = 0
    winners: int | None = 1
    offers: dict[str, Offer | None] = {}
    selections: dict[str, int] = {}
    fresh_until: datetime | None = None
    down: bool = False
    stale: bool = False

    def look_again_at(self, span: timedelta) -> datetime | None:
        """Returns when a quote gets too old, or in `span` from now if that is sooner."""
        if self.fresh_until is None:
            return None
        return min(self.fresh_until, self.oldest + self.fresh_for + span)

    def counts(self, word: MarketWord) -> bool:
        """Says whether a word counts. What is closed stays so without being said again."""
        is_last = word.status in (MarketStatus.CLOSED, MarketStatus.SETTLED)
        return not word.down and (is_last or word.observed_at >= self.oldest)


def lower_median(odds: Sequence[Decimal]) -> Decimal:
    """Returns the middle one of several, of two middle ones the lower."""
    return sorted(odds)[(len(odds) - 1) // 2]


def offer_of(quotes: Sequence[tuple[str, Decimal]]) -> Offer | None:
    """Returns what (bookmaker, odds) make together; None without one.

    Of equal best offers the bookmaker first in the alphabet is named, whoever was heard last.
    """
    if not quotes:
        return None
    best, odds = min(quotes, key=lambda quote: (-quote[1], quote[0]))
    return Offer(lower_median([o for _, o in quotes]), odds, best)


def price_offers(
    offers: Mapping[str, Offer | None], method: Method = shin, *, winners: int | None = 1
) -> tuple[dict[str, PricedSelection], Decimal | None]:
    """Returns the priced selections of one market by key, and its overround.

    A selection nobody offers is left out. The overround is the sum of 1/odds for each answer that
    comes true; it and the chances need a price for every selection that was named, and more than
    one, and answers that are all there are (`winners` is not None).
    """
    there = {key: offer for key, offer in offers.items() if offer is not None}
    complete = len(there) == len(offers) and len(there) > 1
    fair: list[Decimal | None] = [None] * len(there)
    overround = None
    if complete and winners is not None:
        method = method if winners == 1 else _METHODS[winners]
        chances = method([float(offer.odds) for offer in there.values()])
        fair = [Decimal(f"{chance:.4f}") for chance in chances]
        cost = sum((1 / o.odds for o in there.values()), Decimal(0))
        overround = (cost / winners).quantize(FOUR_PLACES)
    priced = {
        key: PricedSelection(
            offer.odds.quantize(THREE_PLACES, ROUND_DOWN),
            offer.best_odds,
            offer.best_provider,
            chance,
        )
        for (key, offer), chance in zip(there.items(), fair, strict=True)
    }
    return priced, overround


def merge_quotes(
    quotes: Mapping[str, Sequence[tuple[str, Decimal]]],
) -> tuple[dict[str, PricedSelection], Decimal | None]:
    """Returns the priced selections and the overround of (bookmaker, odds) by selection key."""
    return price_offers({key: offer_of(of) for key, of in quotes.items()})


def merge_words(words: Sequence[MarketWord]) -> tuple[MarketStatus, str | None] | None:
    """Returns a market's status and why it is not open; None when nobody's word counts.

    The best ranked provider's word counts, of several of one rank the most cautious. So a market
    is open when a provider says so and none of the same or a better rank says otherwise.
    """
    if not words:
        return None
    first = min(word.rank for word in words)
    said = max(
        (word for word in words if word.rank == first),
        key=lambda word: (_CAUTION[word.status], word.provider),
    )
    return said.status, said.reason


def price_market(now: MarketNow) -> PricedMarket:
    """Returns status, prices and chances of a market; one that has no price is never open."""
    priced, overround = price_offers(now.offers, winners=now.winners)
    merged = merge_words([word for word in now.words.values() if now.counts(word)])
    if merged is None:
        status, reason = MarketStatus.SUSPENDED, _why_nothing(now, "stale_prices")
    else:
        status, reason = merged
    if status is MarketStatus.OPEN and not priced:
        status, reason = MarketStatus.SUSPENDED, _why_nothing(now, "no_prices")
    return PricedMarket(status=status, reason=reason, overround=overround, selections=priced)


def _why_nothing(now: MarketNow, otherwise: str) -> str:
    if now.down or any(word.down for word in now.words.values()):
        return "provider_down"
    return "stale_prices" if now.stale else otherwise
