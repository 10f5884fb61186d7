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
from app.sports.match import SPORTS
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
_YES_NO = {"Yes": SelectionKey.YES, "No": SelectionKey.NO}
_TWO_WAYS = {SelectionKey.HOME, SelectionKey.AWAY}
_THREE_WAYS = _TWO_WAYS | {SelectionKey.DRAW}
_PAIRS = {
    frozenset({SelectionKey.HOME, SelectionKey.DRAW}): SelectionKey.HOME_DRAW,
    frozenset({SelectionKey.HOME, SelectionKey.AWAY}): SelectionKey.HOME_AWAY,
    frozenset({SelectionKey.DRAW, SelectionKey.AWAY}): SelectionKey.DRAW_AWAY,
}
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


_Reader = Callable[[Sequence[Outcome], ObservedMatch, SportRules, OddsFormat], Sequence[Offer]]


def offers_of(
    market: Market, match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    """Returns what a market offers, line by line; nothing for one we do not know. Raises Unfit."""
    read = _READERS.get(market.key)
    if read is None:
        return ()
    outcomes = [_OUTCOME.decode(outcome) for outcome in market.outcomes]
    return read(outcomes, match, rules, odds_format)


def _winner(
    outcomes: Sequence[Outcome], match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices = _ways(outcomes, match, odds_format)
    return (Offer(MarketType.WINNER, None, prices),) if prices.keys() == rules.winner else ()


def _ways(
    outcomes: Sequence[Outcome], match: ObservedMatch, odds_format: OddsFormat
) -> dict[SelectionKey, Decimal | None]:
    prices: dict[SelectionKey, Decimal | None] = {}
    for outcome in outcomes:
        key = _way(" ".join(outcome.name.split()), match)
        _add(prices, key, odds_of(outcome.price, odds_format))
    return prices


def _three_way(
    outcomes: Sequence[Outcome], match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices = _ways(outcomes, match, odds_format)
    kind = MarketType.WINNER if SPORTS[rules.sport].has_draw else MarketType.WINNER_3WAY
    return (Offer(kind, None, prices),) if prices.keys() == _THREE_WAYS else ()


def _period(number: int) -> _Reader:
    """Returns the reader of who leads in one half, quarter or period, a draw being an answer."""

    def read(
        outcomes: Sequence[Outcome], match: ObservedMatch, _: SportRules, odds_format: OddsFormat
    ) -> Sequence[Offer]:
        prices = _ways(outcomes, match, odds_format)
        offer = Offer(MarketType.PERIOD_WINNER, Decimal(number), prices)
        return (offer,) if prices.keys() == _THREE_WAYS else ()

    return read


def _draw_no_bet(
    outcomes: Sequence[Outcome], match: ObservedMatch, _: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices = _ways(outcomes, match, odds_format)
    return (Offer(MarketType.DRAW_NO_BET, None, prices),) if prices.keys() == _TWO_WAYS else ()


def _double_chance(
    outcomes: Sequence[Outcome], match: ObservedMatch, _: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices: dict[SelectionKey, Decimal | None] = {}
    pairs = {frozenset(_name_of(way, match) for way in ways): key for ways, key in _PAIRS.items()}
    for outcome in outcomes:
        name = " ".join(outcome.name.split())
        # A side's own name may have an "or" in it.
        key = next((k for names, k in pairs.items() if _joins(name, names)), None)
        if key is None:
            raise Unfit("unknown_outcome", f"{name[:80]!r} is no double chance")
        _add(prices, key, odds_of(outcome.price, odds_format))
    whole = len(prices) == len(_PAIRS)
    return (Offer(MarketType.DOUBLE_CHANCE, None, prices),) if whole else ()


def _joins(told: str, names: frozenset[str]) -> bool:
    one, other = names
    return any(
        told == f"{first}{word}{second}"
        for word in (" or ", "/", " / ")
        for first, second in ((one, other), (other, one))
    )


def _both_to_score(
    outcomes: Sequence[Outcome], _: ObservedMatch, __: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    prices: dict[SelectionKey, Decimal | None] = {}
    for outcome in outcomes:
        key = _YES_NO.get(outcome.name)
        if key is None:
            raise Unfit("unknown_outcome", f"{outcome.name[:80]!r} is neither Yes nor No")
        _add(prices, key, odds_of(outcome.price, odds_format))
    return (Offer(MarketType.BOTH_TO_SCORE, None, prices),) if len(prices) == len(_YES_NO) else ()


def _team_totals(
    outcomes: Sequence[Outcome], match: ObservedMatch, rules: SportRules, odds_format: OddsFormat
) -> Sequence[Offer]:
    """Reads over and under of one side each, which the description names."""
    types = {match.home.name: MarketType.HOME_TOTAL, match.away.name: MarketType.AWAY_TOTAL}
    of_sides: dict[MarketType, list[Outcome]] = {}
    for outcome in outcomes:
        kind = types.get(" ".join((outcome.description or "").split()))
        if kind is None:
            raise Unfit("unknown_outcome", "a team total of neither side")
        of_sides.setdefault(kind, []).append(outcome)
    return [
        Offer(kind, offer.line, offer.prices)
        for kind, of_side in of_sides.items()
        for offer in _total(of_side, match, rules, odds_format)
    ]


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


# By their market keys; alternates are further lines of the same question. In tennis they are of
# games. Halves, quarters and periods count only where a draw is among the answers: without one the
# stake comes back, which is another question.
_READERS: dict[str, _Reader] = {
    "h2h": _winner,
    "h2h_3_way": _three_way,
    "spreads": _handicap,
    "alternate_spreads": _handicap,
    "totals": _total,
    "alternate_totals": _total,
    "team_totals": _team_totals,
    "alternate_team_totals": _team_totals,
    "btts": _both_to_score,
    "draw_no_bet": _draw_no_bet,
    "double_chance": _double_chance,
    **{
        f"{key}_{part}{number}": _period(number)
        for key in ("h2h", "h2h_3_way")
        for part, numbers in (("h", 2), ("q", 4), ("p", 3))
        for number in range(1, numbers + 1)
    },
}


def _side(outcome: Outcome, match: ObservedMatch) -> SelectionKey:
    key = _way(" ".join(outcome.name.split()), match)
    if key is SelectionKey.DRAW:
        raise Unfit("unknown_outcome", "a draw is neither side")
    return key


def _way(name: str, match: ObservedMatch) -> SelectionKey:
    if name == _DRAW:
        return SelectionKey.DRAW
    if name == match.home.name:
        return SelectionKey.HOME
    if name == match.away.name:
        return SelectionKey.AWAY
    raise Unfit("unknown_outcome", f"{name[:80]!r} is neither side")


def _name_of(key: SelectionKey, match: ObservedMatch) -> str:
    names = {SelectionKey.HOME: match.home.name, SelectionKey.AWAY: match.away.name}
    return names.get(key, _DRAW)


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
