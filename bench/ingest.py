"""How many quotes a second go from bytes to committed rows and entries of the log.

A batch is 100 matches with 2 markets, 5 selections and 3 bookmakers each, 1,500 quotes, all of
them changed, as JSON. Ours decodes it and takes it in: identity, merge, quotes, prices, history,
log, notification. Two raw baselines, in the same run and in turn: the upsert of the same rows
(quotes, selections, markets), merged and ready before the clock starts, into copies of the three
tables without triggers; and that of the quotes alone, which is the least Postgres can be asked.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import uvloop

from app import collector
from app.database import engine
from app.ingest.consensus import merge_quotes
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)
from bench import house
from bench.report import Row, median, report
from bench.wires import names

MATCHES = 100
BOOKMAKERS = ("north", "east", "west")
ROUNDS = 7
BATCHES_A_ROUND = 40
SIZES = (20, 100, 400)

_MARKETS = (
    (MarketType.WINNER, None, (SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY)),
    (MarketType.TOTAL, Decimal("2.5"), (SelectionKey.OVER, SelectionKey.UNDER)),
)
BARE_TABLES = """
CREATE TABLE bare_quotes (LIKE quotes INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE bare_selections (LIKE selections INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE bare_markets (LIKE markets INCLUDING ALL) WITH (fillfactor = 70);
"""
_BARE_QUOTES = """
INSERT INTO bare_quotes AS q
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::timestamptz[])
ON CONFLICT (selection_id, provider, bookmaker) DO UPDATE
SET odds = excluded.odds, observed_at = excluded.observed_at
WHERE excluded.odds IS DISTINCT FROM q.odds
"""
_BARE_SELECTIONS = """
INSERT INTO bare_selections AS s (id, market_id, key, name, odds, best_odds, best_provider,
                                  fair_probability, status)
OVERRIDING SYSTEM VALUE
SELECT *, 'open' FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::numeric[],
                             $6::numeric[], $7::text[], $8::numeric[])
ON CONFLICT (id) DO UPDATE
SET odds = excluded.odds, best_odds = excluded.best_odds, best_provider = excluded.best_provider,
    fair_probability = excluded.fair_probability, updated_at = now()
WHERE (s.odds, s.best_odds, s.best_provider, s.fair_probability) IS DISTINCT FROM
      (excluded.odds, excluded.best_odds, excluded.best_provider, excluded.fair_probability)
"""
_BARE_MARKETS = """
INSERT INTO bare_markets AS m (id, match_id, type, line, status, overround)
OVERRIDING SYSTEM VALUE
SELECT n.id, n.match_id, n.type, n.line, 'open', n.overround
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::numeric[], $5::numeric[])
     AS n (id, match_id, type, line, overround)
ON CONFLICT (id) DO UPDATE
SET version = m.version + 1, overround = excluded.overround, updated_at = now()
WHERE m.overround IS DISTINCT FROM excluded.overround
"""

Columns = tuple[list[Any], ...]


class Ready(msgspec.Struct):
    """The rows of a batch, merged and ready."""

    quotes: Columns
    selections: Columns
    markets: Columns


def a_batch(dice: random.Random, matches: int) -> tuple[bytes, Ready]:
    """Returns what a provider says, as JSON, and the same as ready rows."""
    now = datetime.now(UTC)
    said = [an_observation(n, now, [_market(dice, *m) for m in _MARKETS]) for n in range(matches)]
    ready = Ready(
        tuple([] for _ in range(5)), tuple([] for _ in range(8)), tuple([] for _ in range(5))
    )
    for n, observation in enumerate(said):
        for m, market in enumerate(observation.markets):
            _add(ready, n, n * 10 + m * 5, market, now)
    return msgspec.json.encode(said), ready


def _market(
    dice: random.Random, kind: MarketType, line: Decimal | None, keys: Sequence[SelectionKey]
) -> ObservedMarket:
    quotes = [
        ObservedQuote(bookmaker, key, Decimal(dice.randint(1_100, 9_000)) / 1000)
        for key in keys
        for bookmaker in BOOKMAKERS
    ]
    return ObservedMarket(type=kind, line=line, quotes=tuple(quotes))


def _add(ready: Ready, match: int, first: int, market: ObservedMarket, now: datetime) -> None:
    """Adds a market's rows; `first` numbers the market and its selections."""
    offers: dict[str, list[tuple[str, Decimal]]] = {}
    for quote in market.quotes:
        assert quote.odds is not None
        offers.setdefault(quote.selection, []).append((quote.bookmaker, quote.odds))
    priced, overround = merge_quotes(offers)
    _append(ready.markets, first, match, market.type.value, market.line, overround)
    for n, (key, price) in enumerate(priced.items()):
        row = (first + n, first, key, key, price.odds, price.best_odds, price.best_provider)
        _append(ready.selections, *row, price.fair_probability)
        for bookmaker, odds in offers[key]:
            _append(ready.quotes, first + n, "bench", bookmaker, odds, now)


def _append(columns: Columns, *row: object) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value)


def an_observation(n: int, now: datetime, markets: Sequence[ObservedMarket]) -> Observation:
    """Returns what is said of the n-th match."""
    home, away = names(n)  # Numbered names would be alike, and left to somebody to decide.
    return Observation(
        provider="bench",
        external_id=f"match-{n}",
        sport=Sport.FOOTBALL,
        match=ObservedMatch(
            league=ObservedLeague(external_id="bench", name="Bench"),
            home=ObservedParticipant(external_id=f"home-{n}", name=home),
            away=ObservedParticipant(external_id=f"away-{n}", name=away),
            start_time=datetime(2026, 1, 1, tzinfo=UTC),
        ),
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
        assert taken.matches == batch.count(b'"provider"'), "some match is undecided"
        quotes += taken.quotes
    return quotes, time.perf_counter() - begun


def statements_of(batch: Ready) -> list[tuple[str, Columns]]:
    """Returns what upserts a batch's rows of all three tables."""
    return [
        (_BARE_QUOTES, batch.quotes),
        (_BARE_SELECTIONS, batch.selections),
        (_BARE_MARKETS, batch.markets),
    ]


async def bare(connection: engine.Connection, batches: Sequence[Ready]) -> tuple[int, float]:
    """Upserts ready rows of all three tables; returns how many quotes, and in how many seconds."""
    begun = time.perf_counter()
    for batch in batches:
        async with connection.transaction():
            for statement, columns in statements_of(batch):
                await connection.execute(statement, *columns)
    return sum(len(batch.quotes[0]) for batch in batches), time.perf_counter() - begun


async def alone(connection: engine.Connection, batches: Sequence[Ready]) -> tuple[int, float]:
    """Upserts the ready quotes alone; returns how many, and in how many seconds."""
    begun = time.perf_counter()
    for batch in batches:
        await connection.execute(_BARE_QUOTES, *batch.quotes)
    return sum(len(batch.quotes[0]) for batch in batches), time.perf_counter() - begun


async def a_size(
    connection: engine.Connection, matches: int, known: Known
) -> dict[str, list[float]]:
    """Returns quotes a second of every round, ours and the baselines in turn."""
    dice = random.Random(matches)
    found: dict[str, list[float]] = {"ours": [], "bare": [], "alone": []}
    for number in range(ROUNDS + 1):
        each = BATCHES_A_ROUND * MATCHES // matches
        first = [a_batch(dice, matches) for _ in range(each)]
        second = [a_batch(dice, matches) for _ in range(each)]
        measured = {
            "ours": await ours(connection, [said for said, _ in first], known),
            "bare": await bare(connection, [ready for _, ready in first]),
            "alone": await alone(connection, [ready for _, ready in second]),
        }
        if not number:
            # As autovacuum does within a minute: plans made for tables of another size are dropped.
            await connection.execute("ANALYZE")
        if number:  # The first round warms up.
            for what, (quotes, seconds) in measured.items():
                found[what].append(quotes / seconds)
    return found


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures every batch size."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    collector.calm()  # As a worker does.
    for matches in SIZES:
        # Servers of their own for each size: how tables grew under one connection is not measured.
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
                found = await a_size(connection, matches, Known())
                over = {
                    what: median([a / b for a, b in zip(found["ours"], found[what], strict=True)])
                    for what in ("bare", "alone")
                }
                rows.append(
                    {
                        "quotes a batch": matches * 15,
                        "quotes/s": round(median(found["ours"])),
                        "least": round(min(found["ours"])),
                        "most": round(max(found["ours"])),
                        "bare upsert": round(median(found["bare"])),
                        "ratio": round(over["bare"], 3),
                        "quotes alone": round(median(found["alone"])),
                        "ratio alone": round(over["alone"], 3),
                    }
                )
                batch = f"{matches * 15} quotes a batch"
                ratios[f"ours over the bare upsert of the same rows, {batch}"] = over["bare"]
                ratios[f"ours over the bare upsert of the quotes alone, {batch}"] = over["alone"]
            pool.terminate()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("ingest", rows, ratios)


if __name__ == "__main__":
    main()
