"""Final scores of football and hockey, before and during a match. Pure.

Goals of a side come as a Poisson process (Maher 1982) whose rate moves with the minute as it did
in 31,598 goals of internationals since 1990. All that couples the sides weighs whole paths by how
they end: Dixon and Coles' (1997) correction of 0-0, 1-0, 0-1 and 1-1, the surplus of level scores
in hockey, the tilt of a blend. With the rates known, the chance of ending at X-Y from a-b with the
share `l` of the match left is

    P(X, Y | a, b) = Poisson(X-a; h l) Poisson(Y-b; v l) w(X, Y) / (their sum)

which is what conditioning gives, so that chances at one minute are the average of those at the
next. The rates are not known: each node of the posterior weighs as its prior times the likelihood
of the goals so far.
"""

import numpy as np

from app.predictions.forecast import GoalProcess
from app.predictions.scores import Floats, Scores, certain, poisson_rows
from app.predictions.states import State

# A nation may expect ten against an island; 20 more than there are now leaves out nothing.
GOALS_MAX = 20
# Shares of a match's goals in the eighteen times five minutes, without what stoppage time brings.
_FIVE_MINUTES = (
    0.0350, 0.0449, 0.0470, 0.0484, 0.0455, 0.0498, 0.0493, 0.0508, 0.0540,
    0.0497, 0.0598, 0.0550, 0.0561, 0.0548, 0.0583, 0.0579, 0.0626, 0.0670,
)  # fmt: skip
# Goals told as of the 45th and 90th minute beyond what a minute has: those of stoppage time.
_STOPPAGE = (0.0151, 0.0390)
# Stoppage lasts about that long (minutes): what is left of it falls off exponentially.
_STOPPAGE_MINUTES = (2.0, 4.0)
_ALL = sum(_FIVE_MINUTES) + sum(_STOPPAGE)
# What a side with ten scores and what is scored against it, for each man less, from then on:
# Vecer, Kopriva and Ichiba (2009), from the odds of World and European Cups, made it 2/3 and 5/4.
RED_OWN = 2.0 / 3.0
RED_OTHER = 1.25
# Five minutes with three skaters a side decide two of three that are level; see `hockey`.
_OVERTIME_EDGE_LEFT = 0.5


def share_left(state: State) -> float:
    """Returns what is left of regulation, as a share of a whole match's goals."""
    if state.over or state.late != "no":
        return 0.0
    if state.minutes != 90.0:
        return float(np.clip(1.0 - state.minute / state.minutes, 0.0, 1.0))
    minute = min(state.minute, 90.0)
    whole, part = divmod(minute, 5.0)
    played = sum(_FIVE_MINUTES[: int(whole)])
    if part:
        played += _FIVE_MINUTES[int(whole)] * part / 5.0
    extra = float(np.exp(-state.stoppage / _STOPPAGE_MINUTES[0 if minute <= 45.0 else 1]))
    if minute > 45.0 or (minute == 45.0 and state.stoppage >= 99.0):
        played += _STOPPAGE[0]
    elif minute == 45.0:
        played += _STOPPAGE[0] * (1.0 - extra)
    if minute == 90.0:
        played += _STOPPAGE[1] * (1.0 - extra)
    return float(np.clip(1.0 - played / _ALL, 0.0, 1.0))


def goal_scores(process: GoalProcess, state: State | None = None) -> Scores:
    """Returns the distribution of final scores from where the match stands."""
    now = state if state is not None else State()
    if now.over:
        return certain(now.home, now.away)
    if now.late != "no":
        return _late(process, now)
    left = share_left(now)
    weights, home_rates, away_rates = (np.array(part) for part in zip(*process.nodes, strict=True))
    if left < 1.0:
        weights = _learnt(weights, (home_rates, away_rates), now, 1.0 - left)
    more_home = RED_OWN**now.red_home * RED_OTHER**now.red_away
    more_away = RED_OWN**now.red_away * RED_OTHER**now.red_home
    home = poisson_rows(home_rates * left * more_home, GOALS_MAX)
    away = poisson_rows(away_rates * left * more_away, GOALS_MAX)
    table: Floats = home[:, :, None] * away[:, None, :]
    final_home, final_away = np.indices((GOALS_MAX + 1, GOALS_MAX + 1))
    final_home, final_away = final_home + now.home, final_away + now.away
    rates = (float(weights @ home_rates), float(weights @ away_rates))
    table = table * _ends(process, final_home, final_away, rates)
    scores = (final_home.ravel(), final_away.ravel())
    return _decided(process, scores, table.reshape(len(weights), -1), weights)


def _learnt(weights: Floats, rates: tuple[Floats, Floats], now: State, played: float) -> Floats:
    """Returns the nodes' weights after the goals so far."""
    logs = np.log(weights)
    for rate, goals in zip(rates, (now.home, now.away), strict=True):
        logs = logs + goals * np.log(np.maximum(rate, 1e-12)) - rate * played
    found: Floats = np.exp(logs - logs.max())
    return found / found.sum()


def _ends(
    process: GoalProcess, home: np.ndarray, away: np.ndarray, rates: tuple[float, float]
) -> Floats:
    """Returns what weighs final scores: Dixon and Coles' corner, and level ones."""
    weights = np.ones(home.shape)
    rho, (h, v) = process.low_score, rates
    if rho:
        corner = {(0, 0): 1 - h * v * rho, (0, 1): 1 + h * rho, (1, 0): 1 + v * rho}
        for (x, y), weight in (corner | {(1, 1): 1 - rho}).items():
            # Where a rate is high the corner hardly counts, and must stay a weight.
            weights[(home == x) & (away == y)] = max(weight, 0.05)
    weights[home == away] *= process.level
    return weights


def _decided(
    process: GoalProcess, scores: tuple[np.ndarray, np.ndarray], nodes: Floats, weights: Floats
) -> Scores:
    """Returns final scores with level ones decided, where the sport decides them, and tilted."""
    home, away = scores
    nodes = nodes / nodes.sum(axis=1, keepdims=True)
    level = home == away
    if process.overtime is not None:
        won, lost = nodes[:, level] * process.overtime, nodes[:, level] * (1 - process.overtime)
        home, away = (
            np.concatenate([home[~level], home[level] + 1, home[level]]),
            np.concatenate([away[~level], away[level], away[level] + 1]),
        )
        nodes = np.concatenate([nodes[:, ~level], won, lost], axis=1)
    for_home, for_level, for_away = process.tilt
    tilt = np.where(home > away, for_home, np.where(home == away, for_level, for_away))
    tilted = nodes * tilt
    # A node weighs as much as its scores do under the tilt.
    return Scores(home, away, tilted, weights * tilted.sum(axis=1))


def _late(process: GoalProcess, now: State) -> Scores:
    """Returns what regulation decided; a level match of hockey is still open."""
    if process.overtime is None or now.home != now.away:
        return certain(now.home, now.away)
    chance = process.overtime
    if now.late == "shootout":
        # A shoot-out knows little of the sides' strength.
        chance = 0.5 + (chance - 0.5) * _OVERTIME_EDGE_LEFT
    ends = np.array([now.home + 1, now.home]), np.array([now.away, now.away + 1])
    nodes = np.array([[chance * process.tilt[0], (1.0 - chance) * process.tilt[2]]])
    return Scores(ends[0], ends[1], nodes, np.ones(1))
