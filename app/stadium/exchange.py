"""Betfair's markets: which there are of a match, in what state, with which offers.

Pure: everything follows from what the provider says at a moment. Offers lie around the fair odds of
a bookmaker without a margin; who follows one sees prices move when that one looks again.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from app.providers.replay.chance import between
from app.providers.replay.clocks import REGULATION
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
# By type, where there is one market of it; totals are one a line, where goals are counted.
_PLAIN = {
    MarketType.DOUBLE_CHANCE: ("DOUBLE_CHANCE", "Double Chance"),
    MarketType.DRAW_NO_BET: ("DRAW_NO_BET", "Draw no Bet"),
    MarketType.BOTH_TO_SCORE: ("BOTH_TEAMS_TO_SCORE", "Both teams to Score?"),
}
_GOALS = frozenset({Sport.FOOTBALL, Sport.HOCKEY})
_STATUSES = {
    MarketStatus.OPEN: "OPEN",
    MarketStatus.SUSPENDED: "SUSPENDED",
    MarketStatus.CLOSED: "CLOSED",
    MarketStatus.SETTLED: "CLOSED",
}
_RISES = {"SUSPENDED": 0, "OPEN": 1, "CLOSED": 2}
_ORDER: Mapping[str, int] = {
    SelectionKey.HOME: 1, SelectionKey.AWAY: 2, SelectionKey.DRAW: 3,
    SelectionKey.UNDER: 1, SelectionKey.OVER: 2,
    SelectionKey.YES: 1, SelectionKey.NO: 2,
    SelectionKey.HOME_DRAW: 1, SelectionKey.DRAW_AWAY: 2, SelectionKey.HOME_AWAY: 3,
}  # fmt: skip
# Runners that are called the same in every match.
_CALLED: Mapping[str, str] = {
    SelectionKey.YES: "Yes",
    SelectionKey.NO: "No",
    SelectionKey.HOME_DRAW: "Home or Draw",
    SelectionKey.DRAW_AWAY: "Draw or Away",
    SelectionKey.HOME_AWAY: "Home or Away",
}
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
    if market.type is MarketType.TOTAL:
        return said.sport in _GOALS
    return market.type is MarketType.WINNER or market.type in _PLAIN


def _market(said: Said, market: ObservedMarket) -> ExchangeMarket:
    if market.type is MarketType.WINNER:
        kind, name = _WINNERS[said.sport]
    elif market.type in _PLAIN:
        kind, name = _PLAIN[market.type]
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
    won = _winners(said, market) if status == "CLOSED" else frozenset[str]()
    runners: list[Runner] = []
    for quote in market.quotes:
        number, name = _named(said, market, quote.selection, kind=kind)
        back, lay = (), ()
        if quote.odds is not None and status == "OPEN":
            back, lay = (
                _sized(prices, said.play, str(number)) for prices in around(quote.odds, DEPTH)
            )
        runner = Runner(
            id=number,
            name=name,
            priority=_ORDER[quote.selection],
            status=_status_of(quote.selection, won),
            back=back,
            lay=lay,
        )
        runners.append(runner)
    return tuple(sorted(runners, key=lambda runner: runner.priority))


def _named(said: Said, market: ObservedMarket, key: str, *, kind: str) -> tuple[int, str]:
    """Returns a runner's id and name."""
    match key:
        case SelectionKey.HOME:
            return said.home.number, said.home.name
        case SelectionKey.AWAY:
            return said.away.number, said.away.name
        case SelectionKey.DRAW:
            return DRAW_ID, "The Draw"
        case SelectionKey.OVER | SelectionKey.UNDER:
            return number_of(NAME_NUMBERS, kind, key), f"{key.title()} {market.line} Goals"
        case _:
            return number_of(NAME_NUMBERS, kind, key), _CALLED[key]


def _status_of(key: str, won: frozenset[str]) -> str:
    if not won:
        return "ACTIVE"
    if won == _PUSHED:
        return "REMOVED"
    return "WINNER" if key in won else "LOSER"


# Nobody has won: stakes come back, as of a draw in a market without one.
_PUSHED = frozenset({"nobody"})


def _winners(said: Said, market: ObservedMarket) -> frozenset[str]:
    """Returns the answers that came true, of 90 minutes in football; none where nobody can say."""
    home, away = _counted(said)
    if market.type is MarketType.TOTAL and market.line is not None:
        over = home + away > market.line
        return frozenset({SelectionKey.OVER if over else SelectionKey.UNDER})
    if market.type is MarketType.BOTH_TO_SCORE:
        return frozenset({SelectionKey.YES if home and away else SelectionKey.NO})
    if said.score.status is not MatchStatus.FINISHED:
        return frozenset()
    leader = "draw" if home == away else "home" if home > away else "away"
    if market.type is MarketType.DOUBLE_CHANCE:
        return frozenset(quote.selection for quote in market.quotes if leader in quote.selection)
    if market.type is MarketType.DRAW_NO_BET and leader == "draw":
        return _PUSHED
    return frozenset({leader})


def _counted(said: Said) -> tuple[int, int]:
    score = said.score
    if said.sport is not Sport.FOOTBALL or not score.periods:
        return score.home or 0, score.away or 0
    halves = [period for period in score.periods if period.name in REGULATION[Sport.FOOTBALL]]
    return sum(half.home for half in halves), sum(half.away for half in halves)


def _sized(prices: Sequence[Decimal], *words: str) -> tuple[Offer, ...]:
    """Gives each price an amount; the same price has the same amount whenever it is seen."""
    return tuple((price, round(between(5, 900, *words, price), 2)) for price in prices)
