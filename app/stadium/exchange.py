"""Betfair's markets: which there are of a match, in what state, with which offers.

Pure: everything follows from what the provider says at a moment. Offers lie around the fair odds of
a bookmaker without a margin; who follows one sees prices move when that one looks again.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from app.providers.replay.chance import between
from app.sports.incidents import Goal, SetWon, ShootoutAttempt
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import IN_PLAY, OVER, MatchStatus, Sport
from app.sports.observation import ObservedMarket
from app.stadium.ladder import around
from app.stadium.naming import MATCH_NUMBERS, NAME_NUMBERS, number_of
from app.stadium.voices import Said

EVENT_TYPES = {
    Sport.FOOTBALL: ("1", "Soccer"),
    Sport.TENNIS: ("2", "Tennis"),
    Sport.BASKETBALL: ("7522", "Basketball"),
    Sport.HOCKEY: ("7524", "Ice Hockey"),
}
# The one selection that is the same in every football match.
DRAW_ID = 58805
# So many offers on each side of a runner; a subscriber may ask for fewer levels.
DEPTH = 5
_WINNERS = {
    Sport.FOOTBALL: ("MATCH_ODDS", "Match Odds"),
    Sport.TENNIS: ("MATCH_ODDS", "Match Odds"),
    Sport.BASKETBALL: ("MONEY_LINE", "Moneyline"),
    Sport.HOCKEY: ("MONEY_LINE", "Money Line"),
}
# Totals are one market a line there, and only where goals are counted.
_GOALS = frozenset({Sport.FOOTBALL, Sport.HOCKEY})
_STATUSES = {
    MarketStatus.OPEN: "OPEN",
    MarketStatus.SUSPENDED: "SUSPENDED",
    MarketStatus.CLOSED: "CLOSED",
    MarketStatus.SETTLED: "CLOSED",
}
_RISES = {"SUSPENDED": 0, "OPEN": 1, "CLOSED": 2}
_ORDER = {
    SelectionKey.HOME: 1, SelectionKey.AWAY: 2, SelectionKey.DRAW: 3,
    SelectionKey.UNDER: 1, SelectionKey.OVER: 2,
}  # fmt: skip
Offer = tuple[Decimal, float]


class Runner(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: offers are (price, size), the best first."""

    id: int
    name: str
    priority: int
    status: str
    back: tuple[Offer, ...] = ()
    lay: tuple[Offer, ...] = ()


class ExchangeMarket(msgspec.Struct, frozen=True, kw_only=True):
    """One market at one moment."""

    id: str
    type: str
    name: str
    said: Said
    status: str
    in_play: bool
    version: int
    runners: tuple[Runner, ...]

    @property
    def event_id(self) -> str:
        """Returns the id of its match."""
        return str(self.said.number)

    @property
    def event_name(self) -> str:
        """Returns the match's name; who is at home stands first."""
        return f"{self.said.home.name} v {self.said.away.name}"


def markets_of(said: Said) -> tuple[ExchangeMarket, ...]:
    """Returns the markets of a match."""
    return tuple(_market(said, m) for m in said.markets if _is_kept(said, m))


def markets(said: Iterable[Said]) -> list[ExchangeMarket]:
    """Returns the markets of many matches."""
    return [market for each in said for market in markets_of(each)]


def _is_kept(said: Said, market: ObservedMarket) -> bool:
    return market.type is MarketType.WINNER or said.sport in _GOALS


def _market(said: Said, market: ObservedMarket) -> ExchangeMarket:
    if market.line is None:
        kind, name = _WINNERS[said.sport]
    else:
        kind = f"OVER_UNDER_{str(market.line).replace('.', '')}"
        name = f"Over/Under {market.line} Goals"
    status = _STATUSES[market.status]
    number = number_of(MATCH_NUMBERS, "betfair", "market", said.play, kind)
    shocks = sum(isinstance(i, Goal | SetWon | ShootoutAttempt) for i in said.incidents)
    return ExchangeMarket(
        id=f"1.{number}",
        type=kind,
        name=name,
        said=said,
        status=status,
        in_play=said.score.status in IN_PLAY | OVER,
        # Rises with every change of status: a goal suspends, and then the market opens again.
        version=1_000_000_000 + 4 * shocks + _RISES[status],
        runners=_runners(said, market, kind, status),
    )


def _runners(said: Said, market: ObservedMarket, kind: str, status: str) -> tuple[Runner, ...]:
    names = {
        SelectionKey.HOME: (said.home.number, said.home.name),
        SelectionKey.AWAY: (said.away.number, said.away.name),
        SelectionKey.DRAW: (DRAW_ID, "The Draw"),
        SelectionKey.UNDER: (number_of(NAME_NUMBERS, kind, "under"), f"Under {market.line} Goals"),
        SelectionKey.OVER: (number_of(NAME_NUMBERS, kind, "over"), f"Over {market.line} Goals"),
    }
    won = _winner(said, market) if status == "CLOSED" else None
    runners: list[Runner] = []
    for quote in market.quotes:
        number, name = names[quote.selection]
        back, lay = (), ()
        if quote.odds is not None and status == "OPEN":
            back, lay = (
                _sized(prices, said.play, str(number)) for prices in around(quote.odds, DEPTH)
            )
        runner = Runner(
            id=number,
            name=name,
            priority=_ORDER[quote.selection],
            status="ACTIVE" if won is None else "WINNER" if quote.selection is won else "LOSER",
            back=back,
            lay=lay,
        )
        runners.append(runner)
    return tuple(sorted(runners, key=lambda runner: runner.priority))


def _winner(said: Said, market: ObservedMarket) -> SelectionKey | None:
    """Returns the answer that came true; None where nobody can say yet."""
    score = said.score
    home, away = score.home or 0, score.away or 0
    if market.line is not None:
        return SelectionKey.OVER if home + away > market.line else SelectionKey.UNDER
    if score.status is not MatchStatus.FINISHED:
        return None
    if home == away:
        return SelectionKey.DRAW
    return SelectionKey.HOME if home > away else SelectionKey.AWAY


def _sized(prices: Sequence[Decimal], *words: str) -> tuple[Offer, ...]:
    """Gives each price an amount; the same price has the same amount whenever it is seen."""
    return tuple((price, round(between(5, 900, *words, price), 2)) for price in prices)
