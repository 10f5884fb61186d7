"""How often a task is to be asked, and why. Pure.

A task covers matches. Those that are alike (same phase, wanted alike, same interval set by hand)
are one `Cell`; each cell has a `Pace`, and the task goes at the quickest of them. `wish_of` says
how often each would be asked if requests cost nothing; `app/polling/budget.py` stretches that to
what is left of the quota, in the order of `Rank`.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum

import msgspec

from app.providers.provider import Scope
from app.sports.match import IN_PLAY, OVER, MatchStatus

# What the table of tasks takes: nobody is asked more often than 20 times a second.
INTERVAL_MS_MIN, INTERVAL_MS_MAX = 50, 86_400_000
# A match that should have begun so long ago, and of which nobody says so, is not waited for.
LATE_S = 4 * 3_600
# A match that began so long ago is over, whatever the last word on it was: matches that were
# interrupted go on a day later, those that were forgotten must not be asked for for ever.
LONG_AGO_S = 2 * 86_400


class Phase(StrEnum):
    """Where a match is, as far as polls are concerned; the value is what is said of it."""

    HOURS_BEFORE = "hours before"
    MINUTES_BEFORE = "minutes before"
    LIVE = "live"
    BREAK = "break"
    JUST_FINISHED = "just finished"
    OVER = "over"  # Or too far ahead: nothing is asked.


class Level(IntEnum):
    """How much a match is wanted."""

    NOBODY = 0
    LISTED = 1  # Somebody reads a list that it is on.
    WATCHED = 2  # A socket follows it, or somebody has just read it.


class Rank(IntEnum):
    """What gives way first when a quota runs short: the lowest, to its end, before the next."""

    FIXTURES = 0
    UNWATCHED_SCORES = 1
    MARKETS_BEFORE = 2
    WATCHED_BEFORE = 3
    WATCHED_LIVE = 4


class Paces(msgspec.Struct, frozen=True, kw_only=True):
    """The default rule: milliseconds between two polls by phase, for what is watched.

    What is only listed is asked `listed_times` more slowly, what nobody wants `unwatched_times`;
    `idle_ms` is for a sport in which nothing is known to be on. `minutes_before_s`,
    `hours_before_s` and `just_finished_s` bound the phases. `speed` is for worlds that run faster
    than ours: everything is that much shorter.
    """

    live_ms: int = 5_000
    break_ms: int = 15_000
    minutes_before_ms: int = 15_000
    hours_before_ms: int = 120_000
    just_finished_ms: int = 15_000
    fixtures_ms: int = 600_000
    idle_ms: int = 300_000
    listed_times: float = 2.0
    unwatched_times: float = 4.0
    minutes_before_s: int = 1_800
    hours_before_s: int = 86_400
    just_finished_s: int = 600
    speed: float = 1.0

    def of_phase(self, phase: Phase) -> float:
        """Returns the interval of what is watched, in milliseconds; infinite when it is over."""
        by_phase = {
            Phase.HOURS_BEFORE: self.hours_before_ms,
            Phase.MINUTES_BEFORE: self.minutes_before_ms,
            Phase.LIVE: self.live_ms,
            Phase.BREAK: self.break_ms,
            Phase.JUST_FINISHED: self.just_finished_ms,
        }
        return by_phase.get(phase, float("inf")) / self.speed

    def times(self, level: Level) -> float:
        """Returns how much slower something is asked for that is wanted no more than this."""
        return {Level.NOBODY: self.unwatched_times, Level.LISTED: self.listed_times}.get(level, 1.0)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Matches of one task that are alike: how many, and how many watch them.

    `override_ms` is an interval set by hand for them, `set_for` the subject it was set for.
    """

    phase: Phase
    level: Level
    matches: int
    watchers: int = 0
    override_ms: int | None = None
    set_for: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one task when its interval is decided.

    `override_ms` was set for the task itself, `general_ms` for its sport or by default. `unknown`
    says that somebody wants something of this sport that this provider has not yet told of.
    """

    scope: Scope
    rule_ms: int
    cost: int = 1
    matches_max: int = 0
    cells: tuple[Cell, ...] = ()
    override_ms: int | None = None
    general_ms: int | None = None
    general_for: str = ""
    unknown: bool = False


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often the matches of one cell are to be asked for, and what gives way first."""

    wish_ms: int
    rank: Rank
    matches: int
    why: str
    cell: Cell | None = None


def phase_of(
    status: MatchStatus, *, starts_in_s: float, changed_s_ago: float, paces: Paces
) -> Phase:
    """Returns a match's phase; `starts_in_s` is negative once it should have begun.

    The planner says the same in SQL; a test holds the two together.
    """
    fast = paces.speed
    if not -LONG_AGO_S <= starts_in_s * fast <= paces.hours_before_s:
        return Phase.OVER
    if status in OVER:
        recent = changed_s_ago * fast <= paces.just_finished_s
        return Phase.JUST_FINISHED if recent else Phase.OVER
    if status in IN_PLAY:
        return Phase.LIVE if status is MatchStatus.LIVE else Phase.BREAK
    if status is MatchStatus.POSTPONED or starts_in_s * fast < -LATE_S:
        return Phase.OVER
    near = starts_in_s * fast <= paces.minutes_before_s
    return Phase.MINUTES_BEFORE if near else Phase.HOURS_BEFORE


def rank_of(scope: Scope, phase: Phase, level: Level) -> Rank:
    """Returns what gives way when."""
    if scope is Scope.FIXTURES:
        return Rank.FIXTURES
    if level is Level.WATCHED and phase in (Phase.LIVE, Phase.BREAK):
        return Rank.WATCHED_LIVE
    if scope is Scope.MARKETS:
        return Rank.MARKETS_BEFORE
    return Rank.WATCHED_BEFORE if level is Level.WATCHED else Rank.UNWATCHED_SCORES


def wishes_of(task: Task, paces: Paces) -> tuple[Pace, ...]:
    """Returns a pace for each kind of match; none: nobody wants this task's answers.

    An interval set by hand goes before the phase: the task's own, then its match's, league's,
    sport's, the default. It never makes markets wanted, and never beats the provider's own rule.
    """
    if task.scope is Scope.FIXTURES:
        return (_fixtures(task, paces),)
    found = [
        _pace_of(task, cell, paces)
        for cell in task.cells
        if cell.phase is not Phase.OVER
        and (cell.level is not Level.NOBODY or task.scope is Scope.SCORES)
    ]
    searches = task.matches_max == 0 and (task.scope is Scope.SCORES or task.unknown)
    if searches and (not found or task.unknown):
        found.append(_search(task, paces))
    return tuple(found)


def _fixtures(task: Task, paces: Paces) -> Pace:
    matches = sum(cell.matches for cell in task.cells)
    if task.override_ms is not None:
        return _clamped(task, task.override_ms, Rank.FIXTURES, "set for this task", matches=matches)
    return _clamped(
        task, paces.fixtures_ms / paces.speed, Rank.FIXTURES, "fixtures", matches=matches
    )


def _search(task: Task, paces: Paces) -> Pace:
    """Returns the pace of a task that asks whether there is anything."""
    if task.override_ms is not None:
        return _clamped(task, task.override_ms, Rank.UNWATCHED_SCORES, "set for this task")
    why = "wanted, but not known here yet" if task.unknown else "nothing known to be on"
    return _clamped(task, paces.idle_ms / paces.speed, Rank.UNWATCHED_SCORES, why)


def _pace_of(task: Task, cell: Cell, paces: Paces) -> Pace:
    rank = rank_of(task.scope, cell.phase, cell.level)
    why = f"{cell.phase.value}, {_wanted(cell)}"
    for by_hand, whose in (
        (task.override_ms, "this task"),
        (cell.override_ms, cell.set_for),
        (task.general_ms, task.general_for),
    ):
        if by_hand is not None:
            why = f"{why}, set for {whose}"
            return _clamped(task, by_hand, rank, why, matches=cell.matches, cell=cell)
    wish = paces.of_phase(cell.phase) * paces.times(cell.level)
    return _clamped(task, wish, rank, why, matches=cell.matches, cell=cell)


def _wanted(cell: Cell) -> str:
    if cell.level is Level.WATCHED:
        return f"{cell.watchers} watcher{'' if cell.watchers == 1 else 's'}"
    return "listed" if cell.level is Level.LISTED else "nobody watches"


def _clamped(
    task: Task, wish: float, rank: Rank, why: str, *, matches: int = 0, cell: Cell | None = None
) -> Pace:
    allowed = max(round(wish), task.rule_ms, INTERVAL_MS_MIN)
    if allowed > round(wish):
        why = f"{why}, no faster than its provider's rule"
    wish_ms = min(allowed, INTERVAL_MS_MAX)
    return Pace(wish_ms=wish_ms, rank=rank, matches=matches, why=why, cell=cell)


def later_of(task: Task, now: Sequence[Pace], paces: Paces) -> Pace | None:
    """Returns the pace of the rest of the day: what a budget has to keep something for.

    A task with something in play goes on in quiet hours, one without will have something in play.
    Prices are expected to stay as wanted as they are.
    """
    if task.scope is Scope.FIXTURES or not now:
        return None
    matches = sum(pace.matches for pace in now)
    in_play = any(p.cell is not None and p.cell.phase in (Phase.LIVE, Phase.BREAK) for p in now)
    scores = task.scope is Scope.SCORES
    rank = Rank.UNWATCHED_SCORES if scores else Rank.MARKETS_BEFORE
    if in_play:
        wish = (paces.idle_ms if scores else paces.hours_before_ms) / paces.speed
    else:
        wish = paces.of_phase(Phase.LIVE) * (paces.unwatched_times if scores else 1.0)
        rank = Rank.UNWATCHED_SCORES if scores else Rank.WATCHED_LIVE
    return _clamped(task, wish, rank, "later", matches=matches)


def interval_of(task: Task, paces: Sequence[Pace], stretch: Mapping[Rank, float]) -> float:
    """Returns the interval of a task whose paces are stretched, in ms; infinite without one.

    A task whose requests name their matches is asked as often as it takes to name each of them in
    its turn, but never faster than the rule.
    """
    quickest = min((pace.wish_ms * stretch[pace.rank] for pace in paces), default=float("inf"))
    if not task.matches_max:
        return quickest
    requests = sum(
        pace.matches / (task.matches_max * pace.wish_ms * stretch[pace.rank]) for pace in paces
    )
    return max(task.rule_ms, min(quickest, 1 / requests)) if requests else quickest


def shown(interval_ms: float) -> str:
    """Returns an interval in words: 250 ms, 5 s, 1.5 s, 12 min, 3 h."""
    for size_ms, unit in ((3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if interval_ms >= size_ms:
            return f"{interval_ms / size_ms:.3g} {unit}"
    return f"{interval_ms:.3g} ms"
