"""One distribution of final scores, and everything that is asked of it. Pure.

`Scores` holds a chance for every final score and every node of the posterior; the served chances
are the nodes' average, the nodes' distance from it is what is not known. How a score comes about
is in `goal_scores`, `point_scores` and `set_scores`.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Chances of a market with a line: the one side, its stake back, the other side."""

    win: float
    back: float
    lose: float


class Scores:
    """Final scores: `home[i]`-`away[i]` has the chance `nodes[k, i]` if node `k` is the truth."""

    def __init__(self, home: Whole, away: Whole, nodes: Floats, weights: Floats) -> None:
        self.home = home
        self.away = away
        sums = nodes.sum(axis=1, keepdims=True)
        assert bool(np.all(sums > 0.0)), "a node without any score that can be"
        self.nodes = nodes / sums
        self.weights = weights / weights.sum()
        chance: Floats = self.weights @ self.nodes
        self.chance = chance / chance.sum()

    def outcomes(self) -> Floats:
        """Returns the chances (home, level, away) of every node, one row each."""
        lead = self.home - self.away
        ways = np.stack([lead > 0, lead == 0, lead < 0]).astype(np.float64)
        return self.nodes @ ways.T

    def outcome(self) -> tuple[float, float, float]:
        """Returns the chances of home, level and away."""
        home, level, away = (self.weights @ self.outcomes()).tolist()
        return home, level, away

    def confidence(self) -> float:
        """Returns 1 less the average total variation between a node's outcome chances and ours."""
        return confidence_of(self.weights, self.outcomes())

    def expected(self) -> tuple[float, float]:
        """Returns the expected score of both sides."""
        return float(self.chance @ self.home), float(self.chance @ self.away)

    def total(self, line: float) -> Line:
        """Returns over (win), exactly on and under (lose) a line."""
        return self._split((self.home + self.away).astype(np.float64), line)

    def handicap(self, line: float) -> Line:
        """Returns home given `line`: -1.5 wins with two more, -1.0 gives back on one more.

        A quarter line is two bets of half a stake, on the half lines beside it.
        """
        lead = (self.home - self.away).astype(np.float64)
        if (line * 2.0).is_integer():
            return self._split(lead, -line)
        low, high = self._split(lead, -(line - 0.25)), self._split(lead, -(line + 0.25))
        return Line(
            win=(low.win + high.win) / 2,
            back=(low.back + high.back) / 2,
            lose=(low.lose + high.lose) / 2,
        )

    def both_score(self) -> float:
        """Returns the chance that neither side stays without a goal."""
        return min(float(self.chance[(self.home > 0) & (self.away > 0)].sum()), 1.0)

    def correct_score(self, most: int = 20) -> list[tuple[int, int, float]]:
        """Returns the likeliest scores with their chances, the likeliest first."""
        merged: dict[tuple[int, int], float] = {}
        for home, away, chance in zip(
            self.home.tolist(), self.away.tolist(), self.chance.tolist(), strict=True
        ):
            merged[home, away] = merged.get((home, away), 0.0) + chance
        best = sorted(merged.items(), key=lambda item: (-item[1], item[0]))[:most]
        return [(home, away, chance) for (home, away), chance in best]

    def _split(self, value: Floats, line: float) -> Line:
        win = min(float(self.chance[value > line].sum()), 1.0)
        back = min(float(self.chance[value == line].sum()), 1.0 - win)
        return Line(win=win, back=back, lose=max(1.0 - win - back, 0.0))


def confidence_of(weights: Floats, outcomes: Floats) -> float:
    """Returns 1 less the average total variation between the rows of `outcomes` and their mean."""
    mean = weights @ outcomes
    distance = 0.5 * np.abs(outcomes - mean).sum(axis=1)
    return float(np.clip(1.0 - weights @ distance, 0.0, 1.0))


def certain(home: int, away: int) -> Scores:
    """Returns the distribution of a score that can change no more."""
    one = np.ones((1, 1))
    return Scores(np.array([home]), np.array([away]), one, one[0])


def normal_nodes(count: int = 3) -> tuple[Floats, Floats]:
    """Returns abscissas and weights of Gauss and Hermite for a standard normal distribution."""
    found, weights = np.polynomial.hermite_e.hermegauss(count)
    return found, weights / weights.sum()


def poisson_rows(rates: Sequence[float] | Floats, most: int) -> Floats:
    """Returns the chances of 0 to `most`, one row a rate, each adding up to 1."""
    counts = np.arange(most + 1, dtype=np.float64)
    held = np.maximum(np.asarray(rates, dtype=np.float64), 1e-12)[:, None]
    logs = counts * np.log(held) - held - _LOG_FACTORIALS[: most + 1]
    rows: Floats = np.exp(logs)
    return rows / rows.sum(axis=1, keepdims=True)


_LOG_FACTORIALS: Floats = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1.0, 201.0)))))
