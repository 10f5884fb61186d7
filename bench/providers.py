"""Three providers at once: from bytes in their own shapes to committed rows.

The same matches are told by three providers in turn, each batch a transaction: normalised,
identified, merged with what the others said, written, logged. The bare baseline upserts rows of the
same number and shape, ready, in the same run.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import uvloop

from app.database import engine
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in
from app.ingest.known import Known
from bench import house, wires
from bench.ingest import BARE_TABLES, Ready, a_batch, bare
from bench.report import Row, median, report

MATCHES = 100
ROUNDS = 7
QUOTE_BATCHES = 12  # Of each provider, a round.
SCORE_BATCHES = 12

Body = Callable[[random.Random, int, datetime], bytes]
EVERY_MATCH = range(MATCHES)
QUOTES: Mapping[str, Body] = {
    "odds-api": lambda dice, _, now: wires.odds_api_odds(dice, EVERY_MATCH, now),
    "north-feed": lambda dice, _, now: wires.pushed_odds(dice, EVERY_MATCH, now),
    "south-feed": lambda dice, _, now: wires.pushed_odds(dice, EVERY_MATCH, now),
}
SCORES: Mapping[str, Body] = {
    "api-football": lambda _, minute, __: wires.fixtures(minute, EVERY_MATCH),
    "thesportsdb": lambda _, minute, now: wires.livescore(minute, EVERY_MATCH, now),
    "north-feed": lambda _, minute, now: wires.pushed_scores(minute, EVERY_MATCH, now),
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


async def ours(
    pool: engine.Pool,
    bodies: Sequence[tuple[str, bytes, datetime]],
    known: Mapping[str, Known],
) -> tuple[int, int, float]:
    """Takes bodies in; returns how many observations and quotes, and in how many seconds."""
    begun, matches, quotes = time.perf_counter(), 0, 0
    for provider, body, at in bodies:
        answer = wires.READS[provider](body, at)
        origin = Origin(provider=provider, scope="bench")
        taken = await take_in(pool, origin, answer, known[provider])
        assert taken is not None
        assert not taken.lost, taken.lost[:1]
        matches, quotes = matches + taken.matches, quotes + taken.quotes
    return matches, quotes, time.perf_counter() - begun


async def bare_scores(
    connection: engine.Connection, providers: Sequence[str], minutes: Sequence[int]
) -> tuple[int, float]:
    """Upserts what is told and what is believed; returns how many observations, and the time."""
    ids, now = list(EVERY_MATCH), datetime.now(UTC)
    begun = time.perf_counter()
    for minute in minutes:
        for provider in providers:
            async with connection.transaction():
                said = f'{{"clock": "{minute}", "status": "live", "home": 0, "away": 0}}'
                await connection.execute(_BARE_TELL, ids, provider, said, now)
                await connection.execute(_BARE_BELIEVE, ids, str(minute))
    return len(ids) * len(providers) * len(minutes), time.perf_counter() - begun


async def a_kind(
    pool: engine.Pool, makers: Mapping[str, Body], batches: int
) -> dict[str, list[float]]:
    """Returns what went through a second in every round, ours and the bare upsert in turn."""
    dice, told = random.Random(len(makers)), Told()
    known = {provider: Known() for provider in makers}
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(ROUNDS + 1):
        minutes = [1 + (number * batches + n) % 44 for n in range(batches)]
        bodies: list[tuple[str, bytes, datetime]] = []
        for minute in minutes:
            at = told.next()
            bodies += [(name, make(dice, minute, at), at) for name, make in makers.items()]
        matches, quotes, took_s = await ours(pool, bodies, known)
        async with engine.connection(pool) as connection:
            if makers is QUOTES:
                ready: list[Ready] = [a_batch(dice, MATCHES)[1] for _ in bodies]
                rows, bare_s = await bare(connection, ready)
            else:
                rows, bare_s = await bare_scores(connection, list(makers), minutes)
        if number:  # The first round warms up.
            found["ours"].append((quotes or matches) / took_s)
            found["bare"].append(rows / bare_s)
    return found


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures quotes, then scores."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    with house.stack() as stack:
        pool = await engine.open_pool(
            stack.database_url,
            connections_max=2,
            statement_timeout_s=60,
            name="bench",
            more={"synchronous_commit": "off"},
        )
        async with engine.connection(pool) as connection:
            await connection.execute(BARE_TABLES)
            await connection.execute(_BARE_SCORES)
        for what, makers, batches in (
            ("score observations", SCORES, SCORE_BATCHES),
            ("quotes", QUOTES, QUOTE_BATCHES),
        ):
            found = await a_kind(pool, makers, batches)
            over = median([a / b for a, b in zip(found["ours"], found["bare"], strict=True)])
            rows.append(
                {
                    "what": what,
                    "a second": round(median(found["ours"])),
                    "least": round(min(found["ours"])),
                    "most": round(max(found["ours"])),
                    "bare upsert": round(median(found["bare"])),
                    "ratio": round(over, 3),
                }
            )
            ratios[f"{what} of three providers over the bare upsert"] = over
        await pool.close()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("providers", rows, ratios)


if __name__ == "__main__":
    main()
