"""PWHL: goals, penalties, overtime and shoot-outs; the source's clock counts up in a period."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.providers.replay.chance import between, share_of, shuffled
from app.providers.replay.conversion.teller import Card, SourceContradiction, Teller
from app.providers.replay.recording import Recording, Rules
from app.sports.ids import slug_of
from app.sports.incidents import Goal, Penalty, ShootoutAttempt, Side
from app.sports.match import MatchStatus, Sport
from app.sports.observation import ObservedLeague, ObservedParticipant

FILE = "hockey/pwhl/pwhl_games_2023-24_2024-25.jsonl.gz"
SIMULATED = (
    "real time between incidents (twice the match's clock)",
    "the length of breaks and of a turn in a shoot-out",
    "prices",
)
# How many are taken of each ending, of those there are.
WANTED = {"OT3": 1, "OT2": 2, "SO": 10, "OT1": 12, "": 15}
SEASONS = {"1": "2024", "3": "2024 Play-offs", "5": "2024-25"}
_PLAY_OFFS = "3"
_PERIOD_S = 20 * 60
_SHORT_OVERTIME_S = 5 * 60
# Twenty minutes of play take about forty.
_STRETCH = 2.0
_INTERMISSION_S = 18 * 60
_SHORT_BREAK_S = 2 * 60


class SourceTeam(msgspec.Struct, frozen=True):
    """A team of the season."""

    id: int
    name: str


class SourceGoal(msgspec.Struct, frozen=True):
    """A goal; `time` counts up in the period."""

    period: str
    time: str
    team_id: int
    scorer: str
    assists: tuple[str, ...]
    power_play: bool
    short_handed: bool
    empty_net: bool
    penalty_shot: bool


class SourcePenalty(msgspec.Struct, frozen=True):
    """A penalty; a bench penalty has no player."""

    period: str
    time: str
    team_id: int
    minutes: int
    description: str | None
    player: str | None


class SourceAttempt(msgspec.Struct, frozen=True):
    """An attempt of the shoot-out, in order."""

    team_id: int
    shooter: str
    is_goal: bool


class SourceMatch(msgspec.Struct, frozen=True):
    """One line of the source."""

    game_id: int
    season_id: str
    start: datetime
    status: Annotated[str, Meta(pattern="^Final")]
    home: SourceTeam
    away: SourceTeam
    home_score: int
    away_score: int
    shootout_winner_team_id: int | None
    periods: list[dict[str, str | int]]
    goals: tuple[SourceGoal, ...]
    penalties: tuple[SourcePenalty, ...]
    shootout: tuple[SourceAttempt, ...]

    @property
    def ending(self) -> str:
        """Returns OT1, SO ... and nothing for a match that was decided in time."""
        return self.status.removeprefix("Final").strip()


_Timed = tuple[int, SourceGoal | SourcePenalty]


def convert(sources: Path) -> list[Recording]:
    """Returns forty matches, those with long overtime and with shoot-outs among them."""
    with gzip.open(sources / FILE, "rt") as lines:
        matches = [msgspec.convert(json.loads(line), SourceMatch) for line in lines]
    chosen: list[SourceMatch] = []
    for ending, wanted in WANTED.items():
        fitting = [match for match in matches if match.ending == ending]
        chosen += shuffled(fitting, lambda match: str(match.game_id), "hockey")[:wanted]
    return [_recording(match) for match in chosen]


def _recording(match: SourceMatch) -> Recording:
    name = f"hockey.pwhl.{match.game_id}.{slug_of(match.home.name)}-{slug_of(match.away.name)}"
    teller = Teller()
    count = len(match.periods)
    start = 0.0
    for number in range(1, count + 1):
        teller.begin(start, _period_name(number))
        timed = _timed(match, number)
        for clock_s, incident in timed:
            _tell(teller, match, max(start + clock_s * _STRETCH, teller.at), incident)
        last = number == count and not match.shootout
        length = _length(match, number, timed)
        end = max(start + length * _STRETCH, teller.at + 2)
        teller.end(end, MatchStatus.FINISHED if last else MatchStatus.PAUSED)
        start = teller.at + _break_after(match, number)
    if match.shootout:
        _tell_shootout(teller, start, match, name)
    if (teller.home, teller.away) != (match.home_score, match.away_score):
        raise SourceContradiction(f"{name}: told {teller.home}-{teller.away}")
    return teller.recording(_card(match, name))


def _card(match: SourceMatch, name: str) -> Card:
    season = SEASONS[match.season_id]
    home, away = (
        ObservedParticipant(
            # Teams were renamed between seasons; each name is a participant of its own.
            external_id=f"hockey.pwhl.{team.id}.{slug_of(team.name)}",
            name=team.name,
        )
        for team in (match.home, match.away)
    )
    overtime_s = _PERIOD_S if match.season_id == _PLAY_OFFS else _SHORT_OVERTIME_S
    return Card(
        id=name,
        sport=Sport.HOCKEY,
        league=ObservedLeague(
            external_id=f"hockey.pwhl.{slug_of(season)}",
            name=f"PWHL {season}",
            country="North America",
            season=season,
        ),
        home=home,
        away=away,
        start_time=match.start.astimezone(UTC),
        source="sportsdataverse/fastRhockey-pwhl-raw, condensed",
        licence="MIT",
        simulated=SIMULATED,
        rules=Rules(clock="up", period_s=_PERIOD_S, overtime_s=overtime_s, stretch=_STRETCH),
    )


def _period_name(number: int) -> str:
    names = ("1st Period", "2nd Period", "3rd Period", "Overtime")
    return names[number - 1] if number <= len(names) else f"Overtime {number - 3}"


def _timed(match: SourceMatch, number: int) -> list[_Timed]:
    told = [i for i in (*match.penalties, *match.goals) if i.period == str(number)]
    return sorted(((_seconds(i.time), i) for i in told), key=lambda each: each[0])


def _seconds(time: str) -> int:
    minutes, seconds = time.split(":")
    return int(minutes) * 60 + int(seconds)


def _length(match: SourceMatch, number: int, timed: list[_Timed]) -> int:
    """Returns how long a period was by the match's clock: a goal ends overtime at once."""
    if number <= 3:
        return _PERIOD_S
    goals = [clock_s for clock_s, incident in timed if isinstance(incident, SourceGoal)]
    if goals:
        return goals[-1]
    return _PERIOD_S if match.season_id == _PLAY_OFFS else _SHORT_OVERTIME_S


def _break_after(match: SourceMatch, number: int) -> int:
    long = number < 3 or match.season_id == _PLAY_OFFS
    return _INTERMISSION_S if long else _SHORT_BREAK_S


def _side(match: SourceMatch, team_id: int) -> Side:
    if team_id not in (match.home.id, match.away.id):
        raise SourceContradiction(f"game {match.game_id}: team {team_id} does not play")
    return "home" if team_id == match.home.id else "away"


def _tell(teller: Teller, match: SourceMatch, at: float, told: SourceGoal | SourcePenalty) -> None:
    seconds = _seconds(told.time)
    clock = f"{seconds // 60:02}:{seconds % 60:02}"
    side = _side(match, told.team_id)
    if isinstance(told, SourceGoal):
        teller.count(side)
        teller.count_in_period(side)
        goal = Goal(
            key=teller.key("goal"),
            period=teller.period,
            clock=clock,
            side=side,
            home=teller.home,
            away=teller.away,
            player=told.scorer,
            assist=", ".join(told.assists) or None,
            how=_how(told),
        )
        teller.tell(at, goal)
        return
    penalty = Penalty(
        key=teller.key("penalty"),
        period=teller.period,
        clock=clock,
        side=side,
        minutes=told.minutes,
        player=told.player,
        offence=told.description,
    )
    teller.note(at, penalty)


def _how(
    goal: SourceGoal,
) -> Literal["penalty", "power_play", "short_handed", "empty_net"] | None:
    if goal.penalty_shot:
        return "penalty"
    if goal.empty_net:
        return "empty_net"
    if goal.power_play:
        return "power_play"
    return "short_handed" if goal.short_handed else None


def _tell_shootout(teller: Teller, start: float, match: SourceMatch, name: str) -> None:
    """Tells the attempts; the winner of the shoot-out gets one goal on top of the score."""
    teller.begin(start, "Shootout")
    at = start
    for turn, attempt in enumerate(match.shootout):
        at += int(between(35, 55, name, "turn", turn))
        side = _side(match, attempt.team_id)
        period = teller.count_in_period(side, 1 if attempt.is_goal else 0)
        told = ShootoutAttempt(
            key=teller.key("attempt"),
            period="Shootout",
            side=side,
            scored=attempt.is_goal,
            home=period.home,
            away=period.away,
            player=attempt.shooter,
        )
        teller.tell(at, told)
    if match.shootout_winner_team_id is None:
        raise SourceContradiction(f"{name}: a shoot-out without a winner")
    teller.count(_side(match, match.shootout_winner_team_id))
    teller.end(at + 5 + int(5 * share_of(name)), MatchStatus.FINISHED)
