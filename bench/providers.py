"""Three providers at once: from bytes in their own shapes to committed rows.

Three providers tell of the same six leagues, each beside the others and league after league, as
the polls of one worker do. Each answer is normalised, identified, merged with what the others said,
written and logged in a transaction of its own. The bare baseline upserts rows of the same number
and shape, ready, in the same run: by one writer, and by three at once.
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
from app.ingest.intake import take_in
from app.ingest.known import Known
from bench import house, wires
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
_BARE_SCORES = """
CREATE TABLE bare_told (LIKE score_observations INCLUDING ALL);
CREATE TABLE bare_scores (LIKE live_scores INCLUDING ALL) WITH (fillfactor = 70);
"""
_BARE_TELL = """
INSERT INTO bare_told AS t (match_id, provider, score, observed_at, received_at)
SELECT n, $2, $3::jsonb, $4, $4 FROM unnest($1::bigint[]) n
ON CONFLICT (match_id, provider) DO UPDATE
SET score = excluded.score, observed_at = excluded.observed_at WHERE t.score <> excluded.score
"""
_BARE_BELIEVE = """
INSERT INTO bare_scores AS s (match_id, status, home_score, away_score, clock)
SELECT n, 'live', 0, 0, $2 FROM unnest($1::bigint[]) n
ON CONFLICT (match_id) DO UPDATE
SET clock = excluded.clock, updated_at = now() WHERE s.clock IS DISTINCT FROM excluded.clock
"""


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
) -> tuple[int, int]:
    """Takes in what a provider said, poll after poll; returns how many matches and quotes."""
    matches, quotes = 0, 0
    origin = Origin(provider=provider, scope="bench")
    for body, at in polls:
        taken = await take_in(pool, origin, wires.READS[provider](body, at), known)
        assert taken is not None
        assert not taken.lost, taken.lost[:1]
        matches, quotes = matches + taken.matches, quotes + taken.quotes
    return matches, quotes


async def ours(
    pool: engine.Pool, polls: Mapping[str, Sequence[Poll]], known: Mapping[str, Known]
) -> tuple[int, int, float]:
    """Takes in what all providers said, each beside the others; returns counts and seconds."""
    begun = time.perf_counter()
    counts = await asyncio.gather(
        *(one_provider(pool, name, polls[name], known[name]) for name in polls)
    )
    took_s = time.perf_counter() - begun
    return sum(matches for matches, _ in counts), sum(quotes for _, quotes in counts), took_s


async def bare_scores(connection: engine.Connection, polls: int, first: int) -> int:
    """Upserts what is told and what is believed; returns how many observations."""
    now = datetime.now(UTC)
    for n in range(polls):
        start = (first + n) % LEAGUES * MATCHES
        ids = list(range(start, start + MATCHES))
        said = f'{{"clock": "{random.random()}", "status": "live", "home": 0, "away": 0}}'
        async with connection.transaction():
            await connection.execute(_BARE_TELL, ids, f"bench-{first}", said, now)
            await connection.execute(_BARE_BELIEVE, ids, str(random.random()))
    return MATCHES * polls


async def bare_of_writers(pool: engine.Pool, ready: Sequence[Sequence[Ready]], polls: int) -> float:
    """Returns rows a second of the bare upsert, by as many writers as there are batches of rows.

    Without rows it is the upsert of scores.
    """

    async def write(number: int, batches: Sequence[Ready]) -> int:
        async with engine.connection(pool) as connection:
            if not batches:
                return await bare_scores(connection, polls, 2 * number)
            rows, _ = await bare(connection, batches)
            return rows

    begun = time.perf_counter()
    rows = await asyncio.gather(*(write(n, batches) for n, batches in enumerate(ready)))
    return sum(rows) / (time.perf_counter() - begun)


def league(number: int) -> range:
    """Returns the matches of a league."""
    start = number % LEAGUES * MATCHES
    return range(start, start + MATCHES)


async def a_kind(pool: engine.Pool, makers: Mapping[str, Body]) -> dict[str, list[float]]:
    """Returns what went through a second in every round, ours and the bare upserts in turn."""
    dice, told = random.Random(len(makers)), Told()
    known = {provider: Known() for provider in makers}
    found: dict[str, list[float]] = {"ours": [], "one": [], "three": []}
    quotes_wanted = makers is QUOTES
    for number in range(ROUNDS + 1):
        polls: dict[str, list[Poll]] = {name: [] for name in makers}
        for n in range(POLLS):
            at = told.next()
            for place, (name, make) in enumerate(makers.items()):
                polls[name].append((make(dice, league(n + 2 * place), at), at))
        matches, quotes, took_s = await ours(pool, polls, known)
        rows: list[list[Ready]] = [
            [a_batch(dice, MATCHES)[1] for _ in range(POLLS)] if quotes_wanted else []
            for _ in makers
        ]
        one = await bare_of_writers(pool, rows[:1], POLLS)
        three = await bare_of_writers(pool, rows, POLLS)
        if number:  # The first round warms up.
            found["ours"].append((quotes if quotes_wanted else matches) / took_s)
            found["one"].append(one)
            found["three"].append(three)
    return found


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
            await connection.execute(_BARE_SCORES)
        for what, makers in (("score observations", SCORES), ("quotes", QUOTES)):
            found = await a_kind(pool, makers)
            over = {
                writers: median([a / b for a, b in zip(found["ours"], found[writers], strict=True)])
                for writers in ("one", "three")
            }
            rows.append(
                {
                    "what": what,
                    "a second": round(median(found["ours"])),
                    "least": round(min(found["ours"])),
                    "most": round(max(found["ours"])),
                    "bare, one writer": round(median(found["one"])),
                    "ratio to one": round(over["one"], 3),
                    "bare, three writers": round(median(found["three"])),
                    "ratio to three": round(over["three"], 3),
                }
            )
            for writers, ratio in over.items():
                ratios[f"{what} of three providers over the bare upsert, {writers} writing"] = ratio
        await pool.close()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("providers", rows, ratios)


if __name__ == "__main__":
    main()
