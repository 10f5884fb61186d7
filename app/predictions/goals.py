"""Clubs of football, and hockey: goals, shots on target and shots, weighted by age. Pure.

Of football, three strengths are fitted (`regression`), from goals with a long memory and, where
results tell them, from shots on target and shots with a short one: shots are many, so that form
shows early, but not all teams need as many for a goal. What goals follow is a mixture of the
three, and what home ground is worth lately is found from goals again. Constants were chosen on
seasons before 2019-20 (docs/predictions.md tells what lost, and which two were not).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np

from app.history.result import Result
from app.predictions.forecast import GoalProcess
from app.predictions.parameters import GoalParameters, SideStrength
from app.predictions.regression import LOG_MAX, Priors, Scored, Strengths, aged, fit_counts
from app.predictions.results import sides_of
from app.predictions.scores import Floats, normal_nodes
from app.sports.match import Sport

# A strength not heard of for so long is that of another team.
MEMORY = timedelta(days=6 * 365)
# Who was not there for so long has come up; so has who is there for less than the second.
_ABSENT = timedelta(days=250)
_NEW = timedelta(days=400)
# What is expected of a side that has come up, on the logarithm of goals.
_NEWCOMER = -0.1
# A share of the last year's results that must tell shots for shots to count.
_TOLD_MIN = 0.8
_STEPS_MAX = 20
_STILL = 1e-9


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is counted: its half-life, the prior's deviation, its share in goals."""

    halflife_days: float
    spread: float
    share: float


class HomeLately(msgspec.Struct, frozen=True, kw_only=True):
    """What home ground is worth lately, on the logarithm of goals, beside what the mixture makes
    it: `shift` more is expected, to a deviation of `spread`, and goals of this half-life decide.
    """

    halflife_days: float
    shift: float
    spread: float


class GoalModel(msgspec.Struct, frozen=True, kw_only=True):
    """The constants of a sport. `widening` scales the posterior's variance, `alone` goals' share
    where there is nothing else, `home` what home ground is worth and how far leagues differ,
    both logarithms, `home_lately` how it moves where there is a mixture. The others are as in
    `GoalProcess`.
    """

    name: str
    sport: Sport
    goals: Source
    on_target: Source | None = None
    shots: Source | None = None
    alone: float = 1.0
    home: tuple[float, float] = (0.25, 0.25)
    home_lately: HomeLately | None = None
    widening: float = 1.0
    low_score: float = 0.0
    level: float = 1.0
    overtime: bool = False


CLUBS = GoalModel(
    name="football-club-1",
    sport=Sport.FOOTBALL,
    goals=Source(halflife_days=500, spread=0.35, share=0.65),
    on_target=Source(halflife_days=80, spread=0.5, share=0.12),
    shots=Source(halflife_days=80, spread=0.5, share=0.61),
    alone=1.0,
    # What grounds without a crowd are worth, a long memory learns too late.
    home_lately=HomeLately(halflife_days=180, shift=-0.05, spread=0.03),
    widening=0.5,
    low_score=-0.03,
)
HOCKEY = GoalModel(
    name="hockey-1",
    sport=Sport.HOCKEY,
    goals=Source(halflife_days=200, spread=0.25, share=1.0),
    home=(0.08, 0.08),
    widening=1.0,
    # Of Poisson's level scores, a third more come: sides that are level late play for overtime.
    level=1.33,
    overtime=True,
)
# Of the edge in regulation, what is left in overtime and shoot-outs.
_OVERTIME_EDGE = 0.5


def fit_goals(
    model: GoalModel, results: Sequence[Result], as_of: date, *, league: str = "any"
) -> GoalParameters:
    """Returns parameters from results that `seen_before` let through, in its order."""
    begun = results[0].played_on
    seen = [r for r in results if as_of - r.played_on <= MEMORY] or list(results)
    sides = sides_of(seen)
    new = _newcomers(seen, begun, as_of)
    priors = np.array([_NEWCOMER if side in new else 0.0 for side in sides])
    table = _Table(seen, sides, as_of)
    sources = [(model.goals, table.goals), *_of_shots(model, seen, as_of)]
    fits = [(s, table.fit(values, s, priors, model.home)) for s, values in sources]
    shares = [(model.alone if len(fits) == 1 else s.share, f) for s, f in fits]
    goals = fits[0][1]
    attack = sum((share * fit.attack for share, fit in shares), np.zeros(len(sides)))
    defence = sum((share * fit.defence for share, fit in shares), np.zeros(len(sides)))
    home = sum(share * fit.home for share, fit in shares)
    if model.home_lately is not None and len(fits) > 1:
        home = table.home_lately(model.home_lately, (goals.level, home), (attack, defence))
    variances = (goals.attack_variance, goals.defence_variance)
    spread = model.goals.spread**2
    return GoalParameters(
        model=model.name,
        sport=model.sport,
        league=league,
        as_of=as_of,
        results=len(seen),
        level=goals.level,
        home=home,
        sides={
            side: SideStrength(*(round(float(x), 6) for x in row))
            for side, *row in zip(sides, attack, defence, *variances, strict=True)
        },
        unknown=SideStrength(_NEWCOMER, _NEWCOMER, spread, spread),
    )


class _Table:
    """Results as arrays, made once for all fits of a day."""

    def __init__(self, seen: Sequence[Result], sides: Sequence[str], as_of: date) -> None:
        place = {side: number for number, side in enumerate(sides)}
        self.home = np.array([place[r.home] for r in seen])
        self.away = np.array([place[r.away] for r in seen])
        self.at_home = np.array([0.0 if r.neutral else 1.0 for r in seen])
        self.age = np.array([(as_of - r.played_on).days for r in seen], dtype=np.float64)
        self.goals = np.array([_goals_of(r) for r in seen], dtype=np.float64)

    def fit(
        self, values: Floats, source: Source, priors: Floats, home: tuple[float, float]
    ) -> Strengths:
        """Returns strengths from values that may be NaN where nothing was told."""
        told = ~np.isnan(values).any(axis=1)
        scored = Scored(
            home=self.home[told],
            away=self.away[told],
            values=values[told],
            at_home=self.at_home[told],
            weights=aged(self.age[told], source.halflife_days),
        )
        # Ten shots tell as much of a side as one goal does when they are ten times as many, but
        # they come in spells: the prior keeps the weight it has against goals.
        spread = source.spread / float(np.sqrt(max(float(values[told].mean()) / 1.35, 1.0)))
        shrunk = Priors(attack=priors, defence=priors, spread=spread, home=home)
        return fit_counts(scored, shrunk)

    def home_lately(
        self, lately: HomeLately, means: tuple[float, float], strengths: tuple[Floats, Floats]
    ) -> float:
        """Returns what home ground is worth: the posterior's mode given goals and all the rest.

        `means` are the level and the mixture's home ground.
        """
        (level, home), (attack, defence) = means, strengths
        weights = aged(self.age, lately.halflife_days) * self.at_home
        scored = weights @ self.goals
        rates = [
            level + home / 2 + attack[self.home] - defence[self.away],
            level - home / 2 + attack[self.away] - defence[self.home],
        ]
        expected = [float(weights @ np.exp(np.minimum(rate, LOG_MAX))) for rate in rates]
        more = lately.shift
        for _ in range(_STEPS_MAX):
            here, there = expected[0] * np.exp(more / 2), expected[1] * np.exp(-more / 2)
            pull = (scored[0] - here - scored[1] + there) / 2
            precision = (here + there) / 4 + lately.spread**-2
            step = float((pull - (more - lately.shift) * lately.spread**-2) / precision)
            more += step
            if abs(step) < _STILL:
                break
        return home + more


def _of_shots(model: GoalModel, seen: Sequence[Result], as_of: date) -> list[tuple[Source, Floats]]:
    found: list[tuple[Source, Floats]] = []
    for source, name in ((model.on_target, "on_target"), (model.shots, "shots")):
        if source is None:
            continue
        told = [getattr(r, name) for r in seen]
        values = np.array([t if t is not None else (np.nan, np.nan) for t in told])
        lately = [t is not None for r, t in zip(seen, told, strict=True) if _lately(r, as_of)]
        if lately and sum(lately) / len(lately) >= _TOLD_MIN:
            found.append((source, values.astype(np.float64)))
    # The shares were found for all three together.
    return found if len(found) == 2 else []


def _lately(result: Result, as_of: date) -> bool:
    return as_of - result.played_on <= timedelta(days=365)


def _goals_of(result: Result) -> tuple[float, float]:
    """Returns goals of regulation, where it is known that there was more."""
    if result.decided in ("overtime", "shootout"):
        least = float(min(result.home_score, result.away_score))
        return least, least
    return float(result.home_score), float(result.away_score)


def _newcomers(seen: Sequence[Result], begun: date, as_of: date) -> set[str]:
    """Returns the sides that came up lately; where history begins, nobody did."""
    since: dict[str, date] = {}
    last: dict[str, date] = {}
    for result in seen:
        for side in (result.home, result.away):
            if side not in last or result.played_on - last[side] > _ABSENT:
                since[side] = result.played_on
            last[side] = result.played_on
    return {
        side
        for side, first in since.items()
        if as_of - last[side] > _ABSENT
        or (as_of - first < _NEW and first - begun > timedelta(days=30))
    }


def goal_process(
    model: GoalModel, parameters: GoalParameters, home: str, away: str, *, neutral: bool = False
) -> GoalProcess:
    """Returns how goals come about between two sides, wide where one of them is not known."""
    one = parameters.sides.get(home, parameters.unknown)
    other = parameters.sides.get(away, parameters.unknown)
    half = 0.0 if neutral else parameters.home / 2
    return goal_nodes(
        model,
        (
            parameters.level + half + one.attack - other.defence,
            parameters.level - half + other.attack - one.defence,
        ),
        (
            model.widening * (one.attack_variance + other.defence_variance),
            model.widening * (other.attack_variance + one.defence_variance),
        ),
    )


def goal_nodes(
    model: GoalModel, logs: tuple[float, float], variances: tuple[float, float]
) -> GoalProcess:
    """Returns a process whose logarithmic rates have these means and variances.

    Nine nodes, three each way; the mean rates are those of the means, so that not knowing widens
    the chances and adds no goals.
    """
    found, weights = normal_nodes()
    rates = [
        np.exp(np.clip(log + np.sqrt(variance) * found - variance / 2, -4.0, 2.5))
        for log, variance in zip(logs, variances, strict=True)
    ]
    nodes = tuple(
        (float(w * u), float(h), float(a))
        for w, h in zip(weights, rates[0], strict=True)
        for u, a in zip(weights, rates[1], strict=True)
    )
    edge = float(np.exp(logs[0]) / (np.exp(logs[0]) + np.exp(logs[1]))) - 0.5
    return GoalProcess(
        nodes=nodes,
        low_score=model.low_score,
        level=model.level,
        overtime=0.5 + _OVERTIME_EDGE * edge if model.overtime else None,
    )
