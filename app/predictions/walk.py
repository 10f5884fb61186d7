"""Walking forward: every match is forecast from what was played on the days before it. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date

import msgspec
import numpy as np

from app.history.result import Result
from app.predictions.forecast import Forecast
from app.predictions.models import RESULTS_MIN, Terms, fit_seen, forecast
from app.predictions.parameters import Parameters
from app.predictions.scores import Floats
from app.sports.match import SPORTS

Progress = Callable[[int, int], None]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A match and what was forecast of it on its morning."""

    result: Result
    forecast: Forecast


def walk(
    model: str,
    results: Sequence[Result],
    days: tuple[date, date],
    *,
    every_days: int = 1,
    progress: Progress | None = None,
) -> list[Step]:
    """Returns what a model forecast for each match from the first to the last of `days`.

    `results` are what `seen_before` let through, in its order. The model is fitted anew on the
    morning of each day with matches, or when the fit is `every_days` old, on results of days
    before. What comes later cannot be seen: it is cut off before the model is called.
    """
    dates = [result.played_on for result in results]
    first, last = bisect_left(dates, days[0]), bisect_left(dates, days[1])
    while last < len(dates) and dates[last] == days[1]:
        last += 1
    steps: list[Step] = []
    parameters: Parameters | None = None
    for number in range(first, last):
        result = results[number]
        today = result.played_on
        if parameters is None or (today - parameters.as_of).days >= every_days:
            past = bisect_left(dates, today)
            if past < RESULTS_MIN:
                continue
            parameters = fit_seen(model, results[:past], today, league=result.league)
        steps.append(Step(result=result, forecast=forecast(parameters, terms_of(result))))
        if progress is not None:
            progress(number - first + 1, last - first)
    return steps


def terms_of(result: Result) -> Terms:
    """Returns who played, and how, without what came of it."""
    return Terms(
        home=result.home,
        away=result.away,
        neutral=result.neutral,
        surface=result.surface,
        best_of=result.best_of,
    )


def outcome_of(result: Result) -> int:
    """Returns the column of what came true: home, draw and away, or home and away."""
    lead = result.home_score - result.away_score
    if SPORTS[result.sport].has_draw:
        return 0 if lead > 0 else 1 if lead == 0 else 2
    return 0 if lead > 0 else 1


def chances_of(steps: Sequence[Step]) -> Floats:
    """Returns the forecasts' chances, a row a match."""
    return np.array([step.forecast.chances for step in steps])


def outcomes_of(steps: Sequence[Step]) -> list[int]:
    """Returns what came true, a column a match."""
    return [outcome_of(step.result) for step in steps]
