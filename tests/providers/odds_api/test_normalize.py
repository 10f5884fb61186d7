"""What The Odds API's items mean."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.odds_api.offers import OddsFormat
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
)
from tests.providers.mutated import mutations_of
from tests.providers.odds_api.bodies import (
    AWAY,
    DRAW,
    FOOTBALL,
    HOCKEY,
    HOME,
    OF_BOOKMAKER,
    OVER,
    RECEIVED,
    UNDER,
    an_event,
    body_of,
    codes_of,
    fixtures_in,
    odds_in,
    quote,
    scores_in,
)
from tests.providers.sound import check_sound

S = MatchStatus
BOTH = ObservedMarket(
    type=MarketType.BOTH_TO_SCORE,
    quotes=(quote("zeta", SelectionKey.YES, "1.8"), quote("zeta", SelectionKey.NO, "1.9")),
)


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
            BOTH,
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


def test_a_time_ahead_of_ours_counts_as_ours():
    body = body_of("made_v4_odds_soccer_decimal").replace(b"2026-11-21T16:09", b"2026-11-21T17:09")
    (said,) = odds_in(body).observations
    assert said.observed_at == RECEIVED
    assert {q.observed_at for market in said.markets for q in market.quotes} == {RECEIVED}


def test_scores_are_live_finished_or_to_come():
    answer = scores_in(body_of("made_v4_scores"))
    assert {said.match.home.name: said.score for said in answer.observations if said.match} == {
        "Harbour Athletic": Score(status=S.LIVE, home=2, away=1),
        "Lakeside": Score(status=S.FINISHED, home=0, away=0),
        "Saltmarsh": Score(status=S.SCHEDULED),
        "Ashdown": Score(status=S.SCHEDULED),
    }
    assert codes_of(answer) == [(3, "no_score"), (4, "unknown_outcome"), (5, "bad_score")]


@pytest.mark.parametrize(
    ("early_s", "status"), [(900, S.LIVE), (901, S.SCHEDULED)], ids=["minutes", "longer"]
)
def test_a_match_may_begin_minutes_before_its_hour(early_s: int, status: MatchStatus):
    starts = RECEIVED + timedelta(seconds=early_s)
    body = body_of("made_v4_scores").replace(
        b"2026-11-21T15:00:00Z", starts.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    )
    told = {o.match.home.name: o.score for o in scores_in(body).observations if o.match}
    said = told["Harbour Athletic"]
    assert said is not None
    assert said.status is status


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


def test_players_are_the_same_in_every_tournament_of_a_tour_and_teams_only_in_their_league():
    def home_in(sport_key: str) -> str:
        (said,) = fixtures_in(an_event([], sport_key=sport_key), sport_key).observations
        assert said.match is not None
        return said.match.home.external_id

    assert home_in("tennis_atp_us_open") == home_in("tennis_atp_wimbledon") == "tennis_atp:Home"
    assert home_in("tennis_wta_us_open") == "tennis_wta:Home"
    assert home_in("soccer_epl") != home_in("soccer_spain_la_liga")
