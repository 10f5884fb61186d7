"""What The Odds API's items mean."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.items import joined
from app.providers.odds_api.normalize import read_fixtures, read_odds, read_scores
from app.providers.odds_api.offers import OddsFormat, odds_of
from app.providers.odds_api.payloads import items_of, refusal_of, sports_of
from app.providers.odds_api.sports import RULES, UnknownSportKey, rules_of
from app.providers.provider import Answer, ProviderError, ProviderUnreadable
from app.sports.market import MarketType, SelectionKey
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)
from tests.providers.mutated import mutations_of
from tests.providers.sound import check_sound

BODIES = Path(__file__).parents[2] / "recordings/odds_api"
RECEIVED = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
OF_MARKET = datetime(2026, 11, 21, 16, 9, tzinfo=UTC)
OF_BOOKMAKER = datetime(2026, 11, 21, 16, 9, 20, tzinfo=UTC)
FOOTBALL = "soccer_northern_premier"
HOCKEY = "icehockey_winter"
S = MatchStatus
HOME, DRAW, AWAY = SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY
OVER, UNDER = SelectionKey.OVER, SelectionKey.UNDER


def body_of(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


def odds_in(
    body: bytes,
    sport_key: str = FOOTBALL,
    odds_format: OddsFormat = "decimal",
    received_at: datetime = RECEIVED,
) -> Answer:
    return joined([read_odds(items_of(body), sport_key, received_at, odds_format)])


def scores_in(body: bytes, sport_key: str = FOOTBALL) -> Answer:
    return joined([read_scores(items_of(body), sport_key, RECEIVED)])


def fixtures_in(body: bytes, sport_key: str = FOOTBALL) -> Answer:
    return joined([read_fixtures(items_of(body), sport_key, RECEIVED)])


def codes_of(answer: Answer) -> list[tuple[int, str]]:
    return [(one.index, one.code) for one in answer.rejected]


def quote(
    bookmaker: str, key: SelectionKey, odds: str | None, at: datetime = OF_MARKET
) -> ObservedQuote:
    return ObservedQuote(bookmaker, key, None if odds is None else Decimal(odds), at)


def an_event(markets: Sequence[object], *, sport_key: str = FOOTBALL, copies: int = 1) -> bytes:
    """A match with one bookmaker, listed so many times."""
    event = {
        "id": "1", "sport_key": sport_key, "sport_title": "League",
        "commence_time": "2026-11-21T20:00:00Z", "home_team": "Home", "away_team": "Away",
        "bookmakers": [{"key": "alpha", "title": "Alpha", "markets": markets}] * copies,
    }  # fmt: skip
    return msgspec.json.encode([event])


def a_market(key: str, *outcomes: tuple[str, object] | tuple[str, object, object]) -> object:
    names = ("name", "price", "point")
    return {"key": key, "outcomes": [dict(zip(names, each, strict=False)) for each in outcomes]}


def test_what_bookmakers_offer_is_told_question_by_question():
    (said,) = odds_in(body_of("made_v4_odds_soccer_decimal")).observations
    assert said == Observation(
        provider="odds-api",
        external_id=f"{1:032x}",
        sport=Sport.FOOTBALL,
        match=ObservedMatch(
            league=ObservedLeague(external_id=FOOTBALL, name="Northern Premier Division"),
            home=ObservedParticipant(
                external_id=f"{FOOTBALL}:Harbour Athletic", name="Harbour Athletic"
            ),
            away=ObservedParticipant(
                external_id=f"{FOOTBALL}:Milltown Rovers", name="Milltown Rovers"
            ),
            start_time=datetime(2026, 11, 21, 20, tzinfo=UTC),
        ),
        observed_at=OF_BOOKMAKER,
        received_at=RECEIVED,
        markets=(
            ObservedMarket(
                type=MarketType.WINNER,
                quotes=(
                    quote("alpha-bet", HOME, "2.1"),
                    quote("alpha-bet", AWAY, "3.6"),
                    quote("alpha-bet", DRAW, "3.4"),
                    quote("beta", HOME, "2.12"),
                    quote("beta", AWAY, "3.55"),
                    quote("beta", DRAW, "3.45"),
                    quote("zeta", HOME, None),
                    quote("zeta", AWAY, None),
                    quote("zeta", DRAW, None),
                ),
            ),
            ObservedMarket(
                type=MarketType.HANDICAP,
                line=Decimal("-0.25"),
                quotes=(
                    # A market without a time of its own has its bookmaker's.
                    quote("alpha-bet", HOME, "1.9", OF_BOOKMAKER),
                    quote("alpha-bet", AWAY, "1.95", OF_BOOKMAKER),
                ),
            ),
            ObservedMarket(
                type=MarketType.TOTAL,
                line=Decimal("2.5"),
                quotes=(
                    quote("alpha-bet", OVER, "1.88"),
                    quote("alpha-bet", UNDER, "1.98"),
                    quote("beta", OVER, "1.9"),
                    quote("beta", UNDER, "1.95"),
                ),
            ),
            ObservedMarket(
                type=MarketType.TOTAL,
                line=Decimal(3),
                quotes=(quote("beta", OVER, "2.3"), quote("beta", UNDER, "1.62")),
            ),
        ),
    )


def test_what_contradicts_itself_is_set_aside_and_takes_nothing_else_with_it():
    answer = odds_in(body_of("made_v4_odds_soccer_decimal"))
    assert codes_of(answer) == [
        (0, "ambiguous_line"),  # gamma: -0.5 against +0.75
        (0, "unknown_outcome"),  # delta: "Milltown"
        (0, "ambiguous_line"),  # delta: Over 2.5 at two prices
        (0, "bad_odds"),  # epsilon: an American price
        (0, "bad_line"),  # epsilon: 2.3
        (2, "no_sides"),
    ]
    assert b'"Milltown"' in answer.rejected[1].raw


def test_american_odds_become_decimal_ones_and_a_hockey_market_with_a_draw_is_left_out():
    answer = odds_in(body_of("made_v4_odds_icehockey_american"), HOCKEY, "american")
    assert answer.rejected == ()
    (said,) = answer.observations
    assert said.sport is Sport.HOCKEY
    assert said.markets == (
        ObservedMarket(
            type=MarketType.WINNER,
            quotes=(quote("alpha-bet", HOME, "1.769"), quote("alpha-bet", AWAY, "2.1")),
        ),
        ObservedMarket(
            type=MarketType.HANDICAP,
            line=Decimal("-1.5"),
            quotes=(quote("alpha-bet", HOME, "2.9"), quote("alpha-bet", AWAY, "1.435")),
        ),
        ObservedMarket(
            type=MarketType.TOTAL,
            line=Decimal("5.5"),
            quotes=(quote("alpha-bet", OVER, "1.952"), quote("alpha-bet", UNDER, "1.87")),
        ),
    )


def test_a_real_body_in_american_odds():
    received_at = datetime(2024, 2, 11, 19, 7, tzinfo=UTC)
    at = datetime(2024, 2, 11, 19, 6, 40, tzinfo=UTC)
    body = body_of("v4_odds_basketball_nba_american")
    answer = odds_in(body, "basketball_nba", "american", received_at)
    assert answer.rejected == ()
    (said,) = answer.observations
    assert said.match is not None
    assert (said.match.home.name, said.match.away.name) == ("Miami Heat", "Boston Celtics")
    assert said.observed_at == at
    assert said.markets == (
        ObservedMarket(
            type=MarketType.WINNER,
            quotes=(
                quote("draftkings", AWAY, "1.323", at),
                quote("draftkings", HOME, "3.5", at),
                quote("wynnbet", AWAY, "1.313", at),
                quote("wynnbet", HOME, "3.65", at),
            ),
        ),
        ObservedMarket(
            type=MarketType.HANDICAP,
            line=Decimal(8),
            quotes=(
                quote("draftkings", AWAY, "1.909", at),
                quote("draftkings", HOME, "1.909", at),
                quote("wynnbet", AWAY, "1.877", at),
                quote("wynnbet", HOME, "1.943", at),
            ),
        ),
        ObservedMarket(
            type=MarketType.TOTAL,
            line=Decimal(225),
            quotes=(
                quote("draftkings", OVER, "1.893", at),
                quote("draftkings", UNDER, "1.926", at),
                quote("wynnbet", OVER, "1.909", at),
                quote("wynnbet", UNDER, "1.909", at),
            ),
        ),
    )


def test_a_real_body_of_a_sport_we_do_not_follow_says_nothing():
    body = body_of("v4_events_nfl")
    assert fixtures_in(body) == Answer()


def test_a_real_historical_body_is_another_question_and_unreadable():
    with pytest.raises(ProviderUnreadable):
        items_of(body_of("v4_historical_odds_nfl_decimal"))


def test_the_odds_of_a_real_historical_body_are_read_like_others():
    data = msgspec.json.decode(body_of("v4_historical_odds_nfl_decimal"))["data"]
    body = msgspec.json.encode(data).replace(b"americanfootball_nfl", b"basketball_nfl")
    (said,) = odds_in(body, "basketball_nfl").observations
    assert [(q.selection, q.odds) for q in said.markets[0].quotes] == [
        (HOME, Decimal("2.23")),
        (AWAY, Decimal("1.45")),
    ]


def test_tennis_is_asked_for_its_winner_only():
    markets = [
        a_market("h2h", ("Home", 1.5), ("Away", 2.6)),
        a_market("totals", ("Over", 1.9, 22.5), ("Under", 1.9, 22.5)),
    ]
    (said,) = odds_in(
        an_event(markets, sport_key="tennis_harbour_open"), "tennis_harbour_open"
    ).observations
    assert [market.type for market in said.markets] == [MarketType.WINNER]


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
        ("h2h", (("Home", "NaN"), ("Away", 2.6), ("Draw", 4)), "bad_odds"),
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


def test_a_time_ahead_of_ours_counts_as_ours():
    body = body_of("made_v4_odds_soccer_decimal").replace(b"2026-11-21T16:09", b"2026-11-21T17:09")
    (said,) = odds_in(body).observations
    assert said.observed_at == RECEIVED
    assert {q.observed_at for market in said.markets for q in market.quotes} == {RECEIVED}


@pytest.mark.parametrize(
    ("price", "odds_format", "odds"),
    [
        ("1.91", "decimal", "1.91"),
        ("1.9155", "decimal", "1.916"),
        ("1000", "decimal", "1000"),
        ("1001", "decimal", None),
        ("1.0", "decimal", None),
        ("1.0004", "decimal", None),
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


def test_scores_are_live_finished_or_to_come():
    answer = scores_in(body_of("made_v4_scores"))
    assert {said.match.home.name: said.score for said in answer.observations if said.match} == {
        "Harbour Athletic": Score(status=S.LIVE, home=2, away=1),
        "Lakeside": Score(status=S.FINISHED, home=0, away=0),
        "Saltmarsh": Score(status=S.SCHEDULED),
        "Ashdown": Score(status=S.SCHEDULED),
    }
    assert codes_of(answer) == [(3, "no_score"), (4, "unknown_outcome"), (5, "bad_score")]


def test_a_score_was_true_when_it_was_updated():
    answer = scores_in(body_of("made_v4_scores"))
    at = {said.match.home.name: said.observed_at for said in answer.observations if said.match}
    assert at["Harbour Athletic"] == datetime(2026, 11, 21, 16, 9, 10, tzinfo=UTC)
    assert at["Saltmarsh"] == RECEIVED


def test_a_score_on_one_side_only_is_set_aside():
    body = body_of("made_v4_scores").replace(
        b'"name": "Milltown Rovers"', b'"name": "Harbour Athletic"'
    )
    assert (0, "bad_score") in codes_of(scores_in(body))


def test_fixtures_are_those_that_have_not_begun():
    answer = fixtures_in(body_of("made_v4_events"))
    assert [(said.external_id[-2:], said.score) for said in answer.observations] == [
        (f"{31:02x}", Score(status=S.SCHEDULED)),
        (f"{33:02x}", Score(status=S.SCHEDULED)),
    ]


def test_sports_are_told_in_season_and_out_of_it():
    told = sports_of(body_of("made_v4_sports"))
    assert [(sport.key, sport.active) for sport in told] == [
        ("soccer_northern_premier", True),
        ("tennis_harbour_open", False),
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"null", b"[", b"[1", b'{"a":"\xff"}'])
def test_what_is_no_list_is_unreadable_and_kept(body: bytes):
    with pytest.raises(ProviderUnreadable) as failed:
        items_of(body)
    assert failed.value.raw == body
    with pytest.raises(ProviderUnreadable):
        sports_of(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"message":"no","error_code":"INVALID_KEY"}', "INVALID_KEY"),
        (b'{"message":"no","error_code":"not a code"}', ""),
        (b'{"message":"no"}', ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_a_refusal_says_why_in_a_code(body: bytes, code: str):
    assert refusal_of(body) == code


@pytest.mark.parametrize(
    ("sport_key", "sport"),
    [
        ("soccer_epl", Sport.FOOTBALL),
        ("basketball_nba", Sport.BASKETBALL),
        ("icehockey_nhl", Sport.HOCKEY),
        ("tennis_atp_us_open", Sport.TENNIS),
    ],
)
def test_a_sport_key_begins_with_its_sport(sport_key: str, sport: Sport):
    assert rules_of(sport_key).sport is sport


def test_every_sport_of_ours_is_theirs_too():
    assert {rules.sport for rules in RULES.values()} == set(Sport)


@pytest.mark.parametrize(
    "sport_key", ["americanfootball_nfl", "", "soccer", "soccer_../odds", "Soccer_epl"]
)
def test_a_sport_key_that_is_not_ours_is_refused(sport_key: str):
    with pytest.raises(UnknownSportKey):
        rules_of(sport_key)


SPOILED_ODDS: list[tuple[bytes, str, OddsFormat]] = [
    (body_of("made_v4_odds_soccer_decimal"), FOOTBALL, "decimal"),
    (body_of("made_v4_odds_icehockey_american"), HOCKEY, "american"),
    (body_of("v4_odds_basketball_nba_american"), "basketball_nba", "american"),
]
spoiled = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(
    st.sampled_from(SPOILED_ODDS).flatmap(
        lambda one: st.tuples(mutations_of(one[0]), st.just(one[1]), st.just(one[2]))
    )
)
@spoiled
def test_spoiled_odds_are_read_in_part_or_refused_as_a_whole(one: tuple[bytes, str, OddsFormat]):
    body, sport_key, odds_format = one
    try:
        answer = odds_in(body, sport_key, odds_format)
    except ProviderError:
        return
    check_sound(answer, RECEIVED)
    assert all(said.markets for said in answer.observations)


@given(mutations_of(body_of("made_v4_scores")))
@spoiled
def test_spoiled_scores_are_read_in_part_or_refused_as_a_whole(body: bytes):
    try:
        answer = scores_in(body)
    except ProviderError:
        return
    check_sound(answer, RECEIVED)


@given(mutations_of(body_of("made_v4_events")))
@spoiled
def test_spoiled_fixtures_are_read_in_part_or_refused_as_a_whole(body: bytes):
    try:
        answer = fixtures_in(body)
    except ProviderError:
        return
    check_sound(answer, RECEIVED)
