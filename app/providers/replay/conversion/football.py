"""World Cups: the text says what happened, the JSON beside it what the score must be."""

import json
from pathlib import Path
from typing import Any

from app.providers.replay.chance import between, share_of
from app.providers.replay.conversion.football_text import (
    Minute,
    TextCard,
    TextGoal,
    TextIncident,
    TextMatch,
    TextSubstitution,
    read_text,
)
from app.providers.replay.conversion.teller import Card as MatchCard
from app.providers.replay.conversion.teller import SourceContradiction, Teller
from app.providers.replay.recording import Recording, Rules
from app.sports.ids import slug_of
from app.sports.incidents import Card, Goal, ShootoutAttempt, Substitution
from app.sports.match import MatchStatus, Sport
from app.sports.observation import ObservedLeague, ObservedParticipant

YEARS = (2018, 2022)
SIMULATED = (
    "the second within a minute",
    "the length of stoppage time, of breaks and of a turn in a shoot-out",
    "prices",
)
RULES = Rules(clock="minutes", period_s=45 * 60, overtime_s=15 * 60)

# Name, the minutes before it, its last minute, the least stoppage time in minutes, the break after.
_PERIODS = (
    ("1st Half", 0, 45, 1, 15 * 60),
    ("2nd Half", 45, 90, 3, 5 * 60),
    ("Extra Time 1st Half", 90, 105, 0, 2 * 60),
    ("Extra Time 2nd Half", 105, 120, 1, 4 * 60),
)
_TURN_S = 50.0
_Timed = tuple[float, TextIncident]


def convert(sources: Path) -> list[Recording]:
    """Returns the 128 matches of the World Cups 2018 and 2022."""
    return [recording for year in YEARS for recording in _world_cup(sources / "football", year)]


def _world_cup(sources: Path, year: int) -> list[Recording]:
    text = (sources / "worldcup" / "more" / f"{year}_full.txt").read_text()
    checked = json.loads((sources / "worldcup.json" / str(year) / "worldcup.json").read_text())
    matches = read_text(text, year)
    truths = {(m["date"], m["team1"], m["team2"]): m for m in checked["matches"]}
    found: list[Recording] = []
    for match in matches:
        truth = truths.pop((match.start_time.date().isoformat(), match.home, match.away), None)
        _check(match, truth)
        found.append(_recording(match, year, (truth or {})["round"]))
    if truths:
        raise SourceContradiction(f"the text lacks {sorted(truths)}")
    return found


def _check(match: TextMatch, truth: dict[str, Any] | None) -> None:
    """Holds scores, goals and shoot-out of the two files against each other."""
    name = f"{match.start_time.date()} {match.home} v {match.away}"
    if truth is None:
        raise SourceContradiction(f"{name}: not in the JSON")
    score = truth["score"]
    goals = [i for i in match.incidents if isinstance(i, TextGoal)]
    for side, place, key in (("home", 0, "goals1"), ("away", 1, "goals2")):
        said = sum(goal.side == side for goal in goals)
        true = len(truth.get(key, []))
        # The minutes differ by one here and there, so only the number is held.
        if said != true or said != match.score[place]:
            raise SourceContradiction(f"{name}: {said} goals {side}, the JSON has {true}")
    if list(match.score) != score.get("et", score["ft"]):
        raise SourceContradiction(f"{name}: {match.score}, the JSON has {score}")
    scored = tuple(
        sum(a.scored for a in match.attempts if a.side == side) for side in ("home", "away")
    )
    if list(match.shootout or ()) != score.get("p", []) or scored != (match.shootout or (0, 0)):
        raise SourceContradiction(f"{name}: shoot-out {scored}, the JSON has {score}")


def _recording(match: TextMatch, year: int, stage: str) -> Recording:
    name = f"football.{year}.{slug_of(match.home)}-{slug_of(match.away)}.{slug_of(stage)}"
    teller = Teller()
    played = 4 if match.extra_time else 2
    timed = _timed(match, played, name)
    start = 0.0
    for place, (period, _, _, _, break_s) in enumerate(_PERIODS[:played]):
        length = _length(timed[place], place, name)
        teller.begin(start, period)
        for at, incident in timed[place]:
            _tell(teller, start + at, incident)
        last = place == played - 1 and not match.attempts
        teller.end(start + length, MatchStatus.FINISHED if last else MatchStatus.PAUSED)
        start += length + break_s
    if match.attempts:
        _tell_shootout(teller, start, match, name)
    if (teller.home, teller.away) != match.score:
        raise SourceContradiction(f"{name}: told {teller.home}-{teller.away}, not {match.score}")
    return teller.recording(_card(match, year, name))


def _card(match: TextMatch, year: int, name: str) -> MatchCard:
    home, away = (
        ObservedParticipant(external_id=f"football.{slug_of(team)}", name=team)
        for team in (match.home, match.away)
    )
    league = ObservedLeague(
        external_id=f"football.world-cup.{year}",
        name=f"World Cup {year}",
        country="World",
        season=str(year),
    )
    return MatchCard(
        id=name,
        sport=Sport.FOOTBALL,
        league=league,
        home=home,
        away=away,
        start_time=match.start_time,
        source="openfootball/worldcup and openfootball/worldcup.json",
        licence="CC0-1.0",
        simulated=SIMULATED,
        rules=RULES,
    )


def _timed(match: TextMatch, played: int, name: str) -> list[list[_Timed]]:
    """Gives each incident its period and its seconds there, in order of time."""
    periods: list[list[_Timed]] = [[] for _ in range(played)]
    told = enumerate(match.incidents)
    # Within a minute: who goes off does so after what he was booked for, and goals come last.
    ordered = sorted(told, key=lambda each: (each[1].minute, _rank(each[1]), each[0]))
    seen: dict[Minute, int] = {}
    crowd = {i.minute: sum(o.minute == i.minute for o in match.incidents) for i in match.incidents}
    for _, incident in ordered:
        turn = seen[incident.minute] = seen.get(incident.minute, -1) + 1
        minute, extra = incident.minute
        place = next((p for p in range(played) if minute <= _PERIODS[p][2]), played - 1)
        within = 60 * (turn + share_of(name, incident.minute, turn)) / crowd[incident.minute]
        begins = (minute - _PERIODS[place][1] - 1 + extra) * 60
        periods[place].append((begins + int(within), incident))
    return [sorted(period, key=lambda each: each[0]) for period in periods]


def _rank(incident: TextIncident) -> int:
    if isinstance(incident, TextCard):
        return 1 if incident.colour == "second_yellow" else 0
    return 2 if isinstance(incident, TextSubstitution) else 3


def _length(timed: list[_Timed], place: int, name: str) -> float:
    """Returns a period's length: what was played at least, and a seeded bit of stoppage time."""
    _, before, ends, stoppage_min, _ = _PERIODS[place]
    least = (ends - before + stoppage_min) * 60
    played = int(between(least, least + 120, name, "stoppage", place))
    last = timed[-1][0] + 25 if timed else 0
    return float(max(played, last))


def _clock(told: Minute) -> str:
    """Returns the minute as a board has it; the source counts on after 120, where boards do not."""
    last = _PERIODS[-1][2]
    minute, extra = min(told[0], last), told[1] + max(told[0] - last, 0)
    return f"{minute}+{extra}'" if extra else f"{minute}'"


def _tell(teller: Teller, at: float, told: TextIncident) -> None:
    clock = _clock(told.minute)
    period, side = teller.period, told.side
    match told:
        case TextGoal():
            teller.count(side)
            teller.count_in_period(side)
            goal = Goal(
                key=teller.key("goal"),
                period=period,
                clock=clock,
                side=side,
                home=teller.home,
                away=teller.away,
                player=told.player,
                how=told.how,
            )
            teller.tell(at, goal)
        case TextCard():
            card = Card(
                key=teller.key("card"),
                period=period,
                clock=clock,
                side=side,
                player=told.player,
                colour=told.colour,
            )
            teller.note(at, card)
        case TextSubstitution():
            change = Substitution(
                key=teller.key("substitution"),
                period=period,
                clock=clock,
                side=side,
                player_on=told.player_on,
                player_off=told.player_off,
            )
            teller.note(at, change)


def _tell_shootout(teller: Teller, start: float, match: TextMatch, name: str) -> None:
    teller.begin(start, "Penalties")
    at = start
    for turn, attempt in enumerate(match.attempts):
        at += int(between(_TURN_S - 10, _TURN_S + 10, name, "turn", turn))
        period = teller.count_in_period(attempt.side, 1 if attempt.scored else 0)
        incident = ShootoutAttempt(
            key=teller.key("attempt"),
            period="Penalties",
            side=attempt.side,
            scored=attempt.scored,
            home=period.home,
            away=period.away,
            player=attempt.player,
        )
        teller.tell(at, incident)
    teller.end(at + 5, MatchStatus.FINISHED)
