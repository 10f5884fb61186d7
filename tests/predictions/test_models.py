"""Every model: what it learns, what it must not see, and what it says of what it does not know."""

import math
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from app.history.result import Result
from app.predictions.errors import ImpossibleTerms, MixedResults, TooFewResults, UnknownModel
from app.predictions.forecast import Forecast
from app.predictions.goals import CLUBS, GoalModel, fit_goals
from app.predictions.models import MODELS, Terms, fit, forecast
from app.predictions.parameters import Parameters
from app.predictions.results import seen_before
from app.sports.match import SPORTS, Sport
from tests.predictions.leagues import LEAGUES, SIDES, START, football, played, points

DAY = date(2022, 8, 1)
every_model = pytest.mark.parametrize("model", sorted(MODELS))


@pytest.fixture(scope="module")
def fitted() -> dict[str, Parameters]:
    """Every model, fitted once on a league of its own."""
    return {model: fit(model, LEAGUES[model](), DAY) for model in MODELS}


def check_honest(said: Forecast) -> None:
    """Chances are chances, and add up to one."""
    assert all(0.0 <= chance <= 1.0 for chance in said.chances)
    assert math.fsum(said.chances) == pytest.approx(1.0, abs=1e-9)
    assert math.isfinite(said.expected_home)
    assert math.isfinite(said.expected_away)
    assert 0.0 <= said.confidence <= 1.0
    assert (said.draw is None) != SPORTS[said.sport].has_draw


@every_model
def test_the_stronger_side_is_the_favourite(model: str, fitted: dict[str, Parameters]):
    said = forecast(fitted[model], Terms(home=SIDES[0], away=SIDES[-1]))
    check_honest(said)
    assert said.home > 0.6 > said.away
    assert said.expected_home > said.expected_away
    other = forecast(fitted[model], Terms(home=SIDES[-1], away=SIDES[0]))
    assert other.away > other.home


@every_model
def test_a_side_nobody_knows_is_forecast_with_less_confidence(
    model: str, fitted: dict[str, Parameters]
):
    known = forecast(fitted[model], Terms(home=SIDES[4], away=SIDES[5]))
    one = forecast(fitted[model], Terms(home=SIDES[4], away="nobody"))
    none = forecast(fitted[model], Terms(home="no one", away="nobody"))
    for said in (one, none):
        check_honest(said)
        assert max(said.chances) < 0.8
    assert known.confidence > one.confidence > none.confidence


@every_model
def test_what_comes_later_changes_nothing(model: str):
    league = LEAGUES[model]()
    day = START + timedelta(days=40)
    past = [result for result in league if result.played_on < day]
    future = [result for result in league if result.played_on >= day]
    order = np.random.default_rng(5).permutation(len(future))
    swapped = [
        msgspec.structs.replace(f, home_score=other.home_score, away_score=other.away_score)
        for f, other in zip(future, [future[i] for i in order], strict=True)
    ]
    assert [r.home_score for r in swapped] != [r.home_score for r in future]
    told = fit(model, league, day)
    assert fit(model, past + swapped, day) == told
    assert fit(model, past, day).version == told.version


@every_model
def test_the_order_of_results_and_doubled_rows_change_nothing(model: str):
    league = LEAGUES[model]()
    mixed = [league[i] for i in np.random.default_rng(6).permutation(len(league))]
    assert fit(model, mixed + mixed[:20], DAY) == fit(model, league, DAY)


@every_model
def test_kept_parameters_make_the_same_forecast_again(model: str, fitted: dict[str, Parameters]):
    kept = msgspec.json.encode(fitted[model])
    again = msgspec.json.decode(kept, type=Parameters)
    terms = Terms(home=SIDES[1], away=SIDES[2], surface="clay")
    assert again.version == fitted[model].version
    assert forecast(again, terms) == forecast(fitted[model], terms)


@every_model
def test_one_match_each_is_too_little_to_be_sure(model: str):
    sport = {"hockey": Sport.HOCKEY, "basketball": Sport.BASKETBALL, "tennis": Sport.TENNIS}.get(
        model.partition("-")[0], Sport.FOOTBALL
    )
    score = (99, 40) if sport is Sport.BASKETBALL else (2, 0) if sport is Sport.TENNIS else (9, 0)
    few = [
        played(f"winner {n}", f"loser {n}", score, on=START + timedelta(days=n), sport=sport)
        for n in range(10)
    ]
    said = forecast(fit(model, few, DAY), Terms(home="winner 1", away="loser 1", neutral=True))
    check_honest(said)
    assert 0.5 < said.home < 0.95


@every_model
def test_a_fit_of_the_far_future_is_honest(model: str):
    said = forecast(
        fit(model, LEAGUES[model](), date(9999, 1, 1)), Terms(home=SIDES[0], away=SIDES[1])
    )
    check_honest(said)


def test_too_few_or_mixed_results_are_named():
    with pytest.raises(TooFewResults, match="9 results"):
        fit("football-club-1", football()[:9], DAY)
    with pytest.raises(TooFewResults):
        fit("football-club-1", football(), START)
    with pytest.raises(MixedResults):
        fit("football-club-1", football() + points(Sport.HOCKEY), DAY)
    with pytest.raises(UnknownModel):
        fit("oracle-9", football(), DAY)


def test_impossible_results_are_left_out_and_counted():
    day = START + timedelta(days=1)
    bad = [
        played("a", "a"),
        played("a", "b", (-1, 0)),
        played("a", "c", (99, 0)),
        played("a", "d", on=date(1066, 10, 14)),
        played("a", "e", shots=(900, 1)),
        played("a", "f", sport=Sport.HOCKEY, score=(2, 2)),
        played("a", "g", on=date(2099, 1, 1)),
    ]
    good = played("a", "h")
    again = played("a", "h", on=day)
    seen = seen_before([*bad, good, good, again], date(2021, 1, 1))
    assert list(seen.results) == [good]
    assert seen.left_out == {"impossible_result": 6, "not before the day": 1, "told twice": 2}


def test_two_matches_of_the_same_sides_on_two_days_both_count_in_hockey():
    pair = [
        played("a", "b", (3, 2), on=START + timedelta(days=n), sport=Sport.HOCKEY) for n in range(2)
    ]
    assert len(seen_before(pair, DAY).results) == 2


@pytest.mark.parametrize(
    "terms",
    [
        Terms(home="a", away="a"),
        Terms(home="", away="a"),
        Terms(home="x" * 101, away="a"),
    ],
)
def test_impossible_terms_are_named(terms: Terms, fitted: dict[str, Parameters]):
    with pytest.raises(ImpossibleTerms):
        forecast(fitted["football-club-1"], terms)


def test_parameters_of_another_program_are_refused(fitted: dict[str, Parameters]):
    newer = msgspec.structs.replace(fitted["tennis-1"], model="tennis-2")
    with pytest.raises(UnknownModel):
        forecast(newer, Terms(home="a", away="b"))


def test_newcomers_are_taken_for_weaker_than_the_rest():
    league: list[Result] = football()
    last = league[-1].played_on
    new = [
        played("new side", side, (1, 1), on=last + timedelta(days=n + 40))
        for n, side in enumerate(SIDES)
    ]
    parameters = fit("football-club-1", league + new, last + timedelta(days=60))
    quiet = fit("football-club-1", league, last + timedelta(days=60))
    middle = Terms(home=SIDES[4], away="new side", neutral=True)
    assert forecast(parameters, middle).home > forecast(parameters, middle).away
    assert forecast(quiet, middle).home > forecast(quiet, middle).away


def test_home_ground_is_worth_something_and_neutral_ground_nothing():
    for model in ("football-club-1", "football-nation-1", "basketball-1"):
        parameters = fit(model, LEAGUES[model](), DAY)
        there = forecast(parameters, Terms(home=SIDES[4], away=SIDES[5]))
        neutral = forecast(parameters, Terms(home=SIDES[4], away=SIDES[5], neutral=True))
        back = forecast(parameters, Terms(home=SIDES[5], away=SIDES[4], neutral=True))
        assert there.home > neutral.home
        assert neutral.home == pytest.approx(back.away, abs=1e-6)


def test_home_ground_that_is_worth_less_lately_is_noticed_sooner_than_by_the_long_memory():
    league = football()
    turned = [
        msgspec.structs.replace(r, home_score=r.away_score, away_score=r.home_score)
        if r.played_on > league[-1].played_on - timedelta(days=60)
        else r
        for r in league
    ]
    slow = msgspec.structs.replace(CLUBS, home_lately=None)
    day = league[-1].played_on + timedelta(days=1)

    def lost(model: GoalModel) -> float:
        before = fit_goals(model, seen_before(league, day).results, day).home
        return before - fit_goals(model, seen_before(turned, day).results, day).home

    assert lost(CLUBS) > lost(slow) > 0.0
    # It stays near what is expected: two months are not the end of home ground.
    assert abs(lost(CLUBS) - lost(slow)) < 0.1
