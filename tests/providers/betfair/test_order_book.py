"""Images and deltas make the book that a plain reading of all of them makes."""

import bz2
import gzip
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.betfair import order_book
from app.providers.betfair.lines import RunnerKey
from app.providers.betfair.order_book import Book, BookOverflow
from app.providers.betfair.payloads import (
    CHANGE,
    MarketChange,
    MarketDefinition,
    RunnerChange,
    StreamRunner,
)

HISTORY = Path(__file__).parents[2] / "recordings" / "betfair" / "history"
SIDES = ("batb", "batl", "atb", "atl")
Offers = dict[RunnerKey, dict[str, dict[Any, Any]]]


def plainly(changes: Sequence[MarketChange]) -> Offers:
    """The book as the last word on each offer since the last image; nothing is kept in between."""
    last_image = max((n for n, one in enumerate(changes) if one.img), default=0)
    words: dict[tuple[RunnerKey, str, Any], tuple[Decimal, ...]] = {}
    for change in changes[last_image:]:
        for runner in change.rc or ():
            key = (runner.id, runner.hc or Decimal(0))
            for side in SIDES:
                for told in getattr(runner, side) or ():
                    words[key, side, told[0]] = told[1:]
    offers: Offers = {}
    for (key, side, place), told in words.items():
        if told[-1] != 0:
            value = told if len(told) == 2 else told[0]
            offers.setdefault(key, {}).setdefault(side, {})[place] = value
    return offers


def kept(book: Book) -> Offers:
    """What a book holds, without runners and sides that have nothing."""
    sides = {key: {s: getattr(one, s) for s in SIDES} for key, one in book.runners.items()}
    full = {key: {s: v for s, v in told.items() if v} for key, told in sides.items()}
    return {key: told for key, told in full.items() if told}


def best_back(offers: Offers, runner: RunnerKey) -> Decimal | None:
    told = offers.get(runner, {})
    if "batb" in told:
        return min(told["batb"].items())[1][0]
    return max(told["atb"]) if "atb" in told else None


prices = st.sampled_from([Decimal(n) / 100 for n in (101, 150, 198, 200, 204, 350, 1200)])
sizes = st.sampled_from([Decimal(0), Decimal(0), Decimal("2.5"), Decimal(1000)])
levels = st.lists(st.tuples(st.integers(0, 3), prices, sizes), max_size=4).map(tuple)
offers_of = st.lists(st.tuples(prices, sizes), max_size=4).map(tuple)
runner_changes = st.builds(
    RunnerChange,
    id=st.integers(1, 3),
    hc=st.sampled_from([None, Decimal("-0.5"), Decimal(0)]),
    batb=st.none() | levels,
    batl=st.none() | levels,
    atb=st.none() | offers_of,
    atl=st.none() | offers_of,
)
DEFINITION = MarketDefinition(
    status="OPEN",
    runners=tuple(
        StreamRunner(id=n, hc=hc, status="ACTIVE") for n in (1, 2) for hc in (None, Decimal("-0.5"))
    ),
)
changes_of = st.lists(
    st.builds(
        MarketChange,
        id=st.just("1.1"),
        img=st.sampled_from([None, None, False, True]),
        market_definition=st.sampled_from([None, DEFINITION]),
        rc=st.none() | st.lists(runner_changes, max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(changes=changes_of)
def test_any_images_and_deltas_make_the_plain_book(changes: list[MarketChange]):
    book = Book()
    for number, change in enumerate(changes, 1):
        book.apply(change)
        plain = plainly(changes[:number])
        assert kept(book) == plain
        offered = book.offered()
        assert (offered is None) == all(one.market_definition is None for one in changes[:number])
        if offered is not None:
            active = [(n, hc) for n in (1, 2) for hc in (Decimal(0), Decimal("-0.5"))]
            best = {key: best_back(plain, key) for key in active}
            assert offered.offers == {key: price for key, price in best.items() if price}


def lines_of(name: str) -> Iterator[bytes]:
    path = HISTORY / name
    with (bz2.open if path.suffix == ".bz2" else gzip.open)(path) as lines:
        yield from lines


def changes_in(name: str) -> list[MarketChange]:
    """All changes of a recorded market, in order."""
    return [
        CHANGE.decode(msgspec.json.encode(change))
        for line in lines_of(name)
        for change in msgspec.json.decode(line)["mc"]
    ]


@pytest.mark.parametrize(
    ("name", "count", "winners"),
    [
        ("1.145405534.bz2", 681, {30246}),
        ("1.197931750.gz", 166, {37947503}),
        ("1.200806927.gz", 18_529, {228749}),
    ],
)
def test_a_recorded_market_ends_in_the_book_that_was(name: str, count: int, winners: set[int]):
    changes = changes_in(name)
    assert len(changes) == count
    book = Book()
    checked = {count * n // 8 for n in range(1, 9)}
    for number, change in enumerate(changes, 1):
        book.apply(change)
        if number in checked:
            assert kept(book) == plainly(changes[:number])
    definition = book.definition
    assert definition is not None
    assert definition.status == "CLOSED"
    won = {one.id for one in definition.runners if one.status == "WINNER"}
    assert won == winners
    offered = book.offered()
    assert offered is not None
    # Nobody is active any more: nothing can be backed, whatever is left in the book.
    assert offered.offers == {}


@pytest.mark.parametrize(
    ("name", "start", "prices"),
    [
        # The best back prices, as the file has them, when cricket went in play and the greyhounds
        # were in their traps.
        ("1.200806927.gz", "in_play", {228749: "1.23", 2857977: "2"}),
        (
            "1.197931750.gz",
            "suspended",
            {
                42930960: "9.8",
                40095374: "16",
                36276560: "6.8",
                37947503: "25",
                39823721: "1.53",
                44331354: "85",
            },
        ),
    ],
)
def test_a_recorded_market_has_the_prices_of_its_start(
    name: str, start: str, prices: dict[int, str]
):
    book = Book()
    for change in changes_in(name):
        told = change.market_definition
        if told is not None and start == ("in_play" if told.in_play else told.status.lower()):
            break
        book.apply(change)
    offered = book.offered()
    assert offered is not None
    assert {key[0]: str(price) for key, price in offered.offers.items()} == prices


def test_more_than_any_market_has_is_refused():
    many = tuple((Decimal(n), Decimal(1)) for n in range(1, order_book.OFFERS_MAX + 2))
    with pytest.raises(BookOverflow):
        Book().apply(MarketChange(id="1.1", rc=(RunnerChange(id=1, atb=many),)))
    crowd = tuple(RunnerChange(id=n) for n in range(order_book.RUNNERS_MAX + 1))
    with pytest.raises(BookOverflow):
        Book().apply(MarketChange(id="1.1", rc=crowd))


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity"])
def test_what_is_no_number_is_no_offer(number: str):
    bad, good = Decimal(number), Decimal(2)
    for change in (
        RunnerChange(id=1, atb=((bad, good),)),
        RunnerChange(id=1, batb=((0, good, bad),)),
        RunnerChange(id=1, hc=bad),
    ):
        with pytest.raises(ValueError, match="no number"):
            Book().apply(MarketChange(id="1.1", rc=(change,)))
