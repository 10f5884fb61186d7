"""From the quotes and words in the tables to prices, and only what differs.

The one way to a price, whoever asks: a poll, a sweep of what went stale, a provider that went down.
Postgres picks what counts and takes medians and best offers; chances and statuses are made here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from app.catalog.freshness import FRESH_FOR, QUARANTINED, QUOTE_FRESH
from app.database.engine import Connection, Row
from app.ingest.columns import Repeated, decimals, numbers
from app.ingest.confidence import RANK_NONE
from app.ingest.consensus import (
    MarketNow,
    MarketWord,
    Offer,
    PricedMarket,
    PricedSelection,
    price_market,
)
from app.sports.market import WINNERS, MarketStatus

# Who says what of each market.
_WORDS = f"""
SELECT k.id, k.type, k.version, extract(epoch FROM {FRESH_FOR})::int AS fresh_s,
       extract(epoch FROM statement_timestamp())::float8 AS now, w.provider,
       w.status, w.reason, w.observed_at, coalesce(h.priority, {RANK_NONE}) AS rank,
       {QUARANTINED.format(at="w.observed_at")} AS down
FROM markets k
JOIN matches m ON m.id = k.match_id
LEFT JOIN live_scores s ON s.match_id = m.id
LEFT JOIN market_observations w ON w.market_id = k.id
LEFT JOIN provider_health h ON h.provider = w.provider AND h.sport_id = m.sport_id
WHERE k.id = ANY ($1::bigint[]) AND k.status <> 'settled'
"""
# A bookmaker that two providers tell of counts once, as it was last seen.
_OFFERS = f"""
WITH feeds AS MATERIALIZED (
    SELECT k.id AS market_id, w.provider, w.status = 'open' AS is_open, {FRESH_FOR} AS fresh_for,
           h.quarantined_before
    FROM markets k
    JOIN matches m ON m.id = k.match_id
    LEFT JOIN live_scores s ON s.match_id = m.id
    JOIN market_observations w ON w.market_id = k.id
    LEFT JOIN provider_health h ON h.provider = w.provider AND h.sport_id = m.sport_id
    WHERE k.id = ANY ($1::bigint[]) AND k.status <> 'settled'
), told AS (
    SELECT q.selection_id, q.bookmaker, q.provider, q.odds, q.observed_at, f.fresh_for,
           {QUARANTINED.replace("h.", "f.").format(at="q.observed_at")} AS down,
           q.observed_at < statement_timestamp() - f.fresh_for AS stale
    FROM selections x
    JOIN quotes q ON q.selection_id = x.id
    JOIN feeds f ON f.market_id = x.market_id AND f.provider = q.provider
    WHERE x.market_id = ANY ($1::bigint[]) AND f.is_open AND q.odds IS NOT NULL
), counted AS (
    SELECT DISTINCT ON (selection_id, bookmaker COLLATE "C")
           selection_id, bookmaker COLLATE "C" AS bookmaker, odds, observed_at + fresh_for AS until
    FROM told WHERE NOT down AND NOT stale
    ORDER BY selection_id, bookmaker COLLATE "C", observed_at DESC, provider
), offered AS (
    SELECT selection_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY odds) AS odds,
           max(odds) AS best_odds,
           (array_agg(bookmaker ORDER BY odds DESC, bookmaker))[1] AS best_provider,
           min(until) AS until
    FROM counted GROUP BY selection_id
), dropped AS (
    SELECT selection_id, bool_or(down) AS down, bool_or(stale) AS stale
    FROM told WHERE down OR stale GROUP BY selection_id
)
SELECT x.market_id, x.id, x.key, o.odds, o.best_odds, o.best_provider, o.until,
       coalesce(d.down, false) AS down, coalesce(d.stale, false) AS stale
FROM selections x
LEFT JOIN offered o ON o.selection_id = x.id
LEFT JOIN dropped d ON d.selection_id = x.id
WHERE x.market_id = ANY ($1::bigint[]) ORDER BY x.id
"""
# Selections first, then their markets, in one statement: the triggers fire when both are written,
# so an entry of the log carries the version it made. A price of NULL keeps the last one.
_PRICE = """
WITH priced AS (
    UPDATE selections s
    SET odds = coalesce(n.odds, s.odds), best_odds = n.best_odds, best_provider = n.best_provider,
        fair_probability = n.fair_probability, status = n.status, updated_at = statement_timestamp()
    FROM (
        SELECT x.id, x.odds, x.best_odds, ($5::text[])[x.best] AS best_provider,
               x.fair AS fair_probability, ($8::text[])[x.status] AS status
        FROM unnest(string_to_array($1, ',')::bigint[], string_to_array($2, ',', '')::numeric[],
                    string_to_array($3, ',', '')::numeric[], string_to_array($4, ',')::int[],
                    string_to_array($6, ',', '')::numeric[], string_to_array($7, ',')::int[])
             AS x (id, odds, best_odds, best, fair, status)
    ) AS n
    WHERE s.id = n.id
      AND (s.odds, s.best_odds, s.best_provider, s.fair_probability, s.status) IS DISTINCT FROM
          (coalesce(n.odds, s.odds), n.best_odds, n.best_provider, n.fair_probability, n.status)
    RETURNING s.market_id
)
UPDATE markets m
SET status = n.status, reason = n.reason, overround = n.overround, version = m.version + 1,
    updated_at = statement_timestamp(), fresh_until = n.fresh_until
FROM unnest(string_to_array($9, ',')::bigint[], $10::text[], $11::text[],
            string_to_array($12, ',', '')::numeric[], $13::timestamptz[])
     AS n (id, status, reason, overround, fresh_until)
WHERE m.id = n.id AND m.status <> 'settled'
  AND ((m.status, m.reason) IS DISTINCT FROM (n.status, n.reason)
       OR m.id IN (SELECT market_id FROM priced))
RETURNING m.id, m.version
"""
# What did not change is looked at again when the next quote behind it gets old.
_FRESH = """
UPDATE markets m SET fresh_until = n.fresh_until
FROM unnest($1::bigint[], $2::timestamptz[]) AS n (id, fresh_until)
WHERE m.id = n.id AND m.fresh_until IS DISTINCT FROM n.fresh_until
"""

# Several times faster than calling the enum.
_STATUSES = {status.value: status for status in MarketStatus}
_WINNERS = {kind.value: number for kind, number in WINNERS.items()}


async def price_markets(
    connection: Connection, market_ids: Sequence[int], *, extend: bool = False
) -> None:
    """Prices markets anew from the tables. The caller holds the locks on their matches' heads.

    With `extend`, also notes when to look at those again that did not change.
    """
    markets = await read_words(connection, market_ids)
    await read_offers(connection, markets)
    await write_prices(connection, markets)
    if extend and markets:
        again = [now.look_again_at(QUOTE_FRESH) for now in markets.values()]
        await connection.execute(_FRESH, list(markets), again)


async def read_words(connection: Connection, market_ids: Sequence[int]) -> dict[int, MarketNow]:
    """Returns who says what of these markets; those settled are left out."""
    markets: dict[int, MarketNow] = {}
    asked_at: datetime | None = None
    for row in await connection.fetch(_WORDS, list(market_ids)):
        now = markets.get(row["id"])
        if now is None:
            fresh_for = timedelta(seconds=row["fresh_s"])
            asked_at = asked_at or datetime.fromtimestamp(row["now"], UTC)
            now = MarketNow(
                oldest=asked_at - fresh_for,
                fresh_for=fresh_for,
                version=row["version"],
                words={},
                winners=_WINNERS[row["type"]],
            )
            markets[row["id"]] = now
        if row["provider"] is not None:
            now.words[row["provider"]] = MarketWord(
                provider=row["provider"],
                status=_STATUSES[row["status"]],
                reason=row["reason"],
                observed_at=row["observed_at"],
                rank=row["rank"],
                down=row["down"],
            )
    return markets


async def read_offers(connection: Connection, markets: Mapping[int, MarketNow]) -> None:
    """Adds what is offered now, over all providers that count."""
    if not markets:
        return
    for row in await connection.fetch(_OFFERS, list(markets)):
        _add_offer(markets[row["market_id"]], row)


def _add_offer(now: MarketNow, row: Row) -> None:
    key, odds, until = row["key"], row["odds"], row["until"]
    now.selections[key] = row["id"]
    now.offers[key] = None if odds is None else Offer(odds, row["best_odds"], row["best_provider"])
    now.down = now.down or row["down"]
    now.stale = now.stale or row["stale"]
    if until is not None and (now.fresh_until is None or until < now.fresh_until):
        now.fresh_until = until


async def write_prices(
    connection: Connection, markets: Mapping[int, MarketNow]
) -> Mapping[int, int]:
    """Writes what comes of the words and offers, where it differs; returns the versions by now."""
    if not markets:
        return {}
    priced = {m: price_market(now) for m, now in markets.items()}
    rows = await connection.fetch(_PRICE, *_columns_of(markets, priced))
    return {m: now.version for m, now in markets.items()} | {r["id"]: r["version"] for r in rows}


def _columns_of(
    markets: Mapping[int, MarketNow], priced: Mapping[int, PricedMarket]
) -> tuple[object, ...]:
    """Returns the columns of the selections, then those of the markets."""
    ids: list[int] = []
    prices: list[PricedSelection | None] = []
    best: Repeated[str | None] = Repeated()
    statuses: Repeated[str] = Repeated()
    for market_id, now in markets.items():
        made = priced[market_id]
        status = "open" if made.status is MarketStatus.OPEN else "suspended"
        for key, number in now.selections.items():
            price = made.selections.get(key)
            ids.append(number)
            prices.append(price)
            best.add(None if price is None else price.best_provider)
            statuses.add("suspended" if price is None else status)
    return (
        numbers(ids),
        decimals([None if p is None else p.odds for p in prices]),
        decimals([None if p is None else p.best_odds for p in prices]),
        *(best.places(), best.values),
        decimals([None if p is None else p.fair_probability for p in prices]),
        *(statuses.places(), statuses.values),
        numbers(markets),
        [priced[market_id].status.value for market_id in markets],
        [priced[market_id].reason for market_id in markets],
        decimals([priced[market_id].overround for market_id in markets]),
        # A match that begins meanwhile makes its quotes age faster.
        [now.look_again_at(QUOTE_FRESH) for now in markets.values()],
    )
