"""From one bookmaker's market to quotes of ours. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

import msgspec

from app.providers.items import Unfit
from app.providers.odds_api.payloads import Market, Outcome
from app.providers.odds_api.sports import SportRules
from app.sports.market import ODDS_MAX, ODDS_MIN, THREE_PLACES, MarketType, SelectionKey
from app.sports.observation import ObservedMatch, ObservedQuote
from app.sports.odds_formats import american_to_decimal, is_american

OddsFormat = Literal["decimal", "american"]

# Prices that are no offer of anybody's are mistakes from here on: American odds end there too.
PRICE_MAX = Decimal(10_001)
# Lines are quarters: 2, 2.25, 2.5. No sport of ours has a thousand of anything.
LINE_MAX = Decimal(1_000)
_QUARTERS = Decimal(4)
_CONTEXT = Context(prec=28, rounding=ROUND_HALF_EVEN)
_DRAW = "Draw"
_TOTALS = {"Over": SelectionKey.OVER, "Under": SelectionKey.UNDER}
_OUTCOME = msgspec.json.Decoder(Outcome)

Prices = Mapping[SelectionKey, Decimal | None]


class Offer(msgspec.Struct, frozen=True):
    """One question with one bookmaker's answers. `line` is None for who wins."""

    type: MarketType
    line: Decimal | None
    prices: Prices

    def quotes(self, bookmaker: str, observed_at: datetime | None) -> list[ObservedQuote]:
        """Returns the answers as quotes."""
        return [
            ObservedQuote(bookmaker, key, odds, observed_at) for key, odds in self.prices.items()
        ]


def offers_of(
    market: Market, match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    """Returns what a market offers, line by line; nothing for one we do not know. Raises Unfit."""
    read = _READERS.get(market.key)
    if read is None or market.key not in rules.markets:
        return ()
    outcomes = [_OUTCOME.decode(outcome) for outcome in market.outcomes]
    return read(outcomes, match, rules, odds_format)


def _winner(
    outcomes: Sequence[Outcome], match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices: dict[SelectionKey, Decimal | None] = {}
    for outcome in outcomes:
        key = SelectionKey.DRAW if outcome.name == _DRAW else _side(outcome, match)
        _add(prices, key, odds_of(outcome.price, odds_format))
    return (Offer(MarketType.WINNER, None, prices),) if prices.keys() == rules.winner else ()


def _handicap(
    outcomes: Sequence[Outcome], match: ObservedMatch, _: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    lines: dict[Decimal, dict[SelectionKey, Decimal | None]] = {}
    for outcome in outcomes:
        key = _side(outcome, match)
        line = _line(outcome.point)
        # Ours is added to the home side; theirs to the side it stands at. 0 minus, so no -0.
        of_home = line if key is SelectionKey.HOME else 0 - line
        _add(lines.setdefault(of_home, {}), key, odds_of(outcome.price, odds_format))
    return _whole(MarketType.HANDICAP, lines)


def _total(
    outcomes: Sequence[Outcome], _: ObservedMatch, __: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    lines: dict[Decimal, dict[SelectionKey, Decimal | None]] = {}
    for outcome in outcomes:
        key = _TOTALS.get(outcome.name)
        if key is None:
            raise Unfit("unknown_outcome", f"{outcome.name[:80]!r} is neither Over nor Under")
        prices = lines.setdefault(_line(outcome.point), {})
        _add(prices, key, odds_of(outcome.price, odds_format))
    return _whole(MarketType.TOTAL, lines)


_Reader = Callable[[Sequence[Outcome], ObservedMatch, SportRules, OddsFormat], Sequence[Offer]]
_READERS: dict[str, _Reader] = {"h2h": _winner, "spreads": _handicap, "totals": _total}


def _side(outcome: Outcome, match: ObservedMatch) -> SelectionKey:
    name = " ".join(outcome.name.split())
    if name == match.home.name:
        return SelectionKey.HOME
    if name == match.away.name:
        return SelectionKey.AWAY
    raise Unfit("unknown_outcome", f"{outcome.name[:80]!r} is neither side")


def _add(
    prices: dict[SelectionKey, Decimal | None], key: SelectionKey, odds: Decimal | None
) -> None:
    if prices.setdefault(key, odds) != odds:
        raise Unfit("ambiguous_line", f"{key} is offered at two prices")


def _whole(
    type_: MarketType, lines: Mapping[Decimal, Mapping[SelectionKey, Decimal | None]]
) -> Sequence[Offer]:
    for line, prices in lines.items():
        if len(prices) != 2:
            raise Unfit("ambiguous_line", f"{line} is offered on one side only")
    return [Offer(type_, line, prices) for line, prices in lines.items()]


def _line(point: Decimal | None) -> Decimal:
    if point is None:
        raise Unfit("ambiguous_line", "no line is told")
    if not point.is_finite() or abs(point) >= LINE_MAX:
        raise Unfit("bad_line", "a line that is none")
    quarters = _CONTEXT.multiply(point, _QUARTERS)
    if quarters != quarters.to_integral_value():
        raise Unfit("bad_line", f"{point!s:.20} is no quarter")
    return _CONTEXT.divide(Decimal(int(quarters)), _QUARTERS)


def odds_of(price: Decimal | None, odds_format: OddsFormat) -> Decimal | None:
    """Returns odds of ours; None for a price that offers nothing. Raises Unfit (`bad_odds`).

    No offer are null, 0, what returns hardly more than the stake, and odds above those of any
    market (bookmakers write 1.00 and 1001 for "rather not").
    """
    if price is None:
        return None
    # First of all: a NaN may refuse to be compared.
    if not price.is_finite():
        raise Unfit("bad_odds", "a price that is no number")
    if price == 0:
        return None
    if odds_format == "american":
        if not is_american(price):
            raise Unfit("bad_odds", f"{price!s:.20} is no American price")
        odds = american_to_decimal(price)
    else:
        if not 0 < price <= PRICE_MAX:
            raise Unfit("bad_odds", f"{price!s:.20} is no decimal price")
        odds = _CONTEXT.quantize(price, THREE_PLACES)
    return odds if ODDS_MIN <= odds <= ODDS_MAX else None
