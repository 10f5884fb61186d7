"""Basketball: every basket of two EuroLeague semi-finals and one NBA match."""

import csv
import gzip
import json
import re
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from app.providers.replay.conversion.teller import Card, SourceContradiction, Teller
from app.providers.replay.recording import Recording, Rules
from app.sports.ids import slug_of
from app.sports.incidents import Basket, Side
from app.sports.match import MatchStatus, Sport
from app.sports.observation import ObservedLeague, ObservedParticipant

EUROLEAGUE_FILE = "basketball/euroleague/pbp_final_four_2019_semifinals.csv.gz"
NBA_FILE = "basketball/nba/playbyplayv3_0022400001.json.gz"
SIMULATED = ("real time between baskets (2.25 times the match's clock)", "breaks", "prices")
_STRETCH = 2.25
_HALF_TIME_S = 15 * 60
_BREAK_S = 150
# The sources give the order of play, not the day; these are the days they were played.
_EUROLEAGUE_STARTS = {
    "257": datetime(2019, 5, 17, 16, tzinfo=UTC),
    "258": datetime(2019, 5, 17, 19, tzinfo=UTC),
}
_NBA_START = datetime(2024, 11, 13, 0, 11, tzinfo=UTC)
_NBA_TEAMS = {"h": "Boston Celtics", "v": "Atlanta Hawks"}


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """A basket: where the clock stood and the score after it."""

    quarter: int
    played_s: float
    home: int
    away: int
    player: str | None


def convert(sources: Path) -> list[Recording]:
    """Returns the three matches."""
    with gzip.open(sources / EUROLEAGUE_FILE, "rt") as rows:
        games = groupby(csv.DictReader(rows), key=lambda row: row["game_code"])
        found = [_euroleague(code, list(plays)) for code, plays in games]
    with gzip.open(sources / NBA_FILE, "rt") as content:
        found.append(_nba(json.load(content)["game"]))
    return found


def _euroleague(code: str, plays: list[dict[str, str]]) -> Recording:
    first, last = plays[0], plays[-1]
    rules = Rules(clock="down", period_s=600, overtime_s=300, stretch=_STRETCH)
    card = Card(
        id=f"basketball.euroleague.2019.{code}",
        sport=Sport.BASKETBALL,
        league=ObservedLeague(
            external_id="basketball.euroleague.2018-19",
            name="EuroLeague Final Four 2019",
            country="Europe",
            season="2018-19",
        ),
        home=_team("euroleague", first["home_team"]),
        away=_team("euroleague", first["away_team"]),
        start_time=_EUROLEAGUE_STARTS[code],
        source="solmos/eurolig",
        licence="MIT",
        simulated=SIMULATED,
        rules=rules,
    )
    shots: list[Shot] = []
    home = away = 0
    for play in plays:
        after = (int(play["points_home"]), int(play["points_away"]))
        if after == (home, away):
            continue
        home, away = after
        # `seconds` counts the whole match, the quarter of a row about a foul may lag behind.
        total_s = int(play["seconds"])
        quarter = int(play["quarter"])
        shots.append(
            Shot(
                quarter=quarter,
                played_s=total_s - (quarter - 1) * rules.period_s,
                home=home,
                away=away,
                player=_forwards(play["player_name"]),
            )
        )
    final = (int(last["points_home"]), int(last["points_away"]))
    return _recording(card, shots, final)


def _nba(game: dict[str, Any]) -> Recording:
    rules = Rules(clock="down", period_s=720, overtime_s=300, stretch=_STRETCH)
    card = Card(
        id=f"basketball.nba.{game['gameId']}",
        sport=Sport.BASKETBALL,
        league=ObservedLeague(
            external_id="basketball.nba.2024-25",
            name="NBA 2024-25",
            country="USA",
            season="2024-25",
        ),
        home=_team("nba", _NBA_TEAMS["h"]),
        away=_team("nba", _NBA_TEAMS["v"]),
        start_time=_NBA_START,
        source="swar/nba_api",
        licence="MIT",
        simulated=SIMULATED,
        rules=rules,
    )
    # The score is empty except where it changes, and at the ends of periods.
    told = [action for action in game["actions"] if action["scoreHome"] != ""]
    shots: list[Shot] = []
    home = away = 0
    for action in told:
        after = (int(action["scoreHome"]), int(action["scoreAway"]))
        if after == (home, away):
            continue
        home, away = after
        left_s = _clock_s(action["clock"])
        shots.append(
            Shot(
                quarter=action["period"],
                played_s=rules.period_s - left_s,
                home=home,
                away=away,
                player=action["playerName"] or None,
            )
        )
    final = (int(told[-1]["scoreHome"]), int(told[-1]["scoreAway"]))
    return _recording(card, shots, final)


def _recording(card: Card, shots: list[Shot], final: tuple[int, int]) -> Recording:
    teller = Teller()
    rules = card.rules
    start = 0.0
    quarters = max(shot.quarter for shot in shots)
    for quarter in range(1, quarters + 1):
        length_s = rules.period_s if quarter <= 4 else rules.overtime_s
        teller.begin(start, f"Q{quarter}" if quarter <= 4 else f"OT{quarter - 4}")
        for shot in (shot for shot in shots if shot.quarter == quarter):
            at = start + shot.played_s * _STRETCH
            _tell(teller, max(at, teller.at), shot, length_s)
        end = max(start + length_s * _STRETCH, teller.at)
        teller.end(end, MatchStatus.FINISHED if quarter == quarters else MatchStatus.PAUSED)
        start = teller.at + (_HALF_TIME_S if quarter == 2 else _BREAK_S)
    if (teller.home, teller.away) != final:
        raise SourceContradiction(f"{card.id}: told {teller.home}-{teller.away}, not {final}")
    return teller.recording(card)


def _tell(teller: Teller, at: float, shot: Shot, length_s: int) -> None:
    """Tells one basket; two sides never score in one row."""
    gained = (shot.home - teller.home, shot.away - teller.away)
    if min(gained) != 0 or not 1 <= max(gained) <= 3:
        raise SourceContradiction(f"{teller.home}-{teller.away}, then {shot.home}-{shot.away}")
    side: Side = "home" if gained[0] else "away"
    points = max(gained)
    teller.count(side, points)
    teller.count_in_period(side, points)
    left_s = int(length_s - shot.played_s)
    basket = Basket(
        key=teller.key("basket"),
        period=teller.period,
        clock=f"{left_s // 60:02}:{left_s % 60:02}",
        side=side,
        home=teller.home,
        away=teller.away,
        points=points,
        player=shot.player,
    )
    teller.tell(at, basket)


def _team(league: str, name: str) -> ObservedParticipant:
    return ObservedParticipant(external_id=f"basketball.{league}.{slug_of(name)}", name=name)


def _forwards(name: str) -> str | None:
    """Returns "Nando De Colo" for "DE COLO, NANDO"; None for the source's NA."""
    if name == "NA":
        return None
    last, _, first = name.partition(", ")
    return f"{first} {last}".strip().title()


def _clock_s(clock: str) -> float:
    """Returns the seconds in PT11M43.00S."""
    found = re.fullmatch(r"PT(\d+)M(\d+\.\d+)S", clock)
    if found is None:
        raise SourceContradiction(f"not a clock: {clock!r}")
    return int(found[1]) * 60 + float(found[2])
