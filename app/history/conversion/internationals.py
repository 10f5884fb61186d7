"""Internationals since 2000, from international_results (CC0), with the minutes of goals.

The source counts extra time; where all goals are known with their minutes, those after the 90th
are taken off, elsewhere the score is as told. Minutes are told of some competitions only, and a
goalless match looks the same in all: they are taken of a competition's year when nearly all of its
goals are known, so that those with minutes are a fair sample.
"""

import csv
import gzip
from collections import defaultdict
from datetime import date
from pathlib import Path

import msgspec

from app.history.result import Pair, Result, side_of
from app.sports.match import Sport

FIRST = "2000-01-01"
FOLDER = Path("timelines/football/international_results")
# A share of a year's matches with goals.
_TOLD_MIN = 0.9
Goals = dict[tuple[str, str, str], list[tuple[int | None, str]]]


def convert(sources: Path) -> list[Result]:
    """Returns the results of all matches."""
    goals = _goals(sources / FOLDER / "goalscorers.csv.gz")
    with gzip.open(sources / FOLDER / "results.csv.gz", "rt", encoding="utf-8") as rows:
        found = [_result(row, goals) for row in csv.DictReader(rows) if row["date"] >= FIRST]
    told: dict[tuple[str | None, str | None], list[bool]] = defaultdict(list)
    for result in found:
        if result.home_score or result.away_score:
            told[result.competition, result.season].append(result.goals is not None)
    covered = {key for key, known in told.items() if sum(known) >= _TOLD_MIN * len(known)}
    return [
        r if (r.competition, r.season) in covered else msgspec.structs.replace(r, goals=None)
        for r in found
    ]


def _goals(file: Path) -> Goals:
    found: Goals = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            minute = row["minute"].removesuffix(".0")
            key = (row["date"], row["home_team"], row["away_team"])
            found[key].append((int(minute) if minute.isdigit() else None, row["team"]))
    return found


def _result(row: dict[str, str], goals: Goals) -> Result:
    home, away = row["home_team"], row["away_team"]
    score = int(row["home_score"]), int(row["away_score"])
    known = _in_order(goals.get((row["date"], home, away), []), home, score)
    if known is not None:
        known = tuple(goal for goal in known if goal[0] <= 90)
        score = sum(side == 1 for _, side in known), sum(side == 2 for _, side in known)
    return Result(
        sport=Sport.FOOTBALL,
        league="internationals",
        season=row["date"][:4],
        played_on=date.fromisoformat(row["date"]),
        home=side_of(home, Sport.FOOTBALL),
        away=side_of(away, Sport.FOOTBALL),
        home_name=home,
        away_name=away,
        home_score=score[0],
        away_score=score[1],
        competition=row["tournament"],
        neutral=row["neutral"] == "TRUE",
        goals=known,
    )


def _in_order(
    told: list[tuple[int | None, str]], home: str, score: Pair
) -> tuple[Pair, ...] | None:
    """Returns all goals with minute and side, None unless they make the score."""
    found = sorted(
        (minute, 1 if team == home else 2) for minute, team in told if minute is not None
    )
    ones = sum(side == 1 for _, side in found)
    return tuple(found) if (ones, len(found) - ones) == score else None
