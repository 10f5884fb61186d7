"""Many users bet on a replayed World Cup, some cash out; results are put right, a match is put off,
the worker that settles is killed again and again. In the end everybody has what an independent
account says.

`BETS=20000 USERS=1000 MATCHES=64` (`make story`) plays the whole cup; without, a part of it.
"""

import asyncio
import multiprocessing
import os
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.betting.bet import OddsChange
from app.betting.by_hand import void_bet
from app.betting.cash_out import CashOut, cash_out, cash_out_offer
from app.betting.placement import House, place_bet
from app.betting.record import Request
from app.betting.rules import Policy, Rules
from app.betting.settlement import Waits, due_matches, settle_match
from app.betting.slip import Slip, SlipLeg
from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest.confidence import CONFIRMATIONS
from app.sports.ids import SelectionId, UserId
from app.sports.match import MatchStatus, Score
from app.wallet.check import check_ledger
from app.wallet.ledger import post
from app.wallet.money import Money
from app.wallet.moves import Holder, Move
from tests.stories.world_cup import RECORDINGS, Cup, header_of, wrong
from tests.stories.world_cup_books import Result, balances, cashed, result_of
from workers.bets import PendingBets
from workers.settle import Settling

USERS, BETS = int(os.environ.get("USERS", "50")), int(os.environ.get("BETS", "600"))
MATCHES = int(os.environ.get("MATCHES", "8"))
PAID_IN = 100_000
AT_ONCE_MAX = 8
# A result is settled so long after it was told: some are put right before, some after.
WAITS = Waits(after=timedelta(milliseconds=50), confidence=Decimal(0))
YEARS = timedelta(days=3650)
MARGIN = Decimal("0.05")
HUGE = Decimal(1_000_000_000)
HOUSE = House(
    policy=Policy(tolerance=Decimal(0), source_age_in_play=YEARS, source_age_ahead=YEARS),
    rules=Rules(
        delay=timedelta(milliseconds=100), stake_min=Decimal("0.01"), stake_max=HUGE,
        return_max=HUGE, liability_max=HUGE, user_day_max=HUGE,
    ),
)  # fmt: skip
IDENTITIES = "SELECT external_id, match_id FROM provider_refs WHERE kind = 'match'"
SETTLED = "SELECT count(*) FROM bet_legs WHERE match_id = $1 AND result IS NOT NULL AND NOT by_hand"
CASHED_OUT_EVERY = 5  # Of the bets whose matches are yet to begin, one in so many.
OPEN = """
SELECT id, user_id FROM bets b
WHERE status = 'accepted' AND id % $2 = 0
  AND NOT EXISTS (SELECT FROM bet_legs l WHERE l.bet_id = b.id AND l.match_id <> ALL ($1))
ORDER BY id
"""
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def settling(url: str) -> None:
    """Decides on bets in play and settles, in a process of its own, until it is killed."""

    async def run() -> None:
        pool = await engine.open_pool(
            url, connections_max=4, statement_timeout_s=30, name="touchline-settling"
        )
        await asyncio.gather(PendingBets(pool, HOUSE).run(), Settling(pool, WAITS).run())

    asyncio.run(run())


class Punters:
    """Users who bet at random, each request twice now and then."""

    def __init__(self, pool: Pool, user_ids: Sequence[int], dice: random.Random) -> None:
        self.pool, self.user_ids, self.dice = pool, user_ids, dice
        self.answers: dict[int, list[Any]] = {}
        self.made = 0

    async def learn(self, connection: Connection) -> None:
        """Looks at what is on offer, by match."""
        rows = await connection.fetch(
            "SELECT k.match_id, x.id, x.odds FROM selections x JOIN markets k ON k.id = market_id"
            " WHERE x.odds IS NOT NULL ORDER BY x.id"
        )
        for row in rows:
            self.answers.setdefault(row["match_id"], []).append(row)

    async def bet(self, bets: int, match_ids: Sequence[int]) -> None:
        """Asks for so many bets, some at a time."""
        asked = iter([self._request(match_ids) for _ in range(bets)])

        async def one_by_one() -> None:
            for request in asked:
                placed = await place_bet(self.pool, request, HOUSE, datetime.now(UTC))
                if self.dice.random() < 0.05:
                    again = await place_bet(self.pool, request, HOUSE, datetime.now(UTC))
                    assert again.bet.id == placed.bet.id

        await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE_MAX)))

    def _request(self, match_ids: Sequence[int]) -> Request:
        self.made += 1
        size = self.dice.choice([1, 1, 1, 2, 3])
        chosen = self.dice.sample(match_ids, min(size, len(match_ids)))
        picks = [self.dice.choice(self.answers[match_id]) for match_id in chosen]
        return Request(
            user_id=UserId(self.dice.choice(self.user_ids)),
            request_id=f"cup-{self.made}",
            slip=Slip(
                legs=tuple(
                    SlipLeg(selection_id=SelectionId(row["id"]), odds=row["odds"]) for row in picks
                ),
                stake=Money(self.dice.randint(10, 9_999), "EUR"),
                odds_change=self.dice.choice(list(OddsChange)),
            ),
        )


class Worker:
    """The process that settles; killed as a crash would, and started again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.process: BaseProcess | None = None

    def start(self) -> None:
        """Starts it."""
        self.process = PROCESSES.Process(target=settling, args=(self.url,), daemon=True)
        self.process.start()

    async def kill(self) -> None:
        """Kills it, wherever it is. Safe to call twice."""
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.join)


async def users_with_money(pool: Pool) -> list[int]:
    """Makes users; each has paid in the same."""
    async with engine.connection(pool) as connection:
        rows = await connection.fetch(
            "INSERT INTO users (email, password_hash)"
            " SELECT 'punter-' || n || '@example.org', 'x' FROM generate_series(1, $1) AS n"
            " RETURNING id",
            USERS,
        )
        for row in rows:
            async with connection.transaction():
                await post(connection, [paid_in(UserId(row["id"]))])
    return [row["id"] for row in rows]


def paid_in(user_id: UserId) -> Move:
    """Returns what a user begins with."""
    return Move(
        key=f"begin:{user_id}",
        kind="deposit",
        user_id=user_id,
        source=Holder.DEPOSITS,
        target=Holder.AVAILABLE,
        amount=Money(PAID_IN, "EUR"),
        reference="begin",
    )


async def play(
    cup: Cup, path: Path, connection: Connection, *, until: MatchStatus | None = None
) -> None:
    """Tells all of a match, or all up to a break; every third ends wrongly first."""
    for score in cup.words(path):
        is_end = score.status is MatchStatus.FINISHED
        if is_end and cup.recordings.index(path) % 3 == 0:
            await cup.tell(connection, path, wrong(score))
            while not await connection.fetchval(SETTLED, cup.match_ids[path]):
                await asyncio.sleep(0.05)
        # What takes a goal back is believed when it was said again and again.
        for _ in range(CONFIRMATIONS if is_end else 1):
            await cup.tell(connection, path, score)
        if score.status is until:
            return


async def until_settled(connection: Connection) -> None:
    """Waits until no bet is open."""
    still = "SELECT count(*) FROM bets WHERE status IN ('pending', 'accepted')"
    while await connection.fetchval(still):
        await asyncio.sleep(0.1)


async def struck(connection: Connection) -> list[dict[str, Any]]:
    """Returns the bets as they were struck, with their legs."""
    bets = {
        row["id"]: {**row, "legs": []}
        for row in await connection.fetch("SELECT id, user_id, status, stake FROM bets")
    }
    for row in await connection.fetch("SELECT * FROM bet_legs ORDER BY bet_id, n"):
        bets[row["bet_id"]]["legs"].append(row)
    return list(bets.values())


async def have(connection: Connection) -> dict[int, int]:
    """Returns what users have, debts taken off; nothing is held any more."""
    rows = await connection.fetch(
        "SELECT user_id, sum(balance)::bigint AS has FROM accounts"
        " WHERE kind IN ('available', 'owed', 'held') GROUP BY user_id"
    )
    return {row["user_id"]: row["has"] for row in rows if row["user_id"] is not None}


async def void_some(pool: Pool, connection: Connection, by: int) -> None:
    """Gives some stakes back by hand."""
    rows = await connection.fetch("SELECT id FROM bets WHERE status = 'accepted' AND id % 97 = 0")
    for row in rows:
        now = datetime.now(UTC)
        await void_bet(pool, row["id"], by=UserId(by), note="palpable error", now=now)


class Story(msgspec.Struct):
    """All that the cup is played with."""

    pool: Pool
    connection: Connection
    cup: Cup
    punters: Punters
    worker: Worker
    cashed: dict[int, list[Fraction]] = msgspec.field(default_factory=dict[int, list[Fraction]])


async def cash_some_out(story: Story, unplayed: Sequence[int]) -> None:
    """Cashes out some bets that are on matches yet to begin only, wholly or in part."""
    for row in await story.connection.fetch(OPEN, unplayed, CASHED_OUT_EVERY):
        bet_id, user_id, now = row["id"], UserId(row["user_id"]), datetime.now(UTC)
        share = story.punters.dice.choice([Fraction(1), Fraction(1, 2), Fraction(1, 4)])
        worth = await cash_out_offer(story.pool, bet_id, user_id, HOUSE, margin=MARGIN, now=now)
        before = story.cashed.setdefault(bet_id, [])
        wish = CashOut(
            bet_id=bet_id, user_id=user_id, request_id=f"cash-{len(before)}",
            share=Decimal(share.numerator) / share.denominator, offer=worth.times(share),
        )  # fmt: skip
        for _ in range(2):
            await cash_out(story.pool, wish, HOUSE, margin=MARGIN, now=now)
        before.append(share)


async def cashes(story: Story, bets: Sequence[dict[str, Any]]) -> dict[int, tuple[int, int]]:
    """Returns what was cashed out, by bet, from the chances that were on offer."""
    rows = await story.connection.fetch("SELECT id, fair_probability AS p FROM selections")
    chances = {row["id"]: Fraction(row["p"]) for row in rows}
    return {
        bet["id"]: cashed(bet, story.cashed[bet["id"]], chances)
        for bet in bets
        if bet["id"] in story.cashed
    }


async def begin(pool: Pool, connection: Connection, worker: Worker) -> Story:
    """Makes users and matches, strikes what is bet before the first of them begins."""
    users = await users_with_money(pool)
    recordings = sorted(RECORDINGS.glob("football.2022.*.jsonl"))[:MATCHES]
    cup = Cup(recordings)
    for path in recordings:
        await cup.tell(connection, path, Score(status=MatchStatus.SCHEDULED), priced=True)
    rows = await connection.fetch(IDENTITIES)
    found = {row["external_id"]: row["match_id"] for row in rows}
    cup.match_ids = {path: found[header_of(path)["id"]] for path in recordings}
    punters = Punters(pool, users, random.Random(2022))  # Always the same cup.
    await punters.learn(connection)
    await punters.bet(BETS * 7 // 10, list(cup.match_ids.values()))
    await void_some(pool, connection, users[0])
    return Story(pool, connection, cup, punters, worker)


async def play_some(story: Story, playing: Sequence[Path], bets: int) -> None:
    """Plays matches one after the other; bets are struck at half-time, the worker killed twice."""
    cup, worker = story.cup, story.worker
    for path in playing:
        await play(cup, path, story.connection, until=MatchStatus.PAUSED)
    await story.punters.bet(bets, [cup.match_ids[path] for path in playing])
    await worker.kill()
    worker.start()
    for path in playing:
        await play(cup, path, story.connection)
    await asyncio.sleep(story.punters.dice.random() / 4)
    await worker.kill()
    worker.start()


async def end(story: Story, put_off: Path) -> None:
    """Puts a match off for three days; waits until all is settled, looks for what is not."""
    story.cup.starts[put_off] += timedelta(days=4)
    await story.cup.tell(story.connection, put_off, Score(status=MatchStatus.POSTPONED))
    await until_settled(story.connection)
    await story.worker.kill()
    later = datetime.now(UTC) + timedelta(minutes=1)
    for match_id in await due_matches(story.pool, later):
        await settle_match(story.pool, match_id, waits=WAITS, now=later)


@pytest.fixture
async def story(database_url: str) -> AsyncGenerator[Story]:
    """A cup that is about to begin."""
    pool = await engine.open_pool(
        database_url, connections_max=10, statement_timeout_s=30, name="touchline-tests"
    )
    worker = Worker(database_url)
    try:
        async with engine.connection(pool) as connection:
            yield await begin(pool, connection, worker)
    finally:
        await worker.kill()
        await pool.close()


@pytest.mark.story
@pytest.mark.timeout(1200)
async def test_everybody_has_what_an_independent_account_says(story: Story):
    cup, connection = story.cup, story.connection
    put_off = cup.recordings[-1]
    story.worker.start()
    rounds = [cup.recordings[n : n + 4] for n in range(0, MATCHES, 4)]
    for few in rounds:
        playing = [path for path in few if path != put_off]
        later = cup.recordings[cup.recordings.index(few[0]) :]
        await cash_some_out(story, [cup.match_ids[path] for path in later])
        await play_some(story, playing, BETS * 3 // 10 // len(rounds))
    await end(story, put_off)
    results = {cup.match_ids[path]: result_of(path) for path in cup.recordings}
    results[cup.match_ids[put_off]] = Result(played=False)
    bets = await struck(connection)
    assert len(bets) >= BETS - len(rounds)
    begun = dict.fromkeys(story.punters.user_ids, PAID_IN)
    cash = await cashes(story, bets)
    assert {bet["status"] for bet in bets if bet["id"] in cash} > {"cashed_out"}
    assert await have(connection) == balances(begun, bets, results, cash)
    assert (await check_ledger(connection, everything=True)).faults == ()
    assert await connection.fetchval("SELECT sum(staked) FROM market_exposures") == 0
    causes = await connection.fetch("SELECT DISTINCT cause FROM settlements ORDER BY cause")
    assert [row["cause"] for row in causes] == ["by_hand", "correction", "result"]
