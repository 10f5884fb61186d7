"""What a price is, and whose word on a market counts. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.consensus import MarketNow, MarketWord, Offer, merge_quotes, price_market
from app.sports.market import MarketStatus, is_odds

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FRESH = timedelta(minutes=1)


def test_a_price_is_the_median_and_the_best_is_named():
    offers = {
        "home": [("x", Decimal("2.0")), ("y", Decimal("2.2")), ("z", Decimal(9))],
        "away": [("x", Decimal("1.8")), ("y", Decimal("1.9")), ("z", Decimal("1.7"))],
    }
    priced, overround = merge_quotes(offers)
    assert (priced["home"].odds, priced["home"].best_odds) == (Decimal("2.2"), Decimal(9))
    assert (priced["home"].best_provider, priced["away"].best_provider) == ("z", "y")
    assert overround == Decimal("1.0101")
    assert priced["home"].fair_probability == Decimal("0.4495")


def test_of_equal_offers_always_the_same_is_named():
    two = Decimal(2)
    for order in (["y", "x"], ["x", "y"]):
        priced, _ = merge_quotes({"home": [(name, two) for name in order]})
        assert priced["home"].best_provider == "x"


def test_without_every_price_there_is_no_chance_and_no_overround():
    priced, overround = merge_quotes({"home": [("x", Decimal(2))], "away": []})
    assert overround is None
    assert priced["home"].fair_probability is None
    assert "away" not in priced


ODDS = st.integers(min_value=1_001, max_value=1_000_000).map(lambda n: Decimal(n) / 1000)


@given(st.lists(st.lists(ODDS, min_size=1, max_size=6), min_size=2, max_size=5))
def test_prices_stay_odds_and_chances_add_up(offers: list[list[Decimal]]):
    quotes = {str(n): [(f"b{k}", o) for k, o in enumerate(of)] for n, of in enumerate(offers)}
    priced, overround = merge_quotes(quotes)
    assert overround is not None
    for n, of in enumerate(offers):
        price = priced[str(n)]
        assert is_odds(price.odds)
        assert min(of) <= price.odds <= price.best_odds == max(of)
    chances = [p.fair_probability for p in priced.values() if p.fair_probability is not None]
    assert abs(sum(chances) - 1) <= Decimal("0.0001") * len(chances)


@given(st.lists(ODDS, min_size=3, max_size=7), ODDS, st.data())
def test_one_bookmakers_error_moves_a_price_no_further_than_the_others_offers(
    offers: list[Decimal], wrong: Decimal, data: st.DataObject
):
    at = data.draw(st.integers(0, len(offers) - 1))
    others = offers[:at] + offers[at + 1 :]
    spoiled = [*others, wrong]
    priced, _ = merge_quotes({"home": [(f"b{n}", odds) for n, odds in enumerate(spoiled)]})
    assert min(others) <= priced["home"].odds <= max(others)


# Words as "rank status age in seconds", and what comes of them.
WORDS = [
    (["0 open 1"], "open", None),
    (["0 open 1", "1 suspended 1"], "open", None),
    (["0 suspended 1", "1 open 1"], "suspended", "said by 0"),
    (["0 open 1", "0 suspended 1"], "suspended", "said by 1"),
    (["0 suspended 90", "1 open 1"], "open", None),
    (["0 open 90", "1 open 90"], "suspended", "stale_prices"),
    (["0 closed 900"], "closed", "said by 0"),
    (["0 closed 900", "1 open 1"], "closed", "said by 0"),
    (["0 open 1", "1 closed 900"], "open", None),
    (["0 open 1", "0 closed 900"], "closed", "said by 1"),
    (["0 open 1 down"], "suspended", "provider_down"),
    (["0 suspended 1 down", "1 open 1"], "open", None),
]


@pytest.mark.parametrize(("words", "status", "reason"), WORDS)
def test_whose_word_on_a_market_counts(words: list[str], status: str, reason: str | None):
    said: dict[str, MarketWord] = {}
    for n, line in enumerate(words):
        rank, what, age, *down = line.split()
        said[f"p{n}"] = MarketWord(
            provider=f"p{n}",
            status=MarketStatus(what),
            reason=None if what == "open" else f"said by {n}",
            observed_at=NOON - timedelta(seconds=int(age)),
            rank=int(rank),
            down=bool(down),
        )
    two = Offer(Decimal(2), Decimal(2), "x")
    now = MarketNow(
        oldest=NOON - FRESH, fresh_for=FRESH, words=said, offers={"yes": two, "no": two}
    )
    if reason == "stale_prices":
        now.stale = True
    priced = price_market(now)
    assert (priced.status, priced.reason) == (status, reason)


def test_a_market_nobody_offers_anything_in_is_never_open():
    word = MarketWord(provider="a", status=MarketStatus.OPEN, reason=None, observed_at=NOON, rank=0)
    now = MarketNow(oldest=NOON, fresh_for=FRESH, words={"a": word}, offers={"yes": None})
    priced = price_market(now)
    assert (priced.status, priced.reason) == (MarketStatus.SUSPENDED, "no_prices")
