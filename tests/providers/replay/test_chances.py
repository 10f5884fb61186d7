"""Chances follow the score and the time left."""

from itertools import pairwise

import pytest

from app.providers.replay.chances import Situation, chances_of, line_of, poisson
from app.providers.replay.recording import SHIPPED, Header, load
from app.sports.market import MarketType, SelectionKey
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


@pytest.mark.parametrize("of", ALL, ids=lambda each: each.sport)
@pytest.mark.parametrize("market", list(MarketType))
def test_chances_are_a_distribution(of: Header, market: MarketType) -> None:
    for situation in (seen(0, 0, 0), seen(1, 0, 1000), seen(0, 1, 3000)):
        chances = chances_of(of, market, situation)
        assert sum(chances.values()) == pytest.approx(1)
        assert min(chances.values()) >= 0


@pytest.mark.parametrize("of", ALL, ids=lambda each: each.sport)
def test_who_leads_is_likelier_to_win_than_before(of: Header) -> None:
    level = chances_of(of, MarketType.WINNER, seen(0, 0, 1000))
    ahead = chances_of(of, MarketType.WINNER, seen(1, 0, 1000))
    behind = chances_of(of, MarketType.WINNER, seen(0, 1, 1000))
    assert behind[HOME] < level[HOME] < ahead[HOME]
    assert ahead[AWAY] < level[AWAY] < behind[AWAY]


@pytest.mark.parametrize("of", [FOOTBALL, HOCKEY], ids=lambda each: each.sport)
def test_a_lead_is_worth_more_and_more_goals_become_less_likely_as_time_runs_out(
    of: Header,
) -> None:
    times = [seen(1, 0, played_s) for played_s in (0, 900, 1800, 2700, 3500)]
    wins = [chances_of(of, MarketType.WINNER, situation)[HOME] for situation in times]
    overs = [chances_of(of, MarketType.TOTAL, s)[SelectionKey.OVER] for s in times]
    assert wins == sorted(wins)
    assert overs == sorted(overs, reverse=True)
    assert len(set(wins)) == len(set(overs)) == len(times)


def test_the_last_minutes_of_a_basketball_match_decide_it() -> None:
    early = chances_of(BASKETBALL, MarketType.WINNER, seen(60, 55, 1440))[HOME]
    late = chances_of(BASKETBALL, MarketType.WINNER, seen(60, 55, 2870))[HOME]
    assert early < late
    assert late > 0.99


def test_games_of_a_set_move_a_tennis_match() -> None:
    games = [(0, 3), (0, 1), (0, 0), (2, 0), (5, 0)]
    wins = [chances_of(TENNIS, MarketType.WINNER, seen(1, 1, 0, g))[HOME] for g in games]
    for before, after in pairwise(wins):
        assert before < after


def test_only_football_has_a_draw() -> None:
    for of in ALL:
        chances = chances_of(of, MarketType.WINNER, seen(0, 0, 0))
        assert (DRAW in chances) == (of is FOOTBALL)


def test_the_line_suits_the_sport() -> None:
    assert [line_of(of) for of in (FOOTBALL, HOCKEY, TENNIS)] == [2.5, 5.5, 3.5]
    assert 200 < line_of(BASKETBALL) < 245
    assert line_of(BASKETBALL) % 1 == 0.5


def test_poisson_adds_up_and_has_its_mean() -> None:
    chances = poisson(2.6, 16)
    assert sum(chances) == pytest.approx(1)
    assert sum(goals * chance for goals, chance in enumerate(chances)) == pytest.approx(
        2.6, rel=1e-6
    )
