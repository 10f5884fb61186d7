"""Counting incidents."""

from app.catalog.statistics import in_snake_case, statistics_of


def test_keys_become_snake_case_and_values_stay():
    told = {"type": "goal", "homeScore": 1, "playerOn": "Saka", "tieBreakLoserPoints": 5}
    assert in_snake_case(told) == {
        "type": "goal",
        "home_score": 1,
        "player_on": "Saka",
        "tie_break_loser_points": 5,
    }


def test_every_kind_is_counted_for_its_side():
    cases = (
        ({"type": "goal"}, {"goals": 1}),
        ({"type": "goal", "how": "own_goal"}, {"goals": 1, "own_goal_goals": 1}),
        ({"type": "card", "colour": "red"}, {"red_cards": 1}),
        ({"type": "points", "points": 3}, {"points": 3, "3_point_baskets": 1}),
        ({"type": "penalty", "minutes": 2}, {"penalties": 1, "penalty_minutes": 2}),
        ({"type": "substitution"}, {"substitutions": 1}),
        ({"type": "set_won"}, {"sets": 1}),
        (
            {"type": "shootout_attempt", "scored": True},
            {"shootout_attempts": 1, "shootout_scored": 1},
        ),
        ({"type": "shootout_attempt", "scored": False}, {"shootout_attempts": 1}),
        ({"type": "retired"}, {}),
        ({"type": "something new"}, {}),
    )
    for incident, expected in cases:
        found = statistics_of([{**incident, "side": "away"}])
        assert found == {"home": {}, "away": expected}, incident


def test_what_is_of_no_side_is_not_counted():
    assert statistics_of([{"type": "period_started"}]) == {"home": {}, "away": {}}


def test_counts_add_up():
    goals = [{"type": "goal", "side": side} for side in ("home", "away", "home")]
    assert statistics_of(goals) == {"home": {"goals": 2}, "away": {"goals": 1}}
