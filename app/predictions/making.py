"""From where a match stands to its forecast: the one before it begins, and the one now. Pure."""

from datetime import datetime, timedelta
from math import ceil

import msgspec
import numpy as np

from app.history.result import NAME_LENGTH_MAX
from app.predictions.blend import blend, pool
from app.predictions.choice import Choice
from app.predictions.distribution import in_play, scores_of, told
from app.predictions.errors import ImpossibleOdds, ImpossibleState
from app.predictions.forecast import Forecast, SetProcess, whole
from app.predictions.models import Terms, forecast
from app.predictions.occasions import best_of, is_neutral, quarter_minutes, surface_of
from app.predictions.scores import confidence_of
from app.predictions.standing import Base, Chances, Made, Phase, Standing
from app.predictions.states import FOOTBALL_MINUTES, State, state_of
from app.sports.match import SPORTS, MatchStatus, Score, Sport

# A clock nobody told of for so long is no longer run on: something else is wrong.
CLOCK_RUNS_ON = timedelta(minutes=5)
_KEY_MAX = NAME_LENGTH_MAX - 10
_HALF = FOOTBALL_MINUTES / 2
_EXTRA_TIME = "Extra Time"
# As `state_of` says a half is over with all its stoppage.
_BREAK = 99.0
_PERIODS = {Sport.HOCKEY: 3, Sport.BASKETBALL: 4}


def base_of(choice: Choice, standing: Standing, share: float) -> Base:
    """Returns what is forecast of a match before it begins, with the market if it has prices.

    Of a match that has begun, its prices say more than was to be known before: they are left out.
    """
    parameters, league = choice.parameters, standing.league
    home, away = choice.home, choice.away
    if home == away:
        # Names that differ by what keys leave out: two strangers.
        home, away = f"{home[:_KEY_MAX]} at home", f"{away[:_KEY_MAX]} away"
    terms = Terms(
        home=home,
        away=away,
        neutral=is_neutral(parameters, league),
        surface=surface_of(league) if standing.sport is Sport.TENNIS else None,
        best_of=best_of(league) if standing.sport is Sport.TENNIS else None,
    )
    own = forecast(parameters, terms)
    in_time = standing.phase == "before"
    market = standing.market if in_time else None
    blended = _blended(own, market, share)
    return Base(
        forecast=own if blended is None else blended,
        home=home,
        away=away,
        league=parameters.league if choice.known == 2 else None,
        neutral=terms.neutral,
        own=own.chances,
        market=None if blended is None else market,
        share=0.0 if blended is None else share,
        in_time=in_time,
        made_at=standing.read_at,
    )


def _blended(own: Forecast, market: Chances | None, share: float) -> Forecast | None:
    if market is None:
        return None
    try:
        return blend(own, market, share)
    except ImpossibleOdds:
        # Prices of another question, or so long that a chance is rounded to nothing.
        return None


def made_of(standing: Standing, base: Base, share: float) -> Made:
    """Returns the forecast where a match stands; raises ImpossibleState when it cannot stand so."""
    phase: Phase = standing.phase or "before"
    if phase == "before":
        return Made(
            phase=phase,
            forecast=base.forecast,
            base=base,
            share=base.share,
            minute=None,
            minutes=None,
            goals=None,
        )
    state = running(standing)
    if state.over and state.home == state.away and not SPORTS[standing.sport].has_draw:
        raise ImpossibleState(f"over at {state.home}-{state.away}, and somebody has to win")
    now, process_of = _in_play(base.forecast, state)
    market = standing.market if phase == "in_play" else None
    if market is not None and len(market) == len(now.chances):
        now = _with_market(now, process_of, state, market=market, share=share)
    has_clock = standing.sport is not Sport.TENNIS
    return Made(
        phase=phase,
        forecast=now,
        base=base,
        share=max(base.share, share if now.blended and market is not None else 0.0),
        minute=state.minute if has_clock else None,
        minutes=state.minutes if has_clock else None,
        goals=(state.home, state.away) if phase == "over" else None,
    )


def running(standing: Standing) -> State:
    """Returns where the match stands; football's clock runs on while nobody tells of it."""
    score, tells_nothing = standing.score, _tells_nothing(standing.score)
    if tells_nothing and _is_after_ninety(standing):
        score = msgspec.structs.replace(score, period=_EXTRA_TIME)
    state = state_of(
        standing.sport, score, standing.cards, quarter_minutes=quarter_minutes(standing.league)
    )
    if tells_nothing:
        return _not_before(state, standing)
    runs = standing.sport is Sport.FOOTBALL and standing.score.status is MatchStatus.LIVE
    if not runs or state.late != "no" or standing.scored_at is None:
        return state
    is_second = state.minute > _HALF or (standing.score.period or "").lower().startswith(("2", "s"))
    gone = _since(standing.scored_at, standing.read_at)
    return run_on(state, gone, end=FOOTBALL_MINUTES if is_second else _HALF)


def _tells_nothing(score: Score) -> bool:
    """Says whether nothing is told of where a match stands but, maybe, that there is a break."""
    return score.clock is None and (score.period or "break").lower() == "break"


def _is_after_ninety(standing: Standing) -> bool:
    """Says whether a break of football follows the second half or a half of extra time."""
    is_break = standing.sport is Sport.FOOTBALL and standing.score.status is MatchStatus.PAUSED
    return is_break and standing.minute is not None and standing.minute >= FOOTBALL_MINUTES


def _not_before(state: State, standing: Standing) -> State:
    """Returns the state no earlier than the match was, in a break at the end of its period."""
    minute = standing.minute
    if minute is None or state.over or state.late != "no" or state.minute >= minute:
        return state
    is_break = standing.score.status is MatchStatus.PAUSED
    if standing.sport is Sport.FOOTBALL:
        half = {"minute": _HALF, "stoppage": _BREAK} if is_break and minute <= _HALF else {}
        return msgspec.structs.replace(state, **({"minute": minute} | half))
    if standing.sport not in _PERIODS:
        return state
    length = state.minutes / _PERIODS[standing.sport]
    ended = min(ceil(minute / length) * length, state.minutes)
    return msgspec.structs.replace(state, minute=ended if is_break else minute)


def _since(then: datetime, now: datetime) -> float:
    """Returns whole minutes between two moments, as far as a clock is run on."""
    return float(min(max(now - then, timedelta()), CLOCK_RUNS_ON) // timedelta(minutes=1))


def run_on(state: State, minutes: float, *, end: float) -> State:
    """Returns the state so many minutes later; beyond the half's `end` they are stoppage."""
    played = min(state.minute + minutes, end)
    beyond = minutes - (played - state.minute)
    return msgspec.structs.replace(state, minute=played, stoppage=state.stoppage + beyond)


def _in_play(base: Forecast, state: State) -> tuple[Forecast, Forecast]:
    """Returns the chances now, and the forecast whose process they come from."""
    try:
        return in_play(base, state), base
    except ImpossibleState:
        process = base.process
        if not isinstance(process, SetProcess) or process.best_of == 5:
            raise
        # Two sets did not decide it: it is best of five.
        longer = told(base, process=msgspec.structs.replace(process, best_of=5))
        return in_play(longer, state), longer


def _with_market(
    now: Forecast, base: Forecast, state: State, *, market: Chances, share: float
) -> Forecast:
    """Returns the chances now, pooled with the market's of now."""
    given = np.array(market)
    pooled = whole(tuple(pool(np.array(now.chances), given, share).tolist()))
    scores = scores_of(base.process, state)
    outcomes = scores.outcomes()
    if not SPORTS[now.sport].has_draw:
        outcomes = outcomes[:, [0, 2]]
    return msgspec.structs.replace(
        now,
        home=pooled[0],
        draw=pooled[1] if len(pooled) == 3 else None,
        away=pooled[-1],
        confidence=confidence_of(scores.weights, pool(outcomes, given, share)),
        blended=True,
    )
