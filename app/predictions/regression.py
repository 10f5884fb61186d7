"""Attack and defence of every side at once, from what they scored. Pure.

What a side scores against another has the mean `link(level +- home / 2 + attack - defence)`, with
the exponential link for counts (Maher 1982) and none for points. Older results weigh less, by half
every half-life (Dixon and Coles 1997). Strengths are shrunk towards what is expected of a side
nobody knows: Gaussian priors make this a posterior mode, found by Newton's method, and its inverse
Hessian (Laplace) says how far each is known. Counts that are no whole numbers or vary more than
Poisson's are fine: estimates stay consistent (quasi-likelihood).
"""

import msgspec
import numpy as np

from app.predictions.scores import Floats, Whole

_STEPS_MAX = 30
_STILL = 1e-8
# The level is hardly shrunk: a deviation of 30.
_LOOSE = 1e-3
# Thirty half-lives: what is older counts like that, so that a sum of weights is never 0.
_LEAST_WEIGHT = 1e-9
# A rate of e^8 is nobody's; Newton's first steps on a handful of results must not leave the range.
LOG_MAX = 8.0


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What both sides of each match scored; rows are matches, sides are indices.

    `at_home` is 0 on neutral ground. `weights` are at most 1.
    """

    home: Whole
    away: Whole
    values: Floats
    at_home: Floats
    weights: Floats


class Priors(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of each side, and the standard deviation of being wrong about it; `home` is
    the same of home ground.
    """

    attack: Floats
    defence: Floats
    spread: float
    home: tuple[float, float]


class Strengths(msgspec.Struct, frozen=True, kw_only=True):
    """The fit: means, and variances of attack and defence."""

    level: float
    home: float
    attack: Floats
    defence: Floats
    attack_variance: Floats
    defence_variance: Floats


def aged(days: Floats, halflife_days: float) -> Floats:
    """Returns the weights of results so many days old; of none is nothing left."""
    return np.maximum(0.5 ** (days / halflife_days), _LEAST_WEIGHT)


def fit_counts(scored: Scored, priors: Priors) -> Strengths:
    """Returns strengths on the logarithm of a count's rate."""
    return _fit(scored, priors, exponential=True, noise=1.0)


def fit_points(scored: Scored, priors: Priors, noise: float) -> Strengths:
    """Returns strengths in points; `noise` is the variance of what a side scores in a match."""
    return _fit(scored, priors, exponential=False, noise=noise)


def _fit(scored: Scored, priors: Priors, *, exponential: bool, noise: float) -> Strengths:
    count = len(priors.attack)
    columns, factors = _design(scored, count)
    values = scored.values.T.ravel()
    weights = np.concatenate([scored.weights, scored.weights]) / noise
    centre = np.concatenate([[0.0, 0.0], priors.attack, priors.defence])
    precision = np.full(len(centre), priors.spread**-2)
    centre[1] = priors.home[0]
    precision[:2] = _LOOSE, priors.home[1] ** -2
    mean = float(np.average(values, weights=weights)) if len(values) else 1.0
    centre[0] = np.log(max(mean, 0.05)) if exponential else mean
    found: Floats = centre.astype(np.float64)
    hessian: Floats = np.diag(precision)
    for _ in range(_STEPS_MAX):
        raw = (found[columns] * factors).sum(axis=1)
        expected = np.exp(np.minimum(raw, LOG_MAX)) if exponential else raw
        slope = expected if exponential else np.ones_like(expected)
        pull = _summed(columns, factors, weights * (values - expected), len(centre))
        hessian = _hessian(columns, factors, weights * slope, len(centre)) + np.diag(precision)
        step = np.linalg.solve(hessian, pull - precision * (found - centre))
        # Far from the mode Newton may overshoot; near it nothing is cut.
        found = (found + (np.clip(step, -2.0, 2.0) if exponential else step)).astype(np.float64)
        if float(np.abs(step).max()) < _STILL:
            break
    variances: Floats = np.diag(np.linalg.inv(hessian)).astype(np.float64)
    return Strengths(
        level=float(found[0]),
        home=float(found[1]),
        attack=found[2 : 2 + count],
        defence=found[2 + count :],
        attack_variance=variances[2 : 2 + count],
        defence_variance=variances[2 + count :],
    )


def _design(scored: Scored, count: int) -> tuple[Whole, Floats]:
    """Returns for every row (home's, then away's) which parameters it has, and their factors."""
    zeros = np.zeros_like(scored.home)
    ones = np.ones(len(zeros))
    half = 0.5 * scored.at_home
    home = np.stack([zeros, zeros + 1, 2 + scored.home, 2 + count + scored.away], axis=1)
    away = np.stack([zeros, zeros + 1, 2 + scored.away, 2 + count + scored.home], axis=1)
    factors = [np.stack([ones, sign * half, ones, -ones], axis=1) for sign in (1.0, -1.0)]
    return np.concatenate([home, away]), np.concatenate(factors)


def _summed(columns: Whole, factors: Floats, values: Floats, size: int) -> Floats:
    found = np.bincount(columns.ravel(), (factors * values[:, None]).ravel(), size)
    return found.astype(np.float64)


def _hessian(columns: Whole, factors: Floats, weights: Floats, size: int) -> Floats:
    places = (columns[:, :, None] * size + columns[:, None, :]).ravel()
    products = factors[:, :, None] * factors[:, None, :] * weights[:, None, None]
    found = np.bincount(places, products.ravel(), size * size).reshape(size, size)
    return found.astype(np.float64)
