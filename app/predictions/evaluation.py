"""The proof: every forecaster over the same matches, walking forward. Pure.

Forecasters: the model (results only), base rates (frequencies of outcomes before), and where
results have odds, the market's averages some days ahead and at kick-off, freed of their margin by
Shin's method, and the blend of the model with each. The blend's share is learnt on matches before,
anew each month.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date

import msgspec
import numpy as np

from app.history.result import Odds, Result
from app.ingest.margins import shin
from app.predictions.blend import MARKET_SHARE, learn_share, pool
from app.predictions.results import Seen
from app.predictions.scores import Floats
from app.predictions.scoring import Bin, Verdict, chance_ece, judge, reliability
from app.predictions.walk import Progress, Step, chances_of, outcome_of, outcomes_of, walk
from app.sports.match import SPORTS

# Before this many matches with odds were forecast, the share is what 16,000 others said.
LEARNT_MIN = 100
# Days before the first one judged that are walked, too, for the blend to learn on.
LEARNING_DAYS = 730
# The share of matches that must have odds for the market to be judged.
_ODDS_MIN = 0.95
_NAMES = {"before": "pre-match", "closing": "closing"}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One forecaster's verdict, with its reliability by outcome."""

    name: str
    verdict: Verdict
    bins: tuple[tuple[Bin, ...], ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one league: forecasters over all matches, `least_ece` what perfect chances
    would show over as many, `share` the blend's last one, and by confidence how far the model was
    from the closing line: (confidence from, to, matches, mean total variation).
    """

    league: str
    model: str
    matches: int
    without_odds: int
    first: date
    last: date
    judged: tuple[Judged, ...]
    least_ece: tuple[float, ...]
    share: float | None
    by_confidence: tuple[tuple[float, float, int, float], ...]


def prove(
    model: str,
    seen: Seen,
    days: tuple[date, date],
    *,
    every_days: int = 1,
    progress: Progress | None = None,
) -> Proof | None:
    """Returns the proof over the days, None without a match in them.

    All forecasters are judged on the same matches: where nearly all have odds, on those that have
    all of them (`without_odds` says how many have not), elsewhere on every match without the
    market. `seen` are of one league, or of one sport without leagues.
    """
    has_odds = any(r.before for r in seen.results) or any(r.closing for r in seen.results)
    learning = LEARNING_DAYS if has_odds else 0
    begin = date.fromordinal(max(days[0].toordinal() - learning, 1))
    steps = walk(model, seen.results, (begin, days[1]), every_days=every_days, progress=progress)
    every = [step for step in steps if step.result.played_on >= days[0]]
    if not every:
        return None
    fields = _told(every)
    judged = [s for s in every if all(getattr(s.result, field) is not None for field in fields)]
    chances, outcomes = chances_of(judged), outcomes_of(judged)
    rows = {"model (results only)": chances}
    share = None
    for field in fields:
        name = _NAMES[field]
        market, blended, share = _market(steps, judged, field)
        rows[f"{name} average"] = market
        rows[f"blend with {name}"] = blended
    rows["base rates"] = _base_rates(seen.results, days[0], len(judged))
    return Proof(
        league=judged[0].result.league,
        model=model,
        matches=len(judged),
        without_odds=len(every) - len(judged),
        first=judged[0].result.played_on,
        last=judged[-1].result.played_on,
        judged=tuple(_judged(name, rows[name], outcomes) for name in rows),
        least_ece=chance_ece(chances),
        share=share,
        by_confidence=_by_confidence(judged, rows.get("closing average")),
    )


def _judged(name: str, chances: Floats, outcomes: Sequence[int]) -> Judged:
    came = np.asarray(outcomes)
    bins = [
        tuple(reliability(chances[:, way], (came == way).astype(np.float64)))
        for way in range(chances.shape[1])
    ]
    return Judged(name=name, verdict=judge(chances, outcomes), bins=tuple(bins))


def _told(steps: Sequence[Step]) -> list[str]:
    """Returns the kinds of odds that nearly every match has."""
    return [
        field
        for field in _NAMES
        if sum(getattr(step.result, field) is not None for step in steps) >= _ODDS_MIN * len(steps)
    ]


def _market(
    steps: Sequence[Step], judged: Sequence[Step], field: str
) -> tuple[Floats, Floats, float]:
    """Returns the market's chances of the matches judged, the blend's, and its last share."""
    there: list[tuple[Step, Odds]] = []
    for step in steps:
        odds: Odds | None = getattr(step.result, field)
        if odds is not None:
            there.append((step, odds))
    market = np.array([shin([float(o) for o in odds]) for _, odds in there])
    model = chances_of([step for step, _ in there])
    outcomes = [outcome_of(step.result) for step, _ in there]
    days = [step.result.played_on for step, _ in there]
    blended = np.empty_like(market)
    month, share = (0, 0), MARKET_SHARE
    for row, today in enumerate(days):
        if (today.year, today.month) != month:
            month = (today.year, today.month)
            past = bisect_left(days, today)
            if past >= LEARNT_MIN:
                share = learn_share(model[:past], market[:past], outcomes[:past])
        blended[row] = pool(model[row], market[row], share)
    wanted = {id(step) for step in judged}
    keep = np.array([id(step) in wanted for step, _ in there])
    return market[keep], blended[keep], share


def _base_rates(results: Sequence[Result], first: date, count: int) -> Floats:
    """Returns the frequencies of outcomes before the first day, once a match."""
    before = [outcome_of(result) for result in results if result.played_on < first]
    ways = 3 if SPORTS[results[0].sport].has_draw else 2
    counts = np.bincount(np.array(before, dtype=np.int64), minlength=ways) + 1.0
    return np.tile(counts / counts.sum(), (count, 1))


def _by_confidence(
    steps: Sequence[Step], closing: Floats | None
) -> tuple[tuple[float, float, int, float], ...]:
    """Returns, by fifths of confidence, how far the model was from the closing line."""
    if closing is None:
        return ()
    confidence = np.array([step.forecast.confidence for step in steps])
    apart = 0.5 * np.abs(chances_of(steps) - closing).sum(axis=1)
    order = np.argsort(confidence, kind="stable")
    return tuple(
        (
            round(float(confidence[part[0]]), 4),
            round(float(confidence[part[-1]]), 4),
            len(part),
            round(float(apart[part].mean()), 4),
        )
        for part in np.array_split(order, 5)
        if len(part)
    )
