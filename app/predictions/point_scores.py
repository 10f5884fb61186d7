"""Final scores of basketball, before and during a match. Pure.

The lead walks as a Brownian motion with drift (Stern 1994): after the share `f` of a match it is
normal with mean `m f` and variance `s^2 f`, where `m` is the margin a whole match is expected to
have. `m` itself is known only to a standard deviation `u`; a lead of `d` at `f` moves it to

    m' = (m / u^2 + d / s^2) / (1 / u^2 + f / s^2)

The sum of points walks likewise, on its own. A level match goes into overtime of five minutes.
"""

from math import erf, sqrt

import numpy as np

from app.predictions.forecast import PointProcess
from app.predictions.scores import Floats, Scores, certain, normal_nodes
from app.predictions.states import State

# Beyond, a normal distribution has less than a hundred thousandth.
SPREADS_MAX = 4.5
OVERTIME_MINUTES = 5.0
# Half a second of 40 minutes: until the whistle nothing is quite certain.
LEAST_LEFT = 2e-4
# Overtime is won by about so much.
_OVERTIME_LEAD = 4
_NODES = 5
# Points; below, strength is as good as known.
_LEAST_UNKNOWN = 1e-3


def point_scores(process: PointProcess, state: State | None = None) -> Scores:
    """Returns the distribution of final scores from where the match stands."""
    now = state if state is not None else State(minutes=40.0)
    if now.over:
        return certain(now.home, now.away)
    left = _left(now)
    played = 0.0 if now.late == "no" and now.minute == 0.0 else max(1.0 - left, 0.0)
    drift, unknown = _learnt(process, now.home - now.away, played)
    # A score that ran ahead of its clock: no lead grows by more than all points still to come.
    drift = min(max(drift, -process.total), process.total)
    found, weights = normal_nodes(_NODES)
    lead = now.home - now.away
    sum_now = now.home + now.away
    leads = _integers(
        lead + drift * left, sqrt(process.margin_spread**2 * left + (unknown * left) ** 2)
    )
    totals = _integers(sum_now + process.total * left, process.total_spread * sqrt(left))
    grid_lead, grid_total = (part.ravel() for part in np.meshgrid(leads, totals, indexing="ij"))
    can_be = (grid_lead + grid_total) % 2 == 0
    grid_lead, grid_total = grid_lead[can_be], grid_total[can_be]
    home, away = (grid_total + grid_lead) // 2, (grid_total - grid_lead) // 2
    can_be = (home >= now.home) & (away >= now.away)
    home, away = home[can_be], away[can_be]
    rows = [
        _density(home - away, lead + (drift + x * unknown) * left, process.margin_spread, left)
        * _density(home + away, sum_now + process.total * left, process.total_spread, left)
        for x in found.tolist()
    ]
    return _decided(process, (home, away), np.array(rows) + 1e-300, weights)


def _left(now: State) -> float:
    """Returns the share of regulation that is left, or of the overtime that runs."""
    minutes = now.minutes - now.minute
    if now.late != "no":
        minutes = OVERTIME_MINUTES - now.late_minute
    return float(np.clip(minutes / now.minutes, LEAST_LEFT, 1.0))


def _learnt(process: PointProcess, lead: int, played: float) -> tuple[float, float]:
    """Returns the margin of a whole match as the lead so far makes it, and its deviation."""
    if process.unknown < _LEAST_UNKNOWN:
        return process.margin, 0.0
    prior, seen = process.unknown**-2, process.margin_spread**-2
    precision = prior + seen * played
    return (process.margin * prior + lead * seen) / precision, sqrt(1.0 / precision)


def _integers(mean: float, spread: float) -> np.ndarray:
    reach = max(SPREADS_MAX * spread, 3.0)
    return np.arange(int(mean - reach) - 1, int(mean + reach) + 2)


def _density(values: np.ndarray, mean: float, spread: float, left: float) -> Floats:
    scale = max(spread * sqrt(left), 0.2)
    found: Floats = np.exp(-0.5 * ((values - mean) / scale) ** 2)
    return found


def _decided(
    process: PointProcess, scores: tuple[np.ndarray, np.ndarray], nodes: Floats, weights: Floats
) -> Scores:
    """Returns final scores with overtimes played, won by a few points."""
    home, away = scores
    level = home == away
    share = OVERTIME_MINUTES / 40.0
    chance = 0.5 * (1 + erf(process.margin * sqrt(share) / process.margin_spread / sqrt(2)))
    more = round(process.total * share / 2)
    won, lost = more + _OVERTIME_LEAD // 2, more - _OVERTIME_LEAD // 2
    ends = (
        np.concatenate([home[~level], home[level] + won, home[level] + lost]),
        np.concatenate([away[~level], away[level] + lost, away[level] + won]),
    )
    parts = [nodes[:, ~level], nodes[:, level] * chance, nodes[:, level] * (1.0 - chance)]
    return Scores(ends[0], ends[1], np.concatenate(parts, axis=1), weights)
