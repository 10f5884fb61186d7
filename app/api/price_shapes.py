"""The shapes of answers about prices: every bookmaker's quote, what comes of them, their path."""

from decimal import Decimal

import msgspec

from app.catalog.shapes import SelectionShape


class _Priced(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class QuoteShape(_Priced, frozen=True, kw_only=True):
    """What one bookmaker offers; `ageMs` and `state` are true at the answer's `generatedAt`.

    Only what is `fresh` counts; else `stale`, `suspended`, `provider_down` or `no_offer`.
    """

    bookmaker: str
    provider: str
    odds: Decimal | None
    state: str
    observed_at: str
    age_ms: int


class QuotedSelection(SelectionShape, frozen=True, kw_only=True):
    """A selection with every bookmaker's quote."""

    quotes: list[QuoteShape]


class LegShape(_Priced, frozen=True, kw_only=True):
    """One offer; in an arbitrage `stake` is its share of the money, in a value bet `edge` the
    return expected per unit staked.
    """

    selection_id: str
    key: str
    bookmaker: str
    provider: str
    odds: Decimal
    stake: Decimal | None = None
    edge: Decimal | None = None


class ArbitrageShape(_Priced, frozen=True, kw_only=True):
    """Offers for every answer that together return more than they cost."""

    return_: Decimal = msgspec.field(name="return")
    legs: list[LegShape]


class QuotedMarket(_Priced, frozen=True, kw_only=True):
    """A market with every bookmaker's quotes."""

    market_id: str
    type: str
    line: Decimal | None
    status: str
    reason: str | None
    version: int
    selections: list[QuotedSelection]
    overround: Decimal | None
    arbitrage: ArbitrageShape | None
    value: list[LegShape]
    updated_at: str


class OddsShape(_Priced, frozen=True, kw_only=True):
    """All prices of a match."""

    match_id: str
    sport: str
    league: str
    event: str
    simulated: bool
    markets: list[QuotedMarket]
    seq: int
    updated_at: str
    observed_at: str | None
    generated_at: str


class PricePoint(_Priced, frozen=True, kw_only=True):
    """A price and from when on it was on offer.

    With `bucketMs`, a stretch of time that begins then: `odds` and `status` are the last of it,
    `open` its first odds, `bestOdds` the best there was, `points` how many prices it had.
    """

    market_id: str
    selection_id: str
    at: str
    odds: Decimal | None
    best_odds: Decimal | None
    status: str
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    points: int = 1


class PricePath(_Priced, frozen=True, kw_only=True):
    """The path of prices, newest last; `truncated` when older points were left out."""

    match_id: str
    items: list[PricePoint]
    truncated: bool
