"""What the model and the market say, as one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.predictions.blend import MARKET_SHARE, blend, learn_share, pool
from app.predictions.distribution import in_play, scores_of
from app.predictions.errors import ImpossibleOdds
from app.predictions.forecast import Forecast
from app.predictions.models import Terms, fit, forecast
from app.predictions.states import State
from tests.predictions.leagues import LEAGUES, SIDES
from tests.predictions.test_models import DAY

SAID = {
    model: forecast(fit(model, league(), DAY), Terms(home=SIDES[2], away=SIDES[5]))
    for model, league in LEAGUES.items()
}
chance = st.floats(0.01, 1.0)


@pytest.mark.parametrize("model", sorted(SAID))
@settings(max_examples=15, deadline=None)
@given(parts=st.tuples(chance, chance, chance), share=st.floats(0.0, 1.0))
def test_a_blend_is_the_pool_and_its_process_says_the_same(
    model: str, parts: tuple[float, float, float], share: float
):
    said: Forecast = SAID[model]
    taken = parts[: len(said.chances)]
    market = [part / math.fsum(taken) for part in taken]
    blended = blend(said, market, share)
    wanted = pool(np.array(said.chances), np.array(market), share)
    assert blended.chances == pytest.approx(wanted.tolist(), abs=1e-9)
    assert math.fsum(blended.chances) == pytest.approx(1.0, abs=1e-9)
    assert blended.blended
    outcome = scores_of(blended.process).outcome()
    kept = outcome if said.draw is not None else (outcome[0], outcome[2])
    assert kept == pytest.approx(blended.chances, abs=2e-3)


def test_the_market_alone_is_the_market_and_the_model_alone_the_model():
    said = SAID["football-club-1"]
    market = (0.2, 0.3, 0.5)
    assert blend(said, market, 1.0).chances == pytest.approx(market)
    assert blend(said, market, 0.0).chances == pytest.approx(said.chances)
    assert blend(said, market, 1.0).confidence == pytest.approx(1.0)
    assert blend(said, market, 0.5).confidence > said.confidence


def test_expected_goals_and_the_match_in_play_follow_the_market():
    said = SAID["football-club-1"]
    blended = blend(said, (0.1, 0.2, 0.7))
    assert blended.expected_away > blended.expected_home
    now = State(home=0, away=0, minute=60.0)
    assert in_play(blended, now).away > in_play(said, now).away
    assert in_play(blended, State(home=1, away=0, minute=90.0, over=True)).home == 1.0


@pytest.mark.parametrize(
    "market",
    [
        (0.5, 0.5),
        (math.nan, 0.5, 0.5),
        (0.0, 0.5, 0.5),
        (1.2, 0.1, 0.1),
        (-0.1, 0.6, 0.5),
        (math.inf, 0.1, 0.2),
    ],
)
def test_what_are_no_chances_is_named(market: tuple[float, ...]):
    with pytest.raises(ImpossibleOdds):
        blend(SAID["football-club-1"], market)


def drawn(truth: np.ndarray, seed: int) -> list[int]:
    """Returns outcomes drawn from chances."""
    random = np.random.default_rng(seed)
    return [int(random.choice(3, p=row)) for row in truth]


def test_the_share_goes_to_whoever_was_right():
    random = np.random.default_rng(9)
    right = random.dirichlet((4, 3, 3), size=3000)
    wrong = random.dirichlet((4, 3, 3), size=3000)
    outcomes = drawn(right, 10)
    assert learn_share(wrong, right, outcomes) > 0.9
    assert learn_share(right, wrong, outcomes) < 0.3
    assert learn_share(right[:0], wrong[:0], []) == pytest.approx(MARKET_SHARE)
    assert 0.0 <= learn_share(right[:5], 1 - right[:5] / 2, outcomes[:5]) <= 1.0
