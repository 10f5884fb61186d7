"""How long a provider's change takes from its telling to the sockets: pushed and polled.

A feed pushes one changed score a body, signed, at a steady rate; then a worker polls a server in
API-Football's shape whose answer changes at random moments. 100 sockets follow the 100 matches, and
each change is one frame. The time begins just before the request is written, or when the answer
changes, and ends at the socket; what waits for a free connection has begun to wait already. The raw
baseline, in turn in the same run, writes the same change with plain SQL to 100 other matches, with
100 sockets of their own: what is left when nobody reads, signs, identifies or merges.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import msgspec
import uvloop

from app.devstack.stack import Stack
from bench import house, wires
from bench.feed_client import FeedClient, feed_client
from bench.football import FootballServer, football_server
from bench.report import Row, median, percentile, report
from bench.sockets import Socket, open_sockets

MATCHES = 100
PUSH_RATES = (50, 200)
POLL_RATE = 50
POLL_MS = 200
ROUNDS = 3
ROUND_S = 5.0
RAW_ROUND_S = 3.0
WARM_UP_S = 0.5
# How long after the last change a frame may still arrive.
LINGER_S = 1.0
CONNECTIONS = 8
FEED = "bench-feed"
SECRET = "a-secret-of-the-bench-and-of-nobody-else"  # noqa: S105
READY_WITHIN_S = 30.0

_RAW = "UPDATE live_scores SET home_score = $2 WHERE match_id = $1"
_REFS = """
SELECT external_id, match_id FROM provider_refs
WHERE provider = $1 AND kind = 'match' AND match_id IS NOT NULL
"""

# Tells the world that the n-th match's home side has so many goals.
Tell = Callable[[int, int], Awaitable[None]]


class _Scored(msgspec.Struct):
    homeScore: int | None = None  # noqa: N815


class _Frame(msgspec.Struct):
    """What is read of a frame: whose score it is, and how many goals."""

    matchId: str  # noqa: N815
    data: _Scored


_FRAME = msgspec.json.Decoder(_Frame)


class Marks:
    """When each change was begun, and how long it took to arrive."""

    def __init__(self) -> None:
        self.times_ms: list[float] = []
        self.due = 0
        self._begun: dict[tuple[str, int | None], float] = {}

    def begin(self, match_id: int, goals: int) -> None:
        """Notes that a change begins now."""
        self._begun[str(match_id), goals] = time.perf_counter()
        self.due += 1

    def on_frame(self, payload: bytes) -> None:
        """Notes the first frame that tells of a change; others say nothing of it."""
        now = time.perf_counter()
        frame = _FRAME.decode(payload)
        begun = self._begun.pop((frame.matchId, frame.data.homeScore), None)
        if begun is not None:
            self.times_ms.append((now - begun) * 1000)


class Round:
    """The matches of one way to the sockets, and the goals their home sides have by now."""

    def __init__(self, matches: Sequence[int], seed: int) -> None:
        self.matches = matches
        self.goals = [0] * len(matches)
        self.marks = Marks()
        self._dice = random.Random(seed)

    def on_frame(self, payload: bytes) -> None:
        """Hands a frame to the round that is on."""
        self.marks.on_frame(payload)

    async def sockets(self, port: int) -> list[Socket]:
        """Opens a socket for each match."""
        paths = [f"/live/{match}?kinds=score" for match in self.matches]
        return await open_sockets(port, paths, self.on_frame)

    def moments(self, rate: int, seconds: float, *, at_random: bool) -> Iterator[float]:
        """Yields when changes are due, on a grid or with gaps as chance has them."""
        at = 0.0
        while at < seconds:
            yield at
            at += self._dice.expovariate(rate) if at_random else 1 / rate

    async def run(self, tell: Tell, rate: int, seconds: float, *, at_random: bool = False) -> Marks:
        """Tells of changes for so long, one match after the other; returns how they arrived."""
        self.marks = marks = Marks()
        begun, telling = time.perf_counter(), list[asyncio.Task[None]]()
        moments = self.moments(rate, WARM_UP_S + seconds, at_random=at_random)
        for number, due in enumerate(moments):
            await asyncio.sleep(max(0.0, begun + due - time.perf_counter()))
            n = number % len(self.matches)
            self.goals[n] += 1
            if due >= WARM_UP_S:
                marks.begin(self.matches[n], self.goals[n])
            telling.append(asyncio.ensure_future(tell(n, self.goals[n])))
        await asyncio.gather(*telling)
        await asyncio.sleep(LINGER_S)
        return marks


async def push(client: FeedClient, n: int, goals: int) -> None:
    """Tells by a signed push."""
    await client.push(client.request(wires.pushed_goal(n, goals, datetime.now(UTC))))


async def write(pool: asyncpg.Pool, matches: Sequence[int], n: int, goals: int) -> None:
    """Tells by writing it where readers read it."""
    await pool.execute(_RAW, matches[n], goals)


class Changing:
    """What the server answers: changes are there for whoever asks next."""

    def __init__(self) -> None:
        self._goals: dict[int, int] = {}
        self._start = datetime.now(UTC) - timedelta(minutes=10)

    def answer(self) -> bytes:
        """Returns all matches in play as they are now."""
        return wires.fixtures(10, range(MATCHES), self._start, self._goals)

    async def change(self, n: int, goals: int) -> None:
        """Tells by answering otherwise from now on."""
        self._goals[n] = goals


async def ids_of(url: str, provider: str, name_of: Callable[[int], str]) -> list[int]:
    """Returns our ids of the provider's matches, in its order, once all are known."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                rows = await connection.fetch(_REFS, provider)
                found: Mapping[str, int] = {row["external_id"]: row["match_id"] for row in rows}
                if len(found) == MATCHES:
                    return [found[name_of(n)] for n in range(MATCHES)]
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def until_quick(server: FootballServer) -> None:
    """Waits until the worker asks about as often as it may: the sockets are known to want it."""
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            before = server.asked["/fixtures?live=all"]
            await asyncio.sleep(10 * POLL_MS / 1000)
            if server.asked["/fixtures?live=all"] - before >= 8:
                return


class Beside:
    """The raw baseline: matches nobody tells of, and connections to write them with."""

    def __init__(self, matches: Sequence[int], pool: asyncpg.Pool) -> None:
        self.round = Round(matches, seed=1)
        self.tell = partial(write, pool, matches)


@asynccontextmanager
async def beside(stack: Stack, port: int, matches: Sequence[int]) -> AsyncGenerator[Beside]:
    """Yields the baseline with its sockets open."""
    async with asyncpg.create_pool(
        stack.database_url, min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as pool:
        raw = Beside(matches, pool)
        opened = await raw.round.sockets(port)
        try:
            yield raw
        finally:
            hang_up(opened)


def hang_up(sockets: Sequence[Socket]) -> None:
    """Closes sockets."""
    for socket in sockets:
        socket.transport.abort()


async def rounds(told: Round, tell: Tell, raw: Beside, rate: int, *, poll_ms: int = 0) -> Row:
    """Measures one way at one rate, and the baseline in turn."""
    ours, plain = list[Marks](), list[Marks]()
    for _ in range(ROUNDS):
        ours.append(await told.run(tell, rate, ROUND_S, at_random=poll_ms > 0))
        plain.append(await raw.round.run(raw.tell, rate, RAW_ROUND_S, at_random=poll_ms > 0))
    p99 = _middle(ours, 0.99)
    return {
        "way": "polled" if poll_ms else "pushed",
        "changes/s": rate,
        "poll ms": poll_ms,
        "p50 ms": _middle(ours, 0.5),
        "p99 ms": p99,
        "p99 beyond the poll ms": round(p99 - poll_ms, 3),
        "raw p50 ms": _middle(plain, 0.5),
        "raw p99 ms": _middle(plain, 0.99),
        "frames": sum(len(marks.times_ms) for marks in ours),
        "of": sum(marks.due for marks in ours),
    }


def _middle(found: Sequence[Marks], share: float) -> float:
    return round(median([percentile(sorted(marks.times_ms), share) for marks in found]), 3)


async def pushed(stack: Stack, port: int, raw: Beside) -> AsyncGenerator[Row]:
    """Measures pushes at each rate."""
    async with feed_client(port, FEED, SECRET, connections=CONNECTIONS) as client:
        # Who plays is told once; what is measured after it is scores.
        await client.push(client.request(wires.pushed_scores(1, range(MATCHES), datetime.now(UTC))))
        told = Round(await ids_of(stack.database_url, FEED, lambda n: f"m-{n}"), seed=2)
        opened = await told.sockets(port)
        for rate in PUSH_RATES:
            yield await rounds(told, partial(push, client), raw, rate)
        hang_up(opened)


async def polled(stack: Stack, port: int, raw: Beside) -> AsyncGenerator[Row]:
    """Measures polls."""
    world = Changing()
    async with football_server({"/fixtures?live=all": world.answer}) as server:
        settings = {
            "DATABASE_URL": stack.database_url,
            "REDIS_URL": stack.redis_url,
            "PROVIDERS": "api-football",
            "API_FOOTBALL_URL": f"http://127.0.0.1:{server.port}",
            "API_FOOTBALL_KEY": "bench",
            "PROVIDERS_FASTEST_MS": str(POLL_MS),
            "POLL_LIVE_MS": str(POLL_MS),
        }
        with house.process(["-m", "app", "worker"], **settings):
            ids = await ids_of(stack.database_url, "api-football", lambda n: str(n + 1))
            told = Round(ids, seed=3)
            opened = await told.sockets(port)
            await until_quick(server)
            yield await rounds(told, world.change, raw, POLL_RATE, poll_ms=POLL_MS)
            hang_up(opened)


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures what is pushed, then what is polled."""
    rows: list[Row] = []
    house.allow_many_sockets()
    settings = {"FEED_KEYS": f"{FEED}:{SECRET}", "LIMIT_FEED_PER_MINUTE": "10000000"}
    with house.stack() as stack, house.api(stack, **settings) as (_, port):
        others = await house.make_matches(stack.database_url, MATCHES)
        async with beside(stack, port, others) as raw:
            for way in (pushed, polled):
                rows += [row async for row in way(stack, port, raw)]
    ratios = {
        f"p99, {row['way']}, {row['changes/s']} changes/s, over plain SQL": float(
            str(row["p99 ms"])
        )
        / max(0.001, float(str(row["raw p99 ms"])))
        for row in rows
    }
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("arrival", rows, ratios)


if __name__ == "__main__":
    main()
