"""Three providers at once: from bytes in their own shapes to committed rows.

Three providers tell of the same six leagues, each beside the others and league after league, as
the polls of one worker do. Each answer is normalised, identified, merged with what the others said,
written and logged in a transaction of its own. The bare baseline upserts the same rows, ready, in
the same run: by one writer, and by three at once. Of scores these are what each provider said, and
as many beliefs, heads and entries of the log as ours came to in that very round; beside it stands
the upsert of what was told and is believed alone.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import uvloop

from app import collector
from app.database import engine
from app.ingest.dead_letters import Origin
from app.ingest.intake import TakenIn, take_in
from app.ingest.known import Known
from bench import bare_scores, house, wires
from bench.ingest import BARE_TABLES, Ready, a_batch, bare
from bench.report import Row, median, report

# Leagues of matches; a poll is about one of them, and the providers go round them in turn.
LEAGUES = 6
MATCHES = 100  # Of a league: what one poll brings.
ROUNDS = 7
POLLS = 12  # Of each provider, a round.

Body = Callable[[random.Random, Sequence[int], datetime], bytes]
QUOTES: Mapping[str, Body] = {
    "odds-api": wires.odds_api_odds,
    "north-feed": wires.pushed_odds,
    "south-feed": wires.pushed_odds,
}
SCORES: Mapping[str, Body] = {
    "api-football": lambda dice, matches, _: wires.fixtures(dice.randint(1, 44), matches),
    "thesportsdb": lambda dice, matches, now: wires.livescore(dice.randint(1, 44), matches, now),
    "north-feed": lambda dice, matches, now: wires.pushed_scores(dice.randint(1, 44), matches, now),
}


class Told:
    """A clock of the bench's own: each round is later than the one before, however fast it goes."""

    def __init__(self) -> None:
        self._at = datetime.now(UTC) - timedelta(hours=2)

    def next(self) -> datetime:
        """Returns a moment a second later."""
        self._at += timedelta(seconds=1)
        return self._at


Poll = tuple[bytes, datetime]


async def one_provider(
    pool: engine.Pool, provider: str, polls: Sequence[Poll], known: Known
) -> list[TakenIn]:
    """Takes in what a provider said, poll after poll; returns what each came to."""
    came: list[TakenIn] = []
    origin = Origin(provider=provider, scope="bench")
    for body, at in polls:
        taken = await take_in(pool, origin, wires.READS[provider](body, at), known)
        assert taken is not None
        assert not taken.lost, taken.lost[:1]
        came.append(taken)
    return came


async def ours(
    pool: engine.Pool, polls: Mapping[str, Sequence[Poll]], known: Mapping[str, Known]
) -> tuple[dict[str, list[TakenIn]], float]:
    """Takes in what all providers said, each beside the others; returns it, and the seconds."""
    begun = time.perf_counter()
    came = await asyncio.gather(
        *(one_provider(pool, name, polls[name], known[name]) for name in polls)
    )
    return dict(zip(polls, came, strict=True)), time.perf_counter() - begun


async def of_writers(pool: engine.Pool, batches: Sequence[Sequence[Ready]]) -> float:
    """Returns quotes a second of the bare upsert, by as many writers as there are batches."""

    async def write(rows: Sequence[Ready]) -> int:
        async with engine.connection(pool) as connection:
            return (await bare(connection, rows))[0]

    begun = time.perf_counter()
    rows = await asyncio.gather(*(write(one) for one in batches))
    return sum(rows) / (time.perf_counter() - begun)


async def of_score_writers(
    pool: engine.Pool, writers: Sequence[Sequence[Sequence[bare_scores.Statement]]]
) -> float:
    """Returns score observations a second of the bare upsert, by so many writers at once."""

    async def write(polls: Sequence[Sequence[bare_scores.Statement]]) -> None:
        async with engine.connection(pool) as connection:
            await bare_scores.write(connection, polls)

    begun = time.perf_counter()
    await asyncio.gather(*(write(one) for one in writers))
    return sum(map(len, writers)) * MATCHES / (time.perf_counter() - begun)


def league(number: int) -> range:
    """Returns the matches of a league."""
    start = number % LEAGUES * MATCHES
    return range(start, start + MATCHES)


class Rounds:
    """Rounds of one kind: what went through a second, ours and the bare upserts in turn."""

    def __init__(self, pool: engine.Pool, makers: Mapping[str, Body]) -> None:
        self._pool, self._makers = pool, makers
        self._dice, self._told = random.Random(len(makers)), Told()
        self._known = {provider: Known() for provider in makers}
        self._scores = bare_scores.Scores()

    async def measured(self) -> dict[str, list[float]]:
        """Returns what each way gave in every round but the first, which warms up."""
        found: dict[str, list[float]] = {}
        for number in range(ROUNDS + 1):
            came, took_s = await ours(self._pool, self._polls(), self._known)
            taken = [one for of_provider in came.values() for one in of_provider]
            quotes = self._makers is QUOTES
            counted = sum(one.quotes if quotes else one.matches for one in taken)
            bare_ones = await (self._quotes() if quotes else self._observations(came))
            if number:
                for way, rate in {"ours": counted / took_s, **bare_ones}.items():
                    found.setdefault(way, []).append(rate)
        return found

    def _polls(self) -> dict[str, list[Poll]]:
        polls: dict[str, list[Poll]] = {name: [] for name in self._makers}
        for n in range(POLLS):
            at = self._told.next()
            for place, (name, make) in enumerate(self._makers.items()):
                polls[name].append((make(self._dice, league(n + 2 * place), at), at))
        return polls

    async def _quotes(self) -> dict[str, float]:
        rows = [[a_batch(self._dice, MATCHES)[1] for _ in range(POLLS)] for _ in self._makers]
        return {
            "one": await of_writers(self._pool, rows[:1]),
            "three": await of_writers(self._pool, rows),
        }

    async def _observations(self, came: Mapping[str, Sequence[TakenIn]]) -> dict[str, float]:
        """The very rows that ours came to this time; then the two upserts alone."""
        found: dict[str, float] = {}
        for way, alone in (("", False), (" alone", True)):
            joined = [poll for polls in self._ready(came, alone=alone) for poll in polls]
            found[f"one{way}"] = await of_score_writers(self._pool, [joined])
            apart = self._ready(came, alone=alone)
            found[f"three{way}"] = await of_score_writers(self._pool, apart)
        return found

    def _ready(
        self, came: Mapping[str, Sequence[TakenIn]], *, alone: bool
    ) -> list[list[list[bare_scores.Statement]]]:
        return [
            [
                self._scores.ready(
                    bare_scores.Poll(name, league(n + 2 * place), taken.scores_changed),
                    alone=alone,
                )
                for n, taken in enumerate(polls)
            ]
            for place, (name, polls) in enumerate(came.items())
        ]


def shown(what: str, found: Mapping[str, Sequence[float]]) -> tuple[Row, dict[str, float]]:
    """Returns a kind's row and its ratios."""
    over = {
        way: median([a / b for a, b in zip(found["ours"], rates, strict=True)])
        for way, rates in found.items()
        if way != "ours"
    }
    row: dict[str, object] = {
        "what": what,
        "a second": round(median(found["ours"])),
        "least": round(min(found["ours"])),
        "most": round(max(found["ours"])),
    }
    for way in ("one", "three", "one alone", "three alone"):
        row[f"bare, {way}"] = round(median(found[way])) if way in found else ""
        row[f"ratio to {way}"] = round(over[way], 3) if way in over else ""
    named = {"one": "the same rows, one writing", "three": "the same rows, three writing"}
    named["one alone"] = "what was told and believed alone, one writing"
    named["three alone"] = "what was told and believed alone, three writing"
    return row, {
        f"{what} of three providers over the bare upsert of {named[way]}": ratio
        for way, ratio in over.items()
    }


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures quotes, then scores."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    collector.calm()  # As a worker does.
    with house.stack() as stack:
        pool = await engine.open_pool(
            stack.database_url,
            connections_max=4,
            statement_timeout_s=60,
            name="bench",
            more={"synchronous_commit": "off"},
        )
        async with engine.connection(pool) as connection:
            await connection.execute(BARE_TABLES)
            await connection.execute(bare_scores.TABLES)
        for what, makers in (("score observations", SCORES), ("quotes", QUOTES)):
            row, over = shown(what, await Rounds(pool, makers).measured())
            rows.append(row)
            ratios |= over
        await pool.close()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("providers", rows, ratios)


if __name__ == "__main__":
    main()
