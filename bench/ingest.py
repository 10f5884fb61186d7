"""How many quotes a second go from bytes to committed rows and entries of the log.

A batch is 100 matches with 2 markets, 5 selections and 3 bookmakers each, 1,500 quotes, all of
them changed, as JSON. Ours decodes it and takes it in: identity, merge, quotes, prices, history,
log, notification. The raw baseline, in the same run and in turn, is one upsert of the same quotes
into a plain table without a trigger, from rows that are ready: what Postgres itself needs.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import uvloop

from app.database import engine
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedParticipant,
    ObservedQuote,
)
from bench import house
from bench.report import Row, median, report

MATCHES = 100
BOOKMAKERS = ("north", "east", "west")
ROUNDS = 7
BATCHES_A_ROUND = 40
SIZES = (20, 100, 400)

_MARKETS = (
    (MarketType.WINNER, None, (SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY)),
    (MarketType.TOTAL, Decimal("2.5"), (SelectionKey.OVER, SelectionKey.UNDER)),
)
_BARE_TABLE = """
CREATE TABLE bare_quotes (
    selection_id bigint, provider text, bookmaker text, odds numeric(7, 3),
    observed_at timestamptz NOT NULL, PRIMARY KEY (selection_id, provider, bookmaker)
) WITH (fillfactor = 70)
"""
_BARE_UPSERT = """
INSERT INTO bare_quotes AS q
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::timestamptz[])
ON CONFLICT (selection_id, provider, bookmaker) DO UPDATE
SET odds = excluded.odds, observed_at = excluded.observed_at
WHERE excluded.odds IS DISTINCT FROM q.odds
"""

Bare = tuple[list[int], list[str], list[str], list[Decimal], list[datetime]]


def a_batch(dice: random.Random, matches: int) -> tuple[bytes, Bare]:
    """Returns what a provider says, as JSON, and the same quotes as ready rows."""
    now = datetime.now(UTC)
    said: list[Observation] = []
    bare: Bare = ([], [], [], [], [])
    for n in range(matches):
        markets: list[ObservedMarket] = []
        for m, (kind, line, keys) in enumerate(_MARKETS):
            quotes: list[ObservedQuote] = []
            for k, key in enumerate(keys):
                for bookmaker in BOOKMAKERS:
                    odds = Decimal(dice.randint(1_100, 9_000)) / 1000
                    quotes.append(ObservedQuote(bookmaker, key, odds))
                    row = (n * 10 + m * 5 + k, "bench", bookmaker, odds, now)
                    for column, value in zip(bare, row, strict=True):
                        column.append(value)  # type: ignore[arg-type]
            markets.append(ObservedMarket(type=kind, line=line, quotes=tuple(quotes)))
        said.append(an_observation(n, now, markets))
    return msgspec.json.encode(said), bare


def an_observation(n: int, now: datetime, markets: Sequence[ObservedMarket]) -> Observation:
    """Returns what is said of the n-th match."""
    return Observation(
        provider="bench",
        external_id=f"match-{n}",
        sport=Sport.FOOTBALL,
        league=ObservedLeague(external_id="bench", name="Bench"),
        home=ObservedParticipant(external_id=f"home-{n}", name=f"Home {n}"),
        away=ObservedParticipant(external_id=f"away-{n}", name=f"Away {n}"),
        start_time=datetime(2026, 1, 1, tzinfo=UTC),
        observed_at=now,
        received_at=now,
        markets=tuple(markets),
    )


async def ours(
    connection: engine.Connection, batches: Sequence[bytes], known: Known
) -> tuple[int, float]:
    """Takes batches in; returns how many quotes, and in how many seconds."""
    decoder = msgspec.json.Decoder(list[Observation])
    begun, quotes = time.perf_counter(), 0
    for batch in batches:
        async with connection.transaction():
            taken = await ingest(connection, decoder.decode(batch), known)
        known.keep()
        quotes += taken.quotes
    return quotes, time.perf_counter() - begun


async def bare(connection: engine.Connection, batches: Sequence[Bare]) -> tuple[int, float]:
    """Upserts ready rows; returns how many, and in how many seconds."""
    begun, rows = time.perf_counter(), 0
    for batch in batches:
        await connection.execute(_BARE_UPSERT, *batch)
        rows += len(batch[0])
    return rows, time.perf_counter() - begun


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures every batch size, ours and the bare upsert in turn."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    dice = random.Random(1)
    with house.stack() as stack:
        pool = await engine.open_pool(
            stack.database_url,
            connections_max=2,
            statement_timeout_s=60,
            name="bench",
            more={"synchronous_commit": "off"},
        )
        async with engine.connection(pool) as connection:
            await connection.execute(_BARE_TABLE)
            known = Known()
            for matches in SIZES:
                fast, raw = [], []
                for number in range(ROUNDS + 1):
                    batches = [
                        a_batch(dice, matches) for _ in range(BATCHES_A_ROUND * MATCHES // matches)
                    ]
                    quotes, seconds = await ours(connection, [b for b, _ in batches], known)
                    plain, plain_seconds = await bare(connection, [r for _, r in batches])
                    if number:  # The first round warms up.
                        fast.append(quotes / seconds)
                        raw.append(plain / plain_seconds)
                rows.append(
                    {
                        "quotes a batch": matches * 15,
                        "quotes/s": round(median(fast)),
                        "least": round(min(fast)),
                        "most": round(max(fast)),
                        "bare upsert rows/s": round(median(raw)),
                        "ratio": round(median(fast) / median(raw), 3),
                    }
                )
                ratios[f"ours over the bare upsert, {matches * 15} quotes a batch"] = median(
                    [a / b for a, b in zip(fast, raw, strict=True)]
                )
        pool.terminate()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("ingest", rows, ratios)


if __name__ == "__main__":
    main()
