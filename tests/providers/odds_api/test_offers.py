"""What a bookmaker's market offers, line by line."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from app.providers.odds_api.offers import OddsFormat, odds_of
from app.providers.odds_api.sports import rules_of
from app.providers.provider import Answer
from app.sports.market import MarketType
from tests.providers.odds_api.bodies import (
    AWAY,
    FOOTBALL,
    HOCKEY,
    HOME,
    a_market,
    an_event,
    codes_of,
    odds_in,
)


def test_tennis_is_asked_for_its_winner_only_and_its_lines_are_of_games():
    assert rules_of("tennis_harbour_open").markets == ("h2h",)
    markets = [
        a_market("h2h", ("Home", 1.5), ("Away", 2.6)),
        a_market("totals", ("Over", 1.9, 22.5), ("Under", 1.9, 22.5)),
    ]
    (said,) = odds_in(
        an_event(markets, sport_key="tennis_harbour_open"), "tennis_harbour_open"
    ).observations
    assert [(market.type, market.line) for market in said.markets] == [
        (MarketType.WINNER, None),
        (MarketType.TOTAL, Decimal("22.5")),
    ]


THREE = (("Home", 2.1), ("Draw", 3.4), ("Away", 3.6))


@pytest.mark.parametrize(
    ("sport_key", "key", "outcomes", "asked", "answers"),
    [
        (HOCKEY, "h2h_3_way", THREE, (MarketType.WINNER_3WAY, None), ["home", "draw", "away"]),
        (FOOTBALL, "h2h_3_way", THREE, (MarketType.WINNER, None), ["home", "draw", "away"]),
        (FOOTBALL, "h2h_h1", THREE, (MarketType.PERIOD_WINNER, 1), ["home", "draw", "away"]),
        (HOCKEY, "h2h_3_way_p3", THREE, (MarketType.PERIOD_WINNER, 3), ["home", "draw", "away"]),
        (FOOTBALL, "draw_no_bet", THREE[::2], (MarketType.DRAW_NO_BET, None), ["home", "away"]),
        (
            FOOTBALL,
            "double_chance",
            (("Home or Draw", 1.2), ("Draw or Away", 2), ("Away/Home", 1.3)),
            (MarketType.DOUBLE_CHANCE, None),
            ["home_draw", "draw_away", "home_away"],
        ),
        (
            FOOTBALL,
            "btts",
            (("Yes", 1.8), ("No", 2)),
            (MarketType.BOTH_TO_SCORE, None),
            ["yes", "no"],
        ),
        (
            FOOTBALL,
            "alternate_spreads",
            (("Home", 1.8, -1.25), ("Away", 2, 1.25)),
            (MarketType.HANDICAP, Decimal("-1.25")),
            ["home", "away"],
        ),
        (
            FOOTBALL,
            "team_totals",
            (("Over", 1.8, 1.5, "Away"), ("Under", 2, 1.5, "Away")),
            (MarketType.AWAY_TOTAL, Decimal("1.5")),
            ["over", "under"],
        ),
    ],
)
def test_the_other_questions_of_bets_are_read(
    sport_key: str,
    key: str,
    outcomes: Sequence[tuple[str, object]],
    asked: tuple[MarketType, Decimal | None],
    answers: list[str],
):
    answer = odds_in(an_event([a_market(key, *outcomes)], sport_key=sport_key), sport_key)
    (market,) = answer.observations[0].markets
    assert (market.type, market.line) == asked
    assert [quote.selection for quote in market.quotes] == answers


@pytest.mark.parametrize(
    ("key", "outcomes"),
    [
        # Without a draw among the answers a half is another question; so is a chance of two.
        ("h2h_h1", THREE[::2]),
        ("draw_no_bet", THREE),
        ("double_chance", (("Home or Draw", 1.2), ("Draw or Away", 2))),
        ("btts", (("Yes", 1.8),)),
    ],
)
def test_half_a_question_is_left_out(key: str, outcomes: Sequence[tuple[str, object]]):
    assert odds_in(an_event([a_market(key, *outcomes)])) == Answer()


@pytest.mark.parametrize(
    "outcomes",
    [
        (("Home", 1.5), ("Away", 2.6)),  # No draw: the stake comes back.
        (("Home", 1.5), ("Draw", 2.6)),
        (("Home", 1.5),),
        (),
    ],
)
def test_another_question_under_the_name_of_winner_is_left_out(
    outcomes: tuple[tuple[str, object], ...],
):
    assert odds_in(an_event([a_market("h2h", *outcomes)])) == Answer()


@pytest.mark.parametrize(
    ("key", "outcomes", "code"),
    [
        ("h2h", (("Home", 1.5), ("away", 2.6), ("Draw", 4)), "unknown_outcome"),
        ("h2h", (("Home", 1.5), ("Home", 1.6), ("Away", 2.6), ("Draw", 4)), "ambiguous_line"),
        ("totals", (("Over", 1.5, 2.5), ("Below", 2.6, 2.5)), "unknown_outcome"),
        ("totals", (("Over", 1.5), ("Under", 2.6)), "ambiguous_line"),
        ("totals", (("Over", 1.5, 2.5), ("Under", 2.6, 3.5)), "ambiguous_line"),
        ("totals", (("Over", 1.5, 2.1), ("Under", 2.6, 2.1)), "bad_line"),
        ("totals", (("Over", 1.5, 1000), ("Under", 2.6, 1000)), "bad_line"),
        ("totals", (("Over", 1.5, "NaN"), ("Under", 2.6, "NaN")), "bad_line"),
        ("totals", (("Over", 1.5, "1e9999"), ("Under", 2.6, 2.5)), "bad_line"),
        ("spreads", (("Home", 1.9, -1.5), ("Away", 1.9, -1.5)), "ambiguous_line"),
        ("spreads", (("Home", 1.9, -1.5), ("Draw", 1.9, 1.5)), "unknown_outcome"),
        ("team_totals", (("Over", 1.8, 1.5), ("Under", 2, 1.5)), "unknown_outcome"),
        ("double_chance", (("Home or Nobody", 1.2),), "unknown_outcome"),
        ("btts", (("Perhaps", 1.2),), "unknown_outcome"),
        ("h2h", (("Home", "NaN"), ("Away", 2.6), ("Draw", 4)), "bad_odds"),
        ("h2h", (("Home", "sNaN"), ("Away", 2.6), ("Draw", 4)), "bad_odds"),
        ("h2h", (("Home", "1e99999999999999999999"), ("Away", 2.6), ("Draw", 4)), "unreadable"),
        ("totals", (("Over", 1.5, "sNaN"), ("Under", 2.6, "sNaN")), "bad_line"),
        ("totals", (("Over", 1.5, "1e-999999"), ("Under", 2.6, "1e-999999")), "bad_line"),
        ("h2h", (("Home", -2), ("Away", 2.6), ("Draw", 4)), "bad_odds"),
        ("h2h", (("Home", 20_000), ("Away", 2.6), ("Draw", 4)), "bad_odds"),
        ("h2h", (("Home", True), ("Away", 2.6), ("Draw", 4)), "unreadable"),
        ("h2h", (("Home", {}), ("Away", 2.6), ("Draw", 4)), "unreadable"),
    ],
)
def test_a_market_that_cannot_be_believed_is_set_aside_with_its_reason(
    key: str, outcomes: Sequence[tuple[str, object]], code: str
):
    answer = odds_in(an_event([a_market(key, *outcomes)]))
    assert answer.observations == ()
    assert codes_of(answer) == [(0, code)]


@pytest.mark.parametrize("point", [0, -0.0, 2, -2, 2.25, -0.75, 999.75])
def test_a_handicap_is_mirrored_at_the_home_side(point: float):
    market = a_market("spreads", ("Away", 1.8, -point), ("Home", 2.0, point))
    (said,) = odds_in(an_event([market])).observations
    (handicap,) = said.markets
    assert handicap.line == Decimal(str(point))
    # No -0 and no 2E+2: it goes over the wire as it is.
    assert str(handicap.line) == f"{point + 0.0:g}"
    assert {(q.selection, q.odds) for q in handicap.quotes} == {
        (HOME, Decimal(2)),
        (AWAY, Decimal("1.8")),
    }


def test_a_bookmaker_listed_twice_in_the_same_words_is_one():
    market = a_market("totals", ("Over", 1.8, 2.5), ("Under", 2.0, 2.5))
    answer = odds_in(an_event([market], copies=2))
    assert answer.rejected == ()
    assert len(answer.observations[0].markets[0].quotes) == 2


def test_of_a_bookmaker_with_two_prices_for_a_line_neither_counts():
    over = [a_market("totals", ("Over", price, 2.5), ("Under", 2.0, 2.5)) for price in (1.8, 1.7)]
    answer = odds_in(an_event([*over, over[0]]))
    assert answer.observations == ()
    assert codes_of(answer) == [(0, "ambiguous_line")] * 2


@pytest.mark.parametrize(
    ("price", "odds_format", "odds"),
    [
        ("1.91", "decimal", "1.91"),
        ("1.9155", "decimal", "1.916"),
        ("1000", "decimal", "1000"),
        ("1001", "decimal", None),
        ("1.0", "decimal", None),
        ("1.0004", "decimal", None),
        ("1e-999999", "decimal", None),
        ("0", "decimal", None),
        ("-110", "american", "1.909"),
        ("+100", "american", "2"),
        ("0", "american", None),
        ("-200000", "american", None),
        ("150000", "american", None),
    ],
)
def test_a_price_is_odds_of_ours_or_no_offer(price: str, odds_format: OddsFormat, odds: str | None):
    assert odds_of(Decimal(price), odds_format) == (None if odds is None else Decimal(odds))
