"""Which runner is which answer: sides, lines, over and under. Pure.

A reader takes an event's name and a market's runners and returns the answers, nothing when the
market is not what we read (three ways where we know two), or raises Unfit.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from app.providers.betfair.payloads import RunnerCatalogue
from app.providers.items import Unfit
from app.sports.market import MarketType, SelectionKey

# The one runner that is the same in every market of every match.
DRAW_ID = 58805
_DRAW_NAMES = frozenset({"the draw", "draw"})
# More is no market of ours; the largest real one, Asian handicaps of football, has some 130.
RUNNERS_MAX = 1_000
# Of basketball: nobody wins by more. Bounds what a number may be before it is reckoned with.
LINE_MAX = Decimal(400)
_HOME_FIRST = re.compile(r"(.+?)\s+vs?\.?\s+(.+)", re.IGNORECASE)
_AWAY_FIRST = re.compile(r"(.+?)\s+@\s+(.+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SCORE = re.compile(r"(?:(?P<side>\D.*?)\s+)?(?P<one>\d{1,2})\s*-\s*(?P<other>\d{1,2})")
_DOUBLE_CHANCES = {
    "home or draw": SelectionKey.HOME_DRAW,
    "home or away": SelectionKey.HOME_AWAY,
    "draw or away": SelectionKey.DRAW_AWAY,
}

RunnerKey = tuple[int, Decimal]  # selection id, handicap


class Question(msgspec.Struct, frozen=True):
    """What a runner answers, in our words."""

    type: MarketType
    line: Decimal | None
    key: str


Answers = Mapping[RunnerKey, Question]
Line = Callable[[str, Sequence[RunnerCatalogue]], Answers]


class Sides(msgspec.Struct, frozen=True):
    """The runners that are the two sides."""

    home: RunnerCatalogue
    away: RunnerCatalogue


def names_of(event_name: str) -> tuple[str, str] | None:
    """Returns (home, away) of "Home v Away" and of "Away @ Home"; None for another name."""
    if found := _AWAY_FIRST.fullmatch(event_name.strip()):
        return found[2], found[1]
    if found := _HOME_FIRST.fullmatch(event_name.strip()):
        return found[1], found[2]
    return None


def sides_of(event_name: str, runners: Sequence[RunnerCatalogue]) -> Sides | None:
    """Returns the sides; None when the event is no match of two; raises Unfit.

    The name says who is at home. Runners are told apart by their own names, and where these are
    spelt otherwise by their order, which is the name's.
    """
    names = names_of(event_name)
    if names is None:
        return None
    first: dict[int, RunnerCatalogue] = {}
    for runner in sorted(runners[:RUNNERS_MAX], key=lambda one: one.sort_priority):
        if not _is_draw(runner):
            first.setdefault(runner.selection_id, runner)
    if len(first) != 2:
        raise Unfit("ambiguous_runners", f"{event_name}: {len(first)} runners, not two sides")
    one, other = first.values()
    match _fits(names, one, other), _fits(names, other, one):
        case True, False:
            return Sides(one, other)
        case False, True:
            return Sides(other, one)
        case False, False if one.sort_priority != other.sort_priority:
            away_first = "@" in event_name
            return Sides(other, one) if away_first else Sides(one, other)
        case _:
            text = f"{event_name}: {one.runner_name}, {other.runner_name}"
            raise Unfit("ambiguous_sides", text)


def _fits(names: tuple[str, str], home: RunnerCatalogue, away: RunnerCatalogue) -> bool:
    """Says whether one of the runners is named as the side it would be."""
    return _plain(names[0]) == _plain(home.runner_name) or (
        _plain(names[1]) == _plain(away.runner_name)
    )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _is_draw(runner: RunnerCatalogue) -> bool:
    return runner.selection_id == DRAW_ID or _plain(runner.runner_name) in _DRAW_NAMES


def quarters(handicap: Decimal) -> Decimal | None:
    """Returns a line in its plain form (0.25, 2.5, 10), None for what is no multiple of a quarter.

    Quarter lines are the mean of their two halves: -0.75 is half a bet on -0.5, half on -1.
    """
    if not handicap.is_finite() or abs(handicap) > LINE_MAX:
        return None
    four = handicap * 4
    return Decimal(int(four)) / 4 if four == int(four) else None


def three_ways(kind: MarketType, line: Decimal | None = None) -> Line:
    """Returns the reader of home, draw, away."""

    def read(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
        draws = [runner for runner in runners if _is_draw(runner)]
        sides = sides_of(event_name, runners) if len(draws) == 1 and len(runners) == 3 else None
        if sides is None:
            return {}
        ways = (
            (sides.home, SelectionKey.HOME),
            (sides.away, SelectionKey.AWAY),
            (draws[0], SelectionKey.DRAW),
        )
        return {_key(runner): Question(kind, line, key) for runner, key in ways}

    return read


def two_ways(kind: MarketType) -> Line:
    """Returns the reader of home, away; a market with a draw is another question."""

    def read(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
        if len(runners) != 2 or any(map(_is_draw, runners)):
            return {}
        sides = sides_of(event_name, runners)
        if sides is None:
            return {}
        ways = ((sides.home, SelectionKey.HOME), (sides.away, SelectionKey.AWAY))
        return {_key(runner): Question(kind, None, key) for runner, key in ways}

    return read


three_way, two_way = three_ways(MarketType.WINNER), two_ways(MarketType.WINNER)
_regular_time = three_ways(MarketType.WINNER_3WAY)


def either_way(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """The winner where there are two runners, the winner of the regular time where there is a draw
    among three.
    """
    return two_way(event_name, runners) or _regular_time(event_name, runners)


def _key(runner: RunnerCatalogue) -> RunnerKey:
    return runner.selection_id, Decimal(0)


def double_chance(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """Two of home, draw, away, in these very words."""

    def question(runner: RunnerCatalogue) -> Question:
        key = _DOUBLE_CHANCES.get(_plain(runner.runner_name))
        if key is None:
            raise Unfit("ambiguous_runners", f"{event_name}: {runner.runner_name}")
        return Question(MarketType.DOUBLE_CHANCE, None, key)

    return _answers(event_name, ((runner, question(runner)) for runner in runners))


def correct_score(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """Scores, "2 - 1" with home first, or "Nadal 2 - 1" with that side first; without those runners
    that are any other score.
    """
    names = names_of(event_name)
    if names is None:
        return {}
    found = ((runner, _score(names, runner)) for runner in runners)
    return _answers(
        event_name,
        (
            (runner, Question(MarketType.CORRECT_SCORE, None, key))
            for runner, key in found
            if key is not None
        ),
    )


def _score(names: tuple[str, str], runner: RunnerCatalogue) -> str | None:
    told = _SCORE.fullmatch(runner.runner_name.strip())
    if told is None:
        return None
    one, other = int(told["one"]), int(told["other"])
    if told["side"] is None or _plain(told["side"]) == _plain(names[0]):
        return f"{one}-{other}"
    if _plain(told["side"]) == _plain(names[1]):
        return f"{other}-{one}"
    raise Unfit("ambiguous_sides", f"neither side: {runner.runner_name}")


def over_under(line: Decimal) -> Line:
    """Returns the reader of the market of one line, which its runners must name."""

    def read(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
        named = {_NUMBER.search(runner.runner_name) for runner in runners}
        if any(one is not None and Decimal(one[0]) != line for one in named):
            raise Unfit("ambiguous_line", f"{event_name}: runners of another line than {line}")
        return _answers(
            event_name,
            ((runner, Question(MarketType.TOTAL, line, _over(runner))) for runner in runners),
        )

    return read


def totals(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """Over and under, each runner with its line."""
    return _answers(
        event_name,
        (
            (runner, Question(MarketType.TOTAL, _line(event_name, runner), _over(runner)))
            for runner in runners
        ),
    )


def handicaps(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """The two sides, each runner with what is added to its own score.

    Ours is the line added to the home side: home -1.5 and away +1.5 are one line, -1.5.
    """
    sides = sides_of(event_name, runners)
    if sides is None:
        return {}

    def question(runner: RunnerCatalogue) -> Question:
        line = _line(event_name, runner)
        if runner.selection_id == sides.home.selection_id:
            return Question(MarketType.HANDICAP, line, SelectionKey.HOME)
        # Not -line: that of 0 is a zero with a sign.
        return Question(MarketType.HANDICAP, 0 - line, SelectionKey.AWAY)

    return _answers(event_name, ((runner, question(runner)) for runner in runners))


def both_score(event_name: str, runners: Sequence[RunnerCatalogue]) -> Answers:
    """Yes and no."""
    keys = {"yes": SelectionKey.YES, "no": SelectionKey.NO}

    def question(runner: RunnerCatalogue) -> Question:
        key = keys.get(_plain(runner.runner_name))
        if key is None:
            raise Unfit("ambiguous_runners", f"{event_name}: {runner.runner_name}")
        return Question(MarketType.BOTH_TO_SCORE, None, key)

    return _answers(event_name, ((runner, question(runner)) for runner in runners))


def _line(event_name: str, runner: RunnerCatalogue) -> Decimal:
    line = quarters(runner.handicap)
    if line is None:
        raise Unfit("bad_line", f"{event_name}: {runner.runner_name} {runner.handicap}")
    return line


def _over(runner: RunnerCatalogue) -> SelectionKey:
    name = _plain(runner.runner_name)
    for key in (SelectionKey.OVER, SelectionKey.UNDER):
        if name == key or name.startswith(f"{key} "):
            return key
    raise Unfit("ambiguous_runners", f"neither over nor under: {runner.runner_name}")


def _answers(
    event_name: str, asked: Iterable[tuple[RunnerCatalogue, Question]]
) -> dict[RunnerKey, Question]:
    """Returns each runner's question; raises Unfit when two runners are one answer."""
    answers: dict[RunnerKey, Question] = {}
    told: set[Question] = set()
    for runner, question in asked:
        if question in told or len(told) >= RUNNERS_MAX:
            raise Unfit("ambiguous_line", f"{event_name}: {question.key} twice or too many")
        if not runner.handicap.is_finite():
            raise Unfit("bad_line", f"{event_name}: {runner.runner_name}")
        told.add(question)
        answers[runner.selection_id, runner.handicap] = question
    return answers
