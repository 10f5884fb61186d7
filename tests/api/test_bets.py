"""POST /bets and what follows: struck, refused, replayed, pending, cashed out."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.api.bet_shapes import BetShape
from tests.api.books import Book, a_book, books_are_right
from tests.api.caller import Caller, a_caller
from tests.api.conftest import Api
from tests.builders import a_price, a_score


@pytest.fixture
async def user(api: Api) -> Caller:
    """A user with 100 EUR."""
    caller = await a_caller(api)
    await caller.send("/wallet/deposits", {"amount": "100"})
    return caller


@pytest.fixture
async def book(api: Api) -> Book:
    """A match that begins in two hours."""
    return await a_book(api)


async def test_a_single_is_struck_and_its_stake_is_held(user: Caller, book: Book):
    answer = await user.send("/bets", book.single())
    assert answer.status_code == 201, answer.text
    bet = msgspec.json.decode(answer.content, type=BetShape)
    assert (bet.status, bet.odds, bet.potential_return.amount) == (
        *("accepted", Decimal("2.1"), "21.00"),
    )
    (leg,) = bet.legs
    assert (leg.odds_requested, leg.odds, leg.selection) == (Decimal("2.1"), Decimal("2.1"), "home")
    assert await user.balance() == ("90.00", "10.00", "0.00")
    assert (await user.get(f"/bets/{bet.id}")).json() == answer.json()
    await books_are_right(user.api)


async def test_the_short_form_is_a_single(user: Caller, book: Book):
    short = {
        "marketId": str(book.market_id),
        "selectionId": str(book.selections["away"]),
        "odds": "3.625",
        "stake": 5,
    }
    answer = await user.send("/bets", short)
    assert (answer.status_code, answer.json()["potentialReturn"]["amount"]) == (201, "18.12")


async def test_the_same_request_gets_the_same_answer_for_ever(user: Caller, book: Book):
    first = await user.send("/bets", book.single(), key="once")
    await a_price(user.api.connection, book.selections["home"], "1.50")
    again = await user.send("/bets", book.single(odds="2.1"), key="once")
    assert (again.status_code, again.content) == (201, first.content)
    other = await user.send("/bets", book.single(stake="11"), key="once")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await user.balance() == ("90.00", "10.00", "0.00")
    asked = (await user.get("/bets?requestId=once")).json()["items"]
    assert [bet["id"] for bet in asked] == [first.json()["id"]]
    assert (await user.get("/bets?requestId=never")).json()["items"] == []


async def test_a_refusal_is_given_again_though_the_bet_would_now_be_struck(
    user: Caller, book: Book
):
    first = await user.send("/bets", book.single(odds="2.20"), key="once")
    assert (first.status_code, first.json()["code"]) == (409, "odds_changed")
    assert first.json()["current"] == [
        {"selectionId": str(book.selections["home"]), "odds": 2.1, "marketVersion": 1}
    ]
    await a_price(user.api.connection, book.selections["home"], "2.20")
    again = await user.send("/bets", book.single(odds="2.20"), key="once")
    same = ("status", "code", "detail", "current")
    assert [again.json()[name] for name in same] == [first.json()[name] for name in same]
    (kept,) = (await user.get("/bets?status=refused")).json()["items"]
    assert (kept["status"], kept["refusal"]["code"]) == ("refused", "odds_changed")
    assert await user.balance() == ("100.00", "0.00", "0.00")


async def test_many_at_once_under_one_key_are_one_bet(user: Caller, book: Book):
    answers = await asyncio.gather(
        *(user.send("/bets", book.single(), key="once") for _ in range(12))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await user.balance() == ("90.00", "10.00", "0.00")


async def test_of_200_at_once_as_many_are_struck_as_the_balance_covers(user: Caller, book: Book):
    answers = await asyncio.gather(
        *(user.send("/bets", book.single(stake="5")) for _ in range(200))
    )
    codes = [answer.json().get("code", "struck") for answer in answers]
    assert sorted(set(codes)) == ["insufficient_funds", "struck"]
    assert codes.count("struck") == 20
    assert await user.balance() == ("0.00", "100.00", "0.00")
    await books_are_right(user.api)


# odds asked for, policy, now on offer -> struck at, or refused
MOVES = [
    ("2.10", "none", "2.10", "2.1"),
    ("2.10", "none", "2.20", None),
    ("2.10", "none", "2.00", None),
    ("2.10", "higher", "2.20", "2.2"),
    ("2.10", "higher", "2.00", None),
    ("2.10", "any", "2.20", "2.2"),
    ("2.10", "any", "1.50", "1.5"),
]


@pytest.mark.parametrize(("asked", "policy", "offered", "struck"), MOVES)
async def test_a_moved_price_is_taken_as_the_user_said(
    user: Caller, book: Book, asked: str, policy: str, offered: str, struck: str | None
):
    await a_price(user.api.connection, book.selections["home"], offered)
    answer = await user.send("/bets", book.single(odds=asked, oddsChange=policy))
    if struck is None:
        assert answer.json()["code"] == "odds_changed"
        return
    (leg,) = answer.json()["legs"]
    assert (leg["oddsRequested"], leg["odds"]) == (float(asked), float(struck))


async def refusal(user: Caller, slip: dict[str, Any]) -> tuple[int, str]:
    """Returns status and code of a bet that is not struck."""
    answer = await user.send("/bets", slip)
    return answer.status_code, answer.json().get("code", answer.text)


async def test_what_takes_no_bets_now_says_why(user: Caller, book: Book):
    db = user.api.connection

    async def code_after(statement: str) -> str:
        await db.execute(statement)
        status, code = await refusal(user, book.single())
        assert status == 409
        await db.execute("UPDATE markets SET status = 'open'")
        await db.execute("UPDATE selections SET status = 'open'")
        await db.execute("UPDATE quotes SET observed_at = now()")
        return code

    assert await code_after("UPDATE markets SET status = 'suspended'") == "market_suspended"
    assert await code_after("UPDATE selections SET status = 'suspended'") == "market_suspended"
    assert await code_after("UPDATE markets SET status = 'closed'") == "market_closed"
    assert await code_after("UPDATE markets SET status = 'settled'") == "market_closed"
    old = "UPDATE quotes SET observed_at = now() - interval '1 hour'"
    assert await code_after(old) == "source_stale"
    version = book.single(market_version=7)
    assert await refusal(user, version) == (409, "odds_changed")
    await a_score(db, book.match_id, None, status="postponed")
    assert await refusal(user, book.single()) == (409, "market_suspended")
    await a_score(db, book.match_id, (1, 0), status="finished")
    assert await refusal(user, book.single()) == (409, "market_closed")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"stake": "0.09"}, 409, "stake_too_small"),
        ({"stake": "1000.01"}, 409, "stake_too_large"),
        ({"stake": "100.01"}, 409, "insufficient_funds"),
        ({"stake": "0"}, 422, "malformed_money"),
        ({"stake": "1", "currency": "JPY"}, 422, "unknown_currency"),
        ({"legs": []}, 422, "invalid"),
        ({"legs": None}, 422, "invalid"),
        ({"odds": 2}, 422, "invalid"),
        ({"legs": [{"selectionId": "999999", "odds": 2}]}, 404, "not_found"),
        ({"legs": [{"selectionId": "x", "odds": 2}]}, 404, "not_found"),
        ({"legs": [{"selectionId": "1", "odds": 1}]}, 422, "invalid"),
        ({"legs": [{"selectionId": "1", "odds": 1000.5}]}, 422, "invalid"),
        ({"oddsChange": "perhaps"}, 422, "invalid"),
    ],
)
async def test_what_can_be_no_bet_says_so(
    user: Caller, book: Book, more: dict[str, Any], status: int, code: str
):
    assert await refusal(user, book.single() | more) == (status, code)


async def test_a_stake_that_is_too_large_is_told_what_would_go(user: Caller, book: Book):
    await user.api.connection.execute(
        "INSERT INTO bet_rules (scope, stake_max, return_max) VALUES ('default', 50, 84),"
        " ('league.premier-league', 45, NULL)"
    )
    answer = await user.send("/bets", book.single(stake="46"))
    assert (answer.json()["code"], answer.json()["maxStake"]) == ("stake_too_large", "40.00")
    assert (await user.send("/bets", book.single(stake="40"))).status_code == 201


async def test_an_accumulator_multiplies_and_its_legs_are_of_different_matches(
    api: Api, user: Caller, book: Book
):
    other = await a_book(api, teams=("Leeds", "Everton"))
    third = await a_book(api, teams=("Fulham", "Burnley"))
    legs = [
        {"selectionId": str(one.selections[key]), "odds": odds}
        for one, key, odds in ((book, "home", 2.1), (other, "away", 3.625), (third, "draw", 3.4))
    ]
    answer = await user.send("/bets", {"legs": legs, "stake": "3.33"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["odds"] == 25.882  # 25.8825
    assert answer.json()["potentialReturn"]["amount"] == "86.18"  # 3.33 x 25.8825 = 86.188...
    related = [legs[0], {"selectionId": str(book.selections["draw"]), "odds": 3.4}]
    assert await refusal(user, {"legs": related, "stake": "1"}) == (409, "related_legs")
    assert await refusal(user, {"legs": legs[:1] * 2, "stake": "1"}) == (409, "duplicate_leg")
    moved = [legs[0] | {"odds": 2.2}, legs[1]]
    assert await refusal(user, {"legs": moved, "stake": "1"}) == (409, "odds_changed")
    kept = (await user.get("/bets?status=refused")).json()["items"]
    assert [len(bet["legs"]) for bet in kept] == [2, 1, 1]
    await books_are_right(api)


async def test_what_hangs_on_a_market_has_an_end_but_a_bet_that_lowers_it_passes(
    user: Caller, book: Book
):
    await user.api.connection.execute(
        "INSERT INTO bet_rules (scope, liability_max) VALUES ('sport.football', 20)"
    )
    assert (await user.send("/bets", book.single(stake="10"))).status_code == 201  # costs 11
    refused = await user.send("/bets", book.single(stake="10"))
    assert refused.json()["code"] == "exposure_exceeded"
    most = refused.json()["maxStake"]
    assert most == "8.18"  # (20 - 11) / 1.1
    assert (await user.send("/bets", book.single(stake=most))).status_code == 201
    await user.api.connection.execute("UPDATE bet_rules SET liability_max = 1")
    assert await refusal(user, book.single(stake="1")) == (409, "exposure_exceeded")
    hedge = book.single("draw", "3.4", stake="4")
    assert (await user.send("/bets", hedge)).status_code == 201


async def test_what_a_user_may_stake_in_a_day_has_an_end(user: Caller, book: Book):
    await user.api.connection.execute(
        "INSERT INTO bet_rules (scope, user_day_max) VALUES ('default', 25)"
    )
    assert (await user.send("/bets", book.single(stake="20"))).status_code == 201
    refused = await user.send("/bets", book.single(stake="6"))
    assert (refused.json()["code"], refused.json()["maxStake"]) == ("stake_too_large", "5.00")


async def test_bets_at_once_on_several_matches_do_not_each_fit_under_what_is_left_of_the_day(
    user: Caller,
):
    await user.api.connection.execute(
        "INSERT INTO bet_rules (scope, user_day_max) VALUES ('default', 25)"
    )
    books = [await a_book(user.api, teams=(f"Home {n}", f"Away {n}")) for n in "ABCDEFGH"]
    answers = await asyncio.gather(*(user.send("/bets", book.single()) for book in books))
    codes = sorted(answer.json().get("code", "struck") for answer in answers)
    assert codes == ["stake_too_large"] * 6 + ["struck"] * 2
    assert await user.balance() == ("80.00", "20.00", "0.00")


@pytest.mark.parametrize("kind", ["stake", "loss"])
async def test_a_limit_of_ones_own_holds(user: Caller, book: Book, kind: str):
    limit = {"limits": [{"kind": kind, "period": "day", "amount": "15"}]}
    await user.send("/wallet/limits", limit, method="PUT")
    assert (await user.send("/bets", book.single(stake="10"))).status_code == 201
    assert await refusal(user, book.single(stake="5.01")) == (403, "self_limit_reached")
    assert (await user.send("/bets", book.single(stake="5"))).status_code == 201


async def test_who_stays_away_strikes_no_bet(user: Caller, book: Book):
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await user.send("/wallet/limits", {"excludedUntil": until}, method="PUT")
    assert await refusal(user, book.single()) == (403, "self_excluded")


async def test_bets_come_in_pages_the_newest_first(user: Caller, book: Book):
    made = [(await user.send("/bets", book.single(stake="1"))).json()["id"] for _ in range(5)]
    page = (await user.get("/bets?limit=3&status=accepted,pending")).json()
    cursor = page["nextCursor"]
    rest = (await user.get(f"/bets?limit=3&status=accepted,pending&cursor={cursor}")).json()
    assert [bet["id"] for bet in page["items"] + rest["items"]] == made[::-1]
    assert rest["nextCursor"] is None
    assert (await user.get("/bets?status=unknown")).status_code == 400


async def test_the_users_log_tells_the_bet_and_the_balance(user: Caller, book: Book):
    answer = await user.send("/bets", book.single())
    rows = await user.api.connection.fetch(
        "SELECT seq, kind, body::text AS body FROM user_changes WHERE user_id = $1 ORDER BY seq",
        user.user_id,
    )
    told = [(row["seq"], row["kind"]) for row in rows]
    assert told == [(1, "balance_update"), (2, "bet_update"), (3, "balance_update")]
    assert msgspec.json.decode(rows[1]["body"]) == answer.json()
    assert msgspec.json.decode(rows[2]["body"])["available"] == "90.00"
