"""A day of 5,000 matches, planned and polled in simulation: what quotas allow, and how old data is.

Nothing is asked and nobody waits: the clock is a number. The rules are the program's own
(`app/polling/schedule.py`, `budget.py`, `windows.py`); the day is made up, always the same one.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from app.polling.budget import Asked, Outlook, Quota, decide, stretched
from app.polling.schedule import Cell, Level, Paces, Phase, Task, interval_of, later_of, wishes_of
from app.polling.windows import (
    Limit,
    Spending,
    begun,
    longest_wait,
    remaining_of,
    renewed,
    taken,
)
from app.providers.provider import Scope, Window
from bench.report import percentile, report

MATCHES = {"football": 3_200, "basketball": 800, "tennis": 700, "hockey": 300}
LEAGUES = 100
# Shares of matches that somebody watches: in play, and before.
WATCHED_LIVE, WATCHED_BEFORE = 0.05, 0.01
# Most matches of a day start between noon and ten in the evening.
STARTS = (
    (0, 3),
    (1, 2),
    (6, 2),
    (10, 6),
    (12, 14),
    (14, 20),
    (16, 14),
    (18, 16),
    (20, 14),
    (22, 6),
)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
MINUTES = 1_440
# Ages are looked at so often within each gap between two polls.
LOOKS = 10
PACES = Paces()
Kind = tuple[Phase, Level]
Counts = dict[int, dict[Kind, int]]


class Match(msgspec.Struct, frozen=True):
    """One match: when it starts and ends, in minutes of the day, and whether it is watched."""

    sport: str
    league: int
    start: int
    end: int
    watched_live: bool
    watched_before: bool


class Provider(msgspec.Struct, frozen=True):
    """A provider: its name in the table, its quotas, its tasks with the matches they cover."""

    name: str
    limits: Sequence[Limit]
    tasks: Sequence[tuple[Task, Sequence[Match]]]
    days_left: int = 1


class Running:
    """One task through the day."""

    def __init__(self, task: Task, matches: Sequence[Match]) -> None:
        self.task = task
        self.counts = counts_of(matches, task.scope)
        self.busy = [
            sum(n for (phase, _), n in self.counts.get(minute, {}).items() if phase is Phase.LIVE)
            for minute in range(MINUTES)
        ]
        self.last: float | None = None
        self.due = float("inf")
        # From when on somebody wanted it: what was not wanted was not old.
        self.since = 0.0
        self.interval_s = float("inf")
        self.asked = Asked(task=task, paces=())

    def look(self, minute: int) -> None:
        """Sees what it covers now, and what is to come."""
        cells = tuple(
            Cell(phase=phase, level=level, matches=n, watchers=n)
            for (phase, level), n in self.counts.get(minute, {}).items()
        )
        task = msgspec.structs.replace(self.task, cells=cells)
        paces = wishes_of(task, PACES)
        # Tomorrow is expected to be like today.
        hours = tuple(self.busy[at % MINUTES] for at in range(minute, minute + MINUTES, 60))
        self.asked = Asked(
            task=task,
            paces=paces,
            later=later_of(task, paces, PACES),
            outlook=Outlook(on=hours),
        )


class Tally:
    """What came of one kind of match: polls made for it, their cost, how old its data was."""

    def __init__(self) -> None:
        self.polls = self.cost = 0
        self.ages: list[float] = []
        self.weights: list[int] = []


def a_day(seed: int = 1) -> list[Match]:
    """Returns the matches."""
    chance = random.Random(seed)
    hours, shares = zip(*STARTS, strict=True)
    found: list[Match] = []
    for sport, count in MATCHES.items():
        for _ in range(count):
            [hour] = chance.choices(hours, shares)
            start = hour * 60 + chance.randrange(0, 120, 5)
            found.append(
                Match(
                    sport,
                    chance.randrange(LEAGUES),
                    start,
                    start + chance.randrange(105, 160),
                    chance.random() < WATCHED_LIVE,
                    chance.random() < WATCHED_BEFORE,
                )
            )
    return found


def phases_of(match: Match) -> Iterator[tuple[Phase, int, int]]:
    """Yields the phases of a match with their minutes."""
    half = match.start + 48
    yield Phase.HOURS_BEFORE, 0, match.start - 30
    yield Phase.MINUTES_BEFORE, match.start - 30, match.start
    yield Phase.LIVE, match.start, half
    yield Phase.BREAK, half, half + 15
    yield Phase.LIVE, half + 15, match.end
    yield Phase.JUST_FINISHED, match.end, match.end + 10


def counts_of(matches: Sequence[Match], scope: Scope) -> Counts:
    """Returns how many matches of each kind a task covers, minute by minute."""
    counts: Counts = {}
    for match in matches if scope is not Scope.FIXTURES else ():
        for phase, start, end in phases_of(match):
            before = phase in (Phase.HOURS_BEFORE, Phase.MINUTES_BEFORE)
            watched = match.watched_before if before else match.watched_live
            kind = (phase, Level.WATCHED if watched else Level.NOBODY)
            for minute in range(max(0, start), min(end, MINUTES)):
                at = counts.setdefault(minute, {})
                at[kind] = at.get(kind, 0) + 1
    return counts


def providers(matches: Sequence[Match]) -> list[Provider]:
    """Returns the providers of the day: three plans people have, and one without a quota."""
    football = [match for match in matches if match.sport == "football"]
    whole = [
        (Task(scope=Scope.FIXTURES, rule_ms=60_000), football),
        (Task(scope=Scope.SCORES, rule_ms=15_000), football),
        (Task(scope=Scope.MARKETS, rule_ms=5_000), football),
    ]
    leagues = [
        (Task(scope=scope, rule_ms=30_000, cost=cost), [m for m in football if m.league == league])
        for league in range(20)
        for scope, cost in ((Scope.SCORES, 2), (Scope.MARKETS, 3))
    ]
    free = [
        (Task(scope=scope, rule_ms=1_000, matches_max=20 if scope is Scope.MARKETS else 0), some)
        for sport in MATCHES
        for some in ([match for match in matches if match.sport == sport],)
        for scope in (Scope.SCORES, Scope.MARKETS)
    ]
    day, minute = Window.DAY, Window.MINUTE
    return [
        Provider("100 a day", [Limit(window=day, limit=100)], whole),
        Provider(
            "7,500 a day, 300 a minute",
            [Limit(window=day, limit=7_500), Limit(window=minute, limit=300)],
            whole,
        ),
        Provider("20,000 a month", [Limit(window=Window.MONTH, limit=20_000)], leagues, 30),
        Provider("none", [], free),
    ]


class Simulation:
    """One provider through the day."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.running = [Running(task, matches) for task, matches in provider.tasks]
        self.windows = [
            begun(limit.window, limit.limit, MIDNIGHT, configured=limit.limit)
            for limit in provider.limits
        ]
        if provider.days_left > 1:
            ends = MIDNIGHT + timedelta(days=provider.days_left)
            self.windows = [msgspec.structs.replace(w, resets_at=ends) for w in self.windows]
        self.tallies: dict[str, Tally] = {}
        self.withheld = self.used = 0

    def run(self) -> None:
        """Plans every minute and polls what is due between."""
        for minute in range(MINUTES):
            now_s = minute * 60.0
            self._plan(minute, now_s)
            while True:
                first = min(self.running, key=lambda one: one.due)
                if first.due >= now_s + 60:
                    break
                self._poll(first)

    def _plan(self, minute: int, now_s: float) -> None:
        self.windows = [renewed(one, _at(now_s)) for one in self.windows]
        for one in self.running:
            one.look(minute)
        quotas = [_quota(one, now_s) for one in self.windows]
        asked = [one.asked for one in self.running if one.asked.paces]
        self.stretch = stretched(asked, quotas)
        for one in self.running:
            planned = None
            if not one.asked.paces:
                one.since = now_s + 60
            else:
                planned = decide(one.asked.task, one.asked.paces, self.stretch).interval_ms
            interval_s = float("inf") if planned is None else planned / 1000
            if interval_s != one.interval_s:
                one.interval_s = interval_s
                one.due = now_s if one.last is None else max(now_s, one.last + interval_s)
                if planned is None:
                    one.due = interval_s

    def _poll(self, one: Running) -> None:
        now_s, cost = one.due, one.task.cost
        self.windows = [renewed(window, _at(now_s)) for window in self.windows]
        wait_s = longest_wait(self.windows, cost, _at(now_s))
        if wait_s:
            self.withheld += 1
            one.due = now_s + wait_s
            return
        self.windows = [taken(window, cost, _at(now_s)) for window in self.windows]
        for window in self.windows:
            assert window.used <= window.limit, "a quota was exceeded"
        self.used += cost
        self._count(one, now_s - max(one.last or 0.0, one.since), cost)
        one.last, one.due = now_s, now_s + one.interval_s

    def _count(self, one: Running, gap_s: float, cost: int) -> None:
        paces, stretch = one.asked.paces, self.stretch.times
        first = min(paces, key=lambda pace: pace.wish_ms * stretch[pace.rank])
        tally = self.tallies.setdefault(_named(one.task.scope, first.cell), Tally())
        tally.polls += 1
        tally.cost += cost
        ideal_ms = interval_of(one.asked.task, paces, stretch)
        for pace in paces:
            if pace.cell is None:
                continue
            seen_s = max(0.0, gap_s)
            if one.task.matches_max:
                # Each match has its turn; when the rule slows the task down, all turns are later.
                turn_s = pace.wish_ms * stretch[pace.rank] / 1000
                seen_s = turn_s * max(1.0, one.interval_s * 1000 / ideal_ms)
            aged = self.tallies.setdefault(_named(one.task.scope, pace.cell), Tally())
            aged.ages.extend(seen_s * look / LOOKS for look in range(LOOKS))
            aged.weights.extend([pace.cell.matches] * LOOKS)


def _at(now_s: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=now_s)


def _quota(window: Spending, now_s: float) -> Quota:
    return Quota(
        window=window.window,
        limit=window.limit,
        remaining=remaining_of(window),
        resets_in_s=max(1.0, (window.resets_at - _at(now_s)).total_seconds()),
        resets_at=window.resets_at,
    )


def _named(scope: Scope, cell: Cell | None) -> str:
    if cell is None:
        return "fixtures" if scope is Scope.FIXTURES else f"{scope.value}, nothing on"
    watched = "watched" if cell.level is Level.WATCHED else "unwatched"
    return f"{scope.value}, {cell.phase.value}, {watched}"


def rows_of(provider: Provider, done: Simulation) -> Iterator[Mapping[str, object]]:
    """Yields the figures of one provider: each kind of match, then all together."""
    for name in sorted(done.tallies):
        tally = done.tallies[name]
        weighed = sorted(zip(tally.ages, tally.weights, strict=True))
        total = sum(tally.weights)
        mean = sum(age * weight for age, weight in weighed) / total if total else None
        yield {
            "quota": provider.name,
            "asked for": name,
            "polls": tally.polls,
            "cost": tally.cost,
            "mean age s": "" if mean is None else round(mean, 1),
            "p95 age s": round(_weighed(weighed, 0.95), 1) if total else "",
        }
    limits = ", ".join(f"{limit.limit:,} a {limit.window.value}" for limit in provider.limits)
    polls = sum(tally.polls for tally in done.tallies.values())
    yield {
        "quota": provider.name,
        "asked for": f"all; used {done.used:,}{' of ' + limits if limits else ''};"
        f" withheld {done.withheld}",
        "polls": polls,
        "cost": done.used,
        "mean age s": "",
        "p95 age s": "",
    }


def _weighed(pairs: Sequence[tuple[float, int]], share: float) -> float:
    """Returns the age below which this share of the weight lies."""
    left = sum(weight for _, weight in pairs) * share
    for age, weight in pairs:
        left -= weight
        if left <= 0:
            return age
    return percentile([age for age, _ in pairs], share)


def main() -> None:
    """Simulates the day for every provider and reports it."""
    rows: list[Mapping[str, object]] = []
    used: dict[str, float] = {}
    for provider in providers(a_day()):
        simulation = Simulation(provider)
        simulation.run()
        rows.extend(rows_of(provider, simulation))
        for limit in provider.limits:
            if limit.window is not Window.MINUTE:
                name = f"used of {limit.limit:,} a {limit.window.value}"
                used[name] = simulation.used / limit.limit
    report("day", rows, used)


if __name__ == "__main__":
    main()
