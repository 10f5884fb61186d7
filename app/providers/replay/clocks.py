"""The match's clock between two lines of a recording: one pure function a sport.

Takes how long a period has run by the match's own clock and gives what the board shows.
"""

from app.providers.replay.recording import Rules
from app.sports.match import Sport

# Minutes shown when the period begins, and the last one before stoppage time.
_FOOTBALL_MINUTES = {
    "1st Half": (0, 45),
    "2nd Half": (45, 90),
    "Extra Time 1st Half": (90, 105),
    "Extra Time 2nd Half": (105, 120),
}
REGULATION = {
    Sport.FOOTBALL: ("1st Half", "2nd Half"),
    Sport.HOCKEY: ("1st Period", "2nd Period", "3rd Period"),
    Sport.BASKETBALL: ("Q1", "Q2", "Q3", "Q4"),
    Sport.TENNIS: (),
}
_HAIR_S = 0.01
_OVERTIME = ("Extra Time", "Overtime", "OT")


def length_of(rules: Rules, sport: Sport, period: str | None) -> int | None:
    """Returns a period's length in seconds of the match's clock; None when none runs in it."""
    if period in REGULATION[sport]:
        return rules.period_s
    if period is not None and period.startswith(_OVERTIME):
        return rules.overtime_s
    return None


def clock_of(rules: Rules, sport: Sport, period: str | None, running_s: float) -> str | None:
    """Returns what the board shows when a period has run so long; None where none is shown."""
    length_s = length_of(rules, sport, period)
    if length_s is None or period is None:
        return None
    # Times have three decimals; without the hair a second could show late.
    match rules.clock:
        case "minutes":
            return football_clock(period, int(running_s + _HAIR_S))
        case "up":
            return hockey_clock(length_s, int(running_s + _HAIR_S))
        case "down":
            return basketball_clock(int(length_s - running_s + _HAIR_S))
        case "none" | "recorded":
            return None


def football_clock(period: str, running_s: int) -> str | None:
    """Returns the minute that is being played: 1', 45', 45+2'; None in a shoot-out."""
    if period not in _FOOTBALL_MINUTES:
        return None
    begins, ends = _FOOTBALL_MINUTES[period]
    minute = begins + running_s // 60 + 1
    return f"{minute}'" if minute <= ends else f"{ends}+{minute - ends}'"


def hockey_clock(length_s: int, running_s: int) -> str:
    """Returns the time played in the period, 00:00 to 20:00."""
    shown = min(running_s, length_s)
    return f"{shown // 60:02}:{shown % 60:02}"


def basketball_clock(left_s: int) -> str:
    """Returns the time left in the quarter, 10:00 to 00:00; a second that is begun is gone."""
    shown = max(left_s, 0)
    return f"{shown // 60:02}:{shown % 60:02}"
