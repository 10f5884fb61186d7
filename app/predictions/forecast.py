"""Forecasts as values: chances of a match, and the process they come from. Loads no numpy."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.sports.match import Sport

Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
# A node of the posterior: its weight, and what a home and an away score's rate is there.
Node = tuple[float, float, float]


class GoalProcess(msgspec.Struct, frozen=True, kw_only=True, tag="goals"):
    """Goals come as two Poisson processes whose rates are not known for certain.

    `nodes` carry (weight, home goals, away goals) of a whole match, spread as the posterior is.
    `low_score` is Dixon and Coles' rho. `level` multiplies the weight of level scores, `overtime`
    is home's chance once a match is level (None: a draw is an outcome). `tilt` weighs outcomes
    (home, draw, away), so that the chances are those of a blend.
    """

    nodes: tuple[Node, ...]
    low_score: float = 0.0
    level: float = 1.0
    overtime: Chance | None = None
    tilt: tuple[float, float, float] = (1.0, 1.0, 1.0)


class PointProcess(msgspec.Struct, frozen=True, kw_only=True, tag="points"):
    """Points: the difference and the sum of a match are normal, and walk evenly to their end.

    `margin` and `total` are expected, with `margin_spread` and `total_spread` what chance does to
    them in a whole match, and `unknown` the standard deviation of not knowing the sides' strength.
    """

    margin: float
    total: float
    margin_spread: float
    total_spread: float
    unknown: float


class SetProcess(msgspec.Struct, frozen=True, kw_only=True, tag="sets"):
    """Sets are won independently; `nodes` carry (weight, home's chance of a set, 0)."""

    nodes: tuple[Node, ...]
    best_of: int


Process = GoalProcess | PointProcess | SetProcess


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Chances of one match. `draw` is None where the sport has none.

    Football's are of the score after 90 minutes and stoppage, as the market's are; the other
    sports' of who wins in the end. Expected are goals, points or sets. `confidence` is 1 less the
    distance that chances drawn from the posterior have from these on average (total variation).
    `blended` says that the market has a part in them.
    """

    sport: Sport
    model: str
    version: str
    home: Chance
    draw: Chance | None
    away: Chance
    expected_home: float
    expected_away: float
    confidence: Chance
    process: Process
    blended: bool = False

    @property
    def chances(self) -> tuple[float, ...]:
        """Returns home, draw and away, or home and away."""
        if self.draw is None:
            return (self.home, self.away)
        return (self.home, self.draw, self.away)


def whole(chances: tuple[float, ...]) -> tuple[float, ...]:
    """Returns chances that are each within [0, 1] and add up to 1, whatever rounding did to them.

    Raises ValueError for what is no distribution at all: a NaN, or nothing above 0.
    """
    held = [min(max(chance, 0.0), 1.0) for chance in chances]
    total = sum(held)
    # A NaN passes through min and max, and fails here.
    if not total > 0.0:
        raise ValueError(f"these are no chances: {chances}")
    scaled = [chance / total for chance in held]
    rest = 1.0 - sum(scaled)
    largest = scaled.index(max(scaled))
    scaled[largest] = min(max(scaled[largest] + rest, 0.0), 1.0)
    return tuple(scaled)
