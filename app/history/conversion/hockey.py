"""NHL of three seasons and PWHL of two, from fastRhockey's data (MIT)."""

import csv
import gzip
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.history.result import Result, side_of
from app.sports.match import Sport

NHL = Path("timelines/hockey/nhl/nhl_results_2009-10_2016-17_2022-23.csv.gz")
PWHL = Path("timelines/hockey/pwhl/pwhl_games_2023-24_2024-25.jsonl.gz")
# The source names teams by town; two of them are New York's.
NICKNAMES = {
    "ANA": "Ducks", "ARI": "Coyotes", "ATL": "Thrashers", "BOS": "Bruins", "BUF": "Sabres",
    "CAR": "Hurricanes", "CBJ": "Blue Jackets", "CGY": "Flames", "CHI": "Blackhawks",
    "COL": "Avalanche", "DAL": "Stars", "DET": "Red Wings", "EDM": "Oilers", "FLA": "Panthers",
    "LAK": "Kings", "MIN": "Wild", "MTL": "Canadiens", "NJD": "Devils", "NSH": "Predators",
    "NYI": "Islanders", "NYR": "Rangers", "OTT": "Senators", "PHI": "Flyers", "PHX": "Coyotes",
    "PIT": "Penguins", "SEA": "Kraken", "SJS": "Sharks", "STL": "Blues", "TBL": "Lightning",
    "TOR": "Maple Leafs", "VAN": "Canucks", "VGK": "Golden Knights", "WPG": "Jets",
    "WSH": "Capitals",
}  # fmt: skip
_SEASONS = {"1": "2024", "3": "2024", "5": "2024-25"}


def convert(sources: Path) -> list[Result]:
    """Returns both leagues' results."""
    with gzip.open(sources / NHL, "rt", encoding="utf-8") as rows:
        found = [_nhl(row) for row in csv.DictReader(rows)]
    with gzip.open(sources / PWHL, "rt", encoding="utf-8") as lines:
        found += [_pwhl(msgspec.json.decode(line)) for line in lines]
    return [result for result in found if result.home_score != result.away_score]


def _nhl(row: dict[str, str]) -> Result:
    season = row["season_full"]
    home, away = (_nhl_name(row, side) for side in ("home", "away"))
    return Result(
        sport=Sport.HOCKEY,
        league="nhl",
        season=f"{season[:4]}-{season[6:]}",
        played_on=date.fromisoformat(row["game_date"]),
        home=side_of(home, Sport.HOCKEY),
        away=side_of(away, Sport.HOCKEY),
        home_name=home,
        away_name=away,
        home_score=int(row["home_score"]),
        away_score=int(row["away_score"]),
    )


def _nhl_name(row: dict[str, str], side: str) -> str:
    town = row[f"{side}_team_name"].replace("NY ", "New York ").split(" Rangers")[0]
    town = town.split(" Islanders")[0]
    return f"{town} {NICKNAMES[row[f'{side}_team_abbr']]}"


def _pwhl(told: dict[str, Any]) -> Result:
    home, away = told["home"]["name"], told["away"]["name"]
    status: str = told["status"]
    decided: Literal["regulation", "overtime", "shootout"] = "regulation"
    if "SO" in status:
        decided = "shootout"
    elif "OT" in status:
        decided = "overtime"
    return Result(
        sport=Sport.HOCKEY,
        league="pwhl",
        season=_SEASONS[told["season_id"]],
        played_on=date.fromisoformat(told["start"][:10]),
        home=side_of(home, Sport.HOCKEY),
        away=side_of(away, Sport.HOCKEY),
        home_name=home,
        away_name=away,
        home_score=told["home_score"],
        away_score=told["away_score"],
        decided=decided,
    )
