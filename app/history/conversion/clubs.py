"""Five leagues since 2014-15, from football-datasets (PDDL): results, shots, cards, no odds."""

from datetime import date
from pathlib import Path

from app.history.football_data import read_football_data
from app.history.result import Result

LEAGUES = ("premier-league", "bundesliga", "serie-a", "la-liga", "ligue-1")
FIRST = date(2014, 7, 1)


def convert(sources: Path) -> list[Result]:
    """Returns the results of all leagues."""
    found: list[Result] = []
    for league in LEAGUES:
        folder = sources / "odds" / "redistributable" / "football-datasets" / league
        for file in sorted(folder.glob("season-*.csv")):
            read = read_football_data(file.read_text("utf-8"), today=date.max, league=league)
            results = [one for one in read if isinstance(one, Result)]
            found += [result for result in results if result.played_on >= FIRST]
    return found
