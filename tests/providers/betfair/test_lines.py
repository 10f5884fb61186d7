"""Which runner is which answer."""

from decimal import Decimal

import pytest

from app.providers.betfair.lines import (
    correct_score,
    double_chance,
    handicaps,
    names_of,
    over_under,
    quarters,
    sides_of,
    three_way,
    totals,
    two_way,
)
from app.providers.betfair.payloads import RunnerCatalogue
from app.providers.items import Unfit
from tests.providers.betfair.bodies import ASIAN, GOAL_LINES, TOTAL, WINNER, Runner


def runners(*told: Runner) -> list[RunnerCatalogue]:
    return [
        RunnerCatalogue(
            selection_id=one[0],
            runner_name=one[1],
            handicap=Decimal(str(one[2])),
            sort_priority=place,
        )
        for place, one in enumerate(told, 1)
    ]


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("Arsenal v Chelsea", ("Arsenal", "Chelsea")),
        ("Arsenal vs Chelsea", ("Arsenal", "Chelsea")),
        ("Boston Celtics @ Miami Heat", ("Miami Heat", "Boston Celtics")),
        ("Viktoria v FC Vaduz v2", ("Viktoria", "FC Vaduz v2")),
        ("Thirsk 29th Jul", None),
        ("English Premier League", None),
        ("", None),
    ],
)
def test_the_name_of_an_event_says_who_is_at_home(name: str, sides: tuple[str, str] | None):
    assert names_of(name) == sides


@pytest.mark.parametrize(
    ("event", "told", "home"),
    [
        ("Arsenal v Chelsea", ((1, "Arsenal", 0), (2, "Chelsea", 0)), 1),
        ("Arsenal v Chelsea", ((2, "Chelsea", 0), (1, "Arsenal", 0)), 1),
        ("Celtics @ Heat", ((1, "Celtics", 0), (2, "Heat", 0)), 2),
        ("Celtics @ Heat", ((1, "Heat", 0), (2, "Celtics", 0)), 1),
        # Spelt otherwise: their order is that of the name.
        ("R Nadal v N Djokovic", ((1, "Rafael Nadal", 0), (2, "Novak Djokovic", 0)), 1),
        ("BOS @ MIA", ((1, "Celtics", 0), (2, "Heat", 0)), 2),
        ("Arsenal v Man Utd", ((1, "Manchester United", 0), (2, "arsenal", 0)), 2),
    ],
)
def test_sides_are_told_by_name_and_else_by_order(event: str, told: tuple[Runner, ...], home: int):
    sides = sides_of(event, runners(*told))
    assert sides is not None
    assert sides.home.selection_id == home
    assert sides.away.selection_id != home


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("Inter v Inter", ((1, "Inter", 0), (2, "Inter", 0))),
        ("Arsenal v Chelsea", ((1, "Chelsea", 0), (2, "Chelsea", 0))),
        ("Arsenal v Chelsea", ((1, "Arsenal", 0),)),
        ("Arsenal v Chelsea", ((1, "Arsenal", 0), (2, "Chelsea", 0), (3, "Spurs", 0))),
    ],
)
def test_sides_that_could_be_either_are_never_guessed(event: str, told: tuple[Runner, ...]):
    with pytest.raises(Unfit):
        sides_of(event, runners(*told))


def test_without_an_order_names_must_tell():
    blank = [
        RunnerCatalogue(selection_id=1, runner_name="Rafael Nadal"),
        RunnerCatalogue(selection_id=2, runner_name="Novak Djokovic"),
    ]
    with pytest.raises(Unfit):
        sides_of("R Nadal v N Djokovic", blank)


@pytest.mark.parametrize(
    ("handicap", "line"),
    [("-0.75", "-0.75"), ("2.50", "2.5"), ("10", "10"), ("-0.0", "0"), ("1E+1", "10")],
)
def test_a_line_has_one_plain_form(handicap: str, line: str):
    assert str(quarters(Decimal(handicap))) == line


@pytest.mark.parametrize("handicap", ["0.3", "NaN", "sNaN", "Infinity", "1E+300", "400.25"])
def test_what_is_no_quarter_is_no_line(handicap: str):
    assert quarters(Decimal(handicap)) is None


def test_a_handicap_is_what_is_added_to_the_home_side():
    answers = handicaps("Arsenal v Chelsea", runners(*ASIAN))
    told = {key: (str(one.line), one.key) for key, one in answers.items()}
    assert told[1096, Decimal("-0.75")] == ("-0.75", "home")
    assert told[55190, Decimal("0.75")] == ("-0.75", "away")
    assert told[55190, Decimal(0)] == ("0", "away")


def test_in_american_order_too_the_line_is_the_home_sides():
    told = runners((1, "Celtics", -5.5), (2, "Heat", 5.5))
    answers = handicaps("Celtics @ Heat", told)
    assert {(str(q.line), q.key) for q in answers.values()} == {
        ("5.5", "home"),
        ("5.5", "away"),
    }


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ambiguous_line", (*ASIAN, (1096, "Arsenal", -0.75))),
        ("bad_line", (*ASIAN, (1096, "Arsenal", -0.3))),
        ("ambiguous_runners", (*ASIAN, (9, "Spurs", 0.25))),
    ],
)
def test_handicaps_that_contradict_themselves_are_refused(code: str, told: tuple[Runner, ...]):
    with pytest.raises(Unfit) as refused:
        handicaps("Arsenal v Chelsea", runners(*told))
    assert refused.value.code == code


def test_over_and_under_are_told_by_name_not_by_place():
    answers = over_under(Decimal("2.5"))("Arsenal v Chelsea", runners(*TOTAL))
    assert [one.key for one in answers.values()] == ["under", "over"]
    lines = totals("Arsenal v Chelsea", runners(*GOAL_LINES))
    assert {str(one.line) for one in lines.values()} == {"2.5", "2.75"}


def test_runners_of_another_line_than_their_markets_are_refused():
    with pytest.raises(Unfit, match="another line"):
        over_under(Decimal("3.5"))("Arsenal v Chelsea", runners(*TOTAL))


def test_a_winner_of_three_ways_needs_its_draw_and_one_of_two_has_none():
    three, two = runners(*WINNER), runners(*WINNER[:2])
    assert len(three_way("Arsenal v Chelsea", three)) == 3
    assert len(two_way("Arsenal v Chelsea", two)) == 2
    assert three_way("Arsenal v Chelsea", two) == {}
    assert two_way("Arsenal v Chelsea", three) == {}
    assert two_way("Winner 2016/17", two) == {}


def test_a_double_chance_is_known_by_its_words():
    told = ((1, "Home or Draw", 0), (2, "Draw or Away", 0), (3, "Home or Away", 0))
    answers = double_chance("Arsenal v Chelsea", runners(*told))
    assert [q.key for q in answers.values()] == ["home_draw", "draw_away", "home_away"]
    with pytest.raises(Unfit):
        double_chance("Arsenal v Chelsea", runners((1, "Arsenal or Draw", 0)))


def test_scores_are_read_and_any_other_is_left_out():
    told = ((1, "0 - 0", 0), (2, "2 - 1", 0), (3, "Any Other Home Win", 0))
    answers = correct_score("Arsenal v Chelsea", runners(*told))
    assert {key[0]: q.key for key, q in answers.items()} == {1: "0-0", 2: "2-1"}


def test_a_score_in_sets_is_told_from_the_side_it_names():
    told = ((1, "Samsonova 2 - 1", 0), (2, "Lepchenko 2 - 0", 0))
    answers = correct_score("Samsonova v Lepchenko", runners(*told))
    assert [q.key for q in answers.values()] == ["2-1", "0-2"]
    with pytest.raises(Unfit):
        correct_score("Samsonova v Lepchenko", runners((1, "Nadal 2 - 0", 0)))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("English Premier League", (1, "1 - 0", 0)),
        ("Arsenal v Chelsea", (1, "Any Unquoted", 0)),
        ("Arsenal v Chelsea", (1, "10 - 100", 0)),
    ],
)
def test_what_is_no_score_is_no_answer(event: str, told: Runner):
    assert correct_score(event, runners(told)) == {}
