"""A market is a question on a match, a selection one answer to it, a price its decimal odds.

| Type | Answers | Line |
|---|---|---|
| winner | home, draw, away; no draw where the sport has none | |
| winner_3way | home, draw, away: of regulation, in sports that go on until somebody has won | |
| double_chance | home_draw, home_away, draw_away: two of the three, so that two answers win | |
| draw_no_bet | home, away: stakes come back with a draw | |
| total | over, under: of both sides | points, in quarters |
| home_total, away_total | over, under: of one side | points, in quarters |
| handicap | home, away | added to the home side's score, in quarters |
| handicap_3way | home, draw, away: of regulation | added to the home side, whole |
| both_to_score | yes, no | |
| correct_score | "2-1", home first: as many as are offered; of sets in tennis | |
| period_winner | home, draw, away; no draw in tennis | which half, quarter, period or set |
| set_handicap | home, away | sets, added to the home side |

Football's markets are of 90 minutes; those of basketball and ice hockey count overtime, but for the
three-way ones; tennis' totals and handicaps are of games (`app.betting.outcomes` settles them so).
"""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from app.sports.match import SPORTS, Sport


class MarketType(StrEnum):
    """The questions we know, in the order they are shown; the value is the wire's `type`."""

    WINNER = "winner"
    WINNER_3WAY = "winner_3way"
    DOUBLE_CHANCE = "double_chance"
    DRAW_NO_BET = "draw_no_bet"
    TOTAL = "total"
    HANDICAP = "handicap"
    SET_HANDICAP = "set_handicap"
    BOTH_TO_SCORE = "both_to_score"
    HANDICAP_3WAY = "handicap_3way"
    HOME_TOTAL = "home_total"
    AWAY_TOTAL = "away_total"
    PERIOD_WINNER = "period_winner"
    CORRECT_SCORE = "correct_score"


class MarketStatus(StrEnum):
    """Whether a market takes bets."""

    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    SETTLED = "settled"


class SelectionKey(StrEnum):
    """The answers that have a name, in the order they are shown."""

    HOME = "home"
    DRAW = "draw"
    AWAY = "away"
    OVER = "over"
    UNDER = "under"
    YES = "yes"
    NO = "no"
    HOME_DRAW = "home_draw"
    HOME_AWAY = "home_away"
    DRAW_AWAY = "draw_away"


SCORE_PATTERN = r"(?:0|[1-9][0-9]?)-(?:0|[1-9][0-9]?)"
KEY_PATTERN = rf"^(?:{'|'.join(SelectionKey)}|{SCORE_PATTERN})$"
_SCORE = re.compile(SCORE_PATTERN)

# Which answer, unique within a market: a SelectionKey, or a score as correct_score has them.
AnswerKey = Annotated[str, Meta(pattern=KEY_PATTERN)]

LINED = frozenset(
    {
        MarketType.TOTAL,
        MarketType.HOME_TOTAL,
        MarketType.AWAY_TOTAL,
        MarketType.HANDICAP,
        MarketType.HANDICAP_3WAY,
        MarketType.SET_HANDICAP,
        MarketType.PERIOD_WINNER,
    }
)
# Their line is added to the home side's score, so it changes its sign with the sides.
HANDICAPS = frozenset({MarketType.HANDICAP, MarketType.HANDICAP_3WAY, MarketType.SET_HANDICAP})
# Their lines are whole: a number of a period, or goals that a side starts with.
WHOLE_LINED = frozenset({MarketType.PERIOD_WINNER, MarketType.HANDICAP_3WAY})
# No match of ours has more halves, quarters, periods or sets.
PERIODS_MAX = 5

_K = SelectionKey
_TWO_WAYS = (_K.HOME, _K.AWAY)
_THREE_WAYS = (_K.HOME, _K.DRAW, _K.AWAY)
_OVER_UNDER = (_K.OVER, _K.UNDER)
# What a market may be answered with, in the order it is shown, but for scores, which are open.
ANSWERS: dict[MarketType, tuple[SelectionKey, ...]] = {
    MarketType.WINNER: _THREE_WAYS,
    MarketType.WINNER_3WAY: _THREE_WAYS,
    MarketType.DOUBLE_CHANCE: (_K.HOME_DRAW, _K.HOME_AWAY, _K.DRAW_AWAY),
    MarketType.DRAW_NO_BET: _TWO_WAYS,
    MarketType.TOTAL: _OVER_UNDER,
    MarketType.HANDICAP: _TWO_WAYS,
    MarketType.SET_HANDICAP: _TWO_WAYS,
    MarketType.BOTH_TO_SCORE: (_K.YES, _K.NO),
    MarketType.HANDICAP_3WAY: _THREE_WAYS,
    MarketType.HOME_TOTAL: _OVER_UNDER,
    MarketType.AWAY_TOTAL: _OVER_UNDER,
    MarketType.PERIOD_WINNER: _THREE_WAYS,
    MarketType.CORRECT_SCORE: (),
}
# How many answers win. Of correct scores not all are ever offered, so nobody can say what the
# chances of those that are add up to.
WINNERS: dict[MarketType, int | None] = {
    kind: {MarketType.DOUBLE_CHANCE: 2, MarketType.CORRECT_SCORE: None}.get(kind, 1)
    for kind in MarketType
}


def answers_of(kind: MarketType, sport: Sport) -> tuple[SelectionKey, ...]:
    """Returns the named answers of a market in a sport: no draw where it cannot end so."""
    level = SPORTS[sport].has_draw if kind is MarketType.WINNER else sport is not Sport.TENNIS
    if level or kind not in (MarketType.WINNER, MarketType.PERIOD_WINNER):
        return ANSWERS[kind]
    return _TWO_WAYS


def may_answer(kind: MarketType, key: str, answers: Collection[str] | None = None) -> bool:
    """Says whether a key answers a market; `answers`: its named ones, where a sport lacks some."""
    if kind is MarketType.CORRECT_SCORE:
        return is_score(key)
    return key in (ANSWERS[kind] if answers is None else answers)


def is_score(key: str) -> bool:
    """Says whether a key is a score as correct_score has them: "2-1", the home side first."""
    return _SCORE.fullmatch(key) is not None


def is_line(kind: MarketType, line: Decimal | None) -> bool:
    """Says whether a market may have a line: none where there is none, whole where it counts."""
    if (kind in LINED) != (line is not None):
        return False
    if line is None or kind not in WHOLE_LINED:
        return True
    if kind is MarketType.PERIOD_WINNER:
        return line == int(line) and 1 <= line <= PERIODS_MAX
    return line == int(line) and line != 0


_TURNED: Mapping[str, SelectionKey] = {
    _K.HOME: _K.AWAY,
    _K.AWAY: _K.HOME,
    _K.HOME_DRAW: _K.DRAW_AWAY,
    _K.DRAW_AWAY: _K.HOME_DRAW,
}
_TURNED_TYPES = {
    MarketType.HOME_TOTAL: MarketType.AWAY_TOTAL,
    MarketType.AWAY_TOTAL: MarketType.HOME_TOTAL,
}


def turned_key(key: str) -> str:
    """Returns an answer as it reads with the sides the other way round."""
    if is_score(key):
        return "-".join(reversed(key.split("-")))
    return _TURNED.get(key, key)


def turned(kind: MarketType, line: Decimal | None) -> tuple[MarketType, Decimal | None]:
    """Returns a question as it reads with the sides the other way round."""
    if line is not None and kind in HANDICAPS:
        # Not -line: that of 0 is a zero with a sign.
        line = Decimal(0) - line
    return _TURNED_TYPES.get(kind, kind), line


# Above 1, because a bet that returns less than its stake is none; exchange ladders end at 1000.
ODDS_MIN = Decimal("1.001")
ODDS_MAX = Decimal(1000)
THREE_PLACES = Decimal("0.001")


def is_odds(odds: Decimal) -> bool:
    """Says whether a number can be decimal odds of ours: 1.001 to 1000, at most 3 decimals."""
    return odds.is_finite() and ODDS_MIN <= odds <= ODDS_MAX and odds == round(odds, 3)
