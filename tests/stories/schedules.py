"""Schedules of faults: made from a seed, so that one that found something can be run again.

A schedule is one match, somebody who follows it, somebody who changes it, and steps that break the
lines between the parts meanwhile. Schedules of one batch run at once over one API: what one does to
Postgres' or Valkey's line is done to all of them. So a batch is the smallest thing that is run
again as it was; the moments at which things meet still differ a little from run to run.
"""

import asyncio
import contextlib
import random
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from app.database import engine
from app.database.engine import Pool
from tests.builders import a_market, an_incident, selections_of
from tests.stories.agreement import plain
from tests.stories.follower import Follower
from tests.stories.proxy import Proxy, Way
from tests.stories.ws_follower import WsFollower

STEPS_MIN, STEPS_MAX = 6, 12
# How long a fault lasts, and how long nothing happens between two steps.
FAULT_MS_MAX = 120
PAUSE_MS_MAX = 30
DELAY_MS_MAX = 30
WRITES_MAX = 4
PATIENCE_S = 30.0

PARTS = ("client", "postgres", "valkey")
FAULTS = ("cut", "stall_up", "stall_down", "refuse", "delay")

# Of the league that builders make.
CHANNEL = "sports.football.leagues.premier-league.matches.{}"
KILL_LISTENERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = 'touchline-listener' AND datname = current_database()
"""
_TICK = "UPDATE live_scores SET clock = $2 WHERE match_id = $1"
_SCORE = "UPDATE live_scores SET home_score = $2, away_score = $3 WHERE match_id = $1"
_SUSPEND = """
UPDATE markets SET status = $2, reason = CASE $2 WHEN 'open' THEN NULL ELSE 'possible_goal' END,
    version = version + 1, updated_at = clock_timestamp()
WHERE match_id = $1 AND status <> $2
"""
_NEW_VERSION = "UPDATE markets SET version = version + 1, updated_at = now() WHERE match_id = $1"
_PRICE = "UPDATE selections SET odds = $2, best_odds = $2, updated_at = now() WHERE id = $1"
_HEAD = "SELECT seq FROM match_heads WHERE match_id = $1"
_LOG = "SELECT seq, kind, body::text FROM changes WHERE match_id = $1"


class TakenBack(Exception):
    """Rolls a change back."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done: to a line, for so long; or `write`, `join`, `listener`, `pause`."""

    deed: str
    part: str = ""
    ms: int = 0
    count: int = 0

    def __str__(self) -> str:
        """Says it in a few words."""
        more = f" {self.ms} ms" if self.ms else f" x{self.count}" if self.count else ""
        return f"{self.deed} {self.part}".rstrip() + more


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one match."""

    seed: int
    steps: tuple[Step, ...]


def schedule_of(seed: int) -> Schedule:
    """Returns the schedule of a seed, always the same."""
    dice = random.Random(seed)
    steps: list[Step] = []
    for _ in range(dice.randint(STEPS_MIN, STEPS_MAX)):
        roll = dice.random()
        if roll < 0.4:
            steps.append(Step(deed="write", count=dice.randint(1, WRITES_MAX)))
        elif roll < 0.5:
            steps.append(Step(deed="join"))
        elif roll < 0.56:
            steps.append(Step(deed="listener"))
        else:
            # The client's line breaks most often, in life as well.
            part = dice.choices(PARTS, weights=(4, 2, 1))[0]
            ms = dice.randint(10, FAULT_MS_MAX)
            steps.append(Step(deed=dice.choice(FAULTS), part=part, ms=ms))
        steps.append(Step(deed="pause", ms=dice.randint(0, PAUSE_MS_MAX)))
    # Whatever happened, something is written after it.
    steps.append(Step(deed="write", count=1))
    return Schedule(seed=seed, steps=tuple(steps))


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What the schedules of a batch share: one API, the lines behind it, a pool to write over."""

    api_port: int
    postgres: Proxy
    valkey: Proxy
    writers: Pool
    reader: httpx.AsyncClient


class Play:
    """One schedule while it is run."""

    def __init__(self, schedule: Schedule, stage: Stage, client: Proxy, match_id: int) -> None:
        self._stage = stage
        self._match_id = match_id
        # Dice of its own: what is written does not depend on what is broken.
        self._dice = random.Random(~schedule.seed)
        self._lines = {"client": client, "postgres": stage.postgres, "valkey": stage.valkey}
        self._followers: list[Follower] = []
        self._following: list[asyncio.Task[None]] = []
        self._selections: list[int] = []
        self._odds = Decimal(5)
        self._score = [0, 0]
        self._ordinal = 0

    async def run(self, steps: tuple[Step, ...]) -> None:
        """Does the steps, heals the client's line, and holds what was heard against the truth."""
        try:
            async with engine.connection(self._stage.writers) as connection:
                market_id = await a_market(connection, self._match_id)
                self._selections = list((await selections_of(connection, market_id)).values())
            self._join()
            self._join()
            for step in steps:
                await self._do(step)
            async with asyncio.timeout(PATIENCE_S):
                await self._agree()
        finally:
            for task in self._following:
                task.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)
            for follower in self._followers:
                await follower.close()

    async def _do(self, step: Step) -> None:
        line = self._lines.get(step.part)
        if line is not None:
            self._break(line, step)
        elif step.deed == "write":
            for _ in range(step.count):
                await self._write()
        elif step.deed == "join":
            self._join()
        elif step.deed == "listener":
            await self._stage.writers.execute(KILL_LISTENERS)
        await asyncio.sleep(step.ms / 1000 if step.deed == "pause" else 0)

    def _break(self, line: Proxy, step: Step) -> None:
        """Breaks a line; it heals by itself, while the schedule goes on."""
        stalled: dict[str, Way] = {"stall_up": "up", "stall_down": "down"}
        if step.deed == "cut":
            line.cut()
        elif step.deed == "refuse":
            line.refusing = True
            line.cut()
        elif step.deed == "delay":
            line.delay_s = min(step.ms, DELAY_MS_MAX) / 1000
        else:
            line.stall(stalled[step.deed])
        asyncio.get_running_loop().call_later(step.ms / 1000, line.heal)

    def _join(self) -> None:
        """One more follower, who begins with a snapshot and stays to the end; every other one
        over /ws.
        """
        url, match_id = f"http://127.0.0.1:{self._lines['client'].port}", str(self._match_id)
        if len(self._followers) % 2:
            follower = WsFollower(url, match_id, CHANNEL.format(match_id))
        else:
            follower = Follower(url, match_id)
        self._followers.append(follower)
        self._following.append(asyncio.create_task(follower.follow(lambda _: False)))

    async def _write(self) -> None:
        """Changes the match once; now and then the change is taken back and was never there."""
        async with engine.connection(self._stage.writers) as connection:
            change = self._dice.choices(
                (self._tick, self._goal, self._price, self._suspend), weights=(4, 2, 4, 1)
            )[0]
            if self._dice.random() < 0.1:
                with contextlib.suppress(TakenBack):
                    async with connection.transaction():
                        await self._tick(connection)
                        raise TakenBack
            await change(connection)

    async def _tick(self, connection: Any) -> None:
        clock = f"{self._dice.randint(1, 90)}'{self._dice.randint(0, 99)}"
        await connection.execute(_TICK, self._match_id, clock)

    async def _goal(self, connection: Any) -> None:
        self._ordinal += 1
        self._score[self._dice.randint(0, 1)] += 1
        async with connection.transaction():
            await connection.execute(_SCORE, self._match_id, *self._score)
            await an_incident(connection, self._match_id, self._ordinal)

    async def _price(self, connection: Any) -> None:
        # Never a price again: what does not differ is no change, and no new version.
        self._odds += Decimal("0.01")
        async with connection.transaction():
            # As ingest does it: the market's version first, all of one moment.
            await connection.execute(_NEW_VERSION, self._match_id)
            await connection.execute(_PRICE, self._dice.choice(self._selections), self._odds)

    async def _suspend(self, connection: Any) -> None:
        status = self._dice.choice(("open", "suspended"))
        await connection.execute(_SUSPEND, self._match_id, status)

    async def _agree(self) -> None:
        """Waits until everybody is where the log ends, then compares with it and with REST."""
        head = await self._stage.writers.fetchrow(_HEAD, self._match_id)
        assert head is not None
        for follower, following in zip(self._followers, self._following, strict=True):
            while follower.seq < head["seq"]:
                assert not following.done(), following.exception()
                await asyncio.sleep(0.005)
            assert follower.seq == head["seq"]
        written = {
            row["seq"]: (row["kind"], msgspec.json.decode(row["body"]))
            for row in await self._stage.writers.fetch(_LOG, self._match_id)
        }
        for follower in self._followers:
            for frame in follower.heard:
                if frame["type"] not in ("snapshot", "heartbeat"):
                    assert written[frame["seq"]] == (frame["type"], frame["data"])
        await self._compare_with_rest()

    async def _compare_with_rest(self) -> None:
        score = await self._ask(f"/api/scores/{self._match_id}")
        path = f"/api/markets/football?matchId={self._match_id}&limit=200"
        markets = {m["id"]: plain(m) for m in (await self._ask(path))["items"]}
        for follower in self._followers:
            held = {k: plain(m) for k, m in follower.markets.items()}
            assert _told(score) == _told(follower.score), (score, follower.score)
            assert markets == held, (markets, held)
            assert len(follower.incidents) == self._ordinal, follower.incidents

    async def _ask(self, path: str) -> Any:
        """Asks the API until it answers: another schedule may have its lines broken."""
        while True:
            answer = await self._stage.reader.get(f"http://127.0.0.1:{self._stage.api_port}{path}")
            if answer.status_code == 200:
                return answer.json()
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)


def _told(score: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in score.items() if k not in ("seq", "resume", "observedAt", "sources")}
