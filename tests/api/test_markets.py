"""Markets, odds and the path of prices."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.api.documents import Items
from app.api.price_shapes import OddsShape, PricePath, QuotedMarket
from app.catalog.shapes import MarketShape
from tests.api.conftest import Api
from tests.builders import (
    HEARD,
    a_market,
    a_match,
    a_price,
    a_quote,
    selections_of,
)


async def markets(api: Api, sport: str = "football", **query: Any) -> Items[MarketShape]:
    answer = await api.get(f"/api/markets/{sport}", params=query)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Items[MarketShape])


async def test_a_market_names_its_selections_in_the_order_people_read_them(api: Api):
    match_id = await a_match(api.connection)
    odds = {"away": "3.625", "home": "2.10", "draw": "3.4"}
    market_id = await a_market(api.connection, match_id, odds)
    answer = await api.get("/api/markets/football")
    (market,) = msgspec.json.decode(answer.content, type=Items[MarketShape]).items
    assert (market.id, market.match_id, market.event, market.type, market.line) == (
        str(market_id),
        str(match_id),
        "Arsenal v Chelsea",
        "winner",
        None,
    )
    assert [selection.key for selection in market.selections] == ["home", "draw", "away"]
    assert (market.version, market.overround) == (1, Decimal("0.0512"))


async def test_odds_are_exact_numbers_without_trailing_noughts(api: Api):
    match_id = await a_match(api.connection)
    await a_market(api.connection, match_id, {"over": "2.100", "under": "1.001"}, line="2.50")
    text = (await api.get("/api/markets/football")).text
    for said in ('"odds":2.1,', '"odds":1.001,', '"line":2.5,', '"bestOdds":1.001,'):
        assert said in text


async def test_markets_come_newest_first_and_page_by_page(api: Api):
    match_id = await a_match(api.connection)
    made = [
        str(await a_market(api.connection, match_id, {"over": "2", "under": "1.8"}, line=f"{n}.5"))
        for n in range(5)
    ]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = await markets(api, **query)
        seen += [market.id for market in page.items]
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor
    assert seen == made[::-1]


async def test_markets_are_narrowed_by_sport_league_match_and_status(api: Api):
    arsenal = await a_match(api.connection)
    leeds = await a_match(api.connection, "Leeds", "Hull", league="Championship")
    open_one = str(await a_market(api.connection, arsenal))
    suspended = str(await a_market(api.connection, leeds, status="suspended"))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [suspended, open_one]),
        ({"sport": "tennis"}, []),
        ({"league": "championship"}, [suspended]),
        ({"league": "nowhere"}, []),
        ({"matchId": str(arsenal)}, [open_one]),
        ({"matchId": "987654321"}, []),
        ({"matchId": "not-a-number"}, []),
        ({"status": "open"}, [open_one]),
        ({"status": "open,suspended", "matchId": str(leeds)}, [suspended]),
    ]
    for query, expected in cases:
        assert [market.id for market in (await markets(api, **query)).items] == expected, query


async def test_odds_name_every_bookmaker_with_the_age_of_its_quote(api: Api):
    match_id = await a_match(api.connection)
    market_id = await a_market(api.connection, match_id)
    home = (await selections_of(api.connection, market_id))["home"]
    await a_quote(api.connection, home, "2.05", bookmaker="sim-west")
    later = HEARD + timedelta(seconds=3)
    await a_quote(api.connection, home, "2.1", bookmaker="sim-east", observed_at=later)
    answer = await api.get(f"/api/odds/{match_id}")
    odds = msgspec.json.decode(answer.content, type=OddsShape)
    quotes = odds.markets[0].selections[0].quotes
    assert [(q.bookmaker, q.odds) for q in quotes] == [
        ("sim-east", Decimal("2.1")),
        ("sim-west", Decimal("2.05")),
    ]
    assert quotes[1].age_ms == quotes[0].age_ms + 3_000
    assert odds.observed_at == "2025-11-22T15:30:03.000Z"
    assert odds.markets[0].overround == Decimal("0.0512")
    assert odds.markets[0].selections[1].quotes == []


async def test_a_newer_quote_at_the_same_price_is_another_answer(api: Api):
    match_id = await a_match(api.connection)
    market_id = await a_market(api.connection, match_id)
    home = (await selections_of(api.connection, market_id))["home"]
    await a_quote(api.connection, home)
    tag = (await api.get(f"/api/odds/{match_id}")).headers["etag"]
    known = {"if-none-match": tag}
    assert (await api.get(f"/api/odds/{match_id}", headers=known)).status_code == 304
    await api.connection.execute("UPDATE quotes SET observed_at = observed_at + interval '1 s'")
    # No change announces it: it is told when what was kept is computed anew, within a second.
    began = time.monotonic()
    while (await api.get(f"/api/odds/{match_id}", headers=known)).status_code == 304:
        await asyncio.sleep(0.01)
        assert time.monotonic() - began < 30


async def path(api: Api, match_id: int, **query: Any) -> PricePath:
    answer = await api.get(f"/api/odds/{match_id}/history", params=query)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=PricePath)


async def test_the_path_of_prices_has_every_price_newest_last(api: Api):
    match_id = await a_match(api.connection)
    market_id = await a_market(api.connection, match_id)
    ids = await selections_of(api.connection, market_id)
    for odds in ("2.2", "2.3", "2.4"):
        await a_price(api.connection, ids["home"], odds)
    home = str(ids["home"])
    whole = await path(api, match_id)
    assert len(whole.items) == 6
    assert [p.at for p in whole.items] == sorted(p.at for p in whole.items)
    of_home = await path(api, match_id, selectionId=home)
    assert [str(p.odds) for p in of_home.items] == ["2.1", "2.2", "2.3", "2.4"]
    assert not of_home.truncated
    newest = await path(api, match_id, selectionId=home, limit=2)
    assert [str(p.odds) for p in newest.items] == ["2.3", "2.4"]
    assert newest.truncated
    assert len((await path(api, match_id, marketId=str(market_id))).items) == 6
    assert (await path(api, match_id, marketId="77")).items == []
    assert (await path(api, match_id, to="2000-01-01T00:00:00Z")).items == []
    assert len((await path(api, match_id, **{"from": "2000-01-01T00:00:00+02:00"})).items) == 6


async def test_a_path_that_just_fits_is_not_cut(api: Api):
    match_id = await a_match(api.connection)
    await a_market(api.connection, match_id)
    assert (await path(api, match_id, limit=3)).truncated is False
    assert (await path(api, match_id, limit=2)).truncated is True


async def test_a_chart_gets_the_path_in_stretches_of_time(api: Api):
    match_id = await a_match(api.connection)
    market_id = await a_market(api.connection, match_id)
    home = (await selections_of(api.connection, market_id))["home"]
    for odds in ("2.2", "2.0", "2.3"):
        await a_price(api.connection, home, odds)
    await api.connection.execute(
        "UPDATE odds_history SET at = '2025-11-22 15:00:01Z'::timestamptz"
        " + (odds * 10 - 20) * interval '1 second' WHERE selection_id = $1",
        home,
    )
    told = await path(api, match_id, selectionId=str(home), bucketMs=2_000)
    said = [(p.at[17:19], str(p.open), str(p.high), str(p.low), p.points) for p in told.items]
    # 2.0 at :01, 2.1 at :02, 2.2 at :03, 2.3 at :04.
    assert said == [
        ("00", "2", "2", "2", 1),
        ("02", "2.1", "2.2", "2.1", 2),
        ("04", "2.3", "2.3", "2.3", 1),
    ]
    assert [str(p.odds) for p in told.items] == ["2", "2.2", "2.3"]
    newest = await path(api, match_id, selectionId=str(home), bucketMs=2_000, limit=1)
    assert ([p.at[17:19] for p in newest.items], newest.truncated) == (["04"], True)
    refused = await api.get(f"/api/odds/{match_id}/history", params={"bucketMs": 999})
    assert refused.status_code == 400


async def a_book(api: Api, *offers: tuple[str, str, str], status: str = "open") -> int:
    """A market of totals with (selection, bookmaker, odds) quoted just now; the match's id."""
    match_id = await a_match(api.connection)
    market_id = await a_market(
        api.connection, match_id, {"over": "2.0", "under": "2.0"}, line="2.5", status=status
    )
    ids = await selections_of(api.connection, market_id)
    await api.connection.execute("UPDATE selections SET fair_probability = 0.5")
    for key, bookmaker, odds in offers:
        now = datetime.now(UTC)
        await a_quote(api.connection, ids[key], odds, bookmaker=bookmaker, observed_at=now)
    return match_id


async def book(api: Api, match_id: int) -> QuotedMarket:
    answer = await api.get(f"/api/odds/{match_id}")
    return msgspec.json.decode(answer.content, type=OddsShape).markets[0]


OFFERS = (("over", "x", "2.1"), ("over", "y", "1.9"), ("under", "x", "1.8"), ("under", "y", "2.05"))


async def test_offers_that_together_pay_more_than_they_cost_are_an_arbitrage(api: Api):
    market = await book(api, await a_book(api, *OFFERS))
    assert market.arbitrage is not None
    assert market.arbitrage.return_ == Decimal("1.0373")
    legs = [(leg.key, leg.bookmaker, leg.odds, leg.stake) for leg in market.arbitrage.legs]
    assert legs == [
        ("over", "x", Decimal("2.1"), Decimal("0.494")),
        ("under", "y", Decimal("2.05"), Decimal("0.506")),
    ]
    assert [(leg.bookmaker, leg.odds, leg.edge) for leg in market.value] == [
        ("x", Decimal("2.1"), Decimal("0.05")),
        ("y", Decimal("2.05"), Decimal("0.025")),
    ]


SPOILED = {
    "stale": "UPDATE quotes SET observed_at = observed_at - interval '2 minutes'"
    " WHERE bookmaker = 'y'",
    "suspended": "INSERT INTO market_observations"
    " SELECT id, 'replay', 'suspended', NULL, now() FROM markets",
    "provider_down": "INSERT INTO provider_health (provider, sport_id, quarantined_before)"
    " VALUES ('replay', 'football', 'infinity')",
    "no_offer": "UPDATE quotes SET odds = NULL WHERE bookmaker = 'y'",
}


@pytest.mark.parametrize("state", SPOILED)
async def test_an_offer_that_does_not_count_makes_no_arbitrage_and_no_value(api: Api, state: str):
    match_id = await a_book(api, *OFFERS)
    await api.connection.execute(SPOILED[state])
    market = await book(api, match_id)
    assert market.arbitrage is None
    assert "y" not in {leg.bookmaker for leg in market.value}
    states = {q.bookmaker: q.state for selection in market.selections for q in selection.quotes}
    assert states["y"] == state


async def test_what_is_suspended_incomplete_or_a_mistake_is_no_arbitrage(api: Api):
    closed = await a_book(api, *OFFERS, status="suspended")
    assert (await book(api, closed)).arbitrage is None
    one_sided = await a_book(api, *OFFERS[:2])
    assert (await book(api, one_sided)).arbitrage is None
    mistaken = await a_book(api, ("over", "x", "19"), ("under", "y", "1.9"))
    market = await book(api, mistaken)
    assert (market.arbitrage, market.value) == (None, [])
