"""The proof of chances in play: by the minute, against what matches came to from such scores. Pure.

The table a model has to beat knows, of matches before, how often each score at each minute ended in
which outcome; scores of a lead above three count as three. A score it never saw has the lead's
frequencies.
"""

from collections.abc import Sequence

import numpy as np

from app.history.result import Result
from app.predictions.distribution import in_play
from app.predictions.scores import Floats
from app.predictions.states import State
from app.predictions.walk import Step, outcome_of

MINUTES = (15, 30, 45, 60, 75)
_LEAD_MAX = 3
_GOALS_MAX = 4
# As if every outcome had been seen once more: no frequency is 0.
_PRIOR = 1.0


def score_at(result: Result, minute: int) -> tuple[int, int]:
    """Returns the score once a minute of play is over; first-half stoppage counts as the 45th."""
    goals = [side for when, side in result.goals or () if when <= minute]
    return goals.count(1), goals.count(2)


class Table:
    """How often each score at each minute ended in a win, a draw or a defeat."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._scores: dict[tuple[int, int, int], Floats] = {}
        self._leads: dict[tuple[int, int], Floats] = {}
        for result in results:
            if result.goals is None:
                continue
            for minute in MINUTES:
                home, away = score_at(result, minute)
                score = (minute, min(home, _GOALS_MAX), min(away, _GOALS_MAX))
                came = outcome_of(result)
                self._scores.setdefault(score, np.zeros(3))[came] += 1.0
                self._leads.setdefault((minute, _held(home - away)), np.zeros(3))[came] += 1.0

    def chances(self, minute: int, home: int, away: int) -> Floats:
        """Returns the frequencies of home, draw and away from a score at a minute."""
        lead = self._leads.get((minute, _held(home - away)), np.zeros(3)) + _PRIOR
        lead = lead / lead.sum()
        key = (minute, min(home, _GOALS_MAX), min(away, _GOALS_MAX))
        counts = self._scores.get(key, np.zeros(3)) + 10.0 * lead
        return counts / counts.sum()


def _held(lead: int) -> int:
    return max(min(lead, _LEAD_MAX), -_LEAD_MAX)


def chances_at(steps: Sequence[Step], minute: int) -> Floats:
    """Returns the model's chances once a minute of each match was over; goals must be known."""
    rows: list[tuple[float, ...]] = []
    for step in steps:
        home, away = score_at(step.result, minute)
        stoppage = 99.0 if minute == 45 else 0.0
        state = State(home=home, away=away, minute=float(minute), stoppage=stoppage)
        rows.append(in_play(step.forecast, state).chances)
    return np.array(rows)


def table_at(steps: Sequence[Step], table: Table, minute: int) -> Floats:
    """Returns the table's chances at a minute of each match."""
    return np.array([table.chances(minute, *score_at(step.result, minute)) for step in steps])
