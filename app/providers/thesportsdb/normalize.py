"""From TheSportsDB's rows to observations. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from app.providers.items import (
    DESCRIBED_MAX,
    Part,
    Read,
    Unfit,
    id_of,
    moment_of,
    name_of,
    read_items,
)
from app.providers.provider import Scope
from app.providers.thesportsdb.payloads import Event, Id, LiveScore, Number, Text
from app.providers.thesportsdb.results import decided
from app.providers.thesportsdb.statuses import Meaning, meaning_of
from app.sports.match import IN_PLAY, OVER, MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)

NAME = "thesportsdb"
# Its names of our sports: in `strSport`; in addresses, the words are joined by an underscore.
THEIR_SPORTS = {
    Sport.FOOTBALL: "Soccer",
    Sport.BASKETBALL: "Basketball",
    Sport.TENNIS: "Tennis",
    Sport.HOCKEY: "Ice Hockey",
}
# A match that is not begun has no score, whatever stands there ("0" often does).
_WITHOUT_SCORE = frozenset({MatchStatus.SCHEDULED, MatchStatus.POSTPONED, MatchStatus.CANCELLED})
# 999 is what a score of ours may be; no clock has more digits.
_NUMBER = re.compile(r"[0-9]{1,3}\Z")
# "67", "45+2", "23'", "12:31", "07:12 - 2nd"; of the last only the time.
_CLOCK = re.compile(r"([0-9]{1,3}(?:\+[0-9]{1,2})?)'?\Z|([0-9]{1,3}:[0-9]{2})(?: - .*)?\Z")

# Times and scores that are remembered: a poll tells the same of many matches.
_SAID_MAX = 2_000

Row = Event | LiveScore
_EVENTS = msgspec.json.Decoder(Event)
_LIVE_SCORES = msgspec.json.Decoder(LiveScore)


def read_rows(
    rows: Sequence[msgspec.Raw], scope: Scope, sport: Sport, received_at: datetime
) -> Part:
    """Returns what v1's rows say for a scope: fixtures leaves out what has begun."""

    def read(_: int, row: msgspec.Raw) -> Read:
        said = observation_of(_EVENTS.decode(row), sport, received_at)
        if said is None or (scope is Scope.FIXTURES and not _is_to_come(said)):
            return None, ()
        return said, ()

    return read_items(rows, read)


def read_live(rows: Sequence[msgspec.Raw], sport: Sport, received_at: datetime) -> Part:
    """Returns what v2's live scores say."""

    def read(_: int, row: msgspec.Raw) -> Read:
        return observation_of(_LIVE_SCORES.decode(row), sport, received_at), ()

    return read_items(rows, read)


def observation_of(row: Row, sport: Sport, received_at: datetime) -> Observation | None:
    """Returns what a row says; None when it is of another sport. Raises Unfit."""
    if row.sport is not None and row.sport.strip().casefold() != THEIR_SPORTS[sport].casefold():
        return None
    match = _match_of(row)
    return Observation(
        provider=NAME,
        external_id=id_of(row.id, "idEvent"),
        sport=sport,
        match=match,
        observed_at=_told_at(row, received_at),
        received_at=received_at,
        score=_score_of(row, sport, match),
    )


def _is_to_come(said: Observation) -> bool:
    return said.score is not None and said.score.status not in IN_PLAY | OVER


def _match_of(row: Row) -> ObservedMatch:
    sides = (row.home_id, row.home, row.away_id, row.away)
    season = row.season if isinstance(row, Event) else None
    start = (row.timestamp, row.date, row.time)
    return _described((row.league_id, row.league, season), sides, start)


@lru_cache(DESCRIBED_MAX)
def _described(
    league: tuple[Id, Text, Text],
    sides: tuple[Id, Text, Id, Text],
    start: tuple[Text, Text, Text],
) -> ObservedMatch:
    home_id, home_name, away_id, away_name = sides
    if not (home_name or "").strip() or not (away_name or "").strip():
        raise Unfit("no_sides", "the sides are not told")
    league_id = id_of(league[0], "idLeague")
    home = _participant(home_id, name_of(home_name, "strHomeTeam"), league_id)
    away = _participant(away_id, name_of(away_name, "strAwayTeam"), league_id)
    if home.external_id == away.external_id:
        raise Unfit("same_sides", f"{home.name} plays itself")
    season = league[2] or ""
    return ObservedMatch(
        league=ObservedLeague(
            external_id=league_id,
            name=name_of(league[1], "strLeague"),
            season=name_of(season, "strSeason") if season.strip() else None,
        ),
        home=home,
        away=away,
        start_time=_start_of(*start),
    )


def _participant(external_id: str | int | None, name: str, league_id: str) -> ObservedParticipant:
    """Names a side that has no id by its name, within its league."""
    known = external_id not in {None, "", "0", 0}
    said = external_id if known else f"{league_id}:{name}"
    return ObservedParticipant(external_id=id_of(said, "a side's id"), name=name)


def _start_of(timestamp: Text, date: Text, time: Text) -> datetime:
    """Returns the kick-off; a day alone is none."""
    for text in (timestamp, f"{date or ''}T{time or ''}"):
        if text and len(text) > len("2026-01-01T"):
            return _moment(text)
    raise Unfit("no_start_time", "the start is not told")


def _told_at(row: Row, received_at: datetime) -> datetime:
    """Returns when the row was last changed there; a clock ahead of ours counts as ours."""
    if isinstance(row, Event) or not (row.updated or "").strip():
        return received_at
    return min(_moment(row.updated or ""), received_at)


@lru_cache(_SAID_MAX)
def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Unfit("bad_time", "a time that cannot be read") from None
    return moment_of(moment)


def _score_of(row: Row, sport: Sport, match: ObservedMatch) -> Score:
    points = (row.home_score, row.away_score)
    score = _state_of(points, row.status, row.progress, sport)
    if not isinstance(row, Event):
        return score
    result = row.result if sport is Sport.TENNIS and _points(points[0]) is None else None
    if result and (told := decided(result, match)) is not None:
        (home, away), sets = told
        over = score.status if score.status in OVER else MatchStatus.FINISHED
        return Score(status=over, home=home, away=away, periods=sets)
    put_off = (row.postponed or "").strip().casefold() == "yes"
    if put_off and score.status is MatchStatus.SCHEDULED:
        return Score(status=MatchStatus.POSTPONED)
    return score


@lru_cache(_SAID_MAX)
def _state_of(
    points: tuple[Number, Number], status_told: Text, progress: Text | int, sport: Sport
) -> Score:
    home, away = _points(points[0]), _points(points[1])
    if (home is None) != (away is None):
        raise Unfit("bad_score", "half a score")
    status, period = _status_of((status_told or "").strip(), sport, played=home is not None)
    if status in _WITHOUT_SCORE:
        return Score(status=status)
    clock = _clock_of(progress, sport) if status is MatchStatus.LIVE else None
    return Score(status=status, home=home, away=away, period=period, clock=clock)


def _status_of(text: str, sport: Sport, *, played: bool) -> Meaning:
    """Returns status and period. Old rows have a score and no status: nobody knows what of."""
    meaning = meaning_of(sport, text) if text or played else (MatchStatus.SCHEDULED, None)
    if meaning is None:
        raise Unfit("unknown_status", f"{text[:40]!r} means nothing in {sport}")
    return meaning


def _points(value: Number) -> int | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not _NUMBER.match(text):
        raise Unfit("bad_score", "a score that is no number of points")
    return int(text)


def _clock_of(progress: str | int | None, sport: Sport) -> str | None:
    """Returns the minute as 67', a running time as it is; None for 0 and for words."""
    found = _CLOCK.match("" if progress is None else str(progress).strip())
    if found is None or sport is Sport.TENNIS:
        return None
    minute, running = found.groups()
    if running:
        return running
    return None if minute == "0" else f"{minute}'"
