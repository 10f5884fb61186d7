"""Chances follow the score and the time left."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.replay.chances import (
    Chances,
    Question,
    Situation,
    chances_of,
    handicap_line,
    is_decided,
    poisson,
    questions_of,
    total_line,
)
from app.providers.replay.recording import SHIPPED, Header, load
from app.sports.market import WINNERS, MarketType, SelectionKey, answers_of
from app.sports.match import MatchStatus, Period, Score

HOME, DRAW, AWAY = SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY


def header(name: str) -> Header:
    return load(SHIPPED / name.partition(".")[0] / f"{name}.jsonl").header


FOOTBALL = header("football.2022.argentina-france.final")
HOCKEY = header("hockey.pwhl.106.montreal-victoire-ottawa-charge")
BASKETBALL = header("basketball.nba.0022400001")
TENNIS = header("tennis.2021-560-2021-9-2-d643-z355")
ALL = [FOOTBALL, HOCKEY, BASKETBALL, TENNIS]


def seen(home: int, away: int, played_s: float, games: tuple[int, int] = (0, 0)) -> Situation:
    periods = tuple(Period(name=f"Set {n}", home=0, away=0) for n in range(home + away))
    last = Period(name="now", home=games[0], away=games[1])
    score = Score(status=MatchStatus.LIVE, home=home, away=away, periods=(*periods, last))
    return Situation(score=score, played_s=played_s, overtime_s=0)


def of_winner(of: Header, situation: Situation) -> Chances:
    return chances_of(of, situation)[MarketType.WINNER, None]


def of_lined(of: Header, kind: MarketType, situation: Situation) -> Chances:
    (found,) = (told for q, told in chances_of(of, situation).items() if q[0] is kind)
    return found


@pytest.mark.parametrize("of", ALL, ids=lambda each: each.sport)
def test_chances_are_a_distribution(of: Header) -> None:
    for situation in (seen(0, 0, 0), seen(1, 0, 1000), seen(0, 1, 3000)):
        told = chances_of(of, situation)
        assert tuple(told) == questions_of(of, situation.score)
        for (kind, _), chances in told.items():
            assert sum(chances.values()) == pytest.approx(WINNERS[kind])
            assert min(chances.values()) >= 0
            assert list(chances) == list(answers_of(kind, of.sport))


@given(home=st.integers(0, 4), away=st.integers(0, 4), played_s=st.floats(0, 5400))
def test_football_answers_agree_with_each_other(home: int, away: int, played_s: float) -> None:
    told = chances_of(FOOTBALL, seen(home, away, played_s))
    winner = told[MarketType.WINNER, None]
    double = told[MarketType.DOUBLE_CHANCE, None]
    assert double[SelectionKey.HOME_DRAW] == pytest.approx(winner[HOME] + winner[DRAW], abs=1e-9)
    assert double[SelectionKey.HOME_AWAY] == pytest.approx(winner[HOME] + winner[AWAY], abs=1e-9)
    level = told[MarketType.DRAW_NO_BET, None]
    assert level[HOME] * winner[AWAY] == pytest.approx(level[AWAY] * winner[HOME], abs=1e-9)


def test_a_handicap_makes_a_match_about_even_and_a_set_handicap_favours_nobody_else() -> None:
    for of in (FOOTBALL, BASKETBALL):
        chances = of_lined(of, MarketType.HANDICAP, seen(0, 0, 0))
        assert 0.4 < chances[HOME] < 0.6
    for of, kind in ((HOCKEY, MarketType.HANDICAP), (TENNIS, MarketType.SET_HANDICAP)):
        line = handicap_line(of)
        favoured = HOME if line < 0 else AWAY
        start = seen(0, 0, 0)
        assert of_lined(of, kind, start)[favoured] < of_winner(of, start)[favoured]


def test_what_no_play_can_change_is_decided() -> None:
    total: Question = (MarketType.TOTAL, Decimal("2.5"))
    assert is_decided(FOOTBALL, total, seen(2, 1, 0).score)
    assert not is_decided(FOOTBALL, total, seen(1, 1, 0).score)
    assert is_decided(FOOTBALL, (MarketType.BOTH_TO_SCORE, None), seen(1, 1, 0).score)
    assert not is_decided(FOOTBALL, (MarketType.BOTH_TO_SCORE, None), seen(5, 0, 0).score)
    # The best of five: at one all a side may still win by two, at two all none can.
    ahead: Question = (MarketType.SET_HANDICAP, Decimal("-1.5"))
    assert not is_decided(TENNIS, ahead, seen(1, 1, 0).score)
    assert is_decided(TENNIS, ahead, seen(2, 2, 0).score)
    assert is_decided(TENNIS, (MarketType.PERIOD_WINNER, Decimal(1)), seen(1, 0, 0).score)
    assert not is_decided(TENNIS, (MarketType.PERIOD_WINNER, Decimal(2)), seen(1, 0, 0).score)


@pytest.mark.parametrize("of", ALL, ids=lambda each: each.sport)
def test_who_leads_is_likelier_to_win_than_before(of: Header) -> None:
    level = of_winner(of, seen(0, 0, 1000))
    ahead = of_winner(of, seen(1, 0, 1000))
    behind = of_winner(of, seen(0, 1, 1000))
    assert behind[HOME] < level[HOME] < ahead[HOME]
    assert ahead[AWAY] < level[AWAY] < behind[AWAY]


@pytest.mark.parametrize("of", [FOOTBALL, HOCKEY], ids=lambda each: each.sport)
def test_a_lead_is_worth_more_and_more_goals_become_less_likely_as_time_runs_out(
    of: Header,
) -> None:
    times = [seen(1, 0, played_s) for played_s in (0, 900, 1800, 2700, 3500)]
    wins = [of_winner(of, situation)[HOME] for situation in times]
    overs = [of_lined(of, MarketType.TOTAL, s)[SelectionKey.OVER] for s in times]
    assert wins == sorted(wins)
    assert overs == sorted(overs, reverse=True)
    assert len(set(wins)) == len(set(overs)) == len(times)


def test_the_last_minutes_of_a_basketball_match_decide_it() -> None:
    early = of_winner(BASKETBALL, seen(60, 55, 1440))[HOME]
    late = of_winner(BASKETBALL, seen(60, 55, 2870))[HOME]
    assert early < late
    assert late > 0.99


def test_games_of_a_set_move_a_tennis_match() -> None:
    games = [(0, 3), (0, 1), (0, 0), (2, 0), (5, 0)]
    wins = [of_winner(TENNIS, seen(1, 1, 0, g))[HOME] for g in games]
    for before, after in pairwise(wins):
        assert before < after


def test_only_football_has_a_draw() -> None:
    for of in ALL:
        chances = of_winner(of, seen(0, 0, 0))
        assert (DRAW in chances) == (of is FOOTBALL)


def test_the_line_suits_the_sport() -> None:
    assert [total_line(of) for of in (FOOTBALL, HOCKEY)] == [2.5, 5.5]
    assert 200 < total_line(BASKETBALL) < 245
    assert total_line(BASKETBALL) % 1 == 0.5
    assert abs(handicap_line(HOCKEY)) == abs(handicap_line(TENNIS)) == Decimal("1.5")
    assert handicap_line(BASKETBALL) % 1 in (Decimal("0.5"), Decimal("-0.5"))
    assert handicap_line(FOOTBALL) * 4 % 1 == 0


def test_poisson_adds_up_and_has_its_mean() -> None:
    chances = poisson(2.6, 16)
    assert sum(chances) == pytest.approx(1)
    assert sum(goals * chance for goals, chance in enumerate(chances)) == pytest.approx(
        2.6, rel=1e-6
    )
