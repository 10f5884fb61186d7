"""EuroLeague 2001-02 to 2016-17, from eurolig (MIT). Its days have no year; the season does."""

import csv
import gzip
from datetime import date
from pathlib import Path

from app.history.result import Result, side_of
from app.sports.match import Sport

FILE = Path("timelines/basketball/euroleague/gameresults_2001_2016.csv.gz")
_MONTHS = {
    "January": 1, "February": 2, "March": 3, "April": 4, "May": 5, "June": 6, "July": 7,
    "August": 8, "September": 9, "October": 10, "November": 11, "December": 12,
}  # fmt: skip
_FIRST_MONTH = 8
# One match was decided at a table.
_PLAYED_MIN = 20


def convert(sources: Path) -> list[Result]:
    """Returns what was played to its end."""
    with gzip.open(sources / FILE, "rt", encoding="utf-8") as rows:
        found = [_result(row) for row in csv.DictReader(rows)]
    return [r for r in found if min(r.home_score, r.away_score) >= _PLAYED_MIN]


def _result(row: dict[str, str]) -> Result:
    month, day = row["date"].split()[:2]
    season = int(row["season"])
    year = season if _MONTHS[month] >= _FIRST_MONTH else season + 1
    home, away = row["team_home"], row["team_away"]
    return Result(
        sport=Sport.BASKETBALL,
        league="euroleague",
        season=f"{season}-{(season + 1) % 100:02}",
        played_on=date(year, _MONTHS[month], int(day)),
        home=side_of(home, Sport.BASKETBALL),
        away=side_of(away, Sport.BASKETBALL),
        home_name=home,
        away_name=away,
        home_score=int(row["points_home"]),
        away_score=int(row["points_away"]),
        # The Final Four is played in one hall.
        neutral=row["phase"] == "FF",
    )
