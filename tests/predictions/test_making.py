"""From where a match stands to its forecast, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.predictions.choice import Choice, choose
from app.predictions.making import base_of, made_of, running
from app.predictions.occasions import best_of, is_neutral, quarter_minutes, surface_of
from app.predictions.standing import Standing
from app.predictions.told import told_chances
from app.sports.ids import MatchId
from app.sports.match import MatchStatus, Score, Sport
from tests.predictions.fitted import nations, skaters

_OF_SCORE = ("status", "home", "away", "period", "clock")
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)


def standing(sport: Sport = Sport.FOOTBALL, **more: Any) -> Standing:
    """A match before it begins, of the sides in `names`; `home` and `away` are its score."""
    usual = ("France", "Croatia") if sport is Sport.FOOTBALL else ("Boston", "Ottawa")
    home, away = more.pop("names", usual)
    told: dict[str, Any] = {name: more.pop(name) for name in _OF_SCORE if name in more}
    score = Score(**{"status": MatchStatus.SCHEDULED, **told})  # pyright: ignore[reportArgumentType]
    said: dict[str, Any] = {
        "match_id": MatchId(1), "sport": sport, "league_slug": "x", "league": "World Cup",
        "home": home, "away": away, "start_time": NOW, "simulated": False, "score": score,
        "scored_at": NOW, "cards": (), "market": None, "seq": 1, "at": NOW, "read_at": NOW,
    }  # fmt: skip
    return Standing(**(said | more))


def choice(of: Standing) -> Choice:
    """The parameters that know its sides."""
    found = choose([nations(), skaters()], of.sport, (of.home, of.away), league=of.league_slug)
    assert found is not None
    return found


shares = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=3).filter(lambda some: sum(some) > 0.01)


@given(weights=shares, is_over=st.booleans())
def test_told_chances_add_up_to_exactly_one(weights: list[float], *, is_over: bool):
    total = sum(weights)
    chances = [weight / total for weight in weights]
    told = told_chances(chances, is_over=is_over)
    assert sum(told) == 1
    assert all(0 <= chance <= 1 for chance in told)
    for said, exact in zip(told, chances, strict=True):
        assert abs(float(said) - exact) <= 0.0003
        if exact > 0 and not is_over:
            assert said >= Decimal("0.0001")


@pytest.mark.parametrize("chances", [(0.5, float("nan"), 0.5), (0.9, 0.9), (-0.1, 1.1)])
def test_what_is_no_distribution_is_not_told(chances: tuple[float, ...]):
    with pytest.raises(ValueError, match="no chances"):
        told_chances(chances)


def test_prices_of_a_match_in_play_are_not_what_was_known_before():
    played = standing(status=MatchStatus.LIVE, home=0, away=3, market=(0.01, 0.02, 0.97))
    base = base_of(choice(played), played, 0.95)
    assert not base.in_time
    assert base.market is None
    assert base.forecast.home > base.forecast.away


def test_two_sides_of_one_name_are_two_strangers():
    alike = standing(names=("Side 1", "Side 2"))
    told = made_of(alike, base_of(choice(alike), alike, 0.95), 0.95).forecast
    assert min(told.chances) > 0.15


def test_in_play_the_market_of_now_has_its_part_and_in_the_end_none():
    ahead = standing()
    base = base_of(choice(ahead), ahead, 0.95)
    level = standing(status=MatchStatus.LIVE, home=0, away=0, period="1st Half", clock="30'")
    alone = made_of(level, base, 0.95)
    priced = standing(
        status=MatchStatus.LIVE, home=0, away=0, period="1st Half", clock="30'",
        market=(0.1, 0.2, 0.7),
    )  # fmt: skip
    pooled = made_of(priced, base, 0.95)
    assert pooled.forecast.away > 0.6 > alone.forecast.away
    assert (pooled.share, alone.share) == (0.95, 0.0)
    over = standing(status=MatchStatus.FINISHED, home=1, away=0, market=(0.1, 0.2, 0.7))
    assert made_of(over, base, 0.95).forecast.chances == (1.0, 0.0, 0.0)


def test_football_runs_on_while_nobody_tells_the_clock_and_not_for_ever():
    def minute(clock: str, period: str, after: timedelta) -> tuple[float, float]:
        state = running(
            standing(
                status=MatchStatus.LIVE,
                home=0,
                away=0,
                period=period,
                clock=clock,
                read_at=NOW + after,
            )
        )
        return state.minute, state.stoppage

    assert minute("20'", "1st Half", timedelta(seconds=59)) == (19.5, 0.0)
    assert minute("20'", "1st Half", timedelta(minutes=3)) == (22.5, 0.0)
    assert minute("44'", "1st Half", timedelta(minutes=3)) == (45.0, 1.5)
    assert minute("89'", "2nd Half", timedelta(minutes=3)) == (90.0, 1.5)
    assert minute("60'", "2nd Half", timedelta(hours=2)) == (64.5, 0.0)


def test_a_break_that_says_nothing_else_is_the_end_of_the_period():
    hockey = standing(Sport.HOCKEY, status=MatchStatus.PAUSED, home=2, away=2, minute=37.3)
    assert running(hockey).minute == 40.0
    for period in (None, "Break"):
        football = standing(status=MatchStatus.PAUSED, home=0, away=0, period=period, minute=44.5)
        assert (running(football).minute, running(football).stoppage) == (45.0, 99.0)
        extra = standing(status=MatchStatus.PAUSED, home=3, away=2, period=period, minute=90.0)
        state = running(extra)
        assert (state.home, state.away, state.late) == (2, 2, "overtime")


@pytest.mark.parametrize(
    ("league", "neutral"),
    [
        ("FIFA World Cup", True), ("UEFA Euro 2024", True), ("Copa America", True),
        ("World Cup Qualification", False), ("Friendlies", False),
    ],
)  # fmt: skip
def test_final_tournaments_of_nations_are_nobodys_home(league: str, *, neutral: bool):
    assert is_neutral(nations(), league) is neutral
    assert not is_neutral(skaters(), league)


def test_a_leagues_name_says_how_it_is_played():
    assert (surface_of("Wimbledon"), best_of("Wimbledon")) == ("grass", 5)
    assert (surface_of("ATP Masters 1000 Rome"), best_of("ATP Masters 1000 Rome")) == ("clay", None)
    assert best_of("US Open Qualifying") is None
    assert (quarter_minutes("NBA"), quarter_minutes("EuroLeague")) == (12.0, None)
