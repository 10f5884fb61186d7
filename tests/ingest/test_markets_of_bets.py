"""Markets whose answers overlap, are open, or are of one side: what is held of them."""

from collections.abc import Sequence
from decimal import Decimal

import asyncpg
import pytest

from app.ingest.consensus import Offer, price_offers
from app.ingest.margins import two_of_three
from app.ingest.selection_names import TURNED_KEY
from app.ingest.swapping import swapped_market
from app.sports.market import MarketType, SelectionKey, answers_of, is_line, turned_key
from app.sports.match import Sport
from app.sports.observation import ObservedMarket, ObservedQuote
from tests.ingest.conftest import take_in
from tests.observed import an_observation


def asked(kind: MarketType, line: str | None, *quotes: tuple[str, str]) -> ObservedMarket:
    return ObservedMarket(
        type=kind,
        line=None if line is None else Decimal(line),
        quotes=tuple(ObservedQuote("north", key, Decimal(odds)) for key, odds in quotes),
    )


DOUBLE = asked(
    MarketType.DOUBLE_CHANCE, None,
    ("home_draw", "1.20"), ("home_away", "1.30"), ("draw_away", "2.05"),
)  # fmt: skip
SCORES = asked(MarketType.CORRECT_SCORE, None, ("10-0", "900"), ("2-1", "9"), ("0-0", "11"))


async def held(connection: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    return await connection.fetch(
        "SELECT k.type, k.line, k.overround, x.key, x.name, x.fair_probability AS fair"
        " FROM selections x JOIN markets k ON k.id = x.market_id ORDER BY k.id, x.id"
    )


async def test_a_double_chance_has_chances_of_two_and_the_margin_of_one(
    connection: asyncpg.Connection,
):
    await take_in(connection, an_observation(markets=(DOUBLE,)))
    rows = await held(connection)
    assert [row["key"] for row in rows] == ["home_draw", "home_away", "draw_away"]
    assert sum(row["fair"] for row in rows) == pytest.approx(Decimal(2), abs=Decimal("0.0002"))
    assert {row["overround"] for row in rows} == {Decimal("1.0452")}
    assert [row["name"].count(" or ") for row in rows] == [1, 1, 1]


async def test_scores_come_in_order_have_no_chances_and_may_become_more(
    connection: asyncpg.Connection,
):
    await take_in(connection, an_observation(markets=(SCORES,)))
    rows = await held(connection)
    assert [(row["key"], row["name"]) for row in rows] == [
        (score, score) for score in ("0-0", "2-1", "10-0")
    ]
    assert {(row["fair"], row["overround"]) for row in rows} == {(None, None)}
    more = asked(MarketType.CORRECT_SCORE, None, ("0-0", "10"), ("1-1", "6"))
    await take_in(connection, an_observation(markets=(more,)))
    assert {row["key"] for row in await held(connection)} == {"0-0", "2-1", "10-0", "1-1"}


async def test_lines_are_told_in_the_names_of_both_sides(connection: asyncpg.Connection):
    markets = (
        asked(MarketType.HANDICAP_3WAY, "-1", ("home", "3.4"), ("draw", "3.6"), ("away", "1.9")),
        asked(MarketType.HOME_TOTAL, "1.5", ("over", "1.9"), ("under", "1.9")),
        asked(MarketType.PERIOD_WINNER, "1", ("home", "2.6"), ("draw", "2.1"), ("away", "4")),
    )
    await take_in(connection, an_observation(markets=markets))
    names = {(row["type"], row["key"]): row["name"] for row in await held(connection)}
    home, away = names["period_winner", "home"], names["period_winner", "away"]
    assert {key: name for (kind, key), name in names.items() if kind == "handicap_3way"} == {
        "home": f"{home} -1",
        "draw": "Draw -1",
        "away": f"{away} +1",
    }
    assert names["home_total", "over"] == "Over 1.5"


def test_every_key_and_line_turns_with_the_sides_and_back():
    for kind in MarketType:
        line = Decimal(2) if is_line(kind, Decimal(2)) else None
        keys = answers_of(kind, Sport.FOOTBALL) or ("2-1", "0-0")
        market = asked(kind, None if line is None else "2", *((key, "2") for key in keys))
        there = swapped_market(market)
        assert swapped_market(there) == market
        assert {quote.selection for quote in there.quotes} == {turned_key(key) for key in keys}
    turned = swapped_market(asked(MarketType.HOME_TOTAL, "1.5", ("over", "2")))
    assert (turned.type, turned.line) == (MarketType.AWAY_TOTAL, Decimal("1.5"))
    assert swapped_market(SCORES).quotes[1].selection == "1-2"
    assert swapped_market(asked(MarketType.SET_HANDICAP, "-1.5")).line == Decimal("1.5")


@pytest.mark.parametrize("odds", [(1.2, 1.3, 2.05), (1.02, 1.03, 14.0), (1.001, 1.001, 501.0)])
def test_chances_of_two_are_chances_whatever_the_margin(odds: tuple[float, ...]):
    chances = two_of_three(odds)
    assert sum(chances) == pytest.approx(2, abs=1e-9)
    assert all(0 < chance < 1 + 1e-9 for chance in chances)
    assert list(chances) == sorted(chances, reverse=True)


def test_answers_that_are_not_all_there_are_have_no_chances():
    offers = {key: Offer(Decimal(9), Decimal(9), "north") for key in ("0-0", "1-0")}
    priced, overround = price_offers(offers, winners=None)
    assert (overround, {one.fair_probability for one in priced.values()}) == (None, {None})


async def test_postgres_turns_keys_as_we_do(connection: asyncpg.Connection):
    keys = [*SelectionKey, "2-1", "0-10", "3-3"]
    turned = TURNED_KEY.format(key="key")
    rows = await connection.fetch(f"SELECT {turned} FROM unnest($1::text[]) AS key", keys)
    assert [row[0] for row in rows] == [turned_key(key) for key in keys]
