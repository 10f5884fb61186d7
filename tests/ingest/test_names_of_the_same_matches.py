"""How many matches two sources name differently are found to be one, and how many wrongly.

Which names are of one club is not taken from the rules under test: it is what results say, by the
match of a league with that score on that day.
"""

import csv
import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.ingest.assignment import assign
from app.ingest.candidates import Shortlist
from app.ingest.matching import Candidate, Described, Same, Side
from app.sports.match import Sport

NAMES = Path(__file__).parents[1] / "recordings" / "names" / "football-2016-2023.csv.gz"
PRECISION, RECALL = 0.999, 0.97
# How each side calls the leagues: ours with a country, theirs with it in the name.
OURS = {
    "premier-league": ("Premier League", "England"),
    "bundesliga": ("Bundesliga", "Germany"),
    "la-liga": ("La Liga", "Spain"),
    "ligue-1": ("Ligue 1", "France"),
    "serie-a": ("Serie A", "Italy"),
}
THEIRS = {
    "premier-league": "English Premier League",
    "bundesliga": "German Bundesliga",
    "la-liga": "Spanish Primera Division",
    "ligue-1": "French Ligue 1",
    "serie-a": "Italy Serie A",
}


class Played(msgspec.Struct, frozen=True):
    """One match as one source names it."""

    league: str
    day: date
    home: str
    away: str
    score: tuple[str, str]


def played() -> dict[str, list[Played]]:
    """Returns the matches of each source."""
    found: dict[str, list[Played]] = defaultdict(list)
    with gzip.open(NAMES, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            score = (row["home_score"], row["away_score"])
            day = date.fromisoformat(row["date"])
            one = Played(row["league"], day, row["home"], row["away"], score)
            found[row["source"]].append(one)
    return found


def same_clubs(ours: Iterable[Played], theirs: Iterable[Played]) -> dict[tuple[str, str], str]:
    """Returns, by league and their name, our name: the one most often met on the same result."""
    on: dict[tuple[object, ...], list[Played]] = defaultdict(list)
    for match in ours:
        on[match.league, match.day, match.score].append(match)
    met: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for match in theirs:
        for other in on[match.league, match.day, match.score]:
            met[match.league, match.home][other.home] += 1
            met[match.league, match.away][other.away] += 1
    return {key: names.most_common(1)[0][0] for key, names in met.items()}


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def found_and_wrong(ours: list[Played], theirs: list[Played], *, hour: int) -> tuple[int, int, int]:
    """Returns how many of their matches are ours, how many were found, how many wrongly."""
    clubs = same_clubs(ours, theirs)
    numbers = {(m.league, m.day, m.home, m.away): n for n, m in enumerate(ours)}
    by_day: dict[date, list[Candidate]] = defaultdict(list)
    for number, match in enumerate(ours):
        name, country = OURS[match.league]
        by_day[match.day].append(
            Candidate(
                match_id=number,
                league=name,
                country=country,
                home=Side(names=(match.home,)),
                away=Side(names=(match.away,)),
                start_time=at(match.day, 15),
            )
        )
    days: dict[date, dict[str, tuple[int | None, Described]]] = defaultdict(dict)
    for match in theirs:
        home, away = clubs.get((match.league, match.home)), clubs.get((match.league, match.away))
        near = [match.day + timedelta(days=d) for d in (0, 1, -1)]
        there = (numbers.get((match.league, day, str(home), str(away))) for day in near)
        truth = next((number for number in there if number is not None), None)
        described = Described(
            sport=Sport.FOOTBALL,
            league=THEIRS[match.league],
            home=Side(names=(match.home,)),
            away=Side(names=(match.away,)),
            start_time=at(match.day, hour),
        )
        days[match.day][f"{match.league} {match.home} {match.away}"] = (truth, described)
    return judged(days, by_day)


def judged(
    days: Mapping[date, Mapping[str, tuple[int | None, Described]]],
    by_day: Mapping[date, list[Candidate]],
) -> tuple[int, int, int]:
    total = right = wrong = 0
    for day, told in days.items():
        near = [c for d in (-1, 0, 1) for c in by_day.get(day + timedelta(days=d), [])]
        decided = assign({k: d for k, (_, d) in told.items()}, Shortlist(Sport.FOOTBALL, near))
        for key, (truth, _) in told.items():
            decision = decided[key]
            total += truth is not None
            if isinstance(decision, Same):
                good = decision.match_id == truth and not decision.inverted
                right, wrong = right + good, wrong + (not good)
    return total, right, wrong


@pytest.mark.parametrize("hour", [0, 15, 21])
@pytest.mark.parametrize("theirs", ["fivethirtyeight", "openfootball"])
def test_names_of_the_same_matches_are_found_to_be_the_same(theirs: str, hour: int):
    sources = played()
    total, right, wrong = found_and_wrong(sources["football-datasets"], sources[theirs], hour=hour)
    precision, recall = right / (right + wrong), right / total
    sys.stdout.write(
        f"{theirs} at {hour}: {total} matches, precision {precision:.4f}, recall {recall:.4f}\n"
    )
    assert total > 2_000
    assert precision >= PRECISION
    assert recall >= RECALL


def test_without_the_table_of_aliases_the_rules_carry_nearly_all(monkeypatch: pytest.MonkeyPatch):
    naming = sys.modules["app.ingest.naming"]
    for cached in (naming.team_name, naming.likeness):
        cached.cache_clear()
    monkeypatch.setattr(naming, "_CLUBS", {})
    sources = played()
    total, right, wrong = found_and_wrong(
        sources["football-datasets"], sources["fivethirtyeight"], hour=15
    )
    for cached in (naming.team_name, naming.likeness):
        cached.cache_clear()
    assert wrong == 0
    assert right / total >= 0.95
