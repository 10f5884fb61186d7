"""Scores of forecasts, against values worked out by hand."""

from math import log

import numpy as np
import pytest

from app.predictions.scoring import chance_ece, judge, reliability

CHANCES = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])


def test_scores_by_hand():
    verdict = judge(CHANCES, [0, 1])
    assert verdict.log_loss == pytest.approx(-(log(0.5) + log(0.3)) / 2)
    assert verdict.brier == pytest.approx(((0.25 + 0.09 + 0.04) + (0.04 + 0.49 + 0.25)) / 2)
    first = ((0.5 - 1) ** 2 + (0.8 - 1) ** 2) / 2
    second = ((0.2 - 0) ** 2 + (0.5 - 1) ** 2) / 2
    assert verdict.rps == pytest.approx((first + second) / 2)
    assert verdict.ece[0] == pytest.approx((0.5 + 0.2) / 2)


def test_a_sure_and_right_forecaster_is_perfect():
    verdict = judge(np.eye(3), [0, 1, 2])
    assert (verdict.log_loss, verdict.brier, verdict.rps) == (0.0, 0.0, 0.0)
    assert verdict.ece == (0.0, 0.0, 0.0)


def test_a_sure_and_wrong_forecaster_has_a_finite_loss():
    assert judge(np.array([[1.0, 0.0]]), [1]).log_loss < 40


def test_the_reliability_table_has_the_bins_that_hold_anything():
    chances = np.array([0.05, 0.07, 0.95, 1.0])
    bins = reliability(chances, np.array([0.0, 1.0, 1.0, 1.0]))
    assert [(b.low, b.count, b.observed) for b in bins] == [(0.0, 2, 0.5), (0.9, 2, 1.0)]
    assert bins[0].expected == pytest.approx(0.06)


def test_even_perfect_chances_show_some_error_over_few_matches():
    random = np.random.default_rng(3)
    few = chance_ece(random.dirichlet((5, 3, 4), size=100), draws=30)
    many = chance_ece(random.dirichlet((5, 3, 4), size=10_000), draws=30)
    assert all(f > 3 * m for f, m in zip(few, many, strict=True))


def test_miscalibration_is_what_chance_does_not_explain():
    """By hand, in one bin: 10 forecasts of 0.55 of which 4 came true, then of which 1 did."""
    chances = np.tile([0.55, 0.45], (10, 1))
    assert judge(chances, [0] * 4 + [1] * 6).miscalibration[0] == 0.0
    found = judge(chances, [0] + [1] * 9).miscalibration[0]
    assert found == pytest.approx(((0.55 - 0.1) ** 2 - 0.1 * 0.9 / 9) ** 0.5)


def test_miscalibration_finds_what_is_wrong_whatever_the_number_of_matches():
    random = np.random.default_rng(5)
    for count in (1_500, 100_000):
        chances = random.uniform(0.25, 0.75, count)
        came = (random.random(count) > chances + 0.06).astype(int)
        found = judge(np.column_stack([chances, 1 - chances]), came.tolist()).miscalibration
        assert found[0] == pytest.approx(0.06, abs=0.03 if count < 10_000 else 0.004)
