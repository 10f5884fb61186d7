"""Sportradar's `sport_event_status` as our score.

Numbers of statuses and phases are theirs (descriptions of match statuses); names of periods are
those that all our providers use.
"""

import re
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from app.providers.items import Unfit
from app.sports.match import MatchStatus, Period, Score, Sport

_S = MatchStatus

# `status`: 6 is "delayed": not begun, and no new time yet.
_STATUSES = {
    0: _S.SCHEDULED, 1: _S.LIVE, 2: _S.INTERRUPTED, 3: _S.FINISHED, 4: _S.FINISHED,
    5: _S.CANCELLED, 6: _S.SCHEDULED, 7: _S.INTERRUPTED, 8: _S.POSTPONED, 9: _S.ABANDONED,
}  # fmt: skip
# `match_status` in play: what is played.
_PERIODS = {
    1: "1st Period", 2: "2nd Period", 3: "3rd Period", 6: "1st Half", 7: "2nd Half",
    8: "Set 1", 9: "Set 2", 10: "Set 3", 11: "Set 4", 12: "Set 5",
    13: "Q1", 14: "Q2", 15: "Q3", 16: "Q4", 40: "Overtime",
    41: "Extra Time 1st Half", 42: "Extra Time 2nd Half", 50: "Penalties",
}  # fmt: skip
# Pause, half-time, before and within extra time, before penalties, breaks after the periods.
_BREAKS = frozenset({30, 31, 32, 33, 34, 301, 302, 303, 304, 305})
# What ends or stops a match says more than `status`: walkovers and retirements are decisions.
_DECIDED = {
    60: _S.POSTPONED, 70: _S.CANCELLED, 80: _S.INTERRUPTED, 81: _S.INTERRUPTED, 90: _S.ABANDONED,
    **dict.fromkeys(range(91, 99), _S.AWARDED),
}  # fmt: skip
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)\Z", re.ASCII)
_POINTS_MAX = 999
# Minutes of the match when a period begins and ends, of those that have a running clock.
_FOOTBALL_ENDS = {6: 45, 7: 90, 41: 105, 42: 120}
_HOCKEY_BEGINS = {1: 0, 2: 20, 3: 40}


def score_of(told: Element, sport: Sport) -> Score:
    """Returns the score of a `sport_event_status`; raises Unfit."""
    status = _STATUSES.get(whole(told, "status", -1))
    if status is None:
        raise Unfit("unknown_status", f"status {told.get('status')!r}")
    phase = whole(told, "match_status", 0)
    status = _DECIDED.get(phase, status)
    if status is _S.LIVE and phase in _BREAKS:
        status = _S.PAUSED
    home, away = points(told, "home_score"), points(told, "away_score")
    if (home is None) != (away is None):
        raise Unfit("bad_score", "a score has both numbers or none")
    in_play = status is _S.LIVE
    return Score(
        status=status,
        home=home,
        away=away,
        period=_period(phase, sport) if in_play else None,
        clock=_clock(told.find("clock"), phase, sport) if in_play else None,
        periods=_periods(told, sport),
    )


def whole(element: Element, name: str, default: int) -> int:
    """Returns a whole number of an attribute; raises Unfit for anything else in it."""
    text = element.get(name)
    if text is None:
        return default
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) is None:
        raise Unfit("unreadable", f"{name} is not a whole number")
    return int(text)


def points(element: Element, name: str) -> int | None:
    """Returns a score, which they write as 2 or 2.0; raises Unfit outside 0 to 999."""
    text = element.get(name)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Unfit("bad_score", f"{name} is not a number") from None
    if not value.is_finite() or not 0 <= value <= _POINTS_MAX or value != int(value):
        raise Unfit("bad_score", f"{name} is not between 0 and {_POINTS_MAX}")
    return int(value)


def _period(phase: int, sport: Sport) -> str | None:
    if sport is Sport.HOCKEY and phase == 50:
        return "Shootout"
    return _PERIODS.get(phase)


def _periods(told: Element, sport: Sport) -> tuple[Period, ...]:
    periods: list[Period] = []
    for part in told.iterfind("period_scores/period_score"):
        name = _period(whole(part, "match_status_code", 0), sport)
        home, away = points(part, "home_score"), points(part, "away_score")
        if name is not None and home is not None and away is not None:
            periods.append(Period(name=name, home=home, away=away))
    return tuple(periods)


def _clock(told: Element | None, phase: int, sport: Sport) -> str | None:
    """Returns what the board shows: the minute in football, time played in hockey's period, time
    left in basketball's.
    """
    if told is None:
        return None
    match sport:
        case Sport.FOOTBALL:
            return _minute(told, _FOOTBALL_ENDS.get(phase))
        case Sport.HOCKEY:
            played, begins = _read(told.get("match_time")), _HOCKEY_BEGINS.get(phase)
            if played is None or begins is None or played[0] < begins:
                return None
            return f"{min(played[0] - begins, 20):02}:{played[1]:02}"
        case Sport.BASKETBALL:
            left = _read(told.get("remaining_time_in_period"))
            return None if left is None else f"{left[0]:02}:{left[1]:02}"
        case Sport.TENNIS:
            return None


def _minute(told: Element, ends: int | None) -> str | None:
    played = _read(told.get("match_time"))
    if played is None or ends is None:
        return None
    if played[0] < ends:
        return f"{played[0] + 1}'"
    added = _read(told.get("stoppage_time")) or (played[0] - ends, played[1])
    return f"{ends}+{added[0] + 1}'"


def _read(text: str | None) -> tuple[int, int] | None:
    found = _CLOCK.match(text or "")
    return (int(found[1]), int(found[2])) if found else None
