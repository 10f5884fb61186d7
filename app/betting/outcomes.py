"""What became of a leg: from how a match stands, by the rules of its sport. Pure.

A leg pays stake x (void + (1 - void) x won x odds x dead heat): `void` is the share that is given
back, `won` one or nothing, `dead_heat` what a tie leaves of a win. That is how Sportradar's feed
says results (UOF `bet_settlement`: `result`, `void_factor`, `dead_heat_factor`); half-won is won
with a void of one half, half-lost lost with it, a push void whole.

Which score counts (the rules of Betfair, Pinnacle and Sportradar agree in these):
- football: 90 minutes with stoppage time; extra time and shoot-outs count for nothing;
- basketball: overtime counts, but for single quarters;
- ice hockey: overtime and shoot-out count, the shoot-out as one goal, but not for three-way
  winners, which are of 60 minutes, and single periods;
- tennis: totals and handicaps are of games, set handicaps and correct scores of sets.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from app.betting.bet import LegResult
from app.betting.results import MatchEnd, Points, Regard
from app.sports.match import Sport

_QUARTER, _HALF = Decimal("0.25"), Decimal("0.5")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a leg; `factor` is what it multiplies a stake by at its odds."""

    won: bool
    void: Decimal = Decimal(0)
    dead_heat: Fraction = Fraction(1)

    def factor(self, odds: Decimal) -> Fraction:
        """Returns void + (1 - void) x won x odds x dead heat."""
        void = Fraction(self.void)
        return void + (1 - void) * int(self.won) * Fraction(odds) * self.dead_heat

    @property
    def result(self) -> LegResult:
        """Returns its name."""
        if self.void == 1:
            return LegResult.VOID
        if self.void == 0:
            return LegResult.WON if self.won else LegResult.LOST
        return LegResult.HALF_WON if self.won else LegResult.HALF_LOST


WON, LOST = Outcome(won=True), Outcome(won=False)
VOID = Outcome(won=False, void=Decimal(1))
HALF_WON, HALF_LOST = Outcome(won=True, void=_HALF), Outcome(won=False, void=_HALF)
OUTCOMES: Mapping[LegResult, Outcome] = {
    LegResult.WON: WON,
    LegResult.LOST: LOST,
    LegResult.VOID: VOID,
    LegResult.HALF_WON: HALF_WON,
    LegResult.HALF_LOST: HALF_LOST,
}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg says: this answer to that market. `line` as the market has it."""

    sport: Sport
    market_type: str
    line: Decimal | None
    key: str


Rule = Callable[[Question, MatchEnd], Outcome | None]


def outcome_of(question: Question, end: MatchEnd) -> Outcome | None:
    """Returns what became of a leg; None while that is not decided, or cannot be told from what we
    know (a market nobody has a rule for, a score without its periods): an operator may void it.
    """
    if end.is_void:
        return VOID
    rule = RULES.get(question.market_type)
    if rule is None:
        return None
    if end.is_final:
        return rule(question, end)
    # Stopped for good before its end: what can no longer change stands, all else is void.
    settled = rule(question, end) if _cannot_change(question, end) else None
    return settled or (VOID if end.is_stopped else None)


def _cannot_change(question: Question, end: MatchEnd) -> bool:
    """Says whether play going on could not have changed the answer any more."""
    points = end.points(_regard(question))
    if points is None:
        return False
    if question.market_type in ("total", "home_total", "away_total"):
        return question.line is not None and _counted(question, points) > question.line + _QUARTER
    if question.market_type == "both_to_score":
        return points.home > 0 and points.away > 0
    return question.market_type == "period_winner" and end.period_is_over(question.line)


def _winner(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(_regard(question))
    if points is None:
        return None
    if points.home == points.away and not end.has_draw(question.sport):
        return None  # Nobody has won a match that has to have a winner: not told to its end.
    return _is(question.key == points.leader)


def _three_way(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(Regard.REGULAR)
    return None if points is None else _is(question.key == points.leader)


def _double_chance(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(Regard.REGULAR)
    return None if points is None else _is(points.leader in question.key.split("_"))


def _draw_no_bet(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(Regard.REGULAR)
    if points is None:
        return None
    return VOID if points.leader == "draw" else _is(question.key == points.leader)


def _total(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(_regard(question))
    if points is None or question.line is None:
        return None
    over = _counted(question, points) - question.line
    return _by_margin(over if question.key == "over" else -over)


def _handicap(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(_regard(question))
    if points is None or question.line is None:
        return None
    # The line is added to the home side's score, whichever side is asked.
    margin = points.home - points.away + question.line
    return _by_margin(margin if question.key == "home" else -margin)


def _three_way_handicap(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(Regard.REGULAR)
    if points is None or question.line is None:
        return None
    margin = points.home - points.away + question.line
    leader = "home" if margin > 0 else "away" if margin < 0 else "draw"
    return _is(question.key == leader)


def _both_to_score(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(_regard(question))
    if points is None:
        return None
    both = points.home > 0 and points.away > 0
    return _is((question.key == "yes") == both)


def _correct_score(question: Question, end: MatchEnd) -> Outcome | None:
    regard = Regard.SETS if question.sport is Sport.TENNIS else Regard.REGULAR
    points = end.points(regard)
    return None if points is None else _is(question.key == f"{points.home}-{points.away}")


def _period_winner(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.period(question.line)
    return None if points is None else _is(question.key == points.leader)


def _set_handicap(question: Question, end: MatchEnd) -> Outcome | None:
    points = end.points(Regard.SETS)
    if points is None or question.line is None:
        return None
    margin = points.home - points.away + question.line
    return _by_margin(margin if question.key == "home" else -margin)


RULES: Mapping[str, Rule] = {
    "winner": _winner,
    "winner_3way": _three_way,
    "double_chance": _double_chance,
    "draw_no_bet": _draw_no_bet,
    "total": _total,
    "home_total": _total,
    "away_total": _total,
    "handicap": _handicap,
    "handicap_3way": _three_way_handicap,
    "both_to_score": _both_to_score,
    "correct_score": _correct_score,
    "period_winner": _period_winner,
    "set_handicap": _set_handicap,
}


def _regard(question: Question) -> Regard:
    """Returns which score a question is about."""
    if question.sport is Sport.FOOTBALL:
        return Regard.REGULAR
    if question.sport is Sport.TENNIS:
        is_winner = question.market_type == "winner"
        return Regard.SETS if is_winner else Regard.GAMES
    return Regard.WHOLE


def _counted(question: Question, points: Points) -> int:
    sides = {"home_total": points.home, "away_total": points.away}
    return sides.get(question.market_type, points.home + points.away)


def _by_margin(margin: Decimal) -> Outcome:
    """Returns what a line makes of a margin: a quarter line is half a bet on each of its
    neighbours, so it falls by a half when the margin is a quarter.
    """
    if margin == 0:
        return VOID
    if abs(margin) == _QUARTER:
        return HALF_WON if margin > 0 else HALF_LOST
    return _is(margin > 0)


def _is(true: bool) -> Outcome:  # noqa: FBT001 - the one thing it takes.
    return WON if true else LOST
