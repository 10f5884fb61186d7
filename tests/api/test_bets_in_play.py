"""Bets that wait because their match is in play, and bets that are cashed out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.betting.pending import decide_due
from app.catalog.freshness import QUOTE_FRESH
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


async def decided(user: Caller, later: float = 6) -> int:
    """Decides on what is due so many seconds from now; returns how many bets."""
    state: Any = user.api.app.state
    now = datetime.now(UTC) + timedelta(seconds=later)
    return await decide_due(state.pool, state.bets.house, now)


@pytest.fixture
async def live(api: Api) -> Book:
    """A match in play, 0-0."""
    return await a_book(api, status="live")


async def in_play(user: Caller, live: Book, **more: Any) -> httpx.Response:
    """A bet in play: pending."""
    answer = await user.send("/bets", live.single(**more), key="in-play")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending"), answer.text
    return answer


async def test_in_play_a_bet_waits_and_is_then_accepted(user: Caller, live: Book):
    bet = (await in_play(user, live)).json()
    assert await decided(user, later=1) == 0
    assert await user.balance() == ("90.00", "10.00", "0.00")
    assert await decided(user) == 1
    assert await decided(user) == 0
    now = (await user.get(f"/bets/{bet['id']}")).json()
    assert (now["status"], now["legs"][0]["odds"]) == ("accepted", 2.1)
    again = await user.send("/bets", live.single(), key="in-play")
    assert (again.status_code, again.json()) == (202, bet)


# what happens meanwhile, the user's policy -> what becomes of the bet
MEANWHILE = [
    ("score", "any", "score_changed"),
    ("suspended", "any", "market_suspended"),
    ("finished", "any", "market_closed"),
    ("stale", "any", "source_stale"),
    ("2.00", "none", "odds_changed"),
    ("2.00", "higher", "odds_changed"),
    ("2.30", "higher", 2.3),
    ("2.00", "any", 2.0),
]


@pytest.mark.parametrize(("what", "policy", "becomes"), MEANWHILE)
async def test_what_happens_while_a_bet_waits_counts(
    user: Caller, live: Book, what: str, policy: str, becomes: str | float
):
    bet = (await in_play(user, live, oddsChange=policy)).json()
    db = user.api.connection
    if what == "score":
        await a_score(db, live.match_id, (1, 0))
    elif what == "finished":
        await a_score(db, live.match_id, (0, 0), status="finished")
    elif what == "suspended":
        await db.execute("UPDATE markets SET status = 'suspended'")
    elif what == "stale":
        await db.execute("UPDATE quotes SET observed_at = now() - interval '2 minutes'")
    else:
        await a_price(db, live.selections["home"], what)
    assert await decided(user) == 1
    now = (await user.get(f"/bets/{bet['id']}")).json()
    if isinstance(becomes, float):
        assert (now["status"], now["legs"][0]["odds"]) == ("accepted", becomes)
        assert now["potentialReturn"]["amount"] == f"{10 * becomes:.2f}"
        assert await user.balance() == ("90.00", "10.00", "0.00")
    else:
        assert (now["status"], now["refusal"]["code"]) == ("refused", becomes)
        assert await user.balance() == ("100.00", "0.00", "0.00")
    left = await db.fetchrow("SELECT staked, payouts::text AS payouts FROM market_exposures")
    assert left is not None
    payout = 0 if isinstance(becomes, str) else round(1000 * becomes)
    assert (left["staked"], sum(msgspec.json.decode(left["payouts"]).values())) == (
        0 if isinstance(becomes, str) else 1000,
        payout,
    )
    await books_are_right(user.api)


async def test_a_price_from_before_a_goal_is_none(user: Caller, live: Book):
    db = user.api.connection
    bet = (await in_play(user, live)).json()
    assert await decided(user) == 1

    async def answers(quoted_s: float, all_since_s: float) -> tuple[str, str]:
        """What a bet and a cash-out come to with quotes so many seconds younger than a goal."""
        goal = datetime.now(UTC) - timedelta(seconds=10)
        await db.execute(
            "UPDATE live_scores SET home_score = 1, away_score = 0, points_at = $1", goal
        )
        quoted = goal + timedelta(seconds=quoted_s)
        await db.execute("UPDATE quotes SET observed_at = $1", quoted)
        until = goal + timedelta(seconds=all_since_s) + QUOTE_FRESH
        await db.execute("UPDATE markets SET fresh_until = $1", until)
        struck = (await user.send("/bets", live.single(stake="1"))).json()
        offer = (await user.get(f"/bets/{bet['id']}/cash-out")).json()
        return struck.get("code", struck["status"]), offer.get("code", "offer")

    await db.execute("UPDATE selections SET fair_probability = 0.4")
    assert await answers(-1, -1) == ("source_stale", "source_stale")
    assert await answers(2, -1) == ("source_stale", "source_stale")
    assert await answers(2, 1) == ("pending", "offer")
    # A goal that was taken back moves prices as one that was scored.
    await db.execute("UPDATE live_scores SET status_at = now() - interval '1 h', home_score = 0")
    await db.execute("UPDATE live_scores SET points_at = clock_timestamp()")
    again = await user.send("/bets", live.single(stake="1"))
    assert again.json()["code"] == "source_stale"


async def test_after_a_basket_prices_from_before_it_are_taken(user: Caller):
    book = await a_book(user.api, status="live", sport="basketball")
    await user.api.connection.execute(
        "UPDATE live_scores SET home_score = 60, points_at = clock_timestamp()"
    )
    await in_play(user, book)


async def test_several_deciders_decide_once(user: Caller, live: Book):
    for n in range(6):
        answer = await user.send("/bets", live.single(stake="1"), key=f"bet-{n}")
        assert answer.status_code == 202
    counts = await asyncio.gather(*(decided(user) for _ in range(4)))
    assert sum(counts) == 6
    await books_are_right(user.api)


async def cash_outs(user: Caller, bet_id: str, amount: str, **more: Any) -> httpx.Response:
    """Takes an offer."""
    return await user.send(f"/bets/{bet_id}/cash-out", {"amount": amount, **more}, key="take")


async def test_a_bet_is_cashed_out_at_its_worth_less_a_margin(user: Caller, book: Book):
    bet = (await user.send("/bets", book.single())).json()
    await user.api.connection.execute("UPDATE selections SET fair_probability = 0.6")
    offer = (await user.get(f"/bets/{bet['id']}/cash-out")).json()["offer"]
    assert offer == {"amount": "11.97", "currency": "EUR"}  # 10 x 2.10 x 0.6 x 0.95
    greedy = await cash_outs(user, bet["id"], "11.98")
    assert (greedy.status_code, greedy.json()["code"]) == (409, "cash_out_moved")
    assert greedy.json()["current"]["amount"] == "11.97"
    first = await cash_outs(user, bet["id"], "11.97")
    again = await cash_outs(user, bet["id"], "11.97")
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["returned"]["amount"]) == ("cashed_out", "11.97")
    assert await user.balance() == ("101.97", "0.00", "0.00")
    assert (await user.get(f"/bets/{bet['id']}/cash-out")).json()["code"] == "nothing_to_cash_out"
    await books_are_right(user.api)


async def test_a_part_is_cashed_out_and_the_rest_runs_on(user: Caller, book: Book):
    bet = (await user.send("/bets", book.single())).json()
    await user.api.connection.execute("UPDATE selections SET fair_probability = 0.6")
    part = await cash_outs(user, bet["id"], "4.78", share="0.4")
    assert part.status_code == 200, part.text
    said = part.json()
    assert (said["status"], said["stakeCashedOut"]["amount"]) == ("accepted", "4.00")
    assert (said["returned"]["amount"], said["potentialReturn"]["amount"]) == ("4.78", "12.60")
    assert await user.balance() == ("94.78", "6.00", "0.00")
    await user.api.connection.execute("UPDATE markets SET status = 'suspended'")
    refused = await user.get(f"/bets/{bet['id']}/cash-out")
    assert refused.json()["code"] == "market_suspended"
    await books_are_right(user.api)


async def test_nobody_sees_or_cashes_out_what_is_somebody_elses(api: Api, user: Caller, book: Book):
    bet = (await user.send("/bets", book.single())).json()
    other = await a_caller(api, "other@example.org")
    assert (await other.get(f"/bets/{bet['id']}")).status_code == 404
    assert (await other.get(f"/bets/{bet['id']}/cash-out")).status_code == 404
    assert (await cash_outs(other, bet["id"], "1")).status_code == 404
    assert (await other.get("/bets")).json()["items"] == []
