"""From a process to its distribution of final scores, and from that to a forecast. Pure."""

from typing import Any

import msgspec

from app.predictions.forecast import (
    Forecast,
    GoalProcess,
    PointProcess,
    Process,
    SetProcess,
    whole,
)
from app.predictions.goal_scores import goal_scores
from app.predictions.point_scores import point_scores
from app.predictions.scores import Scores
from app.predictions.set_scores import set_scores
from app.predictions.states import State
from app.sports.match import SPORTS


def scores_of(process: Process, state: State | None = None) -> Scores:
    """Returns the distribution of final scores, from the start or from where a match stands.

    Raises ImpossibleState.
    """
    match process:
        case GoalProcess():
            return goal_scores(process, state)
        case PointProcess():
            return point_scores(process, state)
        case SetProcess():
            return set_scores(process, state)


def told(forecast: Forecast, state: State | None = None, **changed: Any) -> Forecast:
    """Returns the forecast with the chances its process has, from where the match stands."""
    scores = scores_of(changed.get("process", forecast.process), state)
    home, draw, away = scores.outcome()
    expected_home, expected_away = scores.expected()
    if SPORTS[forecast.sport].has_draw:
        home, draw, away = whole((home, draw, away))
    else:
        (home, away), draw = whole((home, away)), None
    made = {
        "home": home,
        "draw": draw,
        "away": away,
        "expected_home": expected_home,
        "expected_away": expected_away,
        "confidence": scores.confidence(),
    }
    return msgspec.structs.replace(forecast, **(made | changed))


def in_play(forecast: Forecast, state: State) -> Forecast:
    """Returns the forecast of a match before it began as it is where the match stands.

    Chances are 0 and 1 once it is over. Raises ImpossibleState.
    """
    return told(forecast, state)
