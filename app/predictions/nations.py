"""National teams: Elo ratings with goal difference and neutral ground, feeding goals. Pure.

After every match both ratings move by `K G (W - E)`, with `W` the result (1, 1/2, 0), `E` what the
ratings expected, `1 / (1 + 10^(-(difference + home) / 400))`, `K` by what was at stake and `G` by
the margin of goals: 1, 3/2 for two, (11 + margin) / 8 from three on (the World Football Elo
Ratings of Runyan, 1997). Then goals follow ratings: the logarithm of a side's rate is
`level +- slope * (difference + home) / 400`, fitted on the last years' goals by Poisson
regression (Maher 1982).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from app.history.result import Result
from app.predictions.forecast import GoalProcess
from app.predictions.goals import GoalModel, Source, goal_nodes
from app.predictions.parameters import NationParameters, Rating
from app.predictions.scores import Floats
from app.sports.match import Sport

NATIONS = GoalModel(
    name="football-nation-1",
    sport=Sport.FOOTBALL,
    goals=Source(halflife_days=1500, spread=0.35, share=1.0),
    low_score=-0.03,
)
START = 1500.0
HOME = 100.0
# K by what a match is played for; the words are looked for in the competition's name.
STAKES = (
    (("friendly",), 20.0),
    (("qualification", "qualifier", "nations league"), 40.0),
    (("fifa world cup",), 60.0),
    (("euro", "copa am", "african cup", "africa cup", "asian cup", "gold cup"), 50.0),
)
OTHER_STAKE = 30.0
# How far a rating is off, after so many matches of the last four years: measured as the deviation
# that made goals as spread as they were.
_OFF_AT_FIRST = 250.0
_OFF_IN_THE_END = 60.0
_LATELY = timedelta(days=4 * 365)
# Of the goals' regression.
_FITTED_ON = timedelta(days=12 * 365)


class Elo:
    """Ratings, moved match by match."""

    def __init__(self) -> None:
        self.ratings: dict[str, float] = {}

    def edge(self, result: Result) -> float:
        """Returns home's rating above away's, home ground included."""
        home, away = (self.ratings.get(s, START) for s in (result.home, result.away))
        return home - away + (0.0 if result.neutral else HOME)

    def take(self, result: Result) -> float:
        """Moves both ratings; returns the edge before."""
        edge = self.edge(result)
        lead = result.home_score - result.away_score
        expected = 1.0 / (1.0 + 10.0 ** (-edge / 400.0))
        won = 0.5 + 0.5 * ((lead > 0) - (lead < 0))
        moved = stake_of(result) * margin_weight(abs(lead)) * (won - expected)
        self.ratings[result.home] = self.ratings.get(result.home, START) + moved
        self.ratings[result.away] = self.ratings.get(result.away, START) - moved
        return edge


def margin_weight(margin: int) -> float:
    """Returns G: how much more a clear result says."""
    return 1.0 if margin < 2 else 1.5 if margin == 2 else (11.0 + margin) / 8.0


def stake_of(result: Result) -> float:
    """Returns K of what a match was played for."""
    name = (result.competition or "").lower()
    for words, stake in STAKES:
        if any(word in name for word in words):
            return stake
    return OTHER_STAKE


def fit_nations(
    model: GoalModel, results: Sequence[Result], as_of: date, *, league: str = "any"
) -> NationParameters:
    """Returns ratings and what they mean in goals, from results in order of day."""
    elo = Elo()
    lately: dict[str, int] = {}
    edges: list[tuple[float, Result]] = []
    for result in results:
        edge = elo.take(result)
        if as_of - result.played_on <= _FITTED_ON:
            edges.append((edge, result))
        if as_of - result.played_on <= _LATELY:
            for side in (result.home, result.away):
                lately[side] = lately.get(side, 0) + 1
    level, slope = _goals_of_edges(edges, as_of, model.goals.halflife_days)
    return NationParameters(
        model=model.name,
        sport=model.sport,
        league=league,
        as_of=as_of,
        results=len(results),
        level=level,
        slope=slope,
        sides={
            side: Rating(round(rating, 3), round(off_by(lately.get(side, 0)) ** 2, 3))
            for side, rating in sorted(elo.ratings.items())
        },
    )


def off_by(matches: int) -> float:
    """Returns the standard deviation of a rating after so many matches of the last years."""
    return _OFF_IN_THE_END + (_OFF_AT_FIRST - _OFF_IN_THE_END) / (1.0 + matches / 4.0)


def _goals_of_edges(
    edges: Sequence[tuple[float, Result]], as_of: date, halflife_days: float
) -> tuple[float, float]:
    """Returns level and slope of log goals by Newton's method; a prior keeps them sane."""
    sign: Floats = np.array([[edge / 400.0, -edge / 400.0] for edge, _ in edges]).reshape(-1)
    goals = np.array([[r.home_score, r.away_score] for _, r in edges], dtype=np.float64).reshape(-1)
    ages = np.array([(as_of - r.played_on).days for _, r in edges], dtype=np.float64)
    weights = np.repeat(0.5 ** (ages / halflife_days), 2)
    design = np.stack([np.ones_like(sign), sign], axis=1)
    prior, precision = np.array([0.2, 0.8]), np.diag([4.0, 25.0])
    found = prior.copy()
    for _ in range(25):
        rates = np.exp(np.clip(design @ found, -6.0, 4.0))
        pull = design.T @ (weights * (goals - rates)) - precision @ (found - prior)
        found = found + np.linalg.solve(
            design.T @ (design * (weights * rates)[:, None]) + precision, pull
        )
    return float(found[0]), float(found[1])


def nation_process(
    model: GoalModel, parameters: NationParameters, home: str, away: str, *, neutral: bool = False
) -> GoalProcess:
    """Returns how goals come about between two nations, wide where one of them is not known."""
    unknown = Rating(START, _OFF_AT_FIRST**2)
    one, other = parameters.sides.get(home, unknown), parameters.sides.get(away, unknown)
    edge = (one.mean - other.mean + (0.0 if neutral else HOME)) / 400.0
    variance = (one.variance + other.variance) / 400.0**2 * parameters.slope**2
    logs = (parameters.level + parameters.slope * edge, parameters.level - parameters.slope * edge)
    return goal_nodes(model, logs, (variance / 2, variance / 2))
