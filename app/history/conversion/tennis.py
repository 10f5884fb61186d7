"""ATP 2020 and 2021, from "ATP World Tour tennis data" (CC BY 4.0).

Only tournaments have days: a match's is the tournament's first plus a day a round, so that the
order is right and the day about. The source lists the winner first, so who is at home is drawn by
lot. It does not tell surfaces; those of the tournaments on clay and grass are known to everybody.
"""

import csv
import gzip
import re
from datetime import date, timedelta
from pathlib import Path

from app.history.result import Pair, Result, Surface, side_of
from app.providers.replay.chance import share_of
from app.sports.match import Sport

FILE = Path("timelines/tennis/atp/match_scores_2020-2021.csv.gz")
CLAY = frozenset(
    {
        *("barcelona", "bastad", "belgrade", "buenos-aires", "cagliari", "cordoba", "estoril"),
        *("geneva", "gstaad", "hamburg", "kitzbuhel", "lyon", "madrid", "marbella", "monte-carlo"),
        *("munich", "parma", "rio-de-janeiro", "roland-garros", "rome", "santiago", "sardinia"),
        "umag",
    }
)
GRASS = frozenset(
    {"eastbourne", "halle", "london", "mallorca", "newport", "stuttgart", "wimbledon"}
)
SLAMS = frozenset({"Australian Open", "Roland Garros", "Wimbledon", "US Open"})
# The Next Gen Finals play short sets.
_OTHER_RULES = "Next Gen"
_SET = re.compile(r"(\d{2,4})(?:\(\d+\))?")
_LAST_ROUND = 10


def convert(sources: Path) -> list[Result]:
    """Returns what was played to its end: no walkovers, retirements or defaults."""
    found: list[Result] = []
    with gzip.open(sources / FILE, "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            told = row["match_score_tiebreaks"]
            if "(" in _SET.sub("", told) or _OTHER_RULES in row["tourney_name"]:
                continue
            sets = tuple(_games(games) for games in _SET.findall(told))
            result = _result(row, sets)
            if max(result.home_score, result.away_score) == (result.best_of or 3) // 2 + 1:
                found.append(result)
    return found


def _result(row: dict[str, str], sets: tuple[Pair, ...]) -> Result:
    swapped = share_of("home", row["match_id"]) < 0.5
    names = [row["winner_name"], row["loser_name"]]
    if swapped:
        names.reverse()
        sets = tuple((b, a) for a, b in sets)
    day = date.fromisoformat(row["start_date"].replace(".", "-"))
    played_on = day + timedelta(days=max(_LAST_ROUND - int(row["round_order"]), 0))
    slug = row["tourney_slug"]
    qualifying = "Qualifying" in row["tourney_round_name"]
    surface: Surface = "clay" if slug in CLAY else "grass" if slug in GRASS else "hard"
    return Result(
        sport=Sport.TENNIS,
        league="atp",
        season=row["start_year"],
        played_on=played_on,
        home=side_of(names[0], Sport.TENNIS),
        away=side_of(names[1], Sport.TENNIS),
        home_name=names[0],
        away_name=names[1],
        home_score=sum(a > b for a, b in sets),
        away_score=sum(a < b for a, b in sets),
        competition=row["tourney_name"],
        neutral=True,
        surface=surface,
        best_of=5 if row["tourney_name"] in SLAMS and not qualifying else 3,
        sets=sets,
    )


def _games(told: str) -> Pair:
    """Returns a set's games: `63`, or `1210` where a final set went on."""
    half = (len(told) + 1) // 2
    return int(told[:half]), int(told[half:])
