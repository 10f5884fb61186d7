"""A league's table, from the recorded results: the same at every moment."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from app.providers.replay.track import Track
from app.stadium.naming import Called, CalledLeague
from app.stadium.voices import Voice

_POINTS_OF_A_WIN = 3


class _Row(msgspec.Struct, kw_only=True):
    played: int = 0
    won: int = 0
    drawn: int = 0
    lost: int = 0
    scored: int = 0
    let_in: int = 0

    def add(self, ours: int, theirs: int) -> None:
        self.played += 1
        self.won += ours > theirs
        self.drawn += ours == theirs
        self.lost += ours < theirs
        self.scored += ours
        self.let_in += theirs


def table_of(voice: Voice, league: str, season: str, now: datetime) -> list[Any]:
    """Returns the response of /standings for a league's number and a season's first year."""
    tracks = [track for track in _football(voice) if _is_of(voice.league_of(track), league, season)]
    if not tracks:
        return []
    called = voice.league_of(tracks[0])
    rows: dict[int, dict[str, _Row]] = defaultdict(lambda: defaultdict(_Row))
    names: dict[int, Called] = {}
    for track in tracks:
        _count(voice, track, rows, names)
    order = sorted(rows, key=lambda number: _rank(rows[number]["all"]), reverse=True)
    return [
        {
            "league": {
                "id": called.number,
                "name": called.name,
                "country": called.country or "World",
                "logo": "",
                "flag": None,
                "season": int(season),
                "standings": [
                    [
                        _line(place, names[number], rows[number], now)
                        for place, number in enumerate(order, 1)
                    ]
                ],
            }
        }
    ]


def _football(voice: Voice) -> Iterable[Track]:
    sports = voice.manner.sports
    return (track for track in voice.programme.tracks if track.header.sport in sports)


def _is_of(called: CalledLeague, league: str, season: str) -> bool:
    return str(called.number) == league and (called.season or "")[:4] == season


def _count(
    voice: Voice, track: Track, rows: dict[int, dict[str, _Row]], names: dict[int, Called]
) -> None:
    score = track.score_at(track.ends_at)
    home, away = (voice.side_of(track, side) for side in (track.header.home, track.header.away))
    names |= {home.number: home, away.number: away}
    scored, let_in = score.home or 0, score.away or 0
    for part in ("all", "home"):
        rows[home.number][part].add(scored, let_in)
    for part in ("all", "away"):
        rows[away.number][part].add(let_in, scored)


def _rank(row: _Row) -> tuple[int, int, int]:
    return row.won * _POINTS_OF_A_WIN + row.drawn, row.scored - row.let_in, row.scored


def _line(place: int, team: Called, rows: dict[str, _Row], now: datetime) -> dict[str, Any]:
    points, difference, _ = _rank(rows["all"])
    return {
        "rank": place,
        "team": {"id": team.number, "name": team.name, "logo": ""},
        "points": points,
        "goalsDiff": difference,
        "group": "Table",
        "form": "",
        "status": "same",
        "description": None,
        **{part: _part(rows[part]) for part in ("all", "home", "away")},
        "update": now.replace(hour=0, minute=0, second=0, microsecond=0).isoformat(),
    }


def _part(row: _Row) -> dict[str, Any]:
    return {
        "played": row.played,
        "win": row.won,
        "draw": row.drawn,
        "lose": row.lost,
        "goals": {"for": row.scored, "against": row.let_in},
    }
