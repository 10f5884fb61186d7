"""What the model says and what the market says, as one. Pure.

A logarithmic pool: chances proportional to `market^w model^(1 - w)` (Genest and Zidek 1986), the
one way of pooling that stays the same whether evidence comes before or after. `w` is learnt on past
matches by likelihood, which is concave in it, with a prior that says what 16,000 matches said.
The pooled chances are exact; the process is moved towards them, so that totals, scores and the
match in play follow the market, too: strengths are shifted until the odds of home against away
are the pool's, and what is left is a tilt of outcomes.
"""

from collections.abc import Sequence
from math import exp, log

import msgspec
import numpy as np

from app.predictions.distribution import scores_of, told
from app.predictions.errors import ImpossibleOdds
from app.predictions.forecast import (
    Forecast,
    GoalProcess,
    PointProcess,
    Process,
    SetProcess,
    whole,
)
from app.predictions.scores import Floats, confidence_of
from app.sports.match import SPORTS

# The market's share where nothing was learnt, and how far another one is believed.
MARKET_SHARE = 0.95
_SHARE_SPREAD = 0.05
# Nobody's chance is less than one in a million.
_LEAST = 1e-6
_STEPS_MAX = 25
_EXACT = 1e-7


def pool(model: Floats, market: Floats, share: float) -> Floats:
    """Returns pooled chances, a row a match; `share` is the market's."""
    logs = share * np.log(np.maximum(market, _LEAST)) + (1.0 - share) * np.log(
        np.maximum(model, _LEAST)
    )
    found: Floats = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return found / found.sum(axis=-1, keepdims=True)


def learn_share(model: Floats, market: Floats, outcomes: Sequence[int]) -> float:
    """Returns the market's share that past matches speak for, within 0 and 1.

    Rows are chances, `outcomes` the column that came true.
    """
    towards = np.log(np.maximum(market, _LEAST)) - np.log(np.maximum(model, _LEAST))
    came = towards[np.arange(len(towards)), np.asarray(outcomes, dtype=np.int64)]
    share, precision = MARKET_SHARE, _SHARE_SPREAD**-2
    for _ in range(_STEPS_MAX):
        pooled = pool(model, market, share)
        mean = (pooled * towards).sum(axis=1)
        slope = float((came - mean).sum()) - precision * (share - MARKET_SHARE)
        bend = float(((pooled * towards**2).sum(axis=1) - mean**2).sum()) + precision
        step = slope / bend
        share += step
        if abs(step) < _EXACT:
            break
    return min(max(share, 0.0), 1.0)


def blend(forecast: Forecast, market: Sequence[float], share: float = MARKET_SHARE) -> Forecast:
    """Returns a forecast that the market has a part in.

    `market` are its chances without margin, in the order of `Forecast.chances`; raises
    ImpossibleOdds when they are none.
    """
    if len(market) != len(forecast.chances) or not all(0.0 < p < 1.0 for p in market):
        raise ImpossibleOdds(f"{tuple(market)} are no chances of this match")
    given = np.array(whole(tuple(market)))
    pooled = whole(tuple(pool(np.array(forecast.chances), given, share).tolist()))
    process = _moved(forecast.process, pooled)
    blended = told(forecast, process=process, blended=True)
    return msgspec.structs.replace(
        blended,
        home=pooled[0],
        draw=pooled[1] if len(pooled) == 3 else None,
        away=pooled[-1],
        confidence=_confidence(forecast, given, share),
    )


def _confidence(forecast: Forecast, market: Floats, share: float) -> float:
    """Returns how far the model's part lets the blend be known; the market's is taken as it is."""
    scores = scores_of(forecast.process)
    outcomes = scores.outcomes()
    if not SPORTS[forecast.sport].has_draw:
        outcomes = outcomes[:, [0, 2]]
    return confidence_of(scores.weights, pool(outcomes, market, share))


def _moved(process: Process, wanted: tuple[float, ...]) -> Process:
    """Returns the process shifted until home against away is as wanted, and tilted to the rest."""
    target = _odds(wanted[0], wanted[-1])
    shift, step = 0.0, 0.0
    slope = _STEEP[type(process)]
    moved = process
    outcome = scores_of(process).outcome()
    for _ in range(_STEPS_MAX):
        missing = target - _odds(outcome[0], outcome[2])
        if abs(missing) < _EXACT:
            break
        before, step = shift, missing / slope
        shift = before + min(max(step, -1.0 / slope), 1.0 / slope)
        now = scores_of(_shifted(process, shift)).outcome()
        gained = _odds(now[0], now[2]) - _odds(outcome[0], outcome[2])
        # The secant, kept from running away where chances are all but certain.
        slope = min(max(gained / (shift - before), slope / 3), slope * 3)
        moved, outcome = _shifted(process, shift), now
    if not isinstance(moved, GoalProcess):
        return moved
    draw = wanted[1] if len(wanted) == 3 else 0.0
    parts = zip((wanted[0], draw, wanted[-1]), outcome, moved.tilt, strict=True)
    tilt = tuple(old * want / max(have, _LEAST) if have else old for want, have, old in parts)
    return msgspec.structs.replace(moved, tilt=tilt)


# How the log odds of home against away go with a shift, about; the secant finds out.
_STEEP: dict[type[Process], float] = {GoalProcess: 2.8, PointProcess: 0.13, SetProcess: 1.8}


def _odds(home: float, away: float) -> float:
    return log(max(home, 1e-12) / max(away, 1e-12))


def _shifted(process: Process, shift: float) -> Process:
    """Returns the process with home stronger by `shift`: in log goals, points, logits of a set."""
    match process:
        case GoalProcess():
            up, down = exp(shift), exp(-shift)
            nodes = tuple((w, home * up, away * down) for w, home, away in process.nodes)
            return msgspec.structs.replace(process, nodes=nodes)
        case PointProcess():
            return msgspec.structs.replace(process, margin=process.margin + shift)
        case SetProcess():
            nodes = tuple((w, _logistic(p, shift), 0.0) for w, p, _ in process.nodes)
            return msgspec.structs.replace(process, nodes=nodes)


def _logistic(chance: float, shift: float) -> float:
    held = min(max(chance, 1e-9), 1.0 - 1e-9)
    return 1.0 / (1.0 + exp(-(log(held / (1.0 - held)) + shift)))
