"""CSV in the column layout of football-data.co.uk, which many others write as well. Pure.

Columns by name, in any order, others ignored. `Date` (dd/mm/yy, dd/mm/yyyy or ISO), `HomeTeam`,
`AwayTeam`, `FTHG`, `FTAG` must be there. `Div` names the league (E0 is the Premier League), or the
caller does. `HTHG HTAG` half-time, `HS AS` shots, `HST AST` on target, `HR AR` red cards; odds are
the market's averages: `AvgH AvgD AvgA` (until 2018-19 `BbAvH ...`), closing `AvgCH ...` (before
2019-20 Pinnacle's `PSCH ...`).
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from app.history.reading import NotTaken, Read, UnreadableFile, checked
from app.history.result import Odds, Pair, Result, side_of
from app.sports.ids import slug_of
from app.sports.match import Sport

NEEDED = ("Date", "HomeTeam", "AwayTeam", "FTHG", "FTAG")
DIVISIONS = {
    "E0": "premier-league", "E1": "championship", "E2": "league-one", "E3": "league-two",
    "SC0": "scottish-premiership", "D1": "bundesliga", "D2": "2-bundesliga", "I1": "serie-a",
    "I2": "serie-b", "SP1": "la-liga", "SP2": "la-liga-2", "F1": "ligue-1", "F2": "ligue-2",
    "N1": "eredivisie", "B1": "jupiler-pro-league", "P1": "primeira-liga", "T1": "super-lig",
    "G1": "super-league-greece",
}  # fmt: skip
_DATES = ("%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d")
_BEFORE = ("Avg{}", "BbAv{}", "B365{}")
_CLOSING = ("AvgC{}", "PSC{}", "B365C{}")
# Three answers without a margin have inverses that add up to 1; below this somebody mistyped.
_OVERROUND = (0.95, 1.35)


def read_football_data(
    text: str, *, today: date, league: str | None = None, season: str | None = None
) -> Read:
    """Yields results and what is left out; raises UnreadableFile when columns are missing."""
    rows = csv.DictReader(text.lstrip("\ufeff").splitlines())
    missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise UnreadableFile(f"there is no column {', '.join(missing)}")
    return checked(_rows(rows, league, season), today)


def _rows(
    rows: "csv.DictReader[str]", league: str | None, season: str | None
) -> Iterator[tuple[str, Result | NotTaken]]:
    for row in rows:
        if not any(value for value in row.values() if isinstance(value, str)):
            continue
        place = f"line {rows.line_num}"
        try:
            yield place, _result(row, league, season)
        except NotTaken as reason:
            yield place, reason


def _result(row: Mapping[str, str | None], league: str | None, season: str | None) -> Result:
    home, away = (str(row.get(name) or "").strip() for name in ("HomeTeam", "AwayTeam"))
    if not home or not away:
        raise NotTaken("no_sides", "a side has no name")
    played_on = _date(row.get("Date") or "")
    score = _pair(row, ("FTHG", "FTAG"))
    if score is None:
        raise NotTaken("no_score", f"{home}-{away} has no score")
    division = (row.get("Div") or "").strip()
    return Result(
        sport=Sport.FOOTBALL,
        league=league or DIVISIONS.get(division) or slug_of(division or "unknown"),
        season=season or season_of(played_on),
        played_on=played_on,
        home=side_of(home, Sport.FOOTBALL),
        away=side_of(away, Sport.FOOTBALL),
        home_name=home,
        away_name=away,
        home_score=score[0],
        away_score=score[1],
        half_time=_pair(row, ("HTHG", "HTAG")),
        shots=_pair(row, ("HS", "AS")),
        on_target=_pair(row, ("HST", "AST")),
        red_cards=_pair(row, ("HR", "AR")),
        before=_odds(row, _BEFORE),
        closing=_odds(row, _CLOSING),
    )


def season_of(day: date) -> str:
    """Returns the season of Europe's leagues a day is of: 2019-20 until the end of July 2020."""
    first = day.year if day.month >= 8 else day.year - 1
    return f"{first}-{(first + 1) % 100:02}"


def _date(text: str) -> date:
    for form in _DATES:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone.
        except ValueError:
            continue
    raise NotTaken("no_date", f"{text!r} is no date")


def _pair(row: Mapping[str, str | None], names: Sequence[str]) -> Pair | None:
    found: list[int] = []
    for name in names:
        try:
            number = float(row.get(name) or "")
        except ValueError:
            return None
        if not math.isfinite(number) or number != int(number):
            return None
        found.append(int(number))
    return found[0], found[1]


def _odds(row: Mapping[str, str | None], columns: Sequence[str]) -> Odds | None:
    """Returns the first of the columns whose three odds are there and make a market."""
    for column in columns:
        try:
            odds = tuple(Decimal((row.get(column.format(way)) or "").strip()) for way in "HDA")
        except InvalidOperation:
            continue
        if not all(o.is_finite() and 1 < o <= 1_000 for o in odds):
            continue
        if _OVERROUND[0] <= sum(1 / float(o) for o in odds) <= _OVERROUND[1]:
            return odds
    return None
