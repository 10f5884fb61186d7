"""Odds before and during a match: lines, doubles, what is suspended, whose they are."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.providers.api_football import odds
from app.providers.provider import Answer
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.observation import ObservedQuote
from tests.providers.api_football.bodies import (
    NOW,
    Json,
    bet,
    body,
    codes_of,
    live_odds,
    markets_of,
    observed,
    offers_of,
    prematch_odds,
    read,
    recorded,
    value,
)

RESULT = bet(
    59, "Fulltime Result", value("Home", "1.3"), value("Draw", "4.333"), value("Away", "17")
)


MORE = (
    (MarketType.DOUBLE_CHANCE, None),
    (MarketType.DRAW_NO_BET, None),
    (MarketType.HANDICAP_3WAY, "1"),
    (MarketType.PERIOD_WINNER, "2"),
)


def handicap(*values: Json) -> Json:
    return bet(33, "Asian Handicap", *values)


def total(*values: Json) -> Json:
    return bet(36, "Over/Under Line", *values)


def book(name: str, *bets: Json, number: int = 8) -> Json:
    return {"id": number, "name": name, "bets": list(bets)}


def test_the_recorded_live_odds_tell_what_can_be_told_and_no_rounded_line() -> None:
    """Its lines are whole numbers, though one of them stands for up to four lines.

    Over "2" is at 1.615, the price of 1.5 goals, at 1.975, that of 1.75, which is marked as the
    main one, and at 2.675 and 3.45.
    """
    answer = read(recorded("go-api-football/odds_live.json"), "odds/live")
    (said,) = answer.observations
    assert (said.external_id, said.match, said.score, said.incidents) == (
        "721238", None, None, None,
    )  # fmt: skip
    assert said.observed_at == datetime(2022, 1, 27, 16, 21, 1, tzinfo=UTC)
    assert said.received_at == NOW
    by_question = {(m.type, m.line and str(m.line)): m for m in said.markets}
    assert list(by_question) == [
        (MarketType.WINNER, None),
        (MarketType.DOUBLE_CHANCE, None),
        (MarketType.DRAW_NO_BET, None),
        (MarketType.BOTH_TO_SCORE, None),
        *((MarketType.HANDICAP_3WAY, line) for line in ("1", "-3", "-2", "-1")),
        (MarketType.PERIOD_WINNER, "2"),
        (MarketType.CORRECT_SCORE, None),
    ]
    assert {kind.value: offers_of(by_question[kind, line]) for kind, line in MORE} == {
        "double_chance": {"home_draw": "1.025", "draw_away": "3.400", "home_away": "1.200"},
        "draw_no_bet": {"home": "1.050", "away": "11.000"},
        # They tell Home +1, Draw -1, Away -1 of one question.
        "handicap_3way": {"home": "1.025", "draw": "19.000", "away": "51.000"},
        "period_winner": {"home": "3.750", "draw": "1.833", "away": "3.400"},
    }
    scores = offers_of(by_question[MarketType.CORRECT_SCORE, None])
    assert (scores["1-0"], scores["2-1"]) == ("2.200", "9.000")
    winner, both = (
        by_question[kind, None] for kind in (MarketType.WINNER, MarketType.BOTH_TO_SCORE)
    )
    assert (winner.type, winner.line, winner.status) == (
        MarketType.WINNER, None, MarketStatus.OPEN,
    )  # fmt: skip
    assert winner.quotes == (
        ObservedQuote("api-football", SelectionKey.HOME, Decimal("1.3")),
        ObservedQuote("api-football", SelectionKey.DRAW, Decimal("4.333")),
        ObservedQuote("api-football", SelectionKey.AWAY, Decimal(17)),
    )
    assert both.type is MarketType.BOTH_TO_SCORE
    assert offers_of(both) == {"yes": "2.500", "no": "1.500"}
    assert [one.code for one in answer.rejected] == ["ambiguous_line"] * 5


def test_recorded_odds_of_a_market_we_do_not_know_are_nothing() -> None:
    assert read(recorded("api-football-go-client/odds.json"), "odds") == Answer()


def test_live_each_side_has_its_own_handicap_and_ours_is_the_home_sides() -> None:
    markets = markets_of(
        handicap(
            value("Home", "1.85", "-0.25", main=True),
            value("Away", "1.95", "0.25", main=True),
            value("Home", "1.375", "0"),
            value("Away", "2.825", "-0"),
            value("Home", "1.23", "0.25"),
            value("Away", "3.8", "-0.25"),
        )
    )
    assert {str(market.line): offers_of(market) for market in markets} == {
        "-0.25": {"home": "1.850", "away": "1.950"},
        "0": {"home": "1.375", "away": "2.825"},
        "0.25": {"home": "1.230", "away": "3.800"},
    }


def test_before_the_match_both_sides_are_told_with_the_home_sides_handicap() -> None:
    asian = bet(
        4, "Asian Handicap",
        {"value": "Home -1", "odd": "2.34"}, {"value": "Away -1", "odd": "1.60"},
        {"value": "Home +0.25", "odd": "1.19"}, {"value": "Away +0.25", "odd": "4.15"},
    )  # fmt: skip
    said = observed(prematch_odds([book("Bet365", asian)]), "odds")
    assert {str(market.line): offers_of(market) for market in said.markets} == {
        "-1": {"home": "2.340", "away": "1.600"},
        "0.25": {"home": "1.190", "away": "4.150"},
    }


def prices(number: int, name: str, *told: tuple[str, str]) -> Json:
    return bet(number, name, *({"value": text, "odd": odd} for text, odd in told))


def test_before_the_match_every_question_of_bets_is_read() -> None:
    bets = (
        prices(2, "Home/Away", ("Home", "1.4"), ("Away", "2.9")),
        prices(3, "Second Half Winner", ("Home", "2.1"), ("Draw", "2.5"), ("Away", "4")),
        prices(9, "Handicap Result", ("Home -1", "3.4"), ("Draw -1", "3.6"), ("Away -1", "1.9")),
        prices(10, "Exact Score", ("1:0", "7.5"), ("2:1", "9"), ("0:10", "900"), ("other", "30")),
        prices(12, "Double Chance", ("Home/Draw", "1.2"), ("Draw/Away", "2"), ("Home/Away", "1.3")),
        prices(13, "First Half Winner", ("Home", "2.6"), ("Draw", "2.1"), ("Away", "4.5")),
        prices(16, "Total - Home", ("Over 1.5", "1.9"), ("Under 1.5", "1.8")),
        prices(17, "Total - Away", ("Over 0.5", "1.5"), ("Under 0.5", "2.4")),
        prices(6, "Goals Over/Under First Half", ("Over 1.5", "2.4"), ("Under 1.5", "1.5")),
    )
    answer = read(body([prematch_odds([book("Bet365", *bets)])]), "odds")
    assert not answer.rejected
    (said,) = answer.observations
    told = {(m.type.value, m.line and str(m.line)): list(offers_of(m)) for m in said.markets}
    assert told == {
        ("draw_no_bet", None): ["home", "away"],
        ("period_winner", "2"): ["home", "draw", "away"],
        ("handicap_3way", "-1"): ["home", "draw", "away"],
        ("correct_score", None): ["1-0", "2-1", "0-10"],
        ("double_chance", None): ["home_draw", "draw_away", "home_away"],
        ("period_winner", "1"): ["home", "draw", "away"],
        ("home_total", "1.5"): ["over", "under"],
        ("away_total", "0.5"): ["over", "under"],
    }


def test_of_rows_alike_the_main_one_counts() -> None:
    (line, other) = markets_of(
        total(
            value("Over", "1.425", "0.5", main=False),
            value("Over", "1.9", "2", main=True),
            value("Over", "2.6", "2", main=False),
            value("Under", "1.8", "2"),
        )
    )
    assert (line.line, offers_of(line)) == (Decimal("0.5"), {"over": "1.425"})
    assert (other.line, offers_of(other)) == (Decimal(2), {"over": "1.900", "under": "1.800"})


@pytest.mark.parametrize("main", [(False, False), (True, True), (None, None)])
def test_of_rows_alike_without_one_main_none_is_guessed(main: tuple[bool, bool]) -> None:
    raw = live_odds(
        [
            total(
                value("Over", "1.9", "2.5", main=main[0]),
                value("Over", "2.6", "2.5", main=main[1]),
                value("Under", "1.8", "2.5"),
                value("Over", "3.1", "3.5"),
            )
        ]
    )
    answer = read(body([raw]), "odds/live")
    assert [one.code for one in answer.rejected] == ["ambiguous_line"]
    (said,) = answer.observations
    assert [str(market.line) for market in said.markets] == ["3.5"]


def test_the_same_row_twice_is_no_contradiction() -> None:
    (market,) = markets_of(total(value("Over", "1.9", "2.5"), value("Over", "1.90", 2.5)))
    assert offers_of(market) == {"over": "1.900"}


def test_two_bets_on_one_question_are_one_market() -> None:
    goals = bet(25, "Match Goals", value("Over", "1.95", "2.5"), value("Over", "3.2", "3.5"))
    markets = markets_of(goals, total(value("Over", "1.9", "2.5"), value("Under", "1.9", "2.5")))
    assert {str(market.line): offers_of(market) for market in markets} == {
        "2.5": {"over": "1.900", "under": "1.900"},
        "3.5": {"over": "3.200"},
    }


def test_two_bets_far_apart_on_one_line_are_not_believed() -> None:
    goals = bet(25, "Match Goals", value("Over", "1.3", "2.5"))
    raw = body([live_odds([RESULT, goals, total(value("Over", "1.9", "2.5"))])])
    assert codes_of(raw, "odds/live") == ["ambiguous_line"]
    (said,) = read(raw, "odds/live").observations
    assert [market.type for market in said.markets] == [MarketType.WINNER]


def test_a_suspended_selection_offers_nothing_whatever_its_odds() -> None:
    (market,) = markets_of(
        bet(69, "Both Teams to Score", value("Yes", "2.5", suspended=True), value("No", "1.5"))
    )
    assert market.status is MarketStatus.OPEN
    assert offers_of(market) == {"yes": None, "no": "1.500"}


def test_odds_of_zero_or_out_of_bounds_are_no_offer() -> None:
    values = [value("Home", "0"), value("Draw", "1.00"), value("Away", "1001")]
    (market,) = markets_of(bet(59, "Fulltime Result", *values))
    assert offers_of(market) == {"home": None, "draw": None, "away": None}
    assert (market.status, market.reason) == (MarketStatus.SUSPENDED, "no_offer")


@pytest.mark.parametrize("odd", ["", "evens", "1,5", "1_5", "NaN", "٣", "1e1", "-"])
def test_odds_that_are_no_number_are_set_aside_and_the_others_count(odd: str) -> None:
    raw = body([live_odds([bet(69, "Both Teams to Score", value("Yes", odd), value("No", 1.5))])])
    assert codes_of(raw, "odds/live") == ["bad_odds"]
    assert offers_of(read(raw, "odds/live").observations[0].markets[0]) == {"no": "1.500"}


@pytest.mark.parametrize("line", [None, "", "2.3", "100", "two"])
def test_a_line_that_is_none_is_set_aside(line: str | None) -> None:
    raw = body([live_odds([RESULT, total(value("Over", "1.9", line))])])
    assert codes_of(raw, "odds/live") == ["bad_line"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("finished", "not_in_play"), ("stopped", "match_stopped"), ("blocked", "blocked")],
)
def test_what_holds_for_all_bets_suspends_every_market_with_its_reason(
    word: str, reason: str
) -> None:
    (said,) = read(body([live_odds([RESULT], status={word: True})]), "odds/live").observations
    assert [(one.status, one.reason) for one in said.markets] == [(MarketStatus.SUSPENDED, reason)]
    assert offers_of(said.markets[0])["home"] == "1.300"


def test_a_bet_is_known_by_its_id_and_its_name() -> None:
    renumbered = bet(1, "Match Winner", value("Home", "1.3"))  # The id before the match.
    renamed = bet(59, "Fulltime Result (2nd Half)", value("Home", "1.3"))
    assert read(body([live_odds([renumbered, renamed])]), "odds/live") == Answer()


def test_a_value_may_be_a_number_and_an_answer_we_do_not_have() -> None:
    (market,) = markets_of(
        total(value(4, "7.00"), value("Exactly", "4", "2.5"), value("Under", "1.9", "2.5"))
    )
    assert offers_of(market) == {"under": "1.900"}


def test_bookmakers_are_told_apart_by_their_slug() -> None:
    winner = bet(1, "Match Winner", {"value": "Home", "odd": "1.22"})
    said = observed(
        prematch_odds(
            [
                book("Pinnacle", winner),
                book("William Hill", winner),
                book("博狗", winner, number=77),
            ]
        ),
        "odds",
    )
    (market,) = said.markets
    assert [quote.bookmaker for quote in market.quotes] == [
        "pinnacle", "william-hill", "api-football-77",
    ]  # fmt: skip
    assert said.observed_at == datetime(2026, 6, 1, 16, tzinfo=UTC)


def test_odds_before_the_match_are_no_offer_once_it_has_begun() -> None:
    winner = bet(1, "Match Winner", {"value": "Home", "odd": "1.22"})
    item = prematch_odds([book("Pinnacle", winner)], timestamp=int(NOW.timestamp()) - 60)
    said = observed(item, "odds")
    assert said.observed_at == NOW
    assert [offers_of(market) for market in said.markets] == [{"home": None}]
    assert said.markets[0].status is MarketStatus.SUSPENDED


def test_a_bookmaker_that_cannot_be_read_costs_only_itself() -> None:
    winner = bet(1, "Match Winner", {"value": "Home", "odd": "1.22"})
    raw = body([prematch_odds([{"id": "?"}, book("", winner), book("Bwin", winner)])])
    assert codes_of(raw, "odds") == ["unreadable", "unreadable"]
    assert len(read(raw, "odds").observations[0].markets[0].quotes) == 1


def test_a_clock_that_runs_ahead_is_held_back_and_one_that_is_none_is_said() -> None:
    (said,) = read(
        body([live_odds([RESULT], update="2036-06-01T00:00:00+00:00")]), "odds/live"
    ).observations
    assert said.observed_at == NOW
    assert codes_of(body([live_odds([RESULT], update="soon")]), "odds/live") == ["bad_time"]


def test_a_match_that_goes_on_over_two_pages_has_the_bookmakers_of_both() -> None:
    winner = bet(1, "Match Winner", {"value": "Home", "odd": "1.22"})
    pages = [read(body([prematch_odds([book(name, winner)])]), "odds") for name in ("A", "B", "A")]
    (said,) = odds.pages_as_one(pages).observations
    (market,) = said.markets
    assert [quote.bookmaker for quote in market.quotes] == ["a", "b"]
