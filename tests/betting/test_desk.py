"""Bets that come at once are struck together, each as if it were alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from app.betting import desk as desks
from app.betting.desk import GROUPS_AT_ONCE, Desk, DeskBusy
from app.betting.placement import House, Placed
from app.betting.record import Request
from app.betting.rules import Policy, Rules
from app.betting.slip import Slip, SlipLeg
from app.database.engine import Connection, Pool
from app.errors import NotFound
from app.sports.ids import SelectionId, UserId
from app.wallet.check import check_ledger
from app.wallet.errors import IdempotencyKeyReused
from app.wallet.ledger import post
from app.wallet.money import Money
from app.wallet.moves import Holder, Move
from tests.builders import a_market, a_match, a_quote, selections_of

MINUTE = timedelta(minutes=1)
HUGE = Decimal(1_000_000_000)
HOUSE = House(
    policy=Policy(tolerance=Decimal(0), source_age_in_play=MINUTE, source_age_ahead=MINUTE),
    rules=Rules(
        delay=timedelta(0), stake_min=Decimal(1), stake_max=HUGE, return_max=HUGE,
        liability_max=Decimal(25), user_day_max=HUGE,
    ),
)  # fmt: skip
# All users but the last have so much.
PAID_IN = 10_000
USERS = 8


@pytest.fixture
async def users(connection: Connection) -> list[UserId]:
    """Users with money, and a last one without."""
    rows = await connection.fetch(
        "INSERT INTO users (email, password_hash)"
        " SELECT 'user' || n || '@example.org', 'x' FROM generate_series(1, $1) AS n RETURNING id",
        USERS,
    )
    ids = [UserId(row["id"]) for row in rows]
    await post(connection, [paid_in(user_id) for user_id in ids[:-1]])
    return ids


def paid_in(user_id: UserId) -> Move:
    """What a user begins with."""
    return Move(
        key=f"begin:{user_id}",
        kind="deposit",
        user_id=user_id,
        source=Holder.DEPOSITS,
        target=Holder.AVAILABLE,
        amount=Money(PAID_IN, "EUR"),
        reference="begin",
    )


async def a_selection(connection: Connection, *teams: str) -> tuple[int, int]:
    """A market of a match that begins soon, and the answer on it that is bet on."""
    soon = datetime.now(UTC) + timedelta(hours=2)
    match_id = await a_match(connection, *teams, start_time=soon, status="scheduled", score=None)
    market_id = await a_market(connection, match_id)
    selection_id = (await selections_of(connection, market_id))["home"]
    await a_quote(connection, selection_id, "2.10", observed_at=datetime.now(UTC))
    return market_id, selection_id


def asked(
    user_id: UserId, selection_id: int, key: str = "once", *, odds: str = "2.1", stake: int = 1_000
) -> Request:
    """A single of 10 EUR, which may cost 11."""
    leg = SlipLeg(selection_id=SelectionId(selection_id), odds=Decimal(odds))
    slip = Slip(legs=(leg,), stake=Money(stake, "EUR"))
    return Request(user_id=user_id, request_id=key, slip=slip)


async def outcomes(desk: Desk, *requests: Request) -> list[str]:
    """Asks at once; returns of each how its bet is or what it was refused for."""
    now = datetime.now(UTC)
    found = await asyncio.gather(
        *(desk.place(request, now) for request in requests), return_exceptions=True
    )
    return [outcome(one) for one in found]


def outcome(found: Placed | BaseException) -> str:
    """How a bet is, or what it was refused for, or the error that was raised."""
    if isinstance(found, BaseException):
        return type(found).__name__
    return found.bet.refusal["code"] if found.bet.refusal else found.bet.status.value


async def transactions(connection: Connection) -> int:
    """How many transactions the bets were written in."""
    count: int = await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM bets")
    return count


async def test_bets_that_come_at_once_are_one_transaction_and_each_has_its_own_answer(
    pool: Pool, connection: Connection, users: list[UserId]
):
    desk = Desk(pool, HOUSE)
    _, selection = await a_selection(connection)
    other = (await a_selection(connection, "Leeds", "Everton"))[1]
    assert await outcomes(desk, asked(users[0], other)) == ["accepted"]
    requests = [
        asked(users[0], other),  # Asked before.
        asked(users[1], selection, odds="2.2"),
        asked(users[2], selection),
        asked(users[3], 10**9),
        asked(users[4], selection, stake=99),
        asked(users[5], selection),
        asked(users[6], selection),
        asked(users[7], other),  # Has nothing.
    ]
    # The market may cost 25: two of 11, not three. Who was refused before does not count.
    said = [
        *("accepted", "odds_changed", "accepted", NotFound.__name__, "stake_too_small"),
        *("accepted", "exposure_exceeded", "insufficient_funds"),
    ]
    assert await outcomes(desk, *requests) == said
    assert await transactions(connection) == 2
    assert await outcomes(desk, *requests) == said
    assert await connection.fetchval("SELECT count(*) FROM bets") == 7
    other_slip = asked(users[2], other)
    assert await outcomes(desk, other_slip) == [IdempotencyKeyReused.__name__]
    held = await connection.fetch("SELECT balance FROM accounts WHERE kind = 'held' ORDER BY id")
    assert [row["balance"] for row in held] == [1_000] * 3
    hanging = await connection.fetch("SELECT staked FROM market_exposures ORDER BY market_id")
    assert [row["staked"] for row in hanging] == [2_000, 1_000]
    assert (await check_ledger(connection, everything=True)).faults == ()


async def test_of_one_user_one_bet_is_struck_after_the_other(
    pool: Pool, connection: Connection, users: list[UserId]
):
    desk = Desk(pool, HOUSE)
    selections = [(await a_selection(connection, f"Home {n}", f"Away {n}"))[1] for n in range(5)]
    mine = [asked(users[0], one, f"key-{n}", stake=2_200) for n, one in enumerate(selections)]
    assert await outcomes(desk, *mine) == ["accepted"] * 4 + ["insufficient_funds"]
    assert await transactions(connection) == 5


async def test_who_has_to_wait_for_a_lock_holds_nobody_else_up(
    database_url: str, pool: Pool, connection: Connection, users: list[UserId]
):
    desk = Desk(pool, HOUSE)
    market, selection = await a_selection(connection)
    _, free = await a_selection(connection, "Leeds", "Everton")
    beside = await asyncpg.connect(database_url)
    async with beside.transaction():
        await beside.execute("SELECT FROM markets WHERE id = $1 FOR UPDATE", market)
        held_up: list[asyncio.Task[list[str]]] = []
        for user_id in users[:GROUPS_AT_ONCE]:
            held_up.append(asyncio.create_task(outcomes(desk, asked(user_id, selection))))
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            assert await outcomes(desk, asked(users[-2], free)) == ["accepted"]
            together = asked(users[-3], free), asked(users[-4], selection)
            last = asyncio.create_task(outcomes(desk, *together[1:]))
            assert await outcomes(desk, together[0]) == ["accepted"]
        assert not any(task.done() for task in (*held_up, last))
    await beside.close()
    async with asyncio.timeout(20):
        said = [one for task in (*held_up, last) for one in await task]
    assert sorted(said) == ["accepted"] * 2 + ["exposure_exceeded"]


async def test_what_breaks_a_bet_breaks_it_alone(
    pool: Pool, connection: Connection, users: list[UserId]
):
    desk = Desk(pool, HOUSE)
    _, selection = await a_selection(connection)
    _, other = await a_selection(connection, "Leeds", "Everton")
    await connection.execute(
        f"ALTER TABLE bets ADD CONSTRAINT broken CHECK (user_id <> {users[1]})"
    )
    requests = [asked(users[0], selection), asked(users[1], selection), asked(users[2], other)]
    said = ["accepted", asyncpg.CheckViolationError.__name__, "accepted"]
    assert await outcomes(desk, *requests) == said
    held = await connection.fetchval("SELECT sum(staked) FROM market_exposures")
    assert held == 2_000


async def test_more_than_can_wait_are_told_so(
    pool: Pool, connection: Connection, users: list[UserId], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(desks, "WAITING_MAX", 2)
    desk = Desk(pool, HOUSE)
    _, selection = await a_selection(connection)
    requests = [asked(user_id, selection) for user_id in users[:3]]
    assert await outcomes(desk, *requests) == ["accepted", "accepted", DeskBusy.__name__]
    # It was not looked at, so it may be asked again.
    assert await outcomes(desk, requests[2]) == ["exposure_exceeded"]


async def test_who_hangs_up_has_asked_all_the_same(
    pool: Pool, connection: Connection, users: list[UserId]
):
    desk = Desk(pool, HOUSE)
    _, selection = await a_selection(connection)
    request = asked(users[0], selection)
    waiting = asyncio.create_task(desk.place(request, datetime.now(UTC)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    await desk.close()
    assert await connection.fetchval("SELECT status FROM bets") == "accepted"
    assert await outcomes(desk, request) == ["accepted"]
