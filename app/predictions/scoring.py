"""How good chances were: the proper scores, calibration, a reliability table. Pure.

Rows are matches, columns outcomes in their order (home, draw, away). `outcomes` name the column
that came true.

- log-loss: mean of -ln p(what came true) (Good 1952).
- Brier: mean of the sum over outcomes of (p - 0 or 1)^2 (Brier 1950, the original form, 0 to 2).
- RPS: the ranked probability score, the Brier of cumulated chances over outcomes less one
  (Epstein 1969; Constantinou and Fenton 2012 for football), which knows that a draw is nearer to a
  win than a defeat.
- ECE: chances of one outcome in ten bins of equal width, the absolute difference between a bin's
  mean chance and its frequency, weighted by the bin's matches (Naeini and others 2015). Chance
  alone adds to it, the more the fewer matches there are.
- miscalibration: what is not chance. In the same bins the squared differences, less what chance
  adds to each, y (1 - y) / (n - 1), weighted likewise; the root of it, 0 where nothing is left
  (Kumar, Liang and Ma 2019, the debiased estimator). A root mean square is no less than the mean.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from app.predictions.scores import Floats

BINS = 10
_LEAST = 1e-15


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Chances of one outcome that lay in one bin: how many, their mean, how often it came true."""

    low: float
    high: float
    count: int
    expected: float
    observed: float


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of one forecaster over some matches; `ece` and `miscalibration` by outcome."""

    count: int
    log_loss: float
    brier: float
    rps: float
    ece: tuple[float, ...]
    miscalibration: tuple[float, ...]


def judge(chances: Floats, outcomes: Sequence[int]) -> Verdict:
    """Returns all scores of chances; needs a match at least."""
    came = np.zeros_like(chances)
    rows = np.arange(len(chances))
    came[rows, np.asarray(outcomes, dtype=np.int64)] = 1.0
    apart = (chances.cumsum(axis=1) - came.cumsum(axis=1))[:, :-1]
    return Verdict(
        count=len(chances),
        log_loss=float(-np.log(np.maximum(chances[came == 1.0], _LEAST)).mean()),
        brier=float(((chances - came) ** 2).sum(axis=1).mean()),
        rps=float((apart**2).sum(axis=1).mean()) / (chances.shape[1] - 1),
        ece=tuple(_ece(chances[:, way], came[:, way]) for way in range(chances.shape[1])),
        miscalibration=tuple(
            _miscalibration(chances[:, way], came[:, way]) for way in range(chances.shape[1])
        ),
    )


def reliability(chances: Floats, came: Floats, bins: int = BINS) -> list[Bin]:
    """Returns the bins that hold anything; `came` is 1 where the outcome came true."""
    places = np.minimum((chances * bins).astype(np.int64), bins - 1)
    found: list[Bin] = []
    for number in range(bins):
        inside = places == number
        if inside.any():
            found.append(
                Bin(
                    low=number / bins,
                    high=(number + 1) / bins,
                    count=int(inside.sum()),
                    expected=float(chances[inside].mean()),
                    observed=float(came[inside].mean()),
                )
            )
    return found


def _ece(chances: Floats, came: Floats) -> float:
    bins = reliability(chances, came)
    return sum(b.count * abs(b.expected - b.observed) for b in bins) / max(len(chances), 1)


def _miscalibration(chances: Floats, came: Floats) -> float:
    squared = sum(
        b.count * ((b.expected - b.observed) ** 2 - b.observed * (1 - b.observed) / (b.count - 1))
        for b in reliability(chances, came)
        if b.count > 1
    )
    return float(np.sqrt(max(squared / max(len(chances), 1), 0.0)))


def chance_ece(chances: Floats, draws: int = 200, seed: int = 7) -> tuple[float, ...]:
    """Returns the ECE by outcome that perfect chances like these would have, by simulation.

    What is left above it is miscalibration; so many matches cannot show less.
    """
    random = np.random.default_rng(seed)
    edges = chances.cumsum(axis=1)
    total = np.zeros(chances.shape[1])
    for _ in range(draws):
        drawn = (random.random((len(chances), 1)) > edges[:, :-1]).sum(axis=1)
        total += [_ece(chances[:, way], (drawn == way) * 1.0) for way in range(len(total))]
    return tuple((total / draws).tolist())
