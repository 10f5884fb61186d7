"""API-Football's matches and their events, as /fixtures tells them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.sports.incidents import Card, Goal, Incident, ShootoutAttempt, Substitution
from app.sports.match import IN_PLAY, OVER, MatchStatus, Score
from app.stadium.voices import Said

_MEDIA = "https://media.invalid/football"
_LONG = {
    "NS": "Not Started", "1H": "First Half", "HT": "Halftime", "2H": "Second Half",
    "ET": "Extra Time", "BT": "Break Time", "P": "Penalty In Progress", "INT": "Match Interrupted",
    "PST": "Match Postponed", "FT": "Match Finished", "AET": "Match Finished",
    "PEN": "Match Finished", "CANC": "Match Cancelled", "ABD": "Match Abandoned",
    "AWD": "Technical Loss",
}  # fmt: skip
_SHORT = {
    MatchStatus.SCHEDULED: "NS",
    MatchStatus.INTERRUPTED: "INT",
    MatchStatus.POSTPONED: "PST",
    MatchStatus.CANCELLED: "CANC",
    MatchStatus.ABANDONED: "ABD",
    MatchStatus.AWARDED: "AWD",
}
_LIVE = {"1st Half": "1H", "2nd Half": "2H", "Penalties": "P"}
_FINAL = {"Penalties": "PEN", "Extra Time 1st Half": "AET", "Extra Time 2nd Half": "AET"}
# The last minute of a period, shown when the clock stands.
_PERIOD_ENDS = {
    "1st Half": 45, "2nd Half": 90, "Extra Time 1st Half": 105, "Extra Time 2nd Half": 120,
    "Penalties": 120,
}  # fmt: skip
_GOALS = {"penalty": "Penalty", "own_goal": "Own Goal"}
_CARDS = {"yellow": ("Yellow Card",), "second_yellow": ("Yellow Card", "Red Card"),
          "red": ("Red Card",)}  # fmt: skip


def season_of(said: Said) -> int:
    """Returns the year a league's season began."""
    digits = (said.league.season or "")[:4]
    return int(digits) if digits.isdigit() else said.start_time.year


def short_of(score: Score) -> str:
    """Returns the status code."""
    status, period = score.status, score.period or ""
    match status:
        case MatchStatus.LIVE:
            return _LIVE.get(period, "ET")
        case MatchStatus.PAUSED:
            return "HT" if period == "1st Half" else "BT"
        case MatchStatus.FINISHED:
            return _FINAL.get(period, "FT")
        case _:
            return _SHORT[status]


def elapsed(score: Score) -> tuple[int | None, int | None]:
    """Returns the minute and the minute of stoppage time."""
    if score.status is MatchStatus.LIVE and score.clock is not None:
        return minutes(score.clock)
    if score.status in IN_PLAY | OVER and score.period in _PERIOD_ENDS:
        return _PERIOD_ENDS[score.period], None
    return None, None


def minutes(clock: str | None) -> tuple[int | None, int | None]:
    """Returns 45 and 2 of `45+2'`."""
    minute, _, extra = (clock or "").rstrip("'").partition("+")
    if not minute.isdigit():
        return None, None
    return int(minute), int(extra) if extra.isdigit() else None


def fixture(said: Said) -> dict[str, Any]:
    """Returns an item of /fixtures."""
    score = said.score
    minute, extra = elapsed(score)
    short = short_of(score)
    status = {"long": _LONG[short], "short": short, "elapsed": minute, "extra": extra}
    begun = score.status in IN_PLAY | OVER
    kick_off = int(said.start_time.timestamp())
    second = any(period.name == "2nd Half" for period in score.periods)
    return {
        "fixture": {
            "id": said.number,
            "referee": None,
            "timezone": "UTC",
            "date": _iso(said.start_time),
            "timestamp": kick_off,
            "periods": {
                "first": kick_off if begun else None,
                "second": kick_off + 3_600 if second else None,
            },
            "venue": {"id": None, "name": "Stadium", "city": None},
            "status": status,
        },
        "league": {
            "id": said.league.number,
            "name": said.league.name,
            "country": said.league.country or "World",
            "logo": f"{_MEDIA}/leagues/{said.league.number}.png",
            "flag": None,
            "season": season_of(said),
            "round": "Regular Season - 1",
        },
        "teams": {"home": _team(said, "home"), "away": _team(said, "away")},
        "goals": {"home": score.home, "away": score.away},
        "score": _score(score),
    }


def events(said: Said) -> list[Any]:
    """Returns a match's events, in order; only goals, cards and substitutions are told."""
    return [event for incident in said.incidents for event in _events_of(said, incident)]


def _events_of(said: Said, incident: Incident) -> list[dict[str, Any]]:
    match incident:
        case Goal():
            detail = _GOALS.get(incident.how or "", "Normal Goal")
            return [
                _event(
                    said, incident, ("Goal", detail), player=incident.player, assist=incident.assist
                )
            ]
        case ShootoutAttempt():
            detail = "Penalty" if incident.scored else "Missed Penalty"
            event = _event(said, incident, ("Goal", detail), player=incident.player)
            return [{**event, "comments": "Penalty Shootout"}]
        case Card():
            return [
                _event(said, incident, ("Card", detail), player=incident.player)
                for detail in _CARDS[incident.colour]
            ]
        case Substitution():
            kind = ("subst", "Substitution 1")
            return [
                _event(said, incident, kind, player=incident.player_off, assist=incident.player_on)
            ]
        case _:
            return []


def _event(
    said: Said,
    incident: Goal | Card | Substitution | ShootoutAttempt,
    kind: tuple[str, str],
    *,
    player: str | None,
    assist: str | None = None,
) -> dict[str, Any]:
    minute, extra = minutes(incident.clock)
    if minute is None:
        minute = _PERIOD_ENDS.get(incident.period or "", 120)
    side = said.home if incident.side == "home" else said.away
    return {
        "time": {"elapsed": minute, "extra": extra},
        "team": {"id": side.number, "name": side.name, "logo": _logo(side.number)},
        "player": {"id": None, "name": player},
        "assist": {"id": None, "name": assist},
        "type": kind[0],
        "detail": kind[1],
        "comments": None,
    }


def _team(said: Said, which: str) -> dict[str, Any]:
    side, score = (said.home if which == "home" else said.away), said.score
    ours, theirs = (score.home or 0), (score.away or 0)
    if which == "away":
        ours, theirs = theirs, ours
    told = score.status in IN_PLAY | OVER and ours != theirs
    winner = ours > theirs if told else None
    return {"id": side.number, "name": side.name, "logo": _logo(side.number), "winner": winner}


def _score(score: Score) -> dict[str, Any]:
    """Returns the score by phase: half-time, 90 minutes, extra time alone, shoot-out."""
    told = {period.name: period for period in score.periods}
    over_90 = score.status in OVER or any(name.startswith(("Extra", "Pen")) for name in told)
    half_over = score.status is MatchStatus.PAUSED or "2nd Half" in told or score.status in OVER
    halves = ["1st Half", "2nd Half"]
    extra = ["Extra Time 1st Half", "Extra Time 2nd Half"]
    pens = ["Penalties"]

    def added(names: Sequence[str], *, shown: bool) -> dict[str, int | None]:
        periods = [told[name] for name in names if name in told]
        if not shown or not periods:
            return {"home": None, "away": None}
        return {"home": sum(p.home for p in periods), "away": sum(p.away for p in periods)}

    return {
        "halftime": added(halves[:1], shown=half_over),
        "fulltime": added(halves, shown=over_90),
        "extratime": added(extra, shown=True),
        "penalty": added(pens, shown=True),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def _logo(number: int) -> str:
    return f"{_MEDIA}/teams/{number}.png"
