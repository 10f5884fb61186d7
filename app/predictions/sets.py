"""Tennis: skills of players, moved set by set, with what a surface adds. Pure.

A set is won with the logistic chance of the difference of skills. Every skill is Gaussian: a mean
and a variance. After a match the sets move both players' means towards what was seen and make them
better known, the less known the further: the extended Kalman filter that Glickman's Glicko (1999)
approximates, on sets. A player has one skill and what each surface adds to it. Time not played
makes a skill less known.
"""

from collections.abc import Sequence
from datetime import date
from math import exp

import msgspec
import numpy as np

from app.history.result import Result
from app.predictions.forecast import SetProcess
from app.predictions.parameters import Rating, SetParameters
from app.predictions.scores import normal_nodes
from app.sports.match import Sport


class SetModel(msgspec.Struct, frozen=True, kw_only=True):
    """The constants, on the logit of a set. `drift` is the variance a year of not knowing adds.

    `widening` scales the variance of what two players are worth against each other today: form and
    the match-up are in all sets of a match, and skills know nothing of them.
    """

    name: str
    start: float = -0.3
    spread: float = 0.5
    surface_spread: float = 0.3
    drift: float = 0.06
    widening: float = 2.0
    best_of: int = 3


TENNIS = SetModel(name="tennis-1")
_NODES = 5


class _Skill:
    """One player's skill while it is learnt."""

    def __init__(self, model: SetModel, day: date) -> None:
        self.mean, self.variance = model.start, model.spread**2
        self.surfaces: dict[str, tuple[float, float]] = {}
        self.day = day

    def on(self, surface: str | None, model: SetModel) -> tuple[float, float]:
        """Returns what a surface adds, and its variance; nothing where it is not told."""
        if surface is None:
            return 0.0, 0.0
        return self.surfaces.get(surface, (0.0, model.surface_spread**2))

    def rest(self, day: date, model: SetModel) -> None:
        """Makes the skill less known by the time since, never less than a stranger's."""
        years = max((day - self.day).days, 0) / 365.0
        self.variance = min(self.variance + model.drift * years, model.spread**2)
        self.day = day


def fit_sets(
    model: SetModel, results: Sequence[Result], as_of: date, *, league: str = "any"
) -> SetParameters:
    """Returns the players' skills after results in order of day."""
    skills: dict[str, _Skill] = {}
    for result in results:
        pair = []
        for side in (result.home, result.away):
            skill = skills.setdefault(side, _Skill(model, result.played_on))
            skill.rest(result.played_on, model)
            pair.append(skill)
        _learn(model, (pair[0], pair[1]), result)
    for skill in skills.values():
        skill.rest(as_of, model)
    return SetParameters(
        model=model.name,
        sport=Sport.TENNIS,
        league=league,
        as_of=as_of,
        results=len(results),
        sides={
            side: Rating(round(s.mean, 6), round(s.variance, 6), dict(sorted(s.surfaces.items())))
            for side, s in sorted(skills.items())
        },
    )


def _learn(model: SetModel, pair: tuple[_Skill, _Skill], result: Result) -> None:
    """Moves two players' skills by the sets of a match."""
    added = [skill.on(result.surface, model) for skill in pair]
    (one, other), ((plus, plus_var), (less, less_var)) = pair, added
    chance = 1.0 / (1.0 + exp(-(one.mean + plus - other.mean - less)))
    count = result.home_score + result.away_score
    surprise = result.home_score - count * chance
    information = max(count * chance * (1.0 - chance), 1e-6)
    whole = one.variance + other.variance + plus_var + less_var + 1.0 / information
    pull = surprise / information / whole
    for skill, (extra, variance), sign in zip(pair, added, (1.0, -1.0), strict=True):
        skill.mean += sign * skill.variance * pull
        skill.variance -= skill.variance**2 / whole
        if result.surface is not None:
            skill.surfaces[result.surface] = (
                round(extra + sign * variance * pull, 6),
                round(variance - variance**2 / whole, 6),
            )


def set_process(
    model: SetModel,
    parameters: SetParameters,
    sides: tuple[str, str],
    *,
    surface: str | None,
    best_of: int | None,
) -> SetProcess:
    """Returns how sets come about between two players, wide where one of them is not known."""
    stranger = Rating(model.start, model.spread**2)
    mean = variance = 0.0
    for side, sign in zip(sides, (1.0, -1.0), strict=True):
        rating = parameters.sides.get(side, stranger)
        unknown = (0.0, model.surface_spread**2) if surface is not None else (0.0, 0.0)
        plus, plus_var = rating.surfaces.get(surface or "", unknown)
        mean += sign * (rating.mean + plus)
        variance += rating.variance + plus_var
    variance *= model.widening
    found, weights = normal_nodes(_NODES)
    chances = 1.0 / (1.0 + np.exp(-(mean + np.sqrt(variance) * found)))
    nodes = tuple((float(w), float(c), 0.0) for w, c in zip(weights, chances, strict=True))
    return SetProcess(nodes=nodes, best_of=best_of or model.best_of)
