"""Events without ids and order become incidents with keys that stay."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.sports.incidents import Card, Goal, Incident, ShootoutAttempt, Substitution
from tests.providers.api_football.bodies import (
    AWAY,
    HOME,
    Json,
    body,
    event,
    fixture,
    goal,
    incidents_of,
    pair,
    read,
)

MESSI, OTHER = (154, "L. Messi"), (155, "Another")


def goals_of(*events: Json, home: int = 9, away: int = 9) -> list[tuple[str, int, int]]:
    told = incidents_of(events, home, away)
    return [(one.side, one.home, one.away) for one in told if isinstance(one, Goal)]


def keys_of(events: list[Json]) -> dict[str, Incident]:
    return {one.key: one for one in incidents_of(events)}


def test_goals_are_told_with_the_score_after_them_in_the_order_of_minutes() -> None:
    late, early = goal(45, 1, team=AWAY), goal(8, player=MESSI, assist=OTHER)
    first, second = incidents_of([late, early])
    assert first == Goal(
        key=f"goal/{HOME}/8+0", side="home", home=1, away=0, period="1st Half", clock="8'",
        player="L. Messi", assist="Another",
    )  # fmt: skip
    assert isinstance(second, Goal)
    assert (second.side, second.home, second.away, second.clock) == ("away", 1, 1, "45+1'")


def test_an_own_goal_is_listed_under_the_team_it_counts_for() -> None:
    (told,) = incidents_of([goal(28, detail="Own Goal", player=(7, "S. Chakla"))])
    assert isinstance(told, Goal)
    assert (told.side, told.home, told.away, told.how) == ("home", 1, 0, "own_goal")


def test_a_penalty_is_a_goal_and_a_missed_one_is_none() -> None:
    missed, scored = goal(29, detail="Missed Penalty"), goal(39, detail="Penalty")
    (told,) = incidents_of([missed, scored])
    assert isinstance(told, Goal)
    assert (told.home, told.how) == (1, "penalty")


def test_a_goal_that_a_review_cancelled_is_no_goal() -> None:
    review = event("Var", "Goal Disallowed - offside", 31, team=HOME, player=OTHER)
    listed = [goal(10, player=MESSI), goal(30, player=OTHER), review, goal(40, player=MESSI)]
    # They still list it, and the score is without it.
    assert goals_of(*listed, home=2, away=0) == [("home", 1, 0), ("home", 2, 0)]
    told = incidents_of(listed, 2, 0)
    assert [one.clock for one in told] == ["10'", "40'"]
    # They have taken it back themselves.
    assert len(goals_of(listed[0], review, listed[3], home=2, away=0)) == 2
    # The score still has it: the review is not through.
    assert len(goals_of(*listed, home=3, away=0)) == 3


def test_a_goal_called_cancelled_is_none() -> None:
    assert goals_of(event("Goal", "Goal cancelled", 20)) == []


def test_other_reviews_change_nothing() -> None:
    assert incidents_of([event("Var", "Penalty confirmed", 20)]) == ()


def test_attempts_of_a_shoot_out_are_counted_apart() -> None:
    shots = [
        event("Goal", "Penalty", 120, 1, team=HOME, player=MESSI, comments="Penalty Shootout"),
        event("Goal", "Missed Penalty", 120, 1, team=AWAY, comments="Penalty Shootout"),
        event("Goal", "Penalty", 120, 2, team=HOME, comments="Penalty Shootout"),
    ]
    told = incidents_of([goal(10), *shots], home=1, away=0)
    attempts = [one for one in told if isinstance(one, ShootoutAttempt)]
    assert [(one.side, one.scored, one.home, one.away) for one in attempts] == [
        ("home", True, 1, 0), ("away", False, 1, 0), ("home", True, 2, 0),
    ]  # fmt: skip
    assert [one.period for one in attempts] == ["Penalties"] * 3
    assert len([one for one in told if isinstance(one, Goal)]) == 1


def test_cards_have_colours() -> None:
    told = incidents_of(
        [
            event("Card", "Yellow Card", 10, player=MESSI),
            event("Card", "Second Yellow card", 51, player=MESSI),
            event("Card", "Red Card", 60, team=AWAY, player=OTHER),
        ]
    )
    cards = [(one.side, one.colour, one.player) for one in told if isinstance(one, Card)]
    assert cards == [
        ("home", "yellow", "L. Messi"), ("home", "second_yellow", "L. Messi"),
        ("away", "red", "Another"),
    ]  # fmt: skip


def test_usually_who_goes_off_is_named_first() -> None:
    change = event("subst", "Substitution 1", 62, player=MESSI, assist=OTHER)
    (told,) = incidents_of([change])
    assert isinstance(told, Substitution)
    assert (told.player_off, told.player_on) == ("L. Messi", "Another")


def test_who_did_something_before_goes_off_however_they_are_named() -> None:
    scored = goal(10, player=MESSI)
    change = event("subst", "Substitution 1", 62, player=OTHER, assist=MESSI)
    told = incidents_of([scored, change])
    assert isinstance(told[1], Substitution)
    assert (told[1].player_off, told[1].player_on) == ("L. Messi", "Another")
    # Turned round later, as they do: still the same incident.
    again = event("subst", "Substitution 1", 62, player=MESSI, assist=OTHER)
    assert incidents_of([scored, again])[1] == told[1]


def test_a_goal_keeps_its_key_when_its_scorer_becomes_known() -> None:
    (before,), (after,) = incidents_of([goal(24)]), incidents_of([goal(24, player=MESSI)])
    assert before.key == after.key


def test_the_same_told_twice_is_told_once() -> None:
    card = event("Card", "Yellow Card", 10, player=MESSI)
    assert len(incidents_of([card, card])) == 1
    assert goals_of(goal(10), goal(10), home=1, away=0) == [("home", 1, 0)]
    # Two goals in one minute, if the score says so.
    assert len(goals_of(goal(10), goal(10), home=2, away=0)) == 2


def test_an_event_that_cannot_be_read_silences_all_and_costs_no_score() -> None:
    for spoiled, code in [
        ({**goal(20), "time": None}, "unreadable_event"),
        (goal(20, team=99), "unknown_side"),
        (event("Card", "Blue Card", 20), "unknown_incident"),
        (goal(20, detail="Golden Goal"), "unknown_incident"),
    ]:
        answer = read(body([fixture(events=[goal(10), spoiled])]), "fixtures")
        assert [one.code for one in answer.rejected] == [code]
        (said,) = answer.observations
        assert said.incidents is None
        assert said.score is not None


def test_what_we_have_no_word_for_is_left_out() -> None:
    assert incidents_of([event("Weather", "Rain", 20)]) == ()


def test_a_match_with_more_events_than_can_be_is_set_aside() -> None:
    events = [event("Card", "Yellow Card", 10, player=(n, "P")) for n in range(1, 502)]
    answer = read(body([fixture(events=events)]), "fixtures")
    assert [one.code for one in answer.rejected] == ["too_many_events"]


def test_a_card_before_the_kick_off_has_no_clock() -> None:
    (told,) = incidents_of([event("Card", "Red Card", -5)])
    assert (told.clock, told.period) == (None, None)


def _events() -> st.SearchStrategy[list[Json]]:
    """Different events, no two of a kind in one minute by one player of one team."""
    kinds = st.sampled_from(
        [("Goal", "Normal Goal"), ("Card", "Yellow Card"), ("subst", "Substitution 1")]
    )

    def one(what: tuple[Any, ...]) -> Json:
        (kind, detail), elapsed, team, number = what
        other = (number + 100, f"Q{number}")
        return event(
            kind, detail, elapsed, team=team, player=(number, f"P{number}"),
            assist=other if kind == "subst" else (None, None),
        )  # fmt: skip

    parts = st.tuples(kinds, st.integers(1, 90), st.sampled_from([HOME, AWAY]), st.integers(1, 9))
    return st.lists(
        parts, max_size=12, unique_by=lambda part: part if part[0][0] != "Goal" else part[:3]
    ).map(lambda many: [one(part) for part in many])


@given(_events(), st.randoms(use_true_random=False))
def test_keys_do_not_depend_on_order_nor_on_what_else_is_told(
    events: list[Json], chance: random.Random
) -> None:
    whole = keys_of(events)
    assert len(whole) == len(events)
    mixed = chance.sample(events, len(events))
    assert set(keys_of(mixed)) == set(whole)
    fewer = [one for one in events if chance.random() < 0.5]
    assert set(keys_of(fewer)) <= set(whole)
    for key, incident in keys_of(fewer).items():
        assert type(incident) is type(whole[key])
        assert getattr(incident, "player", None) == getattr(whole[key], "player", None)


def test_incidents_end_with_the_score() -> None:
    events = [goal(10), goal(20, team=AWAY), goal(30), goal(80, detail="Own Goal", team=AWAY)]
    item = fixture("2H", 85, goals=pair(2, 2), events=events)
    (said,) = read(body([item]), "fixtures").observations
    assert said.incidents is not None
    last = said.incidents[-1]
    assert isinstance(last, Goal)
    assert said.score is not None
    assert (last.home, last.away) == (said.score.home, said.score.away)
