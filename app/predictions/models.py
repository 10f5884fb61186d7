"""The one door to every model: fit, and forecast. Pure.

A model is chosen by its name. What it learnt is `Parameters`, which are kept as they are and make
the same forecasts again; `Parameters.version` names them. `distribution.in_play` takes a forecast
to where its match stands, `blend.blend` lets the market have a part in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, Protocol

import msgspec

from app.history.result import NAME_LENGTH_MAX, Result, Surface
from app.predictions.distribution import told
from app.predictions.errors import ImpossibleTerms, UnknownModel
from app.predictions.forecast import Forecast, Process
from app.predictions.goals import CLUBS, HOCKEY, fit_goals, goal_process
from app.predictions.nations import NATIONS, fit_nations, nation_process
from app.predictions.parameters import (
    GoalParameters,
    NationParameters,
    Parameters,
    PointParameters,
    SetParameters,
)
from app.predictions.points import BASKETBALL, fit_basketball, point_process
from app.predictions.results import seen_before
from app.predictions.sets import TENNIS, fit_sets, set_process

# Below, there is nothing to tell sides apart by.
RESULTS_MIN = 10


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays, and how. `home` and `away` are sides' keys (`app.history.result.side_of`)."""

    home: str
    away: str
    neutral: bool = False
    surface: Surface | None = None
    best_of: Literal[3, 5] | None = None


class _Fit(Protocol):
    def __call__(self, results: Sequence[Result], as_of: date, *, league: str) -> Parameters: ...


def _clubs(results: Sequence[Result], as_of: date, *, league: str) -> Parameters:
    return fit_goals(CLUBS, results, as_of, league=league)


def _hockey(results: Sequence[Result], as_of: date, *, league: str) -> Parameters:
    return fit_goals(HOCKEY, results, as_of, league=league)


def _nations(results: Sequence[Result], as_of: date, *, league: str) -> Parameters:
    return fit_nations(NATIONS, results, as_of, league=league)


def _basketball(results: Sequence[Result], as_of: date, *, league: str) -> Parameters:
    return fit_basketball(BASKETBALL, results, as_of, league=league)


def _tennis(results: Sequence[Result], as_of: date, *, league: str) -> Parameters:
    return fit_sets(TENNIS, results, as_of, league=league)


MODELS: Mapping[str, _Fit] = {
    CLUBS.name: _clubs,
    NATIONS.name: _nations,
    HOCKEY.name: _hockey,
    BASKETBALL.name: _basketball,
    TENNIS.name: _tennis,
}


def fit(model: str, results: Iterable[Result], as_of: date, *, league: str = "any") -> Parameters:
    """Returns what a model learns from what was played before `as_of`.

    Later, impossible and doubled results are left out (`results.seen_before` says how many). Raises
    UnknownModel, MixedResults, TooFewResults.
    """
    seen = seen_before(results, as_of, least=RESULTS_MIN)
    return fit_seen(model, seen.results, as_of, league=league)


def fit_seen(
    model: str, results: Sequence[Result], as_of: date, *, league: str = "any"
) -> Parameters:
    """Does what `fit` does with results that `seen_before` let through, in its order."""
    if model not in MODELS:
        raise UnknownModel(f"{model} is none of {', '.join(MODELS)}")
    return MODELS[model](results, as_of, league=league)


def forecast(parameters: Parameters, terms: Terms) -> Forecast:
    """Returns the chances of a match before it begins.

    A side that is not known is as strong as strangers are, and the chances are as wide. Raises
    ImpossibleTerms, and UnknownModel for parameters of another program.
    """
    if not (terms.home and terms.away) or terms.home == terms.away:
        raise ImpossibleTerms(f"{terms.home!r} against {terms.away!r}")
    if max(len(terms.home), len(terms.away)) > NAME_LENGTH_MAX:
        raise ImpossibleTerms("a name that long is nobody's")
    blank = Forecast(
        sport=parameters.sport,
        model=parameters.model,
        version=parameters.version,
        home=0.0,
        draw=None,
        away=0.0,
        expected_home=0.0,
        expected_away=0.0,
        confidence=0.0,
        process=_process(parameters, terms),
    )
    return told(blank)


def _process(parameters: Parameters, terms: Terms) -> Process:
    home, away, neutral = terms.home, terms.away, terms.neutral
    match parameters:
        case GoalParameters(model=CLUBS.name):
            return goal_process(CLUBS, parameters, home, away, neutral=neutral)
        case GoalParameters(model=HOCKEY.name):
            return goal_process(HOCKEY, parameters, home, away, neutral=neutral)
        case NationParameters(model=NATIONS.name):
            return nation_process(NATIONS, parameters, home, away, neutral=neutral)
        case PointParameters(model=BASKETBALL.name):
            return point_process(parameters, home, away, neutral=neutral)
        case SetParameters(model=TENNIS.name):
            return set_process(
                TENNIS, parameters, (home, away), surface=terms.surface, best_of=terms.best_of
            )
        case _:
            raise UnknownModel(f"parameters of {parameters.model} are not ours to read")
