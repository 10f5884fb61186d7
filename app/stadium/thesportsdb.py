"""TheSportsDB as it answers: v1 with the key in the path, v2 with the key in a header.

Every value is a string or null, and times have no zone (they are UTC).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.sports.match import IN_PLAY, OVER, MatchStatus, Score, Sport
from app.stadium import calls
from app.stadium.calls import Call, Reply
from app.stadium.quotas import Quotas, Spent
from app.stadium.voices import Said, Voice

_SPORTS = {
    Sport.FOOTBALL: "Soccer",
    Sport.BASKETBALL: "Basketball",
    Sport.TENNIS: "Tennis",
    Sport.HOCKEY: "Ice Hockey",
}
_BY_WORD = {name.lower().replace(" ", "_"): sport for sport, name in _SPORTS.items()}
_V1 = re.compile(r"/api/v1/json/(?P<key>[^/]+)/(?P<door>[a-z]+)\.php")
_V2 = re.compile(r"/api/v2/json/(?P<door>[a-z]+(?:/event)?)/(?P<what>[^/]+)")
_BADGES = "https://media.invalid/badges"
# What stands in v1 where v2 has a code.
_IN_WORDS = {
    "NS": "Not Started", "FT": "Match Finished", "AET": "Match Finished", "PEN": "Match Finished",
    "AOT": "Match Finished", "AP": "Match Finished", "PST": "Match Postponed",
    "POST": "Match Postponed", "CANC": "Match Cancelled", "ABD": "Match Abandoned",
}  # fmt: skip
_LIVE: Mapping[Sport, Mapping[str, str]] = {
    Sport.FOOTBALL: {"1st Half": "1H", "2nd Half": "2H", "Penalties": "P", "Extra": "ET"},
    Sport.BASKETBALL: {"Q1": "Q1", "Q2": "Q2", "Q3": "Q3", "Q4": "Q4", "OT": "OT"},
    Sport.TENNIS: {f"Set {number}": f"S{number}" for number in range(1, 6)},
    Sport.HOCKEY: {
        "1st Period": "P1",
        "2nd Period": "P2",
        "3rd Period": "P3",
        "Overtime": "OT",
        "Shootout": "PT",
    },
}
_FINAL: Mapping[Sport, Mapping[str, str]] = {
    Sport.FOOTBALL: {"Extra": "AET", "Penalties": "PEN"},
    Sport.BASKETBALL: {"OT": "AOT"},
    Sport.TENNIS: {},
    Sport.HOCKEY: {"Overtime": "AOT", "Shootout": "AP"},
}
# Nothing hangs on them.
_PICTURES = (
    "strPoster", "strSquare", "strFanart", "strThumb", "strBanner", "strMap", "strTweet1",
    "strTweet2", "strTweet3", "strVideo",
)  # fmt: skip
_HALF_TIMES = frozenset({(Sport.FOOTBALL, "1st Half"), (Sport.BASKETBALL, "Q2")})
_OTHERWISE = {
    MatchStatus.SCHEDULED: "NS",
    MatchStatus.PAUSED: "BT",
    MatchStatus.INTERRUPTED: "INT",
    MatchStatus.POSTPONED: "PST",
    MatchStatus.CANCELLED: "CANC",
    MatchStatus.ABANDONED: "ABD",
    MatchStatus.AWARDED: "AWD",
}


class TheSportsDbDesk:
    """Answers for TheSportsDB."""

    def __init__(self, voice: Voice, quotas: Quotas, keys: frozenset[str]) -> None:
        self._voice = voice
        self._quotas = quotas
        self._keys = keys
        self._v1: Mapping[str, Callable[[Call], dict[str, Any]]] = {
            "eventsday": self._events_of_day,
            "lookupevent": self._looked_up,
        }

    def answer(self, call: Call) -> Reply:
        """Answers a request: the key first, then the quota, then the question."""
        if found := _V1.fullmatch(call.path):
            return self._with_key(call, found["key"], self._v1.get(found["door"]))
        if found := _V2.fullmatch(call.path):
            what, door = found["what"], found["door"]
            doors: Mapping[str, Callable[[Call], dict[str, Any]]] = {
                "livescore": lambda call: self._live_scores(call, what),
                "lookup/event": lambda call: self._looked_up_v2(call, what),
            }
            return self._with_key(call, call.headers.get("x-api-key", ""), doors.get(door))
        return calls.said({"Message": "Not found"}, status=404)

    def nearly_spend(self, now: datetime, *, left: int) -> None:
        """Leaves so little of the minute, whoever asks."""
        for key in self._keys:
            self._quotas.lower(key, now, left=left)

    def _with_key(
        self, call: Call, key: str, door: Callable[[Call], dict[str, Any]] | None
    ) -> Reply:
        if key not in self._keys:
            return calls.said({"Message": "Invalid API key"}, status=401)
        if door is None:
            return calls.said({"Message": "Not found"}, status=404)
        try:
            self._quotas.take(key, call.now)
        except Spent:
            return calls.said({"Message": "Rate limit exceeded"}, status=429)
        return calls.said(door(call))

    def _events_of_day(self, call: Call) -> dict[str, Any]:
        day, word = call.query.get("d", ""), call.query.get("s", "").lower().replace(" ", "_")
        league = call.query.get("l")
        sports = [_BY_WORD[word]] if word in _BY_WORD else [] if word else list(Sport)
        told = [
            event(m)
            for m in self._voice.said_at(call.now, sports=sports)
            if _is_on(m, day) and league in {None, m.league.name, str(m.league.number)}
        ]
        return {"events": told or None}

    def _looked_up(self, call: Call) -> dict[str, Any]:
        return {"events": self._found(call, call.query.get("id", "")) or None}

    def _looked_up_v2(self, call: Call, text: str) -> dict[str, Any]:
        return {"lookup": self._found(call, text) or None}

    def _found(self, call: Call, text: str) -> list[dict[str, Any]]:
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            return []
        said = self._voice.said_at(call.now, numbers=frozenset({int(text)}))
        return [event(m) for m in said]

    def _live_scores(self, call: Call, what: str) -> dict[str, Any]:
        told = [
            live_score(m)
            for m in self._voice.said_at(call.now)
            if what in {"all", str(m.league.number), _word(m.sport)} and _is_shown_live(m, call.now)
        ]
        return {"livescore": told or None}


def code_of(sport: Sport, score: Score) -> str:
    """Returns the status code of a sport."""
    period = score.period or ""
    match score.status:
        case MatchStatus.LIVE:
            return _by_start(_LIVE[sport], period) or "LIVE"
        case MatchStatus.FINISHED:
            return _by_start(_FINAL[sport], period) or "FT"
        case MatchStatus.PAUSED if (sport, period) in _HALF_TIMES:
            return "HT"
        case _:
            return _OTHERWISE[score.status]


def event(said: Said) -> dict[str, Any]:
    """Returns an event as v1 and the look-ups tell it."""
    code, begun = code_of(said.sport, said.score), said.score.status in IN_PLAY | OVER
    home, away, start = said.home, said.away, said.start_time.astimezone(UTC)
    day, time = start.strftime("%Y-%m-%d"), start.strftime("%H:%M:%S")
    return {
        "idEvent": str(said.number),
        "idAPIfootball": None,
        "strEvent": f"{home.name} vs {away.name}",
        "strEventAlternate": f"{away.name} @ {home.name}",
        "strFilename": f"{said.league.name} {day} {home.name} vs {away.name}",
        "strSport": _SPORTS[said.sport],
        "idLeague": str(said.league.number),
        "strLeague": said.league.name,
        "strLeagueBadge": f"{_BADGES}/{said.league.number}.png",
        "strSeason": said.league.season,
        "strDescriptionEN": None,
        "strHomeTeam": home.name,
        "strAwayTeam": away.name,
        "intHomeScore": _text(said.score.home) if begun else None,
        "intRound": "1",
        "intAwayScore": _text(said.score.away) if begun else None,
        "intSpectators": None,
        "strOfficial": "",
        "strTimestamp": f"{day}T{time}",
        "dateEvent": day,
        "dateEventLocal": None,
        "strTime": time,
        "strTimeLocal": None,
        "strGroup": None,
        "idHomeTeam": str(home.number),
        "strHomeTeamBadge": f"{_BADGES}/{home.number}.png",
        "idAwayTeam": str(away.number),
        "strAwayTeamBadge": f"{_BADGES}/{away.number}.png",
        "intScore": None,
        "intScoreVotes": None,
        "strResult": None,
        "idVenue": None,
        "strVenue": "Stadium",
        "strCountry": said.league.country,
        "strCity": None,
        **dict.fromkeys(_PICTURES),
        "strProgress": _progress(said.score) if begun else None,
        "strStatus": _IN_WORDS.get(code, code),
        "strPostponed": "yes" if said.score.status is MatchStatus.POSTPONED else "no",
        "strLocked": "unlocked",
    }


def live_score(said: Said) -> dict[str, Any]:
    """Returns an item of v2's live scores."""
    start = said.start_time.astimezone(UTC)
    return {
        "idLiveScore": str(said.number % 10**9),
        "idEvent": str(said.number),
        "strSport": _SPORTS[said.sport],
        "idLeague": str(said.league.number),
        "strLeague": said.league.name,
        "idHomeTeam": str(said.home.number),
        "idAwayTeam": str(said.away.number),
        "strHomeTeam": said.home.name,
        "strAwayTeam": said.away.name,
        "strHomeTeamBadge": f"{_BADGES}/{said.home.number}.png",
        "strAwayTeamBadge": f"{_BADGES}/{said.away.number}.png",
        "intHomeScore": _text(said.score.home),
        "intAwayScore": _text(said.score.away),
        "strStatus": code_of(said.sport, said.score),
        "strProgress": _progress(said.score),
        "strTimestamp": start.strftime("%Y-%m-%dT%H:%M:%S"),
        "strEventTime": start.strftime("%H:%M"),
        "dateEvent": start.strftime("%Y-%m-%d"),
        "updated": said.said_at.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _progress(score: Score) -> str:
    return (score.clock or "0").rstrip("'")


def _is_shown_live(said: Said, now: datetime) -> bool:
    """Says whether a match is among live scores: in play, or begun today and over."""
    score = said.score
    today = said.start_time.date() == now.date()
    return score.status in IN_PLAY or (score.status in OVER and today)


def _is_on(said: Said, day: str) -> bool:
    try:
        return said.start_time.date() == date.fromisoformat(day)
    except ValueError:
        return False


def _by_start(names: Mapping[str, str], period: str) -> str | None:
    return next((code for name, code in names.items() if period.startswith(name)), None)


def _word(sport: Sport) -> str:
    return _SPORTS[sport].lower().replace(" ", "_")


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
