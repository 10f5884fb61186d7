"""JSON as openfootball writes it: `matches` or `rounds[].matches`, names or objects. Pure.

`score.ft` is after 90 minutes, with `et` and `p` beside it where there was more; `goals1`, `goals2`
have minutes, and `offset` into stoppage time. A match without `ft` was not played, or is not over:
left out. Minutes count only when they make the score; a list that does not is not believed.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from app.history.football_data import season_of
from app.history.reading import NotTaken, Read, UnreadableFile, checked
from app.history.result import Pair, Result, side_of
from app.sports.ids import slug_of
from app.sports.match import Sport

_LEAGUES = {
    "english premier league": "premier-league", "deutsche bundesliga": "bundesliga",
    "primera division": "la-liga", "serie a": "serie-a", "ligue 1": "ligue-1",
    "italian serie a": "serie-a", "french ligue 1": "ligue-1",
    "spanish primera division": "la-liga",
}  # fmt: skip
# What nations play for; anything else is played by clubs.
_OF_NATIONS = re.compile(r"(?<!club )world cup|\beuro\b|copa am|african? cup|asian cup|gold cup")
_CLUBS = re.compile(r"\bclub\b")
_SEASON = re.compile(r"\b(\d{4})(?:[/-](\d{2}))?\b")


def read_openfootball(text: str, *, today: date, league: str | None = None) -> Read:
    """Yields results and what is left out; raises UnreadableFile for JSON of another shape."""
    try:
        told: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UnreadableFile(f"this is no JSON: {error}") from error
    if not isinstance(told, dict) or not ({"matches", "rounds"} & told.keys()):
        raise UnreadableFile("there are neither matches nor rounds")
    name = str(told.get("name") or "")
    return checked(_matches(told, name, league or league_of(name)), today)


def league_of(name: str) -> str:
    """Returns the slug of a competition by its file's name: nations' are all one."""
    plain = _SEASON.sub("", name).strip().lower()
    if _OF_NATIONS.search(plain) and not _CLUBS.search(plain):
        return "internationals"
    return _LEAGUES.get(plain) or slug_of(plain)


def _matches(told: dict[str, Any], name: str, league: str) -> Iterator[tuple[str, Any]]:
    rounds = [told] if "matches" in told else told["rounds"]
    number = 0
    for one in rounds if isinstance(rounds, list) else []:
        matches = one.get("matches") if isinstance(one, dict) else None
        for match in matches if isinstance(matches, list) else []:
            number += 1
            try:
                yield f"match {number}", _result(match, name, league)
            except NotTaken as reason:
                yield f"match {number}", reason
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                yield f"match {number}", NotTaken("malformed", repr(error))


def _result(match: dict[str, Any], name: str, league: str) -> Result:
    home, away = _name(match["team1"]), _name(match["team2"])
    if match.get("status"):
        raise NotTaken("not_played", f"{home}-{away} was {match['status']}")
    score = match.get("score") or {}
    # Some years are told as `score1` and `score2`.
    ft: Any = score.get("ft") if score else [match.get("score1"), match.get("score2")]
    if not ft or None in ft:
        raise NotTaken("no_score", f"{home}-{away} has no score")
    played_on = date.fromisoformat(match["date"])
    result = (int(ft[0]), int(ft[1]))
    half = score.get("ht")
    of_nations = league == "internationals"
    season = _SEASON.search(name)
    return Result(
        sport=Sport.FOOTBALL,
        league=league,
        season=f"{season[1]}-{season[2]}" if season and season[2] else season_of(played_on),
        played_on=played_on,
        home=side_of(home, Sport.FOOTBALL),
        away=side_of(away, Sport.FOOTBALL),
        home_name=home,
        away_name=away,
        home_score=result[0],
        away_score=result[1],
        competition=name or None,
        # A tournament is played in one country; of its hosts nothing is said.
        neutral=of_nations,
        half_time=(int(half[0]), int(half[1])) if half else None,
        goals=_goals(match, result),
    )


def _name(told: Any) -> str:
    name = told["name"] if isinstance(told, dict) else told
    if not isinstance(name, str) or not name.strip():
        raise NotTaken("no_sides", "a side has no name")
    return name.strip()


def _goals(match: dict[str, Any], score: Pair) -> tuple[Pair, ...] | None:
    """Returns the goals of 90 minutes in order, None unless they make the score."""
    found: list[Pair] = []
    for side, key in ((1, "goals1"), (2, "goals2")):
        for goal in match.get(key) or []:
            minute = goal.get("minute")
            if not isinstance(minute, int):
                return None
            if minute <= 90:
                found.append((minute, side))
    ones = sum(side == 1 for _, side in found)
    return tuple(sorted(found)) if (ones, len(found) - ones) == score else None
