"""From API-Football's fixtures and tables to ours. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from app.providers.api_football import incidents
from app.providers.api_football.payloads import (
    FixtureItem,
    FixtureLeague,
    FixtureStatus,
    Pair,
    TableItem,
    TableRow,
    Team,
)
from app.providers.items import DESCRIBED_MAX, TEXT_LENGTH_MAX, Read, Unfit, name_of
from app.providers.provider import Rejected
from app.sports.ids import ProviderName
from app.sports.incidents import Incident
from app.sports.match import IN_PLAY, OVER, MatchStatus, Period, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)
from app.sports.standings import Standing, Standings

NAME: ProviderName = "api-football"

_S = MatchStatus
# All shorts of https://www.api-football.com/documentation-v3: status, and the period's name.
STATUSES: dict[str, tuple[MatchStatus, str | None]] = {
    "TBD": (_S.SCHEDULED, None),
    "NS": (_S.SCHEDULED, None),
    "1H": (_S.LIVE, "1st Half"),
    "HT": (_S.PAUSED, "Half-time"),
    "2H": (_S.LIVE, "2nd Half"),
    "ET": (_S.LIVE, "Extra Time"),
    "BT": (_S.PAUSED, "Extra Time Break"),  # Before extra time, and in the middle of it.
    "P": (_S.LIVE, "Penalties"),
    "SUSP": (_S.INTERRUPTED, None),
    "INT": (_S.INTERRUPTED, None),
    "LIVE": (_S.LIVE, None),  # In play, and nobody there tells more.
    "FT": (_S.FINISHED, None),
    "AET": (_S.FINISHED, None),
    "PEN": (_S.FINISHED, None),
    "PST": (_S.POSTPONED, None),
    "CANC": (_S.CANCELLED, None),
    "ABD": (_S.ABANDONED, None),
    "AWD": (_S.AWARDED, None),
    "WO": (_S.AWARDED, None),
}
# Between the end of normal time and the final whistle, or after it.
_BEYOND_NORMAL_TIME = frozenset({"ET", "BT", "P", "AET", "PEN"})
# They don't say in which half; the minute does.
_HALF_UNTOLD = frozenset({"SUSP", "INT", "LIVE", "ABD"})
_EXTRA_TIME = frozenset({"ET", "AET"})
_NOTHING = Pair(home=0, away=0)
_HALF_TIME = 45
_EXTRA_TIME_MIDDLE = 105


def read_fixture(index: int, raw: msgspec.Raw, received_at: datetime) -> Read:
    """Returns what an item of /fixtures says, and which of its events could not be read.

    If one of them could not, nothing is said of incidents: an incident left out would be one
    withdrawn. Raises Unfit.
    """
    item = msgspec.json.decode(raw, type=FixtureItem)
    if item.teams.home.id == item.teams.away.id:
        raise Unfit("unreadable", "a team plays itself")
    told, rejected = _incidents_of(index, item)
    observation = Observation(
        provider=NAME,
        external_id=str(item.fixture.id),
        sport=Sport.FOOTBALL,
        match=ObservedMatch(
            league=_league_of(item.league),
            home=_participant_of(item.teams.home),
            away=_participant_of(item.teams.away),
            start_time=datetime.fromtimestamp(item.fixture.timestamp, UTC),
        ),
        observed_at=received_at,
        received_at=received_at,
        score=score_of(item),
        incidents=told,
    )
    return observation, rejected


def with_events(raw: msgspec.Raw, events: Sequence[msgspec.Raw]) -> msgspec.Raw:
    """Returns an item of /fixtures with the events that were asked for apart."""
    item = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return msgspec.Raw(msgspec.json.encode({**item, "events": list(events)}))


def is_to_come(observation: Observation) -> bool:
    """Says whether a match is neither in play nor over."""
    score = observation.score
    return score is not None and score.status not in IN_PLAY | OVER


def score_of(item: FixtureItem) -> Score:
    """Returns the state of play; raises Unfit (`unknown_status`, `bad_score`)."""
    status = item.fixture.status
    known = STATUSES.get(status.short)
    if known is None:
        raise Unfit("unknown_status", f"status {status.short[:20]!r}")
    if (item.goals.home is None) is not (item.goals.away is None):
        raise Unfit("bad_score", "goals of one side only")
    state, period = known
    to_come = state not in IN_PLAY | OVER
    return Score(
        status=state,
        home=None if to_come else item.goals.home,
        away=None if to_come else item.goals.away,
        period=_half_of_extra_time(status) if status.short == "ET" else period,
        clock=clock_of(status) if state is MatchStatus.LIVE and status.short != "P" else None,
        periods=() if to_come else _periods_of(item),
    )


def clock_of(status: FixtureStatus) -> str | None:
    """Returns the minute as people write it: 63', 45+2'; None when there is none."""
    return incidents.clock_of(status.elapsed, status.extra)


def read_standings(raw: msgspec.Raw) -> Standings:
    """Returns the tables of a league; raises Unfit or a decoder's error."""
    league = msgspec.json.decode(raw, type=TableItem).league
    return Standings(
        provider=NAME,
        sport=Sport.FOOTBALL,
        league=ObservedLeague(
            external_id=str(league.id),
            name=name_of(league.name, "the league"),
            country=_text(league.country),
            season=str(league.season),
        ),
        rows=tuple(_standing_of(row) for table in league.standings for row in table),
    )


def _incidents_of(
    index: int, item: FixtureItem
) -> tuple[tuple[Incident, ...] | None, Sequence[Rejected]]:
    if item.events is None:
        return None, ()
    sides: incidents.Sides = {
        item.teams.home.id: incidents.HOME,
        item.teams.away.id: incidents.AWAY,
    }
    events, rejected = incidents.read_events(index, item.events, sides)
    if rejected:
        return None, rejected
    return incidents.incidents_of(events, sides, item.goals), ()


def _half_of_extra_time(status: FixtureStatus) -> str:
    if status.elapsed is None:
        return "Extra Time"
    half = "1st" if status.elapsed <= _EXTRA_TIME_MIDDLE else "2nd"
    return f"Extra Time {half} Half"


def _periods_of(item: FixtureItem) -> tuple[Period, ...]:
    """Returns each period's own goals, as far as they add up; a sum that doesn't ends the list."""
    short, score = item.fixture.status.short, item.score
    steps = [("1st Half", _NOTHING, score.halftime)]
    if _has_second_half(item.fixture.status):
        is_normal = short not in _BEYOND_NORMAL_TIME and _is_empty(score.fulltime)
        steps.append(("2nd Half", score.halftime, item.goals if is_normal else score.fulltime))
    # Their `extratime` says the same; the difference holds also while it is still null.
    if short in _EXTRA_TIME or not _is_empty(score.extratime):
        steps.append(("Extra Time", score.fulltime, item.goals))
    if not _is_empty(score.penalty):
        steps.append(("Penalties", _NOTHING, score.penalty))
    periods: list[Period] = []
    for name, before, after in steps:
        own = _own(name, before, after)
        if own is None:
            break
        periods.append(own)
    return tuple(periods)


def _has_second_half(status: FixtureStatus) -> bool:
    if status.short in _HALF_UNTOLD:
        return (status.elapsed or 0) > _HALF_TIME
    return status.short not in {"1H", "HT"}


def _own(name: str, before: Pair, after: Pair) -> Period | None:
    if before.home is None or before.away is None or after.home is None or after.away is None:
        return None
    home, away = after.home - before.home, after.away - before.away
    return Period(name=name, home=home, away=away) if home >= 0 and away >= 0 else None


def _is_empty(pair: Pair) -> bool:
    return pair.home is None or pair.away is None


@lru_cache(DESCRIBED_MAX)
def _league_of(league: FixtureLeague) -> ObservedLeague:
    return ObservedLeague(
        external_id=str(league.id),
        name=name_of(league.name, "the league"),
        country=_text(league.country),
        season=_text(None if league.season is None else str(league.season)),
    )


@lru_cache(DESCRIBED_MAX)
def _participant_of(team: Team) -> ObservedParticipant:
    return ObservedParticipant(external_id=str(team.id), name=name_of(team.name, "a team"))


def _standing_of(row: TableRow) -> Standing:
    return Standing(
        rank=row.rank,
        participant=_participant_of(row.team),
        group=_text(row.group),
        points=row.points,
        played=row.all.played or 0,
        won=row.all.win or 0,
        drawn=row.all.draw or 0,
        lost=row.all.lose or 0,
        scored=row.all.goals.scored or 0,
        conceded=row.all.goals.against or 0,
        form=_text(row.form),
        description=_text(row.description),
    )


def _text(text: str | None) -> str | None:
    """Returns what can be shown of a text that may be missing."""
    return incidents.shown(text, TEXT_LENGTH_MAX)
