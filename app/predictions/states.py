"""Where a match stands, as a model needs it: from a score and its incidents. Loads no numpy."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.predictions.errors import ImpossibleState
from app.sports.incidents import Card, Incident
from app.sports.match import MatchStatus, Score, Sport

# Minutes of regulation by the match's clock: NBA quarters have twelve, everybody else's ten.
FOOTBALL_MINUTES = 90.0
HOCKEY_MINUTES = 60.0
BASKETBALL_MINUTES = 40.0
NBA_MINUTES = 48.0
# Sides play on with seven.
RED_CARDS_MAX = 5

_MINUTE = re.compile(r"(\d{1,3})(?:\s*'?\s*\+\s*(\d{1,2}))?")
_CLOCK = re.compile(r"(\d{1,3}):(\d{2})")
_NUMBER = re.compile(r"\d+")
_LATE = re.compile(r"extra|overtime|\bo\.?t\b|^ot|et\b|shoot|penalt|after", re.IGNORECASE)
_SHOOTOUT = re.compile(r"shoot|penalt|\bso\b", re.IGNORECASE)

Count = Annotated[int, Meta(ge=0)]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a match stands. `home` and `away` are goals, points or sets.

    Of football these are the goals of regulation, whatever extra time brought. `minute` is how much
    of the match's clock has gone by, over all periods, and `stoppage` what of it is beyond the
    period's length; `minutes` is how long regulation is, and `minute` as much once that is over
    (`late`) or all is (`over`), whatever the clock says. `games` are those of the set that runs.
    """

    home: Count = 0
    away: Count = 0
    minute: Annotated[float, Meta(ge=0.0)] = 0.0
    stoppage: Annotated[float, Meta(ge=0.0)] = 0.0
    minutes: Annotated[float, Meta(gt=0.0)] = 90.0
    late: Literal["no", "overtime", "shootout"] = "no"
    late_minute: Annotated[float, Meta(ge=0.0)] = 0.0
    over: bool = False
    red_home: Annotated[int, Meta(ge=0, le=RED_CARDS_MAX)] = 0
    red_away: Annotated[int, Meta(ge=0, le=RED_CARDS_MAX)] = 0
    games: tuple[int, int] = (0, 0)


def state_of(
    sport: Sport,
    score: Score,
    incidents: Sequence[Incident] = (),
    *,
    quarter_minutes: float | None = None,
) -> State:
    """Returns where a match stands by its score, clock and cards.

    A match without a clock stands at the beginning of its period; `quarter_minutes` is for
    basketball, 10 if not told. Raises ImpossibleState when there is no score or it cannot be.
    """
    if score.home is None or score.away is None:
        if score.status is MatchStatus.SCHEDULED:
            return State()
        raise ImpossibleState("a match in play without a score")
    over = score.status is MatchStatus.FINISHED
    match sport:
        case Sport.FOOTBALL:
            return _football(score, incidents, over=over)
        case Sport.HOCKEY:
            return _periods(score, (20.0, 3), counts_up=True, over=over)
        case Sport.BASKETBALL:
            return _periods(score, (quarter_minutes or 10.0, 4), counts_up=False, over=over)
        case Sport.TENNIS:
            return _tennis(score, over=over)


def _football(score: Score, incidents: Sequence[Incident], *, over: bool) -> State:
    minute, stoppage = _football_clock(score)
    # A break after ninety minutes, or a period beyond them: there is extra time.
    late = score.status is MatchStatus.PAUSED and minute >= FOOTBALL_MINUTES
    late = late or any(_LATE.search(name) for name in _periods_of(score))
    home, away = score.home or 0, score.away or 0
    if late or over:
        home, away = _regulation(score, late=late)
    reds = {"home": 0, "away": 0}
    for incident in incidents:
        if isinstance(incident, Card) and incident.colour in ("red", "second_yellow"):
            reds[incident.side] = min(reds[incident.side] + 1, RED_CARDS_MAX)
    return State(
        home=home,
        away=away,
        minute=FOOTBALL_MINUTES if late or over else minute,
        stoppage=0.0 if late or over else stoppage,
        late="overtime" if late else "no",
        over=over,
        red_home=reds["home"],
        red_away=reds["away"],
    )


def _periods_of(score: Score) -> list[str]:
    return [score.period or "", *(period.name for period in score.periods)]


def _regulation(score: Score, *, late: bool) -> tuple[int, int]:
    """Returns the goals of the two halves; whatever else there is came later."""
    halves = [p for p in score.periods if not _LATE.search(p.name)][:2]
    if len(halves) == 2:
        return sum(p.home for p in halves), sum(p.away for p in halves)
    home, away = score.home or 0, score.away or 0
    if late and home != away:
        # Extra time is only played of a level match.
        return min(home, away), min(home, away)
    return home, away


def _football_clock(score: Score) -> tuple[float, float]:
    """Returns the minutes gone by, and how many of them are stoppage."""
    period = (score.period or "").lower()
    second = period.startswith(("2", "second"))
    is_break = score.status is MatchStatus.PAUSED
    if period.startswith(("half", "break")) or (is_break and not second):
        return 45.0, 99.0
    found = _MINUTE.match(score.clock or "")
    if not found:
        return (FOOTBALL_MINUTES if is_break else 45.0, 0.0) if second else (0.0, 0.0)
    # 23' is the 23rd minute: 22 and a half are gone, give or take.
    shown, extra = int(found[1]), float(found[2] or 0)
    ends = 90 if second or shown > 45 else 45
    if shown > ends or extra:
        return float(ends), extra or float(shown - ends)
    return max(shown - 0.5, 45.0 if second else 0.0), 0.0


def _periods(score: Score, shape: tuple[float, int], *, counts_up: bool, over: bool) -> State:
    length, count = shape
    regulation = length * count
    home, away = score.home or 0, score.away or 0
    period = score.period or ""
    found = _CLOCK.match(score.clock or "")
    shown = int(found[1]) + int(found[2]) / 60 if found else None
    if _LATE.search(period):
        kind = "shootout" if _SHOOTOUT.search(period) else "overtime"
        gone = 0.0 if shown is None else shown if counts_up else max(5.0 - shown, 0.0)
        return State(
            home=home, away=away, minute=regulation, minutes=regulation, late=kind,
            late_minute=gone, over=over,
        )  # fmt: skip
    number = _NUMBER.search(period)
    done = min(int(number[0]) - 1, count) if number and int(number[0]) else 0
    if shown is None:
        gone = length if score.status is MatchStatus.PAUSED else 0.0
    else:
        gone = min(shown, length) if counts_up else max(length - shown, 0.0)
    minute = regulation if over else min(done * length + gone, regulation)
    return State(home=home, away=away, minute=minute, minutes=regulation, over=over)


def _tennis(score: Score, *, over: bool) -> State:
    home, away = score.home or 0, score.away or 0
    games = (0, 0)
    if len(score.periods) > home + away:
        running = score.periods[-1]
        games = (running.home, running.away)
    return State(home=home, away=away, games=games, over=over)
