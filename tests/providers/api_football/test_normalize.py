"""Fixtures and tables: statuses, clocks, periods, sides."""

import msgspec
import pytest

from app.providers.api_football.errors import items_of, opened
from app.providers.api_football.normalize import NAME, STATUSES, read_standings
from app.sports.match import MatchStatus, Period
from tests.providers.api_football.bodies import (
    NOW,
    body,
    codes_of,
    fixture,
    observed,
    pair,
    read,
    recorded,
    score_of,
)


def periods_of(item: dict[str, object]) -> list[tuple[str, int, int]]:
    return [(one.name, one.home, one.away) for one in score_of(item).periods]


def test_a_recorded_live_match_is_told_with_its_league_sides_and_score() -> None:
    (said,) = read(recorded("go-api-football/fixtures.json"), "fixtures").observations
    assert said.match is not None
    assert (said.provider, said.external_id, said.observed_at) == (NAME, "239625", NOW)
    league = said.match.league
    assert (league.external_id, league.name, league.country, league.season) == (
        "200", "Botola Pro", "Morocco", "2019",
    )  # fmt: skip
    assert (said.match.home.external_id, said.match.home.name) == ("967", "Rapide Oued ZEM")
    assert (said.match.away.external_id, said.match.away.name) == ("968", "Wydad AC")
    assert said.match.start_time.isoformat() == "2020-02-06T14:00:00+00:00"
    assert said.score is not None
    assert (said.score.status, said.score.home, said.score.away) == (MatchStatus.PAUSED, 0, 1)
    assert (said.score.period, said.score.clock) == ("Half-time", None)
    assert said.score.periods == (Period(name="1st Half", home=0, away=1),)
    assert said.incidents is None


def test_a_recorded_season_to_come_is_scheduled_without_a_score() -> None:
    answer = read(recorded("syurchen93/fixtures-bundes-ns-pst.json"), "fixtures")
    assert len(answer.observations) == 71
    assert answer.rejected == ()
    for said in answer.observations:
        assert said.score is not None
        assert (said.score.status, said.score.home) == (MatchStatus.SCHEDULED, None)


def test_there_are_nineteen_statuses_and_no_other_is_guessed() -> None:
    assert len(STATUSES) == 19
    for short, (status, _) in STATUSES.items():
        assert score_of(fixture(short)).status is status
    answer = read(body([fixture("Q1"), fixture("1H", number=2)]), "fixtures")
    assert [one.code for one in answer.rejected] == ["unknown_status"]
    assert [one.external_id for one in answer.observations] == ["2"]


@pytest.mark.parametrize(
    ("short", "elapsed", "extra", "period", "clock"),
    [
        ("1H", 30, None, "1st Half", "30'"),
        ("1H", 45, 2, "1st Half", "45+2'"),
        ("HT", 45, None, "Half-time", None),
        ("2H", 90, 4, "2nd Half", "90+4'"),
        ("2H", None, None, "2nd Half", None),
        ("ET", 105, 1, "Extra Time 1st Half", "105+1'"),
        ("ET", 110, None, "Extra Time 2nd Half", "110'"),
        ("ET", None, None, "Extra Time", None),
        ("BT", 90, None, "Extra Time Break", None),
        ("P", 120, None, "Penalties", None),
        ("LIVE", 12, None, None, "12'"),
        ("FT", 90, 6, None, None),
        ("NS", None, None, None, None),
    ],
)
def test_the_clock_is_in_footballs_manner(
    short: str, elapsed: int | None, extra: int | None, period: str | None, clock: str | None
) -> None:
    score = score_of(fixture(short, elapsed, extra))
    assert (score.period, score.clock) == (period, clock)


def test_each_period_has_its_own_goals_after_extra_time() -> None:
    score = {"halftime": pair(1, 0), "fulltime": pair(1, 1), "extratime": pair(1, 0)}
    item = fixture("AET", 120, goals=pair(2, 1), score=score)
    assert periods_of(item) == [("1st Half", 1, 0), ("2nd Half", 0, 1), ("Extra Time", 1, 0)]
    assert (score_of(item).home, score_of(item).away) == (2, 1)


def test_a_shoot_out_is_a_period_and_not_part_of_the_score() -> None:
    score = {
        "halftime": pair(2, 0), "fulltime": pair(2, 2),
        "extratime": pair(1, 1), "penalty": pair(4, 2),
    }  # fmt: skip
    item = fixture("PEN", 120, goals=pair(3, 3), score=score)
    assert score_of(item).status is MatchStatus.FINISHED
    assert (score_of(item).home, score_of(item).away) == (3, 3)
    assert periods_of(item) == [
        ("1st Half", 2, 0), ("2nd Half", 0, 2), ("Extra Time", 1, 1), ("Penalties", 4, 2),
    ]  # fmt: skip


def test_a_shoot_out_right_after_ninety_minutes_has_no_extra_time() -> None:
    score = {"halftime": pair(0, 0), "fulltime": pair(1, 1), "penalty": pair(3, 1)}
    item = fixture("PEN", 90, goals=pair(1, 1), score=score)
    assert periods_of(item) == [("1st Half", 0, 0), ("2nd Half", 1, 1), ("Penalties", 3, 1)]


def test_the_second_half_is_what_came_after_the_first_one() -> None:
    item = fixture("2H", 81, goals=pair(3, 1), score={"halftime": pair(2, 0)})
    assert periods_of(item) == [("1st Half", 2, 0), ("2nd Half", 1, 1)]


def test_an_interruption_in_the_first_half_has_no_second_one() -> None:
    item = fixture("SUSP", 20, goals=pair(1, 0), score={"halftime": pair(1, 0)})
    assert periods_of(item) == [("1st Half", 1, 0)]
    assert score_of(item).status is MatchStatus.INTERRUPTED


def test_periods_that_do_not_add_up_are_left_out_and_the_score_counts() -> None:
    item = fixture("2H", 60, goals=pair(1, 0), score={"halftime": pair(2, 0)})
    assert periods_of(item) == [("1st Half", 2, 0)]
    assert (score_of(item).home, score_of(item).away) == (1, 0)


def test_goals_of_one_side_only_are_no_score() -> None:
    assert codes_of(body([fixture(goals=pair(1, None))]), "fixtures") == ["bad_score"]


@pytest.mark.parametrize("goals", [pair(-1, 0), pair(1000, 0), pair(0, 10**30)])
def test_goals_that_cannot_be_are_set_aside(goals: dict[str, object]) -> None:
    assert codes_of(body([fixture(goals=goals)]), "fixtures") == ["unreadable"]


def test_a_team_does_not_play_itself() -> None:
    item = fixture()
    item["teams"]["away"] = item["teams"]["home"]
    assert codes_of(body([item]), "fixtures") == ["unreadable"]


def test_a_match_told_twice_otherwise_is_set_aside_once() -> None:
    twice = body([fixture(goals=pair(1, 0)), fixture(goals=pair(0, 0))])
    answer = read(twice, "fixtures")
    assert [one.code for one in answer.rejected] == ["duplicate"]
    assert [one.score.home for one in answer.observations if one.score] == [1]


def test_names_are_shown_on_one_line_without_what_cannot_be_seen() -> None:
    item = fixture()
    item["teams"]["home"]["name"] = " FC\u0000 A\u202e\n B "
    match = observed(item).match
    assert match is not None
    assert match.home.name == "FC A B"


def test_a_table_keeps_its_order_and_says_what_places_lead_to() -> None:
    raw = recorded("syurchen93/standings-epl-2022.json")
    (item,) = items_of(opened(raw, NOW), raw)
    table = read_standings(item)
    assert (table.league.external_id, table.league.season) == ("39", "2022")
    assert [row.rank for row in table.rows] == list(range(1, 21))
    first = table.rows[0]
    assert (first.participant.external_id, first.participant.name) == ("50", "Manchester City")
    assert (first.points, first.played, first.won, first.drawn, first.lost) == (89, 38, 28, 5, 5)
    assert (first.scored, first.conceded, first.form) == (94, 33, "LDWWW")


def test_a_table_that_is_none_says_so() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_standings(msgspec.Raw(b'{"league":{"id":1}}'))
