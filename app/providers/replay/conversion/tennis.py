"""ATP: real sets and tie-breaks; the order of the games within a set is made up.

The source lists the winner first, so who is at home is drawn by lot. A score is written
`67(10) 63 62`: games of the winner and the loser, in brackets the points of who lost the
tie-break; `(RET)`, `(W/O)` and `(DEF)` end a match that was not played out.
"""

import csv
import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from app.providers.replay.chance import between, share_of, shuffled
from app.providers.replay.conversion.teller import Card, SourceContradiction, Teller
from app.providers.replay.recording import Recording, Rules
from app.sports.incidents import Retired, SetWon, Side
from app.sports.match import MatchStatus, Sport
from app.sports.observation import ObservedLeague, ObservedParticipant

FILE = "tennis/atp/match_scores_2020-2021.csv.gz"
SIMULATED = (
    "the order of games within a set",
    "how long a game takes",
    "the day and time of day (the source has the tournament's)",
    "who is at home",
    "prices",
)
# How many are taken of each kind: five sets, and how they ended.
WANTED = {(5, ""): 16, (3, ""): 36, (3, "RET"): 4, (5, "RET"): 1, (3, "W/O"): 2, (3, "DEF"): 1}
GRAND_SLAMS = frozenset({"australian-open", "roland-garros", "wimbledon", "us-open"})
# The Next Gen Finals play sets to four games.
_SHORT_SETS = frozenset({"2021-7696"})
_ROUNDS = ("Finals", "Semi-Finals", "Quarter-Finals", "Round of 16", "Round of 32", "Round of 64")
_SET = re.compile(r"(\d{2,4})(?:\((\d+)\))?")
_HOLDS = 0.78
Ending = Literal["retired", "walkover", "default"]
_ENDINGS: dict[str, Ending] = {"RET": "retired", "W/O": "walkover", "DEF": "default"}


class SetScore(msgspec.Struct, frozen=True, kw_only=True):
    """Games of both sides, and the tie-break points of who lost it."""

    home: int
    away: int
    tie_break_loser: int | None


def convert(sources: Path) -> list[Recording]:
    """Returns sixty matches: three and five sets, retirements, walkovers and a default."""
    with gzip.open(sources / FILE, "rt") as rows:
        matches = [row for row in csv.DictReader(rows) if _fits(row)]
    found: list[Recording] = []
    for kind, wanted in WANTED.items():
        fitting = [row for row in matches if (_best_of(row), _ending(row)) == kind]
        chosen = shuffled(fitting, lambda row: row["match_id"], "tennis")[:wanted]
        found += [_recording(row) for row in chosen]
    return found


def _fits(row: dict[str, str]) -> bool:
    return row["tourney_year_id"] not in _SHORT_SETS and row["tourney_round_name"] in _ROUNDS


def _best_of(row: dict[str, str]) -> Literal[3, 5]:
    return 5 if row["tourney_slug"] in GRAND_SLAMS else 3


def _ending(row: dict[str, str]) -> str:
    found = re.search(r"\((RET|W/O|DEF)\)", row["match_score_tiebreaks"])
    return found[1] if found else ""


def _recording(row: dict[str, str]) -> Recording:
    name = f"tennis.{row['match_id']}"
    winner: Side = "home" if share_of(name, "side") < 0.5 else "away"
    sets = list(_sets(row["match_score_tiebreaks"], winner))
    ending = _ENDINGS.get(_ending(row))
    teller = Teller()
    at = 0.0
    for number, score in enumerate(sets, start=1):
        teller.begin(at, f"Set {number}")
        at = _tell_set(teller, at, score, f"{name}.{number}")
        won = _winner(score)
        if won is None:
            break
        teller.count(won)
        decided = number == len(sets) and ending is None
        _tell_set_won(teller, at, score, won, decided=decided)
        at = teller.at + 120
    if ending is not None:
        loser: Side = "away" if winner == "home" else "home"
        retired = Retired(key="retired", period=teller.period, side=loser, how=ending)
        teller.conclude(at + 60, MatchStatus.AWARDED, retired)
    told = (teller.home, teller.away) if winner == "home" else (teller.away, teller.home)
    # When somebody gave up, the source counts the set that was not played out as well.
    if ending is None and told != (int(row["winner_sets_won"]), int(row["loser_sets_won"])):
        raise SourceContradiction(f"{name}: told {told}, the source counts otherwise")
    return teller.recording(_card(row, name, winner))


def _card(row: dict[str, str], name: str, winner: Side) -> Card:
    players = [
        ObservedParticipant(
            external_id=f"tennis.{row[f'{who}_player_id']}", name=row[f"{who}_name"]
        )
        for who in ("winner", "loser")
    ]
    home, away = players if winner == "home" else reversed(players)
    year, month, day = (int(part) for part in row["start_date"].split("."))
    hours = between(9, 18, name, "hour")
    start = datetime(year, month, day, tzinfo=UTC) + timedelta(minutes=int(hours * 12) * 5)
    return Card(
        id=name,
        sport=Sport.TENNIS,
        league=ObservedLeague(
            external_id=f"tennis.atp.{row['tourney_year_id']}",
            name=f"ATP {row['tourney_name'].removeprefix('ATP ')} {year}",
            country=None,
            season=str(year),
        ),
        home=home,
        away=away,
        start_time=start,
        source="ATP World Tour tennis data by serve-and-volley",
        licence="CC-BY-4.0",
        simulated=SIMULATED,
        rules=Rules(clock="none", best_of=_best_of(row)),
    )


def _sets(text: str, winner: Side) -> Iterator[SetScore]:
    for token in text.split():
        found = _SET.fullmatch(token)
        if found is None:
            continue
        games = games_in(found[1])
        home, away = games if winner == "home" else games[::-1]
        yield SetScore(home=home, away=away, tie_break_loser=int(found[2]) if found[2] else None)


def games_in(digits: str) -> tuple[int, int]:
    """Splits 76, 119, 810, 1816: in a set of ten games and more the two are next to each other."""
    splits = [(int(digits[:p]), int(digits[p:])) for p in range(1, len(digits))]
    return min(splits, key=lambda pair: abs(pair[0] - pair[1])) if len(digits) > 2 else splits[0]


def _winner(score: SetScore) -> Side | None:
    """Returns who won a set; None when it was not played out."""
    most, least = max(score.home, score.away), min(score.home, score.away)
    # A tie-break's points are missing now and then, 7-6 is a set all the same.
    tie_break = score.tie_break_loser is not None or (most, least) == (7, 6)
    done = most >= 6 and (most - least >= 2 or tie_break)
    if not done:
        return None
    return "home" if score.home > score.away else "away"


def _tell_set(teller: Teller, at: float, score: SetScore, name: str) -> float:
    """Tells a set game by game, the last one left to the line that tells who won it."""
    games = game_order(score, name)
    for number, side in enumerate(games, start=1):
        tie_break = number == len(games) and abs(score.home - score.away) == 1
        at += int(between(500, 720, name, number) if tie_break else between(170, 330, name, number))
        teller.count_in_period(side)
        if number < len(games) or _winner(score) is None:
            teller.tell(at)
    return at


def _tell_set_won(teller: Teller, at: float, score: SetScore, won: Side, *, decided: bool) -> None:
    incident = SetWon(
        key=teller.key("set"),
        period=teller.period,
        side=won,
        home_games=score.home,
        away_games=score.away,
        tie_break_loser_points=score.tie_break_loser,
    )
    if decided:
        teller.conclude(at, MatchStatus.FINISHED, incident)
    else:
        teller.tell(at, incident)


def game_order(score: SetScore, name: str) -> list[Side]:
    """Draws an order of games that leads to a set's score and decides it with the last one."""
    won = _winner(score)
    home, away = score.home, score.away
    if max(home, away) <= 6 and min(home, away) <= 4:
        if won is None:
            return _drawn(home, away, name)
        return [*_drawn(home - (won == "home"), away - (won == "away"), name), won]
    # Beyond four all it must have been five all; from there nobody led by two until the end.
    games = _drawn(5, 5, name)
    home, away = home - 5, away - 5
    while home and away:
        pair: list[Side] = ["home", "away"] if share_of(name, home) < 0.5 else ["away", "home"]
        games += pair
        home, away = home - 1, away - 1
    side: Side = "home" if home else "away"
    last: list[Side] = [side] * (home + away)
    return games + last


def _drawn(home: int, away: int, name: str) -> list[Side]:
    """Draws from so many games of each; who serves, in turns, tends to win."""
    games: list[Side] = []
    serves_first = share_of(name, "serve") < 0.5
    while home + away:
        serving = serves_first == (len(games) % 2 == 0)
        pull = home * (_HOLDS if serving else 1 - _HOLDS)
        push = away * (1 - _HOLDS if serving else _HOLDS)
        side: Side = "home" if share_of(name, len(games)) * (pull + push) < pull else "away"
        games.append(side)
        home, away = home - (side == "home"), away - (side == "away")
    return games
