"""The shapes of what this room tells: a forecast, its path, and how good forecasts were.

Postgres builds most of the JSON; these structs describe it, and tests decode answers with them.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from app.predictions.standing import Phase

Outcome = Literal["home", "draw", "away"]


class ExpectedGoals(msgspec.Struct, frozen=True, kw_only=True):
    """What each side is expected to have in the end: goals, points or sets."""

    home: Decimal
    away: Decimal


class ChancesShape(msgspec.Struct, frozen=True, kw_only=True):
    """Chances that add up to 1; `draw_prob` is null where the sport has no draw."""

    home_win_prob: Decimal
    draw_prob: Decimal | None
    away_win_prob: Decimal
    confidence: Decimal
    expected_goals: ExpectedGoals


class ModelShape(msgspec.Struct, frozen=True, kw_only=True):
    """What made it: `version` names every number the model learnt, `market_share` is how far the
    market's fresh prices have a part, 0 for none; `phase` is before, in_play or over.
    """

    name: str
    version: str
    market_share: Decimal
    phase: Phase


class MatchPrediction(ChancesShape, frozen=True, kw_only=True):
    """The forecast of one of many matches, and what made it."""

    model: ModelShape
    generated_at: str


class PredictionShape(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast. `minute` is the match's, null before it begins and where there is no clock;
    `age_ms` was its age when the answer was made.
    """

    match_id: str
    status: Literal["success"]
    prediction: ChancesShape
    model: ModelShape
    minute: Decimal | None
    generated_at: str
    age_ms: int


class PendingShape(msgspec.Struct, frozen=True, kw_only=True):
    """The first forecast of this match is being made; ask again in a second."""

    match_id: str
    status: Literal["pending"]


class PointShape(msgspec.Struct, frozen=True, kw_only=True):
    """Chances as they were told from `at` on, and the score they were told at."""

    at: str
    phase: Phase
    minute: Decimal | None
    home_win_prob: Decimal
    draw_prob: Decimal | None
    away_win_prob: Decimal
    home_score: int | None
    away_score: int | None


class PredictionPath(msgspec.Struct, frozen=True, kw_only=True):
    """The path the chances took, newest last; `truncated`: older points are left out."""

    match_id: str
    points: list[PointShape]
    truncated: bool


class _Judged(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class Scored(_Judged, frozen=True, kw_only=True):
    """Means of scores over some matches: log-loss, Brier (0 to 2), RPS; less is better."""

    matches: int
    log_loss: float
    brier: float
    rps: float


class Verdict(Scored, frozen=True, kw_only=True):
    """How good one teller was at one moment. `moment` 0 is kick-off, 1 to 5 are sixths of a match,
    with the `minute` they end at where a clock says it. `sample`: all matches, or those with
    fresh prices at kick-off, over which model, market and what was served can be compared.
    """

    teller: Literal["served", "model", "market"]
    sample: Literal["all", "with_market"]
    moment: int
    minute: int | None


class VersionVerdict(Scored, frozen=True, kw_only=True):
    """How good what was served before kick-off was, by version; `ece` by outcome."""

    model: str
    version: str
    ece: dict[Outcome, float]


class ReliabilityBin(_Judged, frozen=True, kw_only=True):
    """Chances served before kick-off from `low` to `high`: how many, their mean, how often true."""

    outcome: Outcome
    low: float
    high: float
    matches: int
    expected: float
    observed: float


class CurvePoint(_Judged, frozen=True, kw_only=True):
    """One week (its Monday) of what was served before kick-off; `running` is the mean up to it.
    `marketLogLoss` is of the week's matches with prices, null without one.
    """

    week: str
    matches: int
    log_loss: float
    running: float
    market_log_loss: float | None


class SportAccuracy(_Judged, frozen=True, kw_only=True):
    """One sport. `ece` is the expected calibration error by outcome, in ten bins."""

    sport: str
    matches: int
    verdicts: list[Verdict]
    versions: list[VersionVerdict]
    ece: dict[Outcome, float]
    reliability: list[ReliabilityBin]
    curve: list[CurvePoint]


class Accuracy(_Judged, frozen=True, kw_only=True):
    """How good forecasts were that were served, of matches that are over."""

    simulated: bool
    since: str
    until: str
    matches: int
    sports: list[SportAccuracy]
