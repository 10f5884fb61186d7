"""How many bets a second are accepted durably, and how long a match takes to be settled.

Bets are struck as the API strikes them (`Desk.place`), 64 callers at once, on 50 markets. The raw
baseline is pgbench, of the same Postgres and in turn in the same run: the very inserts and updates
that a bet comes to (bet, leg, exposure, transfer with its two entries and balances, log of the
user), in one transaction with as many statements as we have round trips, without a look at any
rule. Both commit with a flush; with `commit_delay` one more run is made as on a disk that takes
1 ms. Then 20,000 bets of one match are settled, and the time from a commit to its frame is measured
while 500 bets a second are struck.
"""

import asyncio
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import uvloop

from app import collector
from app.betting.desk import Desk
from app.betting.placement import House
from app.betting.record import Request
from app.betting.rules import Policy, Rules
from app.betting.settlement import Waits, settle_match
from app.betting.slip import Slip, SlipLeg
from app.database import engine
from app.database.engine import Connection, Pool
from app.devstack import programs
from app.devstack.stack import Stack
from app.sports.ids import MatchId, SelectionId, UserId
from app.wallet.money import Money
from bench import house
from bench.latency import one_round
from bench.report import Row, median, percentile, report

CALLERS = 64
CONNECTIONS = 24
USERS, MARKETS = 2_000, 50
BESIDE = 500
ROUNDS = int(os.environ.get("ROUNDS", "3"))
ROUND_S = 3.0
SETTLED = int(os.environ.get("SETTLED", "20000"))
HUGE = Decimal(1_000_000_000)
YEARS = timedelta(days=3650)
HOUSE = House(
    policy=Policy(tolerance=Decimal(0), source_age_in_play=YEARS, source_age_ahead=YEARS),
    rules=Rules(
        delay=timedelta(0), stake_min=Decimal("0.01"), stake_max=HUGE, return_max=HUGE,
        liability_max=HUGE, user_day_max=HUGE,
    ),
)  # fmt: skip
BOOKS = """
WITH markets_made AS (
    INSERT INTO markets (match_id, type, status, overround)
    SELECT id, 'winner', 'open', 0.05 FROM unnest($1::bigint[]) AS id RETURNING id
), selections_made AS (
    INSERT INTO selections (market_id, key, name, odds, best_odds, fair_probability, status)
    SELECT m.id, 'home', 'home', 2.10, 2.10, 0.45, 'open' FROM markets_made m RETURNING id
)
INSERT INTO quotes (selection_id, provider, bookmaker, odds, observed_at)
SELECT id, 'replay', 'sim-north', 2.10, now() FROM selections_made RETURNING selection_id
"""
MONEY = """
SELECT post_transfers(array_agg('begin:' || id), array_agg('deposit'::text), array_agg(id),
    array_agg('deposits'::text), array_agg('available'::text), array_agg(100000000::bigint),
    array_agg('EUR'::text), array_agg('begin'::text), array_agg(''::text))
FROM users
"""
# What a bet comes to, statement by statement; pgbench sends each by itself, prepared.
RAW = r"""
\set user random(1, :users)
\set market random(1, :markets)
BEGIN;
INSERT INTO raw_bets (user_id, request_id, fingerprint, status, stake, currency, odds,
    potential_return, odds_change, answer)
  VALUES (:user, gen_random_uuid()::text, decode(repeat('00', 32), 'hex'), 'accepted', 1000, 'EUR',
    2.1, 2100, 'none', repeat('x', 700)) RETURNING id \gset
INSERT INTO raw_bet_legs (bet_id, n, selection_id, market_id, match_id, sport_id, market_type,
    selection_key, odds_requested, odds, market_version, match_status, starts_at)
  VALUES (:id, 1, :market, :market, :market, 'football', 'winner', 'home', 2.1, 2.1, 1, 'scheduled',
    now());
UPDATE raw_exposures SET staked = staked + 1000, payouts = payouts ||
  jsonb_build_object('1', (payouts ->> '1')::bigint + 2100) WHERE market_id = :market;
INSERT INTO raw_transfers (key, kind, user_id, source, target, amount, currency, reference)
  VALUES ('bet:' || :id, 'stake', :user, 'available', 'held', 1000, 'EUR', 'bet:' || :id);
UPDATE raw_accounts SET balance = balance - 1000, seq = seq + 1 WHERE id = :user * 2;
UPDATE raw_accounts SET balance = balance + 1000, seq = seq + 1 WHERE id = :user * 2 + 1;
INSERT INTO raw_entries (account_id, seq, transfer_id, amount, balance_after)
  VALUES (:user * 2, :id, :id, -1000, 0), (:user * 2 + 1, :id, :id, 1000, 0);
UPDATE raw_heads SET seq = seq + 2, at = now() WHERE user_id = :user;
INSERT INTO raw_changes (user_id, seq, at, kind, body)
  VALUES (:user, :id * 2, now(), 'bet_update', to_json(repeat('x', 700))),
         (:user, :id * 2 + 1, now(), 'balance_update', to_json(repeat('x', 130)));
COMMIT;
"""
RAW_TABLES = """
CREATE TABLE raw_bets (LIKE bets INCLUDING ALL);
CREATE TABLE raw_bet_legs (LIKE bet_legs INCLUDING ALL);
CREATE TABLE raw_exposures (LIKE market_exposures INCLUDING ALL) WITH (fillfactor = 50);
CREATE TABLE raw_transfers (LIKE transfers INCLUDING ALL);
CREATE TABLE raw_accounts (id BIGINT PRIMARY KEY, balance BIGINT, seq BIGINT)
  WITH (fillfactor = 50);
CREATE TABLE raw_entries (LIKE entries INCLUDING ALL);
CREATE TABLE raw_heads (LIKE user_heads INCLUDING ALL);
CREATE TABLE raw_changes (user_id BIGINT, seq BIGINT, at TIMESTAMPTZ, kind TEXT, body JSON,
  PRIMARY KEY (user_id, seq, at));
"""
RAW_ROWS = (
    "INSERT INTO raw_exposures SELECT n, 'EUR', n, 0, '{\"1\": 0}' FROM generate_series(1, $1) n",
    "INSERT INTO raw_accounts SELECT n, 0, 0 FROM generate_series(1, $1 * 2 + 2) n",
    "INSERT INTO raw_heads SELECT n, 0, now() FROM generate_series(1, $1) n",
)


class Bench:
    """Users with money, markets with prices, and a pool as an API process has it."""

    def __init__(self, pool: Pool, users: Sequence[int], selections: Sequence[int]) -> None:
        self.pool, self.users, self.selections = pool, users, selections
        self.desk = Desk(pool, HOUSE)
        self.numbers = itertools.count()
        self.dice = random.Random(1)

    def slip(self, selections: Sequence[int] | None = None) -> Request:
        """Returns what somebody asks for."""
        selection = SelectionId(self.dice.choice(selections or self.selections))
        leg = SlipLeg(selection_id=selection, odds=Decimal("2.1"))
        return Request(
            user_id=UserId(self.dice.choice(self.users)),
            request_id=f"bench-{next(self.numbers)}",
            slip=Slip(legs=(leg,), stake=Money(1_000, "EUR")),
        )

    async def place(self, selections: Sequence[int] | None = None) -> None:
        """Strikes a bet."""
        placed = await self.desk.place(self.slip(selections), datetime.now(UTC))
        assert placed.answer is not None, placed.bet.refusal

    async def round(self, seconds: float) -> tuple[float, list[float]]:
        """Strikes bets for a while; returns how many a second, and their times in ms."""
        times: list[float] = []
        until = time.perf_counter() + seconds

        async def caller() -> None:
            while (begun := time.perf_counter()) < until:
                await self.place()
                times.append((time.perf_counter() - begun) * 1000)

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return len(times) / (time.perf_counter() - begun), sorted(times)


async def make(stack: Stack, pool: Pool) -> Bench:
    """Makes what is bet with and on."""
    matches = await house.make_matches(stack.database_url, MARKETS)
    async with engine.connection(pool) as connection:
        users = await connection.fetch(
            "INSERT INTO users (email, password_hash)"
            " SELECT 'b' || n || '@example.org', 'x' FROM generate_series(1, $1) n RETURNING id",
            USERS,
        )
        await connection.execute(MONEY)
        selections = await connection.fetch(BOOKS, matches)
        await connection.execute(RAW_TABLES)
        for statement, count in zip(RAW_ROWS, (MARKETS, USERS, USERS), strict=True):
            await connection.execute(statement, count)
        await connection.execute("ANALYZE")
    ids = [row["id"] for row in users]
    return Bench(pool, ids, [row["selection_id"] for row in selections])


def raw(stack: Stack, seconds: float) -> tuple[float, float]:
    """Runs pgbench; returns transactions a second and the mean time of one, in ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(RAW)
        script.flush()
        said = subprocess.run(
            [
                str(programs.postgres_programs() / "pgbench"),
                *("-n", "-M", "prepared", "-c", str(CALLERS), "-j", "2", "-T", str(int(seconds))),
                *("-D", f"users={USERS}", "-D", f"markets={MARKETS}"),
                *("-f", script.name, stack.database_url),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    tps = next(line for line in said.splitlines() if line.startswith("tps"))
    mean = next(line for line in said.splitlines() if line.startswith("latency average"))
    return float(tps.split()[2]), float(mean.split()[3])


async def settled(bench: Bench, connection: Connection) -> float:
    """Strikes many bets on one match and ends it; returns the seconds until all are settled."""
    match_id = await connection.fetchval(
        "SELECT match_id FROM markets JOIN selections s ON s.market_id = markets.id"
        " WHERE s.id = $1",
        bench.selections[0],
    )
    left = iter(range(SETTLED))

    async def caller() -> None:
        for _ in left:
            await bench.place(bench.selections[:1])

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    await connection.execute(
        "UPDATE live_scores SET status = 'finished', home_score = 1 WHERE match_id = $1", match_id
    )
    later = datetime.now(UTC) + timedelta(minutes=1)
    waits = Waits(after=timedelta(0), confidence=Decimal(0))
    begun = time.perf_counter()
    done = await settle_match(bench.pool, MatchId(match_id), waits=waits, now=later)
    assert done >= SETTLED, done
    return time.perf_counter() - begun


async def rates(stack: Stack, bench: Bench, disk: str) -> list[Row]:
    """Measures ours and the raw one in turn."""
    ours: list[tuple[float, list[float]]] = []
    bare: list[tuple[float, float]] = []
    await bench.round(1.0)
    async with engine.connection(bench.pool) as connection:
        # As autovacuum does within a minute: what was planned on empty tables is planned anew.
        await connection.execute("ANALYZE")
    for _ in range(ROUNDS):
        bare.append(await asyncio.to_thread(raw, stack, ROUND_S))
        ours.append(await bench.round(ROUND_S))
    times = sorted(one for _, each in ours for one in each)
    accepted, raw_rate = median([rate for rate, _ in ours]), median([rate for rate, _ in bare])
    return [
        {"what": f"bets, {disk}", "a second": round(accepted), "p50 ms": percentile(times, 0.5),
         "p99 ms": percentile(times, 0.99), "of raw": accepted / raw_rate},
        {"what": f"pgbench, {disk}", "a second": round(raw_rate),
         "p50 ms": median([ms for _, ms in bare]), "p99 ms": 0.0, "of raw": 1.0},
    ]  # fmt: skip


async def strike(url: str) -> None:
    """Strikes BESIDE bets a second until it is stopped: the load beside live delivery."""
    pool = await engine.open_pool(
        url, connections_max=CONNECTIONS, statement_timeout_s=30, name="bench"
    )
    async with engine.connection(pool) as connection:
        users = await connection.fetch("SELECT id FROM users ORDER BY id")
        selections = await connection.fetch("SELECT id FROM selections ORDER BY id OFFSET 1")
    bench = Bench(pool, [row["id"] for row in users], [row["id"] for row in selections])
    bench.numbers = itertools.count(time.time_ns())
    begun = time.perf_counter()
    under_way: set[asyncio.Task[None]] = set()
    for sent in itertools.count():
        await asyncio.sleep(max(0.0, begun + sent / BESIDE - time.perf_counter()))
        task = asyncio.create_task(bench.place())
        under_way.add(task)
        task.add_done_callback(under_way.discard)


async def live(stack: Stack, bench: Bench) -> tuple[list[Row], float]:
    """Measures from commit to socket alone, and while bets are struck by another process."""
    async with engine.connection(bench.pool) as connection:
        matches = [
            row["id"] for row in await connection.fetch("SELECT id FROM matches ORDER BY id")
        ]
    ways = ("alone", f"beside {BESIDE} bets/s")
    p50: dict[str, list[float]] = {what: [] for what in ways}
    p99: dict[str, list[float]] = {what: [] for what in ways}
    with house.api(stack) as (_, port):
        for what in ways * ROUNDS:
            with ExitStack() as beside:
                if what != "alone":
                    beside.enter_context(
                        house.process(["-m", "bench.bets", "strike", stack.database_url])
                    )
                    await asyncio.sleep(2.0)
                measured, _, _ = await one_round(
                    stack.database_url, port, matches, rate=100, sockets=100
                )
                times = measured.latencies_ms()
                p50[what].append(percentile(times, 0.5))
                p99[what].append(percentile(times, 0.99))
    rows: list[Row] = [
        {"what": f"commit to socket, {what}", "a second": 100, "p50 ms": median(p50[what]),
         "p99 ms": median(p99[what]), "of raw": 0.0}
        for what in ways
    ]  # fmt: skip
    alone, loaded = (median(p99[what]) for what in ways)
    return rows, loaded / max(0.001, alone)


async def slow_disk(connection: Connection, *, on: bool) -> None:
    """Makes every flush wait for a millisecond first, as Postgres itself can."""
    for name, value in (("commit_siblings", 0), ("commit_delay", 1_000)):
        change = f"SET {name} = {value}" if on else f"RESET {name}"
        await connection.execute(f"ALTER SYSTEM {change}")
    await connection.execute("SELECT pg_reload_conf()")


async def main() -> None:
    """Measures, prints, writes."""
    with house.stack() as stack:
        pool = await engine.open_pool(
            stack.database_url, connections_max=CONNECTIONS, statement_timeout_s=30, name="bench"
        )
        bench = await make(stack, pool)
        rows = await rates(stack, bench, "disk as it is")
        async with engine.connection(pool) as connection:
            await slow_disk(connection, on=True)
            rows += await rates(stack, bench, "1 ms a flush")
            await slow_disk(connection, on=False)
            seconds = await settled(bench, connection)
        row = {"what": f"{SETTLED} bets of one match settled", "a second": round(SETTLED / seconds)}
        rows.append({**row, "p50 ms": 0.0, "p99 ms": 0.0, "of raw": 0.0})
        told, slower = await live(stack, bench)
        rows += told
        await pool.close()
    ratios = {
        "bets accepted / raw": float(str(rows[0]["of raw"])),
        "bets accepted / raw, 1 ms a flush": float(str(rows[2]["of raw"])),
        "seconds to settle": seconds,
        "commit to socket p99 beside bets / alone": slower,
    }
    report("bets", rows, ratios)


if __name__ == "__main__":
    collector.calm()  # As an API process does.
    uvloop.run(strike(sys.argv[2]) if sys.argv[1:2] == ["strike"] else main())
