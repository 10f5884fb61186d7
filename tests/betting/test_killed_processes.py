"""The web process is killed while it strikes a bet, the worker while it settles: started again,
they find what became of it, and nothing is lost or done twice.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.devstack import ports
from app.wallet.check import check_ledger
from tests.betting.halts import halted, install, until_gone, until_halted
from tests.builders import a_market, a_match, a_quote, a_score, selections_of
from tests.stories.processes import Processes, processes

LOG_IN = {"email": "ada@example.org", "password": "correct horse battery"}


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection to a database in which whoever strikes or settles can be halted."""
    opened = await asyncpg.connect(database_url)
    await install(opened)
    yield opened
    await opened.close()


class Ours:
    """The processes, and the way to the web process."""

    def __init__(self, made: Processes, port: int) -> None:
        self.processes = made
        self.url = f"http://127.0.0.1:{port}"
        self.headers: dict[str, str] = {}

    async def start_api(self) -> None:
        """Starts the web process; returns when it answers."""
        self.processes.start("api", "api")
        await self.processes.until(f"{self.url}/health", lambda told: told["status"] == "ok")

    async def send(self, path: str, body: Any, key: str = "") -> httpx.Response:
        """Sends a body under a key."""
        headers = self.headers | {"idempotency-key": key}
        async with httpx.AsyncClient(timeout=30) as client:
            return await client.post(self.url + path, json=body, headers=headers)

    async def get(self, path: str) -> Any:
        """Returns an answer's JSON."""
        async with httpx.AsyncClient(timeout=30) as client:
            return (await client.get(self.url + path, headers=self.headers)).json()

    async def log_in(self) -> None:
        """Registers a user, who pays in 100 EUR."""
        await self.send("/auth/register", LOG_IN)
        token = (await self.send("/auth/login", LOG_IN)).json()["accessToken"]
        self.headers = {"authorization": f"Bearer {token}"}
        assert (await self.send("/wallet/deposits", {"amount": "100"}, "paid")).is_success


@pytest.fixture
def ours(database_url: str, redis_url: str, tmp_path: Path) -> Generator[Ours]:
    """Processes that are yet to be started."""
    port = ports.pick()
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port)}
    more = {"SETTLE_AFTER_S": "0", "SETTLE_CONFIDENCE": "0", "API_PROCESSES": "1"}
    with processes(tmp_path, **settings, **more) as made:
        yield Ours(made, port)


async def a_slip(connection: asyncpg.Connection) -> tuple[int, dict[str, Any]]:
    """A match that begins soon, and a slip on it."""
    soon = datetime.now(UTC) + timedelta(hours=2)
    match_id = await a_match(connection, start_time=soon, status="scheduled", score=None)
    selection_id = (await selections_of(connection, await a_market(connection, match_id)))["home"]
    await a_quote(connection, selection_id, "2.10", observed_at=datetime.now(UTC))
    return match_id, {"selectionId": str(selection_id), "odds": "2.10", "stake": "10"}


async def balances(connection: asyncpg.Connection) -> dict[str, int]:
    """What the user has, in cents; the books are right."""
    assert (await check_ledger(connection, everything=True)).faults == ()
    rows = await connection.fetch("SELECT kind, balance FROM accounts WHERE user_id IS NOT NULL")
    return {row["kind"]: row["balance"] for row in rows}


async def test_who_is_killed_while_striking_or_settling_finds_what_became_of_it(
    connection: asyncpg.Connection, database_url: str, ours: Ours
):
    await ours.start_api()
    await ours.log_in()
    match_id, slip = await a_slip(connection)
    assert (await ours.send("/bets", slip, "first")).status_code == 201
    async with halted(database_url, "bet committed") as beside:
        asking = asyncio.create_task(ours.send("/bets", slip, "once"))
        async with asyncio.timeout(30):
            await until_halted(beside)
        ours.processes.kill("api")
        with pytest.raises(httpx.TransportError):
            await asking
    await connection.execute("TRUNCATE halts")
    await until_gone(connection, "touchline-api")
    await ours.start_api()
    [found] = (await ours.get("/bets?requestId=once"))["items"]
    answer = await ours.send("/bets", slip, "once")
    assert (answer.status_code, answer.json()) == (201, found)
    assert await balances(connection) == {"available": 8_000, "held": 2_000}

    await a_score(connection, match_id, (1, 0), status="finished")
    async with halted(database_url, "entry") as beside:
        ours.processes.start("worker", "worker")
        async with asyncio.timeout(60):
            await until_halted(beside)
        ours.processes.kill("worker")
    await connection.execute("TRUNCATE halts")
    await until_gone(connection, "touchline-money")
    assert await balances(connection) == {"available": 8_000, "held": 2_000}
    ours.processes.start("worker", "worker")
    async with asyncio.timeout(60):
        while not await connection.fetchval("SELECT count(*) FROM settlement_places"):
            await asyncio.sleep(0.05)
    settled = await connection.fetch("SELECT number, status FROM settlements")
    assert [(row["number"], row["status"]) for row in settled] == [(1, "won")] * 2
    assert await balances(connection) == {"available": 12_200, "held": 0}
