"""Markets, odds and the path of prices."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from app.api.documents import Items, MarketShape
from app.api.price_shapes import OddsShape, PricePath
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
    assert (await api.get(f"/api/odds/{match_id}", headers=known)).status_code == 200


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
