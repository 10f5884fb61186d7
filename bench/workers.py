"""What a worker process holds in memory with 5,000 matches in play.

A server in API-Football's shape tells of 5,000 matches in play, each a minute further at every
poll, and of the prices of those that somebody watches. Each round is a worker of its own, measured
after some polls: what it holds then, and the most any of them ever held. The baseline, in turn in
the same run, is the same worker when nothing is on. The first round makes the matches, the others
find them.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
import uvloop

from app.devstack import ports
from app.devstack.stack import Stack
from bench import house, wires
from bench.football import FootballServer, football_server
from bench.report import Row, median, report
from bench.sockets import open_sockets

MATCHES = 5_000
WATCHED = 300
ROUNDS = 3
# After so many answers nothing is new to it any more.
POLLS = 5
POLL_MS = 1_000
ROUND_ENDS_WITHIN_S = 50.0
LIVE = "/fixtures?live=all"
ODDS = "/odds/live"

_REFS = """
SELECT match_id FROM provider_refs
WHERE provider = 'api-football' AND kind = 'match' AND external_id::int <= $1
"""
# What was written by this round's worker: that it was measured at work.
_SCORES = "SELECT count(*) FROM score_observations WHERE received_at >= $1"
_QUOTES = "SELECT count(*) FROM quotes WHERE observed_at >= $1"
PRICES = 5  # A match, of `wires.odds_live`.


class World:
    """What is on: every answer is a minute later than the one before."""

    def __init__(self) -> None:
        self._dice = random.Random(5_000)
        self._start = datetime.now(UTC) - timedelta(minutes=10)
        self._minute = 0

    def live(self) -> bytes:
        """Returns all matches in play."""
        self._minute = self._minute % 44 + 1
        return wires.fixtures(self._minute, range(MATCHES), self._start)

    def odds(self) -> bytes:
        """Returns prices of the matches that are watched, all of them new."""
        return wires.odds_live(self._dice, range(WATCHED), datetime.now(UTC))


@asynccontextmanager
async def worker(stack: Stack, port: int) -> AsyncGenerator[psutil.Process]:
    """Runs a worker that asks the server on this port."""
    metrics_port = ports.pick()
    settings = {
        "DATABASE_URL": stack.database_url,
        "REDIS_URL": stack.redis_url,
        "PROVIDERS": "api-football",
        "API_FOOTBALL_URL": f"http://127.0.0.1:{port}",
        "API_FOOTBALL_KEY": "bench",
        "PROVIDERS_FASTEST_MS": str(POLL_MS),
        "POLL_LIVE_MS": str(POLL_MS),
        "POLL_UNWATCHED_TIMES": "1",
        "POLL_IDLE_MS": str(POLL_MS),
        "WORKER_METRICS_PORT": str(metrics_port),
    }
    with house.process(["-m", "app", "worker"], **settings) as process:
        await asyncio.to_thread(house.wait_for, f"http://127.0.0.1:{metrics_port}/metrics")
        yield process


def most(process: psutil.Process) -> int:
    """Returns the most bytes a process ever held; Linux keeps it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def asked(server: FootballServer, path: str, times: int) -> None:
    """Waits until the server was asked so many times more."""
    async with asyncio.timeout(ROUND_ENDS_WITHIN_S):
        await server.is_asked(path, times)


class Held:
    """What workers held, in bytes, by what was on."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[int, int]]] = {}

    def note(self, what: str, process: psutil.Process) -> None:
        """Notes what a worker holds now, and the most it held."""
        self.found.setdefault(what, []).append((process.memory_info().rss, most(process)))

    def rows(self) -> list[Row]:
        """Returns a row for each, in MB."""
        return [
            {
                "worker": what,
                "MB": _mega(median([held for held, _ in values])),
                "least MB": _mega(min(held for held, _ in values)),
                "most MB": _mega(max(held for held, _ in values)),
                "peak MB": _mega(max(peak for _, peak in values)),
            }
            for what, values in self.found.items()
        ]


def _mega(count: float) -> float:
    return round(count / 1_000_000, 1)


async def idle(empty: Stack, held: Held) -> None:
    """Measures a worker in whose world nothing is on."""
    async with football_server({}) as server, worker(empty, server.port) as process:
        await asked(server, LIVE, POLLS)
        held.note("idle", process)


async def busy(stack: Stack, api_port: int, held: Held) -> None:
    """Measures a worker with everything in play, then with prices wanted beside."""
    world, begun = World(), datetime.now(UTC)
    answers: dict[str, Callable[[], bytes]] = {LIVE: world.live, ODDS: world.odds}
    async with football_server(answers) as server, worker(stack, server.port) as process:
        # The answer before the last one is written when the last one is asked for.
        await asked(server, LIVE, POLLS + 1)
        held.note(f"{MATCHES:,} in play", process)
        connection = await asyncpg.connect(stack.database_url)
        assert await connection.fetchval(_SCORES, begun) == MATCHES
        ids = [row["match_id"] for row in await connection.fetch(_REFS, WATCHED)]
        paths = [f"/live/{match}?kinds=odds" for match in ids]
        opened = await open_sockets(api_port, paths, lambda _: None)
        await asked(server, ODDS, POLLS + 1)
        held.note(f"and prices of {WATCHED} wanted", process)
        assert await connection.fetchval(_QUOTES, begun) == WATCHED * PRICES
        await connection.close()
        for socket in opened:
            socket.transport.abort()


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures each round."""
    held = Held()
    house.allow_many_sockets()
    with house.stack() as stack, house.stack() as empty, house.api(stack) as (_, port):
        for _ in range(ROUNDS):
            await idle(empty, held)
            await busy(stack, port, held)
    rows = held.rows()
    least = float(str(rows[0]["MB"]))
    ratios = {f"{row['worker']} over idle": float(str(row["MB"])) / least for row in rows[1:]}
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("workers", rows, ratios)


if __name__ == "__main__":
    main()
