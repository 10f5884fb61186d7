"""Results of our own recordings: what a recorded match came to. Pure.

Football counts the two halves, so that extra time and shoot-outs are left aside; a match that did
not finish is left out.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from app.history.openfootball import league_of
from app.history.reading import LeftOut, NotTaken, Read, checked
from app.history.result import Pair, Result, side_of
from app.providers.replay.recording import Recording, RecordingRefused
from app.sports.ids import slug_of
from app.sports.incidents import Goal
from app.sports.match import MatchStatus, Period, Score, Sport

_LATE = re.compile(r"extra|overtime|shoot|penalt|^ot", re.IGNORECASE)
# Leagues that recordings name with season, round or town.
_LEAGUES = re.compile(r"^(atp|wta|nba|wnba|nhl|pwhl|khl|euroleague)\b", re.IGNORECASE)
_SHOOTOUT = re.compile(r"shoot|penalt", re.IGNORECASE)
_MINUTE = re.compile(r"(\d{1,3})(?:\+\d+)?'")


def read_recordings(
    recordings: Iterable[Recording], refused: Iterable[RecordingRefused], *, today: date
) -> Read:
    """Yields the recordings' results and what is left out."""
    for one in refused:
        yield LeftOut(place=one.file.name, code=one.code, why=one.detail)
    yield from checked(((one.id, _told(one)) for one in recordings), today)


def _told(recording: Recording) -> Result | NotTaken:
    try:
        return result_of(recording)
    except NotTaken as reason:
        return reason


def result_of(recording: Recording) -> Result:
    """Returns what a recording came to; raises NotTaken when it did not finish."""
    header = recording.header
    scores = [moment.score for moment in recording.moments if moment.score is not None]
    last = scores[-1] if scores else None
    if last is None or last.status is not MatchStatus.FINISHED:
        raise NotTaken("not_finished", f"{header.home.name}-{header.away.name} did not finish")
    home, away = _regulation(last) if header.sport is Sport.FOOTBALL else _score(last)
    late = [period for period in last.periods if _LATE.search(period.name)]
    league = header.league.name
    return Result(
        sport=header.sport,
        league=_league(league, header.sport),
        season=header.league.season,
        played_on=header.start_time.date(),
        home=side_of(header.home.name, header.sport),
        away=side_of(header.away.name, header.sport),
        home_name=header.home.name,
        away_name=header.away.name,
        home_score=home,
        away_score=away,
        competition=league,
        # A tournament's host is not told, and nations do not play leagues.
        neutral=league_of(league) == "internationals" or header.sport is Sport.TENNIS,
        goals=_goals(recording, (home, away)) if header.sport is Sport.FOOTBALL else None,
        decided=_decided(late) if header.sport is Sport.HOCKEY else None,
        best_of=header.rules.best_of if header.sport is Sport.TENNIS else None,
        sets=_sets(last) if header.sport is Sport.TENNIS else None,
    )


def _league(name: str, sport: Sport) -> str:
    if sport is Sport.FOOTBALL:
        return league_of(name)
    known = _LEAGUES.match(name)
    return known[1].lower() if known else slug_of(name)


def _score(score: Score) -> Pair:
    return score.home or 0, score.away or 0


def _regulation(score: Score) -> Pair:
    halves = [period for period in score.periods if not _LATE.search(period.name)]
    if not halves:
        return _score(score)
    return sum(period.home for period in halves), sum(period.away for period in halves)


def _sets(score: Score) -> tuple[Pair, ...]:
    return tuple((period.home, period.away) for period in score.periods)


def _decided(late: list[Period]) -> Literal["regulation", "overtime", "shootout"]:
    if any(_SHOOTOUT.search(period.name) for period in late):
        return "shootout"
    return "overtime" if late else "regulation"


def _goals(recording: Recording, score: Pair) -> tuple[Pair, ...] | None:
    """Returns the goals of 90 minutes, None unless they make the score."""
    found: list[Pair] = []
    for moment in recording.moments:
        for incident in moment.incidents:
            minute = _MINUTE.match(getattr(incident, "clock", None) or "")
            is_late = _LATE.search(getattr(incident, "period", None) or "")
            if isinstance(incident, Goal) and minute and not is_late:
                found.append((min(int(minute[1]), 90), 1 if incident.side == "home" else 2))
    ones = sum(side == 1 for _, side in found)
    return tuple(found) if (ones, len(found) - ones) == score else None
