"""What becomes of bets: settled when matches end, put right when results are, by hand too."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.betting.settlement import Waits
from tests.api.books import PRICES, Book, a_book, books_are_right
from tests.api.caller import Caller, a_caller
from tests.api.conftest import Api
from tests.builders import a_score
from workers.settle import Settling

AT_ONCE = Waits(after=timedelta(0), confidence=Decimal(0))


@pytest.fixture
async def user(api: Api) -> Caller:
    """A user with 100 EUR."""
    caller = await a_caller(api)
    await caller.send("/wallet/deposits", {"amount": "100"})
    return caller


@pytest.fixture
async def operator(api: Api) -> Caller:
    """Somebody who runs the place."""
    return await a_caller(api, "operator@example.org", role="operator")


async def a_bet(user: Caller, book: Book, key: str = "home", stake: str = "10") -> str:
    """Strikes a single; returns its id."""
    answer = await user.send("/bets", book.single(key, PRICES[key], stake=stake))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def settle(api: Api, waits: Waits = AT_ONCE, *, sweep: bool = False) -> int:
    """Lets the worker look once; returns how many bets it settled."""
    return await Settling(api.app.state.pool, waits).look(sweep=sweep)


async def state_of(user: Caller, bet_id: str) -> tuple[str, str]:
    """Returns a bet's state and what it returned."""
    bet = (await user.get(f"/bets/{bet_id}")).json()
    return bet["status"], bet["returned"]["amount"]


async def hanging(api: Api) -> tuple[int, int]:
    """Returns what hangs on all markets: stakes, payouts."""
    rows = await api.connection.fetch(
        "SELECT staked, payouts::text AS payouts FROM market_exposures"
    )
    paid = [msgspec.json.decode(row["payouts"], type=dict[str, int]) for row in rows]
    return sum(row["staked"] for row in rows), sum(sum(one.values()) for one in paid)


async def end(book: Book, home: int, away: int, status: str = "finished") -> None:
    """Ends a match."""
    await a_score(book.api.connection, book.match_id, (home, away), status=status)


async def test_when_a_match_ends_its_bets_are_settled_once(api: Api, user: Caller):
    book = await a_book(api)
    won, lost = await a_bet(user, book), await a_bet(user, book, "away")
    assert await settle(api) == 0
    await end(book, 2, 1)
    assert await settle(api) == 2
    assert await settle(api, sweep=True) == 0
    assert await state_of(user, won) == ("won", "21.00")
    assert await state_of(user, lost) == ("lost", "0.00")
    assert await user.balance() == ("101.00", "0.00", "0.00")
    assert await hanging(api) == (0, 0)
    await books_are_right(api)


async def test_a_corrected_result_reverses_the_settlement_to_the_cent(api: Api, user: Caller):
    book = await a_book(api)
    home, draw = await a_bet(user, book), await a_bet(user, book, "draw", "5")
    for score, balance in [((2, 1), "106.00"), ((1, 1), "102.00"), ((2, 1), "106.00")]:
        await end(book, *score)
        assert await settle(api) == 2
        assert await user.balance() == (balance, "0.00", "0.00")
        await books_are_right(api)
    assert await state_of(user, home) == ("won", "21.00")
    assert await state_of(user, draw) == ("lost", "0.00")


async def test_what_was_paid_by_mistake_and_is_gone_is_owed_and_paid_first(api: Api, user: Caller):
    book, other = await a_book(api), await a_book(api, teams=("Leeds", "Everton"))
    await a_bet(user, book, stake="100")
    await end(book, 1, 0)
    await settle(api)
    await user.send("/wallet/withdrawals", {"amount": "200"})
    await end(book, 1, 1)
    await settle(api)
    balance = (await user.get("/wallet")).json()["balances"][0]
    assert (balance["available"], balance["owed"]) == ("0.00", "-200.00")
    await user.send("/wallet/deposits", {"amount": "250"})
    balance = (await user.get("/wallet")).json()["balances"][0]
    assert (balance["available"], balance["owed"]) == ("50.00", "0.00")
    await end(book, 1, 0)
    await settle(api)
    assert (await user.balance())[0] == "260.00"
    assert await a_bet(user, other)
    await books_are_right(api)


# what becomes of the match -> what becomes of a bet on home at 2.10
ENDS = [
    ((0, 0), "cancelled", ("void", "10.00")),
    ((1, 0), "abandoned", ("void", "10.00")),
    ((3, 0), "awarded", ("void", "10.00")),
    ((1, 0), "interrupted", ("accepted", "0.00")),
    ((1, 0), "live", ("accepted", "0.00")),
]


@pytest.mark.parametrize(("score", "status", "becomes"), ENDS)
async def test_a_match_that_is_not_played_to_its_end(
    api: Api, user: Caller, score: tuple[int, int], status: str, becomes: tuple[str, str]
):
    book = await a_book(api)
    bet = await a_bet(user, book)
    await end(book, *score, status=status)
    await settle(api)
    assert await state_of(user, bet) == becomes
    await books_are_right(api)


async def test_a_match_put_off_stands_for_as_long_as_its_sport_says_and_is_then_void(
    api: Api, user: Caller
):
    book, later = await a_book(api), await a_book(api, teams=("Leeds", "Everton"))
    bet, moved = await a_bet(user, book), await a_bet(user, later)
    await a_score(api.connection, book.match_id, None, status="postponed")
    assert await settle(api, sweep=True) == 0
    await api.connection.execute(
        "UPDATE matches SET start_time = start_time + interval '73 hours' WHERE id = $1",
        later.match_id,
    )
    assert await settle(api, sweep=True) == 1
    assert (await state_of(user, moved))[0] == "void"
    await api.connection.execute("UPDATE bet_legs SET starts_at = now() - interval '69 hours'")
    assert await settle(api, sweep=True) == 0
    await api.connection.execute("UPDATE bet_legs SET starts_at = now() - interval '73 hours'")
    assert await settle(api, sweep=True) == 1
    assert (await state_of(user, bet))[0] == "void"
    assert await user.balance() == ("100.00", "0.00", "0.00")


async def test_an_accumulator_waits_for_its_last_leg_and_is_lost_with_its_first(
    api: Api, user: Caller
):
    books = [await a_book(api, teams=(f"Home {n}", f"Away {n}")) for n in "ab"]
    legs = [{"selectionId": str(book.selections["home"]), "odds": 2.1} for book in books]
    bets = [
        (await user.send("/bets", {"legs": legs, "stake": stake})).json()["id"]
        for stake in ("10", "1")
    ]
    await end(books[0], 1, 0)
    await settle(api)
    assert await state_of(user, bets[0]) == ("accepted", "0.00")
    shown = (await user.get(f"/bets/{bets[0]}")).json()["legs"]
    assert [leg["result"] for leg in shown] == ["won", None]
    await end(books[1], 0, 0, status="cancelled")
    await settle(api)
    assert await state_of(user, bets[0]) == ("won", "21.00")
    await end(books[0], 0, 1)
    await settle(api)
    assert await state_of(user, bets[0]) == ("lost", "0.00")
    assert await user.balance() == ("89.00", "0.00", "0.00")
    await books_are_right(api)


async def test_a_result_has_to_stand_and_be_believed(api: Api, user: Caller):
    book = await a_book(api)
    bet = await a_bet(user, book)
    await end(book, 1, 0)
    assert await settle(api, Waits(after=timedelta(minutes=1), confidence=Decimal(0))) == 0
    await api.connection.execute("UPDATE live_scores SET confidence = 0.4")
    assert await settle(api, Waits(after=timedelta(0), confidence=Decimal("0.5"))) == 0
    assert await settle(api, Waits(after=timedelta(0), confidence=Decimal("0.4"))) == 1
    assert (await state_of(user, bet))[0] == "won"


async def test_what_is_cashed_out_in_part_is_settled_for_the_rest(api: Api, user: Caller):
    book = await a_book(api)
    bet = await a_bet(user, book)
    await api.connection.execute("UPDATE selections SET fair_probability = 0.6")
    await user.send(f"/bets/{bet}/cash-out", {"amount": "4.78", "share": 0.4})
    await end(book, 1, 0)
    await settle(api)
    assert await state_of(user, bet) == ("won", "17.38")  # 4.78 and 6 x 2.10
    await end(book, 0, 0)
    await settle(api)
    assert await state_of(user, bet) == ("lost", "4.78")
    assert await user.balance() == ("94.78", "0.00", "0.00")
    await books_are_right(api)


async def test_a_bet_struck_as_its_match_ends_is_found_by_the_sweep(api: Api, user: Caller):
    book = await a_book(api)
    bet = await a_bet(user, book)
    await end(book, 1, 0)
    seq = await api.connection.fetchval("SELECT seq FROM match_heads")
    await api.connection.execute(
        "INSERT INTO settlement_places VALUES ($1, $2)", book.match_id, seq
    )
    assert await settle(api) == 0
    assert await settle(api, sweep=True) == 1
    assert (await state_of(user, bet))[0] == "won"


async def test_several_workers_settle_a_bet_once(api: Api, user: Caller):
    book = await a_book(api)
    for _ in range(30):
        await a_bet(user, book, stake="1")
    await end(book, 1, 0)
    done = await asyncio.gather(*(settle(api) for _ in range(4)))
    assert sum(done) == 30
    assert await user.balance() == ("133.00", "0.00", "0.00")
    await books_are_right(api)


async def test_the_bets_of_a_merged_match_are_settled_by_the_one_that_is_kept(
    api: Api, user: Caller
):
    dropped = await a_book(api)
    kept = await a_book(api, teams=("Chelsea FC", "Arsenal FC"))
    bet = await a_bet(user, dropped)
    db = api.connection
    await db.execute(
        "UPDATE participants d SET merged_into = k.id FROM participants k"
        " WHERE k.name = d.name || ' FC'"
    )
    await db.execute(
        "UPDATE matches SET merged_into = $2 WHERE id = $1", dropped.match_id, kept.match_id
    )
    await end(kept, 0, 2)  # The sides are told the other way round: home of the bet is away there.
    await settle(api)
    assert await state_of(user, bet) == ("won", "21.00")


async def by_hand(operator: Caller, bet: str, what: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Does something with a bet as an operator."""
    answer = await operator.send(f"/api/bets/{bet}/{what}", {"note": "looked at it", **more})
    return answer.status_code, answer.json()


async def test_what_an_operator_says_stays_until_it_is_released(
    api: Api, user: Caller, operator: Caller
):
    book = await a_book(api)
    bet = await a_bet(user, book)
    assert (await by_hand(operator, bet, "void"))[1]["status"] == "void"
    await end(book, 2, 1)
    assert await settle(api) == 0
    assert await user.balance() == ("100.00", "0.00", "0.00")
    said = [{"leg": 1, "result": "half_won"}]
    assert (await by_hand(operator, bet, "settle", results=said))[1]["status"] == "half_won"
    assert await user.balance() == ("105.50", "0.00", "0.00")
    assert (await by_hand(operator, bet, "rollback"))[1]["status"] == "accepted"
    assert await user.balance() == ("90.00", "10.00", "0.00")
    assert await hanging(api) == (1000, 2100)
    assert await settle(api, sweep=True) == 0
    await by_hand(operator, bet, "release")
    assert await settle(api, sweep=True) == 1
    assert await state_of(user, bet) == ("won", "21.00")
    listed = (await operator.get(f"/api/bets/{bet}/settlements")).json()["items"]
    assert [(one["status"], one["cause"]) for one in listed] == [
        *(("void", "by_hand"), ("half_won", "by_hand"), ("accepted", "by_hand"), ("won", "result")),
    ]
    assert {one["decidedBy"] for one in listed} == {str(operator.user_id), None}
    assert await hanging(api) == (0, 0)
    await books_are_right(api)


async def test_not_everything_can_be_settled_by_hand_and_not_by_everybody(
    api: Api, user: Caller, operator: Caller
):
    book = await a_book(api)
    refused = await user.send("/bets", book.single(odds="3"))
    assert refused.status_code == 409
    (kept,) = (await user.get("/bets?status=refused")).json()["items"]
    assert (await by_hand(operator, kept["id"], "void"))[1]["code"] == "not_to_be_settled"
    bet = await a_bet(user, book)
    said = [{"leg": 2, "result": "won"}]
    assert (await by_hand(operator, bet, "settle", results=said))[0] == 422
    assert (await by_hand(user, bet, "void"))[0] == 403
    assert (await by_hand(operator, "999", "void"))[0] == 404


async def test_operators_see_whose_bets_there_are_and_what_hangs_on_them(
    api: Api, user: Caller, operator: Caller
):
    book, other = await a_book(api), await a_book(api, teams=("Leeds", "Everton"))
    first, second = await a_bet(user, book), await a_bet(user, other, "away", "20")
    found = (await operator.get(f"/api/bets?userId={user.user_id}")).json()["items"]
    assert [(one["id"], one["userId"]) for one in found] == [
        (second, str(user.user_id)),
        (first, str(user.user_id)),
    ]
    on_match = (await operator.get(f"/api/bets?matchId={book.match_id}&status=accepted")).json()
    assert [one["id"] for one in on_match["items"]] == [first]
    dearest = (await operator.get("/api/exposure")).json()["items"]
    assert [(one["event"], one["worst"]["amount"]) for one in dearest] == [
        *(("Leeds v Everton", "52.50"), ("Arsenal v Chelsea", "11.00")),
    ]
    await a_bet(user, book, "away", "10")
    matches = (await operator.get("/api/exposure/matches")).json()["items"]
    assert [(one["event"], one["markets"], one["worst"]["amount"]) for one in matches] == [
        *(("Leeds v Everton", 1, "52.50"), ("Arsenal v Chelsea", 1, "16.25")),
    ]
    (theirs,) = (await operator.get("/api/exposure/users")).json()["items"]
    assert (theirs["userId"], theirs["bets"], theirs["worst"]["amount"]) == (
        *(str(user.user_id), 3, "89.75"),
    )
    (euros,) = (await operator.get("/api/liabilities")).json()["items"]
    assert (euros["openBets"], euros["staked"], euros["potentialReturn"]) == (3, "40.00", "129.75")
    assert (await user.get("/api/exposure")).status_code == 403


async def test_settlement_of_old_matches_is_left_to_operators(api: Api, user: Caller):
    book = await a_book(api)
    await a_bet(user, book)
    await api.connection.execute(
        "UPDATE matches SET start_time = $1", datetime.now(UTC) - timedelta(days=31)
    )
    await end(book, 1, 0)
    assert await settle(api) == 0
