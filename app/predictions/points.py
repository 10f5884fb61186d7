"""Basketball: points for and against, weighted by age. Pure.

Each side's points are `level +- home / 2 + attack - defence` and normal noise: ridge regression,
the Gaussian posterior mode of `regression`. Margin and sum of a match have spreads of their own,
measured on the residuals, because the points of both sides go with the pace they share.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np

from app.history.result import Result
from app.predictions.forecast import PointProcess
from app.predictions.parameters import PointParameters, SideStrength
from app.predictions.regression import Priors, Scored, Strengths, aged, fit_points
from app.predictions.results import sides_of
from app.predictions.scores import Floats
from app.sports.match import Sport


class PointModel(msgspec.Struct, frozen=True, kw_only=True):
    """The constants: half-life, the prior's deviation and a side's noise, both in points."""

    name: str
    halflife_days: float = 300.0
    spread: float = 6.5
    noise: float = 9.0
    memory: timedelta = timedelta(days=4 * 365)


BASKETBALL = PointModel(name="basketball-1")
# What a match's margin and sum vary by where there is too little to measure it: the NBA's.
_SPREADS = (12.0, 17.0)
_AS_MANY = 50.0
# What home ground is worth in points, and how far leagues differ.
_HOME = (3.5, 2.0)


def fit_basketball(
    model: PointModel, results: Sequence[Result], as_of: date, *, league: str = "any"
) -> PointParameters:
    """Returns parameters from results in order of day."""
    seen = [r for r in results if as_of - r.played_on <= model.memory] or list(results)
    sides = sides_of(seen)
    place = {side: number for number, side in enumerate(sides)}
    ages = np.array([(as_of - r.played_on).days for r in seen], dtype=np.float64)
    scored = Scored(
        home=np.array([place[r.home] for r in seen]),
        away=np.array([place[r.away] for r in seen]),
        values=np.array([[r.home_score, r.away_score] for r in seen], dtype=np.float64),
        at_home=np.array([0.0 if r.neutral else 1.0 for r in seen]),
        weights=aged(ages, model.halflife_days),
    )
    nobody = np.zeros(len(sides))
    priors = Priors(attack=nobody, defence=nobody, spread=model.spread, home=_HOME)
    fit = fit_points(scored, priors, model.noise**2)
    margin, total = _spreads(scored, fit)
    variance = model.spread**2
    return PointParameters(
        model=model.name,
        sport=Sport.BASKETBALL,
        league=league,
        as_of=as_of,
        results=len(seen),
        level=fit.level,
        home=fit.home,
        margin_spread=margin,
        total_spread=total,
        sides={
            side: SideStrength(*(round(float(x), 5) for x in row))
            for side, *row in zip(
                sides,
                fit.attack,
                fit.defence,
                fit.attack_variance,
                fit.defence_variance,
                strict=True,
            )
        },
        unknown=SideStrength(0.0, 0.0, variance, variance),
    )


def _spreads(scored: Scored, fit: Strengths) -> tuple[float, float]:
    """Returns the deviations of margin and sum from what was expected, held by a prior."""
    half = fit.home / 2 * scored.at_home
    home = fit.level + half + fit.attack[scored.home] - fit.defence[scored.away]
    away = fit.level - half + fit.attack[scored.away] - fit.defence[scored.home]
    off: Floats = scored.values - np.stack([home, away], axis=1)
    weight = float(scored.weights.sum())
    found: list[float] = []
    for values, usual in zip((off[:, 0] - off[:, 1], off.sum(axis=1)), _SPREADS, strict=True):
        seen = float(scored.weights @ values**2) + _AS_MANY * usual**2
        found.append(round(float(np.sqrt(seen / (weight + _AS_MANY))), 4))
    return found[0], found[1]


def point_process(
    parameters: PointParameters, home: str, away: str, *, neutral: bool = False
) -> PointProcess:
    """Returns how points come about between two sides, wide where one of them is not known."""
    one = parameters.sides.get(home, parameters.unknown)
    other = parameters.sides.get(away, parameters.unknown)
    advantage = 0.0 if neutral else parameters.home
    variance = (
        one.attack_variance + one.defence_variance + other.attack_variance + other.defence_variance
    )
    return PointProcess(
        margin=advantage + one.attack + one.defence - other.attack - other.defence,
        total=max(2 * parameters.level + one.attack + other.attack - one.defence - other.defence,
                  40.0),
        margin_spread=parameters.margin_spread,
        total_spread=parameters.total_spread,
        unknown=float(np.sqrt(variance)),
    )  # fmt: skip
