"""Pushed JSON: item by item, and nothing but an answer or one named error."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.provider import Answer, ProviderUnreadable, PushFeed
from app.providers.push.feed import Feed, read, reopened
from app.providers.push.json_feed import ITEM_BYTES_MAX, ITEMS_MAX
from app.providers.push.pushed import CLOCK_AHEAD_MAX
from app.sports.incidents import Goal
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import MatchStatus
from app.sports.observation import ObservedMarket, ObservedQuote
from tests.providers.mutated import mutations_of
from tests.providers.push.bodies import a_body, a_quote, an_item

FEED: PushFeed = Feed("told")
WINNER = [a_quote(2.1), a_quote("3.4", "draw"), a_quote(None, "away")]
RETIRED = {"type": "retired", "key": "r", "side": "home", "how": "default"}


def read_json(body: bytes) -> Answer:
    return FEED.read(body, "application/json; charset=utf-8")


def code_of(item: Any) -> str:
    """The code an item is refused with, when it stands between two good ones."""
    answer = read_json(a_body(an_item("a"), item, an_item("b")))
    assert [said.external_id for said in answer.observations] == ["a", "b"]
    [refused] = answer.rejected
    assert (refused.index, bool(refused.message), bool(refused.raw)) == (1, True, True)
    return refused.code


def test_an_item_says_match_score_incidents_and_prices():
    item = an_item(
        incidents=[
            {"type": "goal", "key": "g1", "side": "home", "homeScore": 1, "awayScore": 0}
        ],
        markets=[
            {"type": "winner", "quotes": WINNER},
            {"type": "total", "line": 2.5, "status": "suspended", "reason": "possible_goal"},
        ],
    )  # fmt: skip
    [said] = read_json(a_body(item)).observations
    assert said.match is not None
    assert (said.provider, said.external_id, said.match.home.name) == ("told", "m-1", "Home m-1")
    assert said.observed_at == datetime(2025, 11, 22, 15, 20, tzinfo=UTC)
    assert said.score is not None
    assert (said.score.status, said.score.home) == (MatchStatus.LIVE, 1)
    assert said.incidents == (Goal(key="g1", side="home", home=1, away=0),)
    assert said.markets == (
        ObservedMarket(
            type=MarketType.WINNER,
            quotes=(
                ObservedQuote("north", SelectionKey.HOME, Decimal("2.1")),
                ObservedQuote("north", SelectionKey.DRAW, Decimal("3.4")),
                ObservedQuote("north", SelectionKey.AWAY, None),
            ),
        ),
        ObservedMarket(
            type=MarketType.TOTAL,
            line=Decimal("2.5"),
            status=MarketStatus.SUSPENDED,
            reason="possible_goal",
        ),
    )


def test_incidents_that_are_not_told_are_not_none():
    [untold] = read_json(a_body(an_item())).observations
    [none] = read_json(a_body(an_item(incidents=[]))).observations
    assert (untold.incidents, none.incidents) == (None, ())


def a_market(**more: Any) -> dict[str, Any]:
    """An item with one market."""
    return an_item(markets=[{"type": "winner", **more}])


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (7, "unreadable"),
        ({}, "unreadable"),
        (an_item(typo=1), "unreadable"),
        ({**an_item(), "observedAt": None}, "unreadable"),
        ({**an_item(), "observedAt": "2025-11-22T15:20:00"}, "unreadable"),
        ({**an_item(), "observedAt": "0001-01-01T00:00:00+14:00"}, "bad_time"),
        ({**an_item(), "match": {"ref": "x", "sport": "chess"}}, "unreadable"),
        ({**an_item(), "match": {"ref": "x\0", "sport": "football"}}, "unreadable"),
        (an_item(score={"status": "live", "home": 1}), "bad_score"),
        (an_item(score={"status": "live", "home": 1000, "away": 0}), "unreadable"),
        (an_item(score={"status": "resting"}), "unreadable"),
        (an_item(incidents=[RETIRED] * 2), "ambiguous_incident"),
        (a_market(quotes=[a_quote(1.0)]), "bad_odds"),
        (a_market(quotes=[a_quote("1000.001")]), "bad_odds"),
        (a_market(quotes=[a_quote("1e400")]), "bad_odds"),
        (a_market(quotes=[a_quote("NaN")]), "bad_odds"),
        (a_market(quotes=[a_quote("sNaN")]), "bad_odds"),
        (a_market(quotes=[a_quote(2, "over")]), "bad_selection"),
        (a_market(quotes=[a_quote(2), a_quote(3)]), "ambiguous_line"),
        (a_market(quotes=[{**a_quote(2), "bookmaker": "No Spaces"}]), "unreadable"),
        (a_market(status="settled"), "unreadable"),
        (a_market(line=2.5), "bad_line"),
        (an_item(markets=[{"type": "total"}]), "bad_line"),
        (an_item(markets=[{"type": "total", "line": "2.505"}]), "bad_line"),
        (an_item(markets=[{"type": "total", "line": "sNaN"}]), "bad_line"),
        (an_item(markets=[{"type": "total", "line": "1e999"}]), "bad_line"),
        (
            an_item(markets=[{"type": "total", "line": "2.5"}, {"type": "total", "line": 2.50}]),
            "ambiguous_line",
        ),
        (an_item(padding="x" * ITEM_BYTES_MAX), "too_large"),
    ],
)  # fmt: skip
def test_a_bad_item_is_refused_alone(item: Any, code: str):
    assert code_of(item) == code


@pytest.mark.parametrize(
    ("kind", "line", "keys"),
    [
        ("double_chance", None, ["home_draw", "home_away", "draw_away"]),
        ("correct_score", None, ["0-0", "2-1", "10-0"]),
        ("handicap_3way", -1, ["home", "draw", "away"]),
        ("period_winner", 2, ["draw"]),
        ("home_total", 0.75, ["over", "under"]),
    ],
)
def test_every_question_of_bets_can_be_pushed(kind: str, line: float | None, keys: list[str]):
    item = an_item(
        markets=[{"type": kind, "line": line, "quotes": [a_quote(2, key) for key in keys]}]
    )
    [said] = read_json(a_body(item)).observations
    assert [quote.selection for quote in said.markets[0].quotes] == keys


@pytest.mark.parametrize(
    ("kind", "line", "key", "code"),
    [
        ("double_chance", None, "home", "bad_selection"),
        ("correct_score", None, "home", "bad_selection"),
        ("winner", None, "2-1", "bad_selection"),
        ("correct_score", None, "02-1", "unreadable"),
        ("correct_score", 1, "2-1", "bad_line"),
        ("handicap_3way", -0.5, "home", "bad_line"),
        ("period_winner", 0, "home", "bad_line"),
        ("period_winner", 1.5, "home", "bad_line"),
    ],
)
def test_answers_and_lines_of_another_question_are_refused(
    kind: str, line: float | None, key: str, code: str
):
    assert (
        code_of(an_item(markets=[{"type": kind, "line": line, "quotes": [a_quote(2, key)]}]))
        == code
    )


def test_a_draw_is_no_answer_where_a_match_cannot_end_level():
    item = a_market(quotes=[a_quote(3, "draw")])
    item["match"] = {"ref": "h", "sport": "hockey"}
    assert code_of(item) == "bad_selection"


def test_a_side_does_not_play_itself():
    item = an_item()
    item["match"]["description"]["away"]["ref"] = "m-1-h"
    assert code_of(item) == "bad_sides"


def test_a_clock_that_is_ahead_is_refused_or_taken_for_ours():
    now = datetime.now(UTC)
    late = (now + 2 * CLOCK_AHEAD_MAX).isoformat()
    assert code_of({**an_item(), "observedAt": late}) == "from_the_future"
    soon = (now + timedelta(seconds=30)).isoformat()
    [said] = read_json(a_body({**an_item(), "observedAt": soon})).observations
    assert said.observed_at == said.received_at


def test_odds_are_never_more_than_was_offered():
    [said] = read_json(a_body(a_market(quotes=[a_quote("1.99999")]))).observations
    assert said.markets[0].quotes[0].odds == Decimal("1.999")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b"{}", b'{"observations":{}}', b'{"observations":["\\ud800"]}',
        b'{"observations":[],"more":1}',
        b'{"observations":[' + b"[" * 100_000,
        a_body(*[1] * (ITEMS_MAX + 1)),
    ],
)  # fmt: skip
def test_what_is_no_body_is_one_named_error(body: bytes):
    with pytest.raises(ProviderUnreadable) as raised:
        read_json(body)
    assert raised.value.raw == body


def test_a_refused_item_can_be_read_again():
    [refused] = read_json(a_body(an_item(typo=1))).rejected
    mended = refused.raw.replace(b', "typo": 1', b"")
    now = datetime.now(UTC)
    assert len(read(reopened(mended), "told", {}, now).observations) == 1
    assert len(read(reopened(a_body(an_item())), "told", {}, now).observations) == 1


WHOLE = a_body(
    an_item("a", incidents=[{"type": "card", "key": "c", "side": "away", "colour": "red"}]),
    a_market(quotes=[a_quote("2.1"), a_quote(3.4, "draw"), a_quote(None, "away")]),
    an_item("c", markets=[{"type": "handicap", "line": -1.25, "reason": "x", "status": "closed"}]),
)


@settings(max_examples=400, deadline=None)
@given(body=mutations_of(WHOLE))
def test_whatever_is_sent_ends_as_an_answer_or_one_named_error(body: bytes):
    try:
        answer = read_json(body)
    except ProviderUnreadable:
        return
    for said in answer.observations:
        assert said.observed_at <= said.received_at
        assert "\0" not in repr(said)
        for market in said.markets:
            assert market.status is not MarketStatus.SETTLED
            for quote in market.quotes:
                assert quote.odds is None or Decimal("1.001") <= quote.odds <= 1000


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200))
def test_bytes_of_any_kind_end_as_one_named_error(body: bytes):
    with pytest.raises(ProviderUnreadable):
        read_json(body)
