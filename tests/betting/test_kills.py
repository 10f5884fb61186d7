"""Whoever is killed, at whatever point of placement or settlement: nothing lost, nothing twice."""

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.process import BaseProcess
from typing import Any

import asyncpg
import msgspec
import pytest

from app.betting.placement import place_bet
from app.betting.read import bet_of_request
from app.betting.record import Request
from app.betting.settlement import due_matches, settle_match
from app.betting.slip import Slip, SlipLeg
from app.database import engine
from app.database.engine import Pool
from app.devstack.stack import Stack, devstack
from app.payments import deposits
from app.sports.ids import SelectionId, UserId
from app.wallet.check import check_ledger
from app.wallet.money import Money
from tests.betting.halts import halted, install, until_gone, until_halted
from tests.betting.money_machine import AT_ONCE, HOUSE, PLAY_MONEY
from tests.builders import a_market, a_match, a_quote, a_score, selections_of
from tests.conftest import apart, migrate

VICTIM = "touchline-victim"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
PLACEMENT = (
    *("bet written", "legs written", "exposure", "transfer", "balance", "entry", "told"),
    "bet committed",
)
SETTLEMENT = (
    *("leg changed", "settlement", "bet changed", "transfer", "balance", "entry", "exposure"),
    *("told", "settlement committed", "place"),
)
# Its processes come from a server that has imported what they need, in a few milliseconds each.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


class Scene(msgspec.Struct, frozen=True):
    """A user with 100 EUR who asks for a bet of 10 on a match."""

    url: str
    user_id: int
    match_id: int
    market_id: int
    request: Request


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A Postgres that may be killed: what it says is committed is with the kernel, if not with the
    disk.
    """
    folder = tmp_path_factory.mktemp("killed")
    with devstack(folder, durable=False, redis_url="redis://none") as stack:
        migrate(stack.database_url)
        apart(put_up(stack.database_url))
        yield stack


async def put_up(url: str) -> None:
    """Puts the halts up."""
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER ROLE app SET synchronous_commit = on")
    await install(connection)
    await connection.close()


@pytest.fixture
async def scene(stack: Stack, request: pytest.FixtureRequest) -> Scene:
    """A scene of the test's own."""
    async with opened(stack.database_url, "touchline-tests") as pool:
        async with engine.connection(pool) as connection:
            email = f"{request.node.name}@example.org"
            user_id = await connection.fetchval(
                "INSERT INTO users (email, password_hash) VALUES ($1, 'x') RETURNING id", email
            )
            soon = datetime.now(UTC) + timedelta(hours=2)
            match_id = await a_match(connection, start_time=soon, status="scheduled", score=None)
            market_id = await a_market(connection, match_id)
            selection_id = (await selections_of(connection, market_id))["home"]
            await a_quote(connection, selection_id, "2.10", observed_at=datetime.now(UTC))
        await deposits.deposit(
            pool, UserId(user_id), Money(10_000, "EUR"), "paid", rules=PLAY_MONEY, now=soon
        )
    leg = SlipLeg(selection_id=SelectionId(selection_id), odds=Decimal("2.1"))
    slip = Slip(legs=(leg,), stake=Money(1_000, "EUR"))
    asked = Request(user_id=UserId(user_id), request_id="once", slip=slip)
    return Scene(stack.database_url, user_id, match_id, market_id, asked)


@asynccontextmanager
async def opened(url: str, name: str) -> AsyncGenerator[Pool]:
    """Connections under a name."""
    pool = await engine.open_pool(url, connections_max=2, statement_timeout_s=20, name=name)
    async with pool:
        yield pool


async def place(scene: Scene, name: str = VICTIM) -> str:
    """Places the bet as an API does; returns how it is."""
    async with opened(scene.url, name) as pool:
        placed = await place_bet(pool, scene.request, HOUSE, datetime.now(UTC))
        return placed.bet.status.value


async def settle(scene: Scene, name: str = VICTIM) -> None:
    """Looks for what is to be settled and settles it, as a worker does."""
    async with opened(scene.url, name) as pool:
        now = datetime.now(UTC) + timedelta(minutes=1)  # Whatever is told meanwhile has stood.
        for match_id in await due_matches(pool, now):
            await settle_match(pool, match_id, waits=AT_ONCE, now=now)


def run(deed: Any, scene: Scene) -> None:
    """Does it, in a process of its own."""
    asyncio.run(deed(scene))


async def killed_at(stack: Stack, scene: Scene, point: str, deed: Any, victim: str) -> None:
    """Starts a deed, waits until it comes to a point, kills the process or Postgres there."""
    async with halted(scene.url, point) as beside:
        process: BaseProcess = PROCESSES.Process(target=run, args=(deed, scene))
        process.start()
        async with asyncio.timeout(30):
            await until_halted(beside)
        if victim == "postgres":
            assert stack.postgres
            stack.postgres.kill()
        process.kill()
        await asyncio.to_thread(process.join)
    if victim == "postgres":
        stack.start()
    connection = await asyncpg.connect(scene.url)
    await connection.execute("TRUNCATE halts")
    await until_gone(connection, VICTIM)
    await connection.close()


async def state_of(scene: Scene) -> dict[str, Any]:
    """Returns all that there is of the bet: rows, balances, what hangs, what the user was told."""
    connection = await asyncpg.connect(scene.url)
    try:
        kept = await bet_of_request(connection, UserId(scene.user_id), "once")
        rows = await connection.fetch(
            "SELECT kind, balance FROM accounts WHERE user_id = $1", scene.user_id
        )
        hanging = await connection.fetchrow(
            "SELECT staked, payouts::text FROM market_exposures WHERE market_id = $1",
            scene.market_id,
        )
        return {
            "bet": None if kept is None else (kept.bet.status.value, kept.bet.legs[0].result),
            "balances": {row["kind"]: row["balance"] for row in rows if row["balance"]},
            "hangs": 0 if hanging is None else hanging["staked"],
            "told": await connection.fetchval(
                "SELECT count(*) FROM user_changes WHERE user_id = $1 AND kind = 'bet_update'",
                scene.user_id,
            ),
            "settlements": await connection.fetchval("SELECT count(*) FROM settlements"),
            "faults": (await check_ledger(connection, everything=True)).faults,
        }
    finally:
        await connection.close()


def asked() -> dict[str, Any]:
    """Returns how it is before anything was struck."""
    return {"bet": None, "balances": {"available": 10_000}, "hangs": 0, "told": 0}


def struck() -> dict[str, Any]:
    """Returns how it is once the bet is struck."""
    balances = {"available": 9_000, "held": 1_000}
    return {"bet": ("accepted", None), "balances": balances, "hangs": 1_000, "told": 1}


def without(state: dict[str, Any], *names: str) -> dict[str, Any]:
    """Returns a state with some of it left out."""
    assert state["faults"] == ()
    return {name: value for name, value in state.items() if name not in ("faults", *names)}


@pytest.mark.parametrize("victim", ["caller", "postgres"])
@pytest.mark.parametrize("point", PLACEMENT)
async def test_a_bet_is_struck_once_whoever_dies_while_it_is(
    stack: Stack, scene: Scene, point: str, victim: str
):
    await killed_at(stack, scene, point, place, victim)
    # GET /bets?requestId= says what became of it: nothing, or all of it.
    after = without(await state_of(scene), "settlements")
    is_struck = point == "bet committed" and victim == "caller"
    assert after == (struck() if is_struck else asked())
    # Asked again under the same key.
    for _ in range(2):
        assert await place(scene) == "accepted"
        assert without(await state_of(scene), "settlements") == struck()


@pytest.mark.parametrize("victim", ["caller", "postgres"])
@pytest.mark.parametrize("point", SETTLEMENT)
async def test_a_bet_is_settled_once_whoever_dies_while_it_is(
    stack: Stack, scene: Scene, point: str, victim: str
):
    await place(scene)
    before = await state_of(scene)
    connection = await asyncpg.connect(scene.url)
    await a_score(connection, scene.match_id, (1, 0), status="finished")
    await connection.close()
    await killed_at(stack, scene, point, settle, victim)
    done = {
        "bet": ("won", "won"),
        "balances": {"available": 11_100},
        "hangs": 0,
        "told": 2,
        "settlements": before["settlements"] + 1,
    }
    after = without(await state_of(scene))
    is_settled = point == "place" or (point == "settlement committed" and victim == "caller")
    assert after == (done if is_settled else without(before))
    for _ in range(2):
        await settle(scene)
        assert without(await state_of(scene)) == done


async def test_a_worker_that_was_held_up_does_not_settle_by_what_was_put_right_meanwhile(
    scene: Scene,
):
    await place(scene)
    connection = await asyncpg.connect(scene.url)
    await a_score(connection, scene.match_id, (1, 0), status="finished")
    async with connection.transaction():
        # Another worker has the bet, learns of the correction, settles by it and is done.
        await connection.execute("SELECT FROM bets WHERE user_id = $1 FOR UPDATE", scene.user_id)
        held_up = asyncio.create_task(settle(scene))
        async with asyncio.timeout(30):
            while await connection.fetchval(WAITING) == 0:
                await asyncio.sleep(0.005)
        await a_score(connection, scene.match_id, (0, 1), status="finished")
        await connection.execute(
            "INSERT INTO settlement_places SELECT match_id, seq FROM match_heads"
            " WHERE match_id = $1",
            scene.match_id,
        )
    await held_up
    await connection.close()
    assert (await state_of(scene))["bet"] == ("lost", "lost")
