"""From bodies of the API to observations: real ones, made ones, and spoiled ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.betfair import payloads
from app.providers.betfair.catalogue import Catalogue
from app.providers.betfair.faults import error_of
from app.providers.betfair.normalize import (
    BOOKMAKER,
    Followed,
    Heard,
    MarketKey,
    announced,
    follow,
    markets_of,
    match_of,
    observations_of,
    offered,
)
from app.providers.items import Unfit
from app.providers.provider import (
    Answer,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    Rejected,
)
from app.sports.market import MarketStatus, MarketType
from app.sports.match import MatchStatus, Sport
from app.sports.observation import Observation, ObservedMarket
from tests.providers.betfair.bodies import (
    ARSENAL,
    ASIAN,
    BOTH,
    CHELSEA,
    DRAW,
    GOAL_LINES,
    TOTAL,
    WINNER,
    a_book,
    a_catalogue,
    a_match,
    an_event,
    followed,
    read,
)
from tests.providers.mutated import mutations_of
from tests.providers.sound import check_sound

RECORDINGS = Path(__file__).parents[2] / "recordings" / "betfair"
NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
SPOILED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def said(
    market: Followed, book: dict[str, Any], told: set[MarketKey] | None = None
) -> tuple[list[ObservedMarket], list[Rejected]]:
    """What a book says of a market."""
    body = payloads.BOOKS.decode(msgspec.json.encode(book))
    return markets_of(market, offered(body), set() if told is None else told, NOW)


def odds(market: ObservedMarket) -> dict[str, str | None]:
    return {q.selection: None if q.odds is None else str(q.odds) for q in market.quotes}


def test_a_match_is_its_event_with_the_runners_as_sides():
    [winner, *_] = read(*a_match())
    match = match_of(winner)
    assert match is not None
    assert (match.home.external_id, match.home.name) == (str(ARSENAL), "Arsenal")
    assert (match.away.external_id, match.away.name) == (str(CHELSEA), "Chelsea")
    assert (match.league.external_id, match.league.name) == ("10932509", "English Premier League")
    assert match.league.country is None, "GB is England, Scotland, Wales, or nothing at all"
    assert match.start_time == datetime(2026, 11, 21, 15, tzinfo=UTC)


def test_an_event_that_is_no_match_is_nobodys_and_one_without_a_league_is_refused():
    [outright] = read(a_catalogue(name="English Premier League"))
    assert match_of(outright) is None
    [homeless] = read(a_catalogue())
    with pytest.raises(Unfit) as refused:
        match_of(msgspec.structs.replace(homeless, competition=None))
    assert refused.value.code == "no_league"


def test_a_match_to_come_is_scheduled_and_of_one_begun_nothing_is_said():
    [winner, *_] = read(*a_match())
    match = match_of(winner)
    assert match is not None
    event = payloads.EVENTS.decode(msgspec.json.encode(an_event())).event
    before = announced(event, match, Sport.FOOTBALL, NOW - timedelta(hours=1))
    assert before.score is not None
    assert before.score.status is MatchStatus.SCHEDULED
    assert announced(event, match, Sport.FOOTBALL, NOW).score is None
    moved = an_event(at="2026-11-22T18:45:00+01:00")
    later = payloads.EVENTS.decode(msgspec.json.encode(moved)).event
    told = announced(later, match, Sport.FOOTBALL, NOW).match
    assert told is not None
    assert told.start_time == datetime(2026, 11, 22, 17, 45, tzinfo=UTC)


def test_every_market_we_know_is_followed_and_others_are_left_out():
    sides = [one for one in WINNER if one[0] != DRAW]
    pairs = [(1, "Home or Draw", 0), (2, "Draw or Away", 0), (3, "Home or Away", 0)]
    markets = followed(
        *a_match(),
        a_catalogue("1.9", "CORRECT_SCORE", [(1, "0 - 0", 0), (2, "Any Other Draw", 0)]),
        a_catalogue("1.10", "DOUBLE_CHANCE", pairs),
        a_catalogue("1.11", "DRAW_NO_BET", sides),
        a_catalogue("1.12", "HALF_TIME"),
        a_catalogue("1.8", "X"),
    )
    kinds = {q.type for market in markets for q in market.answers.values()}
    known = "winner total handicap both_to_score correct_score double_chance draw_no_bet"
    assert kinds == {MarketType(kind) for kind in (*known.split(), "period_winner")}
    assert [market.market_id for market in markets] == [
        *("1.101", "1.102", "1.103", "1.104", "1.105"),
        *("1.9", "1.10", "1.11", "1.12"),
    ]


def test_a_line_of_two_markets_is_left_to_the_plain_one():
    *_, over_under, _, _, goal_lines = [None, *followed(*a_match())]
    assert over_under is not None
    assert goal_lines is not None
    plain = {str(q.line) for q in over_under.answers.values()}
    asian = {str(q.line) for q in goal_lines.answers.values()}
    assert (plain, asian) == ({"2.5"}, {"2.75"})


def test_two_markets_of_one_kind_that_ask_the_same_are_both_refused():
    same = [a_catalogue("1.1"), a_catalogue("1.2"), a_catalogue("1.3", "OVER_UNDER_25", TOTAL)]
    markets, rejected = follow(read(*same))
    assert [market.market_id for market in markets] == ["1.3"]
    assert [one.code for one in rejected] == ["ambiguous_line"]


def test_hockey_with_a_draw_is_of_regular_time_and_its_money_line_is_the_winner():
    names = {"name": "Rangers v Bruins", "event_type": "7524"}
    two = [(1, "Rangers", 0), (2, "Bruins", 0)]
    markets = followed(
        a_catalogue("1.1", "MATCH_ODDS", [*two, (DRAW, "The Draw", 0)], **names),
        a_catalogue("1.2", "MONEY_LINE", two, **names),
    )
    asked = {m.market_id: {(q.type, q.key) for q in m.answers.values()} for m in markets}
    assert asked["1.2"] == {(MarketType.WINNER, key) for key in ("home", "away")}
    assert asked["1.1"] == {(MarketType.WINNER_3WAY, key) for key in ("home", "draw", "away")}


def test_the_best_price_to_back_is_the_quote():
    [market] = followed(a_catalogue())
    book = a_book("1.101", {(ARSENAL, 0): [2.1, 2.08], (CHELSEA, 0): [3.6], (DRAW, 0): []})
    [winner], rejected = said(market, book)
    assert odds(winner) == {"home": "2.1", "away": "3.6", "draw": None}
    assert (winner.status, winner.reason) == (MarketStatus.OPEN, None)
    assert {quote.bookmaker for quote in winner.quotes} == {BOOKMAKER}
    assert not rejected


@pytest.mark.parametrize("status", ["REMOVED", "WINNER", "HIDDEN"])
def test_a_runner_that_takes_no_bets_offers_nothing(status: str):
    [market] = followed(a_catalogue())
    book = a_book("1.101", {(ARSENAL, 0): [2.1], (CHELSEA, 0): [3.6]})
    book["runners"][0]["status"] = status
    [winner], _ = said(market, book)
    assert odds(winner) == {"home": None, "away": "3.6", "draw": None}


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        ("SUSPENDED", MarketStatus.SUSPENDED, "suspended_by_exchange"),
        ("INACTIVE", MarketStatus.SUSPENDED, "not_yet_open"),
        ("CLOSED", MarketStatus.CLOSED, "closed_by_exchange"),
    ],
)
def test_a_market_that_is_not_open_says_why(theirs: str, ours: MarketStatus, reason: str):
    [market] = followed(a_catalogue())
    [winner], _ = said(market, a_book("1.101", {(ARSENAL, 0): [2.1]}, status=theirs))
    assert (winner.status, winner.reason) == (ours, reason)


def test_a_status_nobody_knows_is_refused():
    [market] = followed(a_catalogue())
    markets, rejected = said(market, a_book("1.101", {}, status="FROZEN"))
    assert not markets
    assert [one.code for one in rejected] == ["unknown_status"]


@pytest.mark.parametrize("price", [1.0, 1001, 0, -3, 2.12345])
def test_odds_that_are_none_are_refused_and_the_others_count(price: float):
    [market] = followed(a_catalogue())
    [winner], rejected = said(market, a_book("1.101", {(ARSENAL, 0): [price], (DRAW, 0): [3.4]}))
    assert odds(winner) == {"home": None, "away": None, "draw": "3.4"}
    assert [one.code for one in rejected] == ["bad_odds"]


def test_a_delayed_key_dates_its_prices_back():
    [market] = followed(a_catalogue())
    book = a_book("1.101", {(ARSENAL, 0): [2.1]}, isMarketDataDelayed=True)
    [winner], _ = said(market, book)
    assert {quote.observed_at for quote in winner.quotes} == {NOW - timedelta(seconds=180)}


def test_a_line_that_never_had_an_offer_is_left_out_and_one_that_lost_it_says_so():
    [market] = followed(a_catalogue("1.104", "ASIAN_HANDICAP", ASIAN))
    told: set[MarketKey] = set()
    offers = {(ARSENAL, -0.75): [1.95], (CHELSEA, 0.75): [1.98]}
    [line], _ = said(market, a_book("1.104", offers), told)
    assert (line.line, odds(line)) == (Decimal("-0.75"), {"home": "1.95", "away": "1.98"})
    [line], _ = said(market, a_book("1.104", {}), told)
    assert odds(line) == {"home": None, "away": None}


def test_one_event_is_one_observation():
    markets = followed(*a_match())
    winner, total, *_ = markets
    heard = [
        Heard(followed=winner, markets=said(winner, a_book("1.101", {}))[0], observed_at=NOW),
        Heard(
            followed=total,
            markets=said(total, a_book("1.102", {}))[0],
            observed_at=NOW - timedelta(seconds=1),
        ),
    ]
    [observation] = observations_of(heard, NOW, {})
    assert observation.external_id == winner.event_id
    assert [market.type for market in observation.markets] == ["winner", "total"]
    assert observation.observed_at == NOW - timedelta(seconds=1)
    assert observations_of([], NOW, {}) == ()


BODIES = sorted(p for p in RECORDINGS.glob("betfair*/*.json") if "mcm" not in p.name)
REFUSED = {
    "base_endpoint_fail": ProviderUnreadable,
    "base_endpoint_success": ProviderUnreadable,
    "get_account_funds_error_invalid_parameters": ProviderUnreadable,
    "get_account_funds_error_no_appkey": ProviderRefused,
}


def items_of(body: bytes) -> tuple[msgspec.Raw, ...]:
    fault, items = payloads.unwrapped(body)
    if fault:
        raise error_of(fault, body)
    return items


def taken_in(body: bytes) -> Answer:
    """All that a body may be, as the client reads it; raises ProviderError and nothing else."""
    items = items_of(body)
    catalogue, rejected = Catalogue(), list[Rejected]()
    catalogues, bad = payloads.each(items, payloads.CATALOGUES)
    rejected += bad
    ids = [one.event.id for one in catalogues if one.event]
    rejected += catalogue.learn_matches(ids, catalogues)
    rejected += catalogue.learn_markets(ids, catalogues)
    events, bad = payloads.each(items, payloads.EVENTS)
    observations: dict[str, Observation] = {}
    for one in events:
        match = catalogue.matches_of([one.event.id]).get(one.event.id)
        if match is not None:
            observations[one.event.id] = announced(one.event, match, Sport.FOOTBALL, NOW)
    books, bad = payloads.each(items, payloads.BOOKS)
    rejected += bad
    by_id = {one.market_id: one for one in [*catalogue.markets_of(ids), *FOLLOWED]}
    heard: list[Heard] = []
    for book in {book.market_id: book for book in books}.values():
        if book.market_id in by_id:
            told = catalogue.told(book.market_id)
            markets, refused = markets_of(by_id[book.market_id], offered(book), told, NOW)
            rejected += refused
            heard.append(Heard(followed=by_id[book.market_id], markets=markets, observed_at=NOW))
    priced = observations_of(heard, NOW, catalogue.matches_of(ids))
    observations.update((one.external_id, one) for one in priced)
    return Answer(observations=tuple(observations.values()), rejected=tuple(rejected))


FOLLOWED = followed(*a_match())


@pytest.mark.parametrize("path", BODIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_real_body_is_read_or_fails_with_its_error(path: Path):
    body = path.read_bytes()
    if path.stem.startswith(("login", "cert_login", "keep_alive")):
        answer = payloads.logged_in(body)
        assert (answer.token or answer.session_token or answer.error or answer.status) or (
            answer.login_status
        )
        return
    if path.stem == "streaming_rcm":  # Of races: their places are numbers.
        with pytest.raises(ProviderUnreadable):
            payloads.message(body)
        return
    if path.stem.startswith(("streaming", "connection", "status")):
        assert payloads.message(body).op in {"connection", "status", "ocm"}
        return
    if error := REFUSED.get(path.stem):
        with pytest.raises(error):
            items_of(body)
        return
    check_sound(taken_in(body), NOW)


def test_real_catalogues_of_football_give_their_matches_and_markets():
    body = RECORDINGS / "betfair_parser" / "list_market_catalog_bet_delay_models.json"
    catalogues, rejected = payloads.each(items_of(body.read_bytes()), payloads.CATALOGUES)
    assert not rejected
    assert len(catalogues) == 10
    # They were asked for without a sport and a league.
    league = {"competition": payloads.Competition(id="1", name="Scotland")}
    sport = {"event_type": payloads.EventType(id="1")}
    whole = [msgspec.structs.replace(one, **league, **sport) for one in catalogues]
    markets, rejected = follow(whole)
    assert (len(markets), rejected) == (10, [])
    match = match_of(whole[0])
    assert match is not None
    assert (match.home.name, match.away.name) == ("St Johnstone", "Partick")


def test_a_real_book_gives_the_best_offers_of_its_active_runners():
    body = (RECORDINGS / "betfairlightweight" / "list_market_book.json").read_bytes()
    [book], rejected = payloads.each(items_of(body), payloads.BOOKS)
    assert not rejected
    offers = {runner: str(price) for (runner, _), price in offered(book).offers.items()}
    assert offers == {
        8665860: "21.0",
        8565296: "1000.0",
        5699181: "8.4",
        6526662: "1000.0",
    }
    assert book.status == "SUSPENDED"
    assert book.inplay


MADE = [
    msgspec.json.encode(a_match()),
    msgspec.json.encode({"jsonrpc": "2.0", "result": a_match(), "id": 1}),
    msgspec.json.encode([an_event()]),
    msgspec.json.encode(
        [
            a_book("1.101", {(r[0], r[2]): [2.5, 2.48] for r in WINNER}),
            a_book("1.103", {(r[0], r[2]): [1.8] for r in BOTH}),
            a_book("1.104", {(r[0], r[2]): [1.95, 1.9] for r in ASIAN}),
            a_book("1.105", {(r[0], r[2]): [1.95, 1.9] for r in GOAL_LINES}),
        ]
    ),
    (RECORDINGS / "betfair_parser" / "get_account_funds_error_no_appkey.json").read_bytes(),
    (RECORDINGS / "betfair_parser" / "list_market_catalog_bet_delay_models.json").read_bytes(),
]


@SPOILED
@given(body=st.sampled_from(MADE).flatmap(mutations_of))
def test_spoiled_bodies_give_sound_answers_or_one_named_error(body: bytes):
    try:
        answer = taken_in(body)
    except ProviderError:
        return
    check_sound(answer, NOW)


def test_what_is_made_gives_observations_when_it_is_not_spoiled():
    assert taken_in(MADE[0]).observations
    [priced] = taken_in(MADE[3]).observations
    assert len(priced.markets) == 1 + 1 + 3 + 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("TOO_MANY_REQUESTS", QuotaSpent),
        ("TOO_MUCH_DATA", ProviderUnreadable),
        ("INVALID_SESSION_INFORMATION", ProviderRefused),
        ("INVALID_APP_KEY", ProviderRefused),
        ("SERVICE_BUSY", ProviderUnavailable),
        ("TIMEOUT_ERROR", ProviderTimeout),
        ("SOMETHING_NEW", ProviderRefused),
    ],
)
def test_a_fault_is_the_error_that_it_stands_for(fault: str, error: type[ProviderError]):
    made = error_of(fault)
    assert isinstance(made, error)
    assert str(made) == fault
