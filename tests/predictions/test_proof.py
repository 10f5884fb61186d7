"""The models proved on what comes along, walking forward; and that nobody peeked."""

import subprocess
import sys
from datetime import date

import msgspec
import numpy as np
import pytest

from app.history.result import Result
from app.history.shipped import shipped
from app.predictions.evaluation import prove
from app.predictions.in_play_proof import MINUTES, Table, chances_at, table_at
from app.predictions.results import Seen, seen_before
from app.predictions.scoring import judge
from app.predictions.walk import Step, chances_of, outcomes_of, walk

SEASONS = (date(2021, 8, 1), date(2023, 6, 30))


@pytest.fixture(scope="module")
def premier_league() -> Seen:
    """The Premier League as it comes along."""
    return seen_before((r for r in shipped("clubs") if r.league == "premier-league"), date.max)


@pytest.fixture(scope="module")
def world_cups() -> tuple[list[Step], Table]:
    """World Cups 2018 and 2022, forecast on their eve, and a table of what was before."""
    results = seen_before(shipped("internationals"), date.max).results
    steps: list[Step] = []
    for year, first in ((2018, date(2018, 6, 14)), (2022, date(2022, 11, 20))):
        walked = walk("football-nation-1", results, (first, date(year, 12, 31)), every_days=40)
        steps += [
            s for s in walked if s.result.competition == "FIFA World Cup" and s.result.goals
            is not None
        ]  # fmt: skip
    before = [r for r in results if r.goals is not None and r.played_on < date(2018, 6, 14)]
    return steps, Table(before)


def test_results_alone_beat_base_rates_by_far(premier_league: Seen):
    proof = prove("football-club-1", premier_league, SEASONS, every_days=14)
    assert proof is not None
    model, base = proof.judged
    assert (model.name, base.name) == ("model (results only)", "base rates")
    assert proof.matches == 760
    assert model.verdict.log_loss < 0.985
    assert base.verdict.log_loss > 1.05
    assert model.verdict.rps < 0.205 < base.verdict.rps


def test_shuffling_the_future_changes_no_forecast_of_the_past(premier_league: Seen):
    results = list(premier_league.results)
    until = date(2022, 10, 1)
    split = next(n for n, r in enumerate(results) if r.played_on > until)
    order = np.random.default_rng(4).permutation(len(results) - split)
    future = [
        msgspec.structs.replace(
            result,
            home_score=results[split + other].away_score,
            away_score=results[split + other].home_score,
            shots=results[split + other].shots,
        )
        for result, other in zip(results[split:], order.tolist(), strict=True)
    ]
    days = (date(2022, 8, 1), until)
    told = walk("football-club-1", results, days, every_days=14)
    again = walk("football-club-1", results[:split] + future, days, every_days=14)
    assert len(told) > 50
    assert [step.forecast for step in told] == [step.forecast for step in again]


def test_a_match_is_not_known_on_its_own_morning(premier_league: Seen):
    results = list(premier_league.results)
    number = next(n for n, r in enumerate(results) if r.played_on >= date(2022, 9, 1))
    day = results[number].played_on
    other = msgspec.structs.replace(results[number], home_score=9, away_score=0)
    changed: list[Result] = [*results[:number], other, *results[number + 1 :]]
    told = walk("football-club-1", results, (day, day))
    again = walk("football-club-1", changed, (day, day))
    assert chances_of(told).tolist() == chances_of(again).tolist()


def test_in_play_chances_get_better_by_the_minute_and_beat_frequencies(
    world_cups: tuple[list[Step], Table],
):
    steps, table = world_cups
    assert len(steps) == 128
    outcomes = outcomes_of(steps)
    ours = [judge(chances_at(steps, minute), outcomes).log_loss for minute in MINUTES]
    theirs = [judge(table_at(steps, table, minute), outcomes).log_loss for minute in MINUTES]
    assert ours == sorted(ours, reverse=True)
    assert len(set(ours)) == len(MINUTES)
    assert all(o < t for o, t in zip(ours, theirs, strict=True)), (ours, theirs)


def test_nobody_of_the_api_loads_numpy():
    told = "import sys, app.main, app.cli; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
