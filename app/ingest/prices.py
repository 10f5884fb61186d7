"""Writes markets, quotes and prices: quotes as told, prices as merged, and only what differs."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.database.engine import Connection
from app.ingest.known import Known, KnownMarket
from app.ingest.merge import merge_quotes
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.observation import Observation, ObservedMarket, ObservedQuote

# As with scores: how old `observed_at` of an unchanged quote may be before it is written again.
CONFIRM_EVERY = timedelta(seconds=5)
# A quote nobody confirmed for this long is no offer any more and counts for no price.
QUOTE_FRESH = timedelta(seconds=60)

_FIND = """
SELECT m.match_id, m.type, m.line, m.id AS market_id, s.id AS selection_id, s.key
FROM markets m LEFT JOIN selections s ON s.market_id = m.id WHERE m.match_id = ANY ($1::bigint[])
"""
_ADD_MARKETS = """
INSERT INTO markets (match_id, type, line, status, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::text[], $5::text[])
ON CONFLICT DO NOTHING
"""
_ADD_SELECTIONS = """
INSERT INTO selections (market_id, key, name)
SELECT m.id, n.key,
       CASE n.key WHEN 'home' THEN h.name WHEN 'away' THEN a.name WHEN 'draw' THEN 'Draw'
                  ELSE initcap(n.key) || ' ' || trim_scale(n.line) END
FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::text[]) AS n (match_id, type, line, key)
JOIN markets m ON m.match_id = n.match_id AND m.type = n.type AND m.line IS NOT DISTINCT FROM n.line
JOIN matches x ON x.id = m.match_id
JOIN participants h ON h.id = x.home_id JOIN participants a ON a.id = x.away_id
ORDER BY n.match_id, m.id, array_position(ARRAY['home', 'draw', 'away', 'over', 'under'], n.key)
ON CONFLICT DO NOTHING
"""
_QUOTE = """
INSERT INTO quotes AS q (selection_id, provider, bookmaker, odds, observed_at)
SELECT n.selection_id, n.provider, n.bookmaker, n.odds, n.observed_at
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::timestamptz[])
     AS n (selection_id, provider, bookmaker, odds, observed_at)
ON CONFLICT (selection_id, provider, bookmaker) DO UPDATE
SET odds = excluded.odds, observed_at = excluded.observed_at
WHERE excluded.observed_at >= q.observed_at
  AND (excluded.odds IS DISTINCT FROM q.odds OR excluded.observed_at >= q.observed_at + $6)
"""
_ELSEWHERE = """
SELECT selection_id, bookmaker, odds FROM quotes
WHERE selection_id = ANY ($1::bigint[]) AND odds IS NOT NULL AND provider <> $2
  AND observed_at >= statement_timestamp() - $3::interval
"""
# Selections first, then their markets, in one statement: the triggers fire when both are written,
# so an entry of the log carries the version it made. A price of NULL keeps the last one.
_PRICE = """
WITH priced AS (
    UPDATE selections s
    SET odds = coalesce(n.odds, s.odds), best_odds = n.best_odds, best_provider = n.best_provider,
        fair_probability = n.fair_probability, status = n.status, updated_at = statement_timestamp()
    FROM unnest($1::bigint[], $2::numeric[], $3::numeric[], $4::text[], $5::numeric[], $6::text[])
         AS n (id, odds, best_odds, best_provider, fair_probability, status)
    WHERE s.id = n.id
      AND (s.odds, s.best_odds, s.best_provider, s.fair_probability, s.status) IS DISTINCT FROM
          (coalesce(n.odds, s.odds), n.best_odds, n.best_provider, n.fair_probability, n.status)
    RETURNING s.market_id
)
UPDATE markets m
SET status = n.status, reason = n.reason, overround = n.overround, version = m.version + 1,
    updated_at = statement_timestamp()
FROM unnest($7::bigint[], $8::text[], $9::text[], $10::numeric[])
     AS n (id, status, reason, overround)
WHERE m.id = n.id AND m.status <> 'settled'
  AND ((m.status, m.reason) IS DISTINCT FROM (n.status, n.reason)
       OR m.id IN (SELECT market_id FROM priced))
"""

_KEYS: dict[MarketType, tuple[SelectionKey, ...]] = {
    MarketType.TOTAL: (SelectionKey.OVER, SelectionKey.UNDER)
}


class _Offered(msgspec.Struct):
    """One market as observed, with our ids."""

    market: ObservedMarket
    provider: str
    known: KnownMarket
    # (bookmaker, odds) by selection key, of everybody who offers something now.
    offers: dict[str, list[tuple[str, Decimal]]]


async def save_prices(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> int:
    """Takes in the markets observed; returns how many quotes were told."""
    told = {m: o for m, o in observed.items() if o.markets}
    if not told:
        return 0
    await _identify(connection, told, known)
    offered: list[_Offered] = []
    for match_id, observation in told.items():
        for market in observation.markets:
            ids = known.markets.get((match_id, market.type, market.line))
            assert ids is not None, "every market observed was identified"
            offered.append(_Offered(market, observation.provider, ids, _offers(market)))
    await _add_elsewhere(connection, offered)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(_save_quotes(connection, told, known))
        # The statement leaves; Postgres writes the quotes while we merge them.
        await asyncio.sleep(0)
        columns = _priced(offered)
    await connection.execute(_PRICE, *columns)
    return writing.result()


def _offers(market: ObservedMarket) -> dict[str, list[tuple[str, Decimal]]]:
    offers: dict[str, list[tuple[str, Decimal]]] = {}
    for quote in market.quotes:
        of_selection = offers.setdefault(quote.selection, [])
        if quote.odds is not None:
            of_selection.append((quote.bookmaker, quote.odds))
    return offers


async def _identify(connection: Connection, told: Mapping[int, Observation], known: Known) -> None:
    """Learns the ids of markets and selections; creates those that are new."""
    if not (unknown := _unknown(told, known)):
        return
    await _find(connection, unknown, known)
    if not (missing := _unknown(told, known)):
        return
    markets = [(m, market) for m in missing for market in told[m].markets]
    await connection.execute(
        _ADD_MARKETS,
        [m for m, _ in markets],
        [market.type.value for _, market in markets],
        [market.line for _, market in markets],
        [market.status.value for _, market in markets],
        [market.reason for _, market in markets],
    )
    named = [
        (m, market, key)
        for m, market in markets
        for key in _KEYS.get(market.type) or dict.fromkeys(q.selection for q in market.quotes)
    ]
    await connection.execute(
        _ADD_SELECTIONS,
        [m for m, _, _ in named],
        [market.type.value for _, market, _ in named],
        [market.line for _, market, _ in named],
        [key.value for _, _, key in named],
    )
    await _find(connection, missing, known)


def _unknown(told: Mapping[int, Observation], known: Known) -> list[int]:
    """Returns the matches with a market, or a quoted selection of one, whose id is not known."""
    found: list[int] = []
    for match_id, observation in told.items():
        for market in observation.markets:
            ids = known.markets.get((match_id, market.type, market.line))
            if ids is None or any(q.selection not in ids.selections for q in market.quotes):
                found.append(match_id)
                break
    return found


async def _find(connection: Connection, match_ids: Sequence[int], known: Known) -> None:
    found: dict[tuple[int, str, Decimal | None], KnownMarket] = {}
    for row in await connection.fetch(_FIND, match_ids):
        key = (row["match_id"], row["type"], row["line"])
        market = found.setdefault(key, KnownMarket(row["market_id"], {}))
        if row["key"] is not None:
            market.selections[row["key"]] = row["selection_id"]
    for key, market in found.items():
        known.markets.learn(key, market)


async def _save_quotes(
    connection: Connection, told: Mapping[int, Observation], known: Known
) -> int:
    ids: list[int] = []
    providers: list[str] = []
    times: list[datetime] = []
    quotes: list[ObservedQuote] = []
    for match_id, observation in told.items():
        before = len(quotes)
        for market in observation.markets:
            known_market = known.markets.get((match_id, market.type, market.line))
            assert known_market is not None, "every market observed was identified"
            selections = known_market.selections
            ids += [selections[quote.selection] for quote in market.quotes]
            quotes += market.quotes
        providers += [observation.provider] * (len(quotes) - before)
        times += [observation.observed_at] * (len(quotes) - before)
    bookmakers = [quote.bookmaker for quote in quotes]
    odds = [quote.odds for quote in quotes]
    await connection.execute(_QUOTE, ids, providers, bookmakers, odds, times, CONFIRM_EVERY)
    return len(ids)


async def _add_elsewhere(connection: Connection, offered: Sequence[_Offered]) -> None:
    """Adds what other providers offer for the same selections, as far as it is fresh."""
    for provider in sorted({o.provider for o in offered}):
        wanted = {
            selection_id: (o, key)
            for o in offered
            if o.provider == provider
            for key, selection_id in o.known.selections.items()
        }
        rows = await connection.fetch(_ELSEWHERE, list(wanted), provider, QUOTE_FRESH)
        for row in rows:
            market, key = wanted[row["selection_id"]]
            market.offers.setdefault(key, []).append((row["bookmaker"], row["odds"]))


def _priced(offered: Sequence[_Offered]) -> tuple[list[object], ...]:
    """Merges what is offered; returns the columns of the selections, then those of the markets."""
    selections: list[tuple[object, ...]] = []
    markets: list[tuple[object, ...]] = []
    for o in offered:
        priced, overround = merge_quotes(o.offers)
        status, reason = o.market.status, o.market.reason
        if status is MarketStatus.OPEN and not priced:
            status, reason = MarketStatus.SUSPENDED, "no_prices"
        markets.append((o.known.id, status.value, reason, overround))
        selection_status = "open" if status is MarketStatus.OPEN else "suspended"
        for key, selection_id in o.known.selections.items():
            price = priced.get(key)
            if price is None:
                selections.append((selection_id, None, None, None, None, "suspended"))
            else:
                selections.append(
                    (
                        selection_id,
                        price.odds,
                        price.best_odds,
                        price.best_provider,
                        price.fair_probability,
                        selection_status,
                    )
                )
    return (*_columns(selections, 6), *_columns(markets, 4))


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
