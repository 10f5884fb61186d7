"""Which parameters forecast a match."""

from datetime import date

import pytest

from app.history.shipped import with_shipped
from app.predictions.choice import Choice, choose
from app.predictions.models import Terms, fit, forecast
from app.predictions.parameters import Parameters
from app.sports.match import Sport
from tests.predictions.leagues import played

DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def football() -> list[Parameters]:
    """What a fresh installation knows of nations and of two leagues."""
    along = with_shipped([], Sport.FOOTBALL)
    found: list[Parameters] = []
    for league, model in (
        ("internationals", "football-nation-1"),
        ("premier-league", "football-club-1"),
        ("la-liga", "football-club-1"),
    ):
        of_league = [result for result in along if result.league == league]
        found.append(fit(model, of_league, DAY, league=league))
    return found


def chosen(football: list[Parameters], home: str, away: str, league: str) -> Choice:
    """Returns the choice for a match of football."""
    choice = choose(football, Sport.FOOTBALL, (home, away), league=league)
    assert choice is not None
    return choice


@pytest.mark.parametrize(
    ("home", "away", "league", "model", "of_league"),
    [
        ("Argentina", "France", "world-cup-2022", "football-nation-1", "internationals"),
        ("Korea Republic", "IR Iran", "friendly", "football-nation-1", "internationals"),
        ("Man Utd", "Arsenal FC", "premier-league", "football-club-1", "premier-league"),
        ("Real Madrid", "FC Barcelona", "copa-del-rey", "football-club-1", "la-liga"),
        ("Wolverhampton Wanderers", "Spurs", "fa-cup", "football-club-1", "premier-league"),
    ],
)
def test_those_who_know_both_sides_are_chosen(
    football: list[Parameters], home: str, away: str, league: str, model: str, of_league: str
):
    choice = chosen(football, home, away, league)
    assert choice.known == 2
    assert (choice.parameters.model, choice.parameters.league) == (model, of_league)


def test_two_sides_nobody_knows_are_clubs(football: list[Parameters]):
    choice = chosen(football, "Ajax", "PSV", "eredivisie")
    assert (choice.known, choice.parameters.model) == (0, "football-club-1")


def test_one_nation_that_is_known_makes_a_match_of_nations(football: list[Parameters]):
    choice = chosen(football, "Atlantis", "San Marino", "friendly")
    assert (choice.known, choice.parameters.model) == (1, "football-nation-1")


def test_of_sides_nobody_knows_the_league_decides(football: list[Parameters]):
    choice = chosen(football, "Nowhere Rovers", "Nobody Athletic", "la-liga")
    assert (choice.known, choice.parameters.league) == (0, "la-liga")
    said = forecast(choice.parameters, Terms(home=choice.home, away=choice.away))
    assert 0.2 < said.home < 0.7


def test_a_sport_nobody_learnt_has_no_choice(football: list[Parameters]):
    assert choose(football, Sport.TENNIS, ("a", "b"), league="atp") is None


def test_what_is_kept_counts_before_what_comes_along():
    kept = [
        played("arsenal", "chelsea", (7, 7), on=date(2023, 5, 2)),
        played("nobody", "no one", (1, 1), on=date(2025, 5, 2)),
    ]
    found = with_shipped(kept, Sport.FOOTBALL)
    of_day = [r for r in found if (r.played_on, r.home) == (date(2023, 5, 2), "arsenal")]
    assert [r.home_score for r in of_day] == [7]
    assert found[-1] == kept[1]
    assert len(found) == len(with_shipped([], Sport.FOOTBALL)) + 1
