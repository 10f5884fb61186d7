"""What a model learnt, as it is kept: to make the same forecasts again years later. No numpy."""

from datetime import date
from hashlib import blake2b

import msgspec

from app.sports.match import Sport


class SideStrength(msgspec.Struct, frozen=True, array_like=True):
    """Attack and defence of a side, and their variances."""

    attack: float
    defence: float
    attack_variance: float
    defence_variance: float


class Rating(msgspec.Struct, frozen=True, array_like=True):
    """One number a side, and its variance; of tennis, by surface what is added to it."""

    mean: float
    variance: float
    surfaces: dict[str, tuple[float, float]] = {}


class _Parameters(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all models' parameters say: which model, which league, by which day, from how much."""

    model: str
    sport: Sport
    league: str
    as_of: date
    results: int

    @property
    def version(self) -> str:
        """Returns a name for exactly these parameters: model, day, and a hash of everything."""
        digest = blake2b(msgspec.json.encode(self), digest_size=4).hexdigest()
        return f"{self.model}.{self.as_of:%Y%m%d}.{digest}"


class GoalParameters(_Parameters, frozen=True, kw_only=True, tag="goals"):
    """Logarithmic strengths of clubs or of hockey teams."""

    level: float
    home: float
    sides: dict[str, SideStrength]
    unknown: SideStrength


class NationParameters(_Parameters, frozen=True, kw_only=True, tag="nations"):
    """Elo ratings of nations, and what a difference of 400 does to the logarithm of goals."""

    level: float
    slope: float
    sides: dict[str, Rating]


class PointParameters(_Parameters, frozen=True, kw_only=True, tag="points"):
    """Strengths in points, and the spread of a match's margin and sum."""

    level: float
    home: float
    margin_spread: float
    total_spread: float
    sides: dict[str, SideStrength]
    unknown: SideStrength


class SetParameters(_Parameters, frozen=True, kw_only=True, tag="sets"):
    """Skills of players, on the logit of a set."""

    sides: dict[str, Rating]


Parameters = GoalParameters | NationParameters | PointParameters | SetParameters
