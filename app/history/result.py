"""One result of the past, and what is checked before anybody learns from it. Pure."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.errors import AppError
from app.ingest.naming import key_of
from app.sports.match import Sport

# Above, somebody mistyped: Australia beat American Samoa by 31-0 in 2001, an NBA match of 1983
# ended 186-184, a fifth set at Wimbledon in 2010 had 138 games.
SCORE_MAX = {Sport.FOOTBALL: 40, Sport.HOCKEY: 70, Sport.BASKETBALL: 250, Sport.TENNIS: 3}
SHOTS_MAX = 120
# The first match between two nations was played in 1872.
FIRST_DAY = date(1872, 1, 1)
NAME_LENGTH_MAX = 100

Text = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Pair = tuple[int, int]
# Decimal odds on home, draw and away; on home and away where there is no draw.
Odds = tuple[Decimal, ...]
Surface = Literal["hard", "clay", "grass", "carpet"]


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One match that was played. `home` and `away` are sides' keys, the names as they were told.

    Of football `home_score` counts 90 minutes; of hockey and basketball everything, overtime and
    the shoot-out's one goal included, and `decided` says what it took if that is known; of tennis
    it counts sets, and `sets` their games. `goals` are (minute, 1 for home or 2 for away) in order,
    only given when they are all known. `before` and `closing` are the market's average odds, some
    days ahead and at kick-off. `competition` names what it was played for within a league.
    """

    sport: Sport
    league: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
    season: Text | None = None
    played_on: date
    home: Text
    away: Text
    home_name: Text
    away_name: Text
    home_score: int
    away_score: int
    competition: Text | None = None
    neutral: bool = False
    half_time: Pair | None = None
    shots: Pair | None = None
    on_target: Pair | None = None
    red_cards: Pair | None = None
    goals: tuple[Pair, ...] | None = None
    decided: Literal["regulation", "overtime", "shootout"] | None = None
    surface: Surface | None = None
    best_of: Literal[3, 5] | None = None
    sets: tuple[Pair, ...] | None = None
    before: Odds | None = None
    closing: Odds | None = None


class ImpossibleResult(AppError):
    """A result that cannot have been: a score out of bounds, a side against itself, a wrong day."""

    code = "impossible_result"
    status = 422


def side_of(name: str, sport: Sport) -> str:
    """Returns the key that every spelling of a side's name shares; a player's in tennis."""
    return key_of(name, individual=sport is Sport.TENNIS)[:NAME_LENGTH_MAX]


def check_result(result: Result, *, today: date) -> None:
    """Raises ImpossibleResult, saying why, for what cannot have been played by `today`."""
    highest = SCORE_MAX[result.sport]
    if not FIRST_DAY <= result.played_on <= today:
        raise ImpossibleResult(f"played on {result.played_on}")
    if result.home == result.away:
        raise ImpossibleResult(f"{result.home_name} against itself")
    if not (0 <= result.home_score <= highest and 0 <= result.away_score <= highest):
        raise ImpossibleResult(f"a score of {result.home_score}-{result.away_score}")
    if result.sport is not Sport.FOOTBALL and result.home_score == result.away_score:
        raise ImpossibleResult(f"a draw, {result.home_score}-{result.away_score}")
    if result.sport is Sport.BASKETBALL and min(result.home_score, result.away_score) < 20:
        raise ImpossibleResult(f"{result.home_score}-{result.away_score} was not played")
    if result.sport is Sport.TENNIS and max(result.home_score, result.away_score) < 2:
        raise ImpossibleResult("nobody has won enough sets")
    for pair in (result.shots, result.on_target):
        if pair is not None and not (min(pair) >= 0 and max(pair) <= SHOTS_MAX):
            raise ImpossibleResult(f"shots of {pair[0]}-{pair[1]}")
    for odds in (result.before, result.closing):
        if odds is not None and not all(o.is_finite() and 1 < o <= 10_000 for o in odds):
            raise ImpossibleResult("odds that nobody can offer")
