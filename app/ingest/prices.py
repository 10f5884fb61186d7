"""Writes markets, quotes and words as providers tell them, then has them priced.

A market is told whole: a bookmaker that a provider no longer names offers nothing any more.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from app import metrics
from app.database.engine import Connection
from app.ingest.columns import Repeated, decimals, numbers
from app.ingest.consensus import MarketNow, MarketWord, Offer, offer_of
from app.ingest.heads import lock_heads
from app.ingest.known import Known, KnownMarket
from app.ingest.pricing import price_markets, read_offers, read_words, write_prices
from app.ingest.selection_names import SELECTION_NAME
from app.sports.market import ANSWERS, MarketStatus, answers_of
from app.sports.match import Sport
from app.sports.observation import Observation, ObservedMarket

# As with scores: how old `observed_at` of an unchanged quote may be before it is written again.
CONFIRM_EVERY = timedelta(seconds=5)
# As with scores: how far ahead of ours a provider's clock may be.
CLOCK_AHEAD_MAX = timedelta(seconds=5)
# Markets one sweep looks at. With quotes confirmed every few seconds a market is due about once a
# minute, so 500 a second are 30,000 markets in play.
EXPIRED_MAX = 500

_FIND = """
SELECT m.match_id, m.type, m.line, m.id AS market_id, s.id AS selection_id, s.key
FROM markets m LEFT JOIN selections s ON s.market_id = m.id WHERE m.match_id = ANY ($1::bigint[])
"""
_ADD_MARKETS = """
INSERT INTO markets (match_id, type, line, status, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::text[], $5::text[])
ON CONFLICT DO NOTHING
"""
_ADD_SELECTIONS = f"""
INSERT INTO selections (market_id, key, name)
SELECT m.id, n.key, {SELECTION_NAME.format(key="n.key", type="n.type", line="n.line")}
FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::text[])
     WITH ORDINALITY AS n (match_id, type, line, key, place)
JOIN markets m ON m.match_id = n.match_id AND m.type = n.type AND m.line IS NOT DISTINCT FROM n.line
JOIN matches x ON x.id = m.match_id
JOIN participants h ON h.id = x.home_id JOIN participants a ON a.id = x.away_id
ORDER BY n.match_id, m.id, n.place
ON CONFLICT DO NOTHING
"""
_QUOTE = """
INSERT INTO quotes AS q (selection_id, provider, bookmaker, odds, observed_at)
SELECT n.selection_id, $1, ($4::text[])[n.bookmaker], n.odds, ($7::timestamptz[])[n.time]
FROM unnest(string_to_array($2, ',')::bigint[], string_to_array($3, ',')::int[],
            string_to_array($5, ',', '')::numeric[], string_to_array($6, ',')::int[])
     AS n (selection_id, bookmaker, odds, time)
ON CONFLICT (selection_id, provider, bookmaker) DO UPDATE
SET odds = excluded.odds, observed_at = excluded.observed_at
WHERE excluded.observed_at >= q.observed_at
  AND (excluded.odds IS DISTINCT FROM q.odds OR excluded.observed_at >= q.observed_at + $8)
"""
_SAY = """
INSERT INTO market_observations AS w (market_id, provider, status, reason, observed_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
ON CONFLICT (market_id, provider) DO UPDATE
SET status = excluded.status, reason = excluded.reason, observed_at = excluded.observed_at
WHERE excluded.observed_at >= w.observed_at
  AND ((excluded.status, excluded.reason) IS DISTINCT FROM (w.status, w.reason)
       OR excluded.observed_at >= w.observed_at + $6)
"""
# What a provider offered of these markets and does not name any more.
_TAKE_BACK = """
WITH named AS (
    SELECT DISTINCT n.selection_id, ($4::text[])[n.bookmaker] AS bookmaker
    FROM unnest(string_to_array($2, ',')::bigint[], string_to_array($3, ',')::int[])
         AS n (selection_id, bookmaker)
)
UPDATE quotes q SET odds = NULL, observed_at = n.observed_at
FROM unnest($5::bigint[], $6::timestamptz[]) AS n (market_id, observed_at)
JOIN selections x ON x.market_id = n.market_id
WHERE q.selection_id = x.id AND q.provider = $1 AND q.odds IS NOT NULL
  AND q.observed_at < n.observed_at
  AND NOT EXISTS (SELECT FROM named d
                  WHERE d.selection_id = q.selection_id AND d.bookmaker = q.bookmaker)
"""
_MARKETS_OF = """
SELECT id FROM markets WHERE match_id = ANY ($1::bigint[]) AND status <> 'settled' ORDER BY id
"""
_EXPIRED = """
SELECT id, match_id FROM markets
WHERE status = 'open' AND (fresh_until IS NULL OR fresh_until < statement_timestamp())
ORDER BY fresh_until NULLS FIRST LIMIT $1
"""


class _Said(msgspec.Struct, frozen=True):
    """One market as one provider told it, with our ids."""

    match_id: int
    provider: str
    market: ObservedMarket
    known: KnownMarket
    observed_at: datetime


async def save_prices(
    connection: Connection, observed: Mapping[int, Observation], known: Known
) -> int:
    """Takes in the markets observed; returns how many quotes were told. What is late counts not.

    The caller holds the locks on the heads of these matches.
    """
    told = {m: o for m, o in observed.items() if o.markets}
    if not told:
        return 0
    await _identify(connection, told, known)
    said = [s for m, o in told.items() for s in _said(m, o, known)]
    markets = await read_words(connection, [s.known.id for s in said])
    said = [s for s in said if _is_newest(s, markets)]
    if not said:
        return 0
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(_save_quotes(connection, said, known))
        # The statement leaves; Postgres writes the quotes while we merge them.
        await asyncio.sleep(0)
        alone = _told_alone(said, markets, known)
    if fresh := [s for s in said if _is_worth_writing(s, markets[s.known.id])]:
        await _say(connection, fresh)
    # What several providers tell of is read back: what the others said counts, too.
    others = await _reread(connection, [s for s in said if s.known.id not in alone], markets)
    await read_offers(connection, others)
    for market_id, version in (await write_prices(connection, alone | others)).items():
        known.versions.learn(market_id, version)
    return writing.result()


def _is_newest(said: _Said, markets: Mapping[int, MarketNow]) -> bool:
    """Says whether a market is open to change, and its provider has said nothing newer of it."""
    now = markets.get(said.known.id)
    if now is None:
        return False  # It is settled.
    before = now.words.get(said.provider)
    return before is None or said.observed_at >= before.observed_at


def _is_worth_writing(said: _Said, now: MarketNow) -> bool:
    before = now.words.get(said.provider)
    return (
        before is None
        or (before.status, before.reason) != (said.market.status, said.market.reason)
        or said.observed_at >= before.observed_at + CONFIRM_EVERY
    )


def _told_alone(
    said: Sequence[_Said], markets: Mapping[int, MarketNow], known: Known
) -> dict[int, MarketNow]:
    """Returns the markets that one provider tells of, with what it said now.

    What comes of them is known without reading back what was written: the provider's word is the
    newest there is, names everybody who offers something, and counts. Of one that somebody else has
    priced since, it is not: a stream overtakes a poll, and a word does not show it for seconds.
    """
    alone: dict[int, MarketNow] = {}
    for one in said:
        now = markets[one.known.id]
        before = now.words.get(one.provider)
        timed = any(quote.observed_at is not None for quote in one.market.quotes)
        if before is None or before.down or len(now.words) > 1 or timed:
            continue
        if one.observed_at < now.oldest or known.versions.get(one.known.id) != now.version:
            continue
        alone[one.known.id] = replace(
            now,
            words={one.provider: _word_of(one, before)},
            offers=_offers_in(one),
            selections=one.known.selections,
            fresh_until=one.observed_at + now.fresh_for,
        )
    return alone


async def _reread(
    connection: Connection, said: Sequence[_Said], markets: Mapping[int, MarketNow]
) -> dict[int, MarketNow]:
    """Returns the words on these markets with those said now; of providers that are new, or come
    back, they are read back.
    """
    known: dict[int, MarketNow] = {}
    for one in said:
        now = markets[one.known.id]
        before = now.words.get(one.provider)
        if before is not None and not before.down:
            words = {**now.words, one.provider: _word_of(one, before)}
            known[one.known.id] = replace(now, words=words, offers={}, selections={})
    new = [one.known.id for one in said if one.known.id not in known]
    return known | (await read_words(connection, new) if new else {})


def _word_of(said: _Said, before: MarketWord) -> MarketWord:
    status, reason = said.market.status, said.market.reason
    return replace(before, status=status, reason=reason, observed_at=said.observed_at)


def _offers_in(said: _Said) -> dict[str, Offer | None]:
    """Returns what a provider offers of a market; nothing, unless it says that it is open."""
    quotes: dict[str, list[tuple[str, Decimal]]] = {key: [] for key in said.known.selections}
    for quote in said.market.quotes:
        if quote.odds is not None and said.market.status is MarketStatus.OPEN:
            quotes[quote.selection].append((quote.bookmaker, quote.odds))
    return {key: offer_of(of) for key, of in quotes.items()}


async def _say(connection: Connection, said: Sequence[_Said]) -> None:
    await connection.execute(
        _SAY,
        [s.known.id for s in said],
        [s.provider for s in said],
        [s.market.status.value for s in said],
        [s.market.reason for s in said],
        [s.observed_at for s in said],
        CONFIRM_EVERY,
    )


async def reprice(connection: Connection, match_ids: Iterable[int]) -> None:
    """Prices the markets of these matches anew from the tables alone.

    For when what counts has changed, not what was told: a provider went down or came back. To be
    called in a transaction; locks the matches' heads.
    """
    wanted = sorted(set(match_ids))
    if not wanted:
        return
    await lock_heads(connection, wanted)
    rows = await connection.fetch(_MARKETS_OF, wanted)
    await price_markets(connection, [row["id"] for row in rows])


async def expire_prices(connection: Connection, limit: int = EXPIRED_MAX) -> int:
    """Prices the open markets anew whose quotes went stale; returns how many were looked at.

    Nothing new need arrive for a price to end. To be called in a transaction of its own, every
    second or so, again at once when `limit` markets were due.
    """
    rows = await connection.fetch(_EXPIRED, limit)
    if rows:
        await lock_heads(connection, [row["match_id"] for row in rows])
        await price_markets(connection, [row["id"] for row in rows], extend=True)
        metrics.prices_expired.inc(len(rows))
    return len(rows)


def _said(match_id: int, observation: Observation, known: Known) -> list[_Said]:
    """Returns the markets of an observation but for those this worker heard newer words of."""
    at = min(observation.observed_at, observation.received_at + CLOCK_AHEAD_MAX)
    said: list[_Said] = []
    for market in observation.markets:
        ids = known.markets.get((match_id, market.type, market.line))
        assert ids is not None, "every market observed was identified"
        before = known.words.get((ids.id, observation.provider))
        if before is None or at >= before:
            known.words.learn((ids.id, observation.provider), at)
            said.append(_Said(match_id, observation.provider, market, ids, at))
    return said


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
    named = [(m, market, key) for m, market in markets for key in _keys_of(market, told[m].sport)]
    await connection.execute(
        _ADD_SELECTIONS,
        [m for m, _, _ in named],
        [market.type.value for _, market, _ in named],
        [market.line for _, market, _ in named],
        [str(key) for _, _, key in named],
    )
    await _find(connection, missing, known)


def _keys_of(market: ObservedMarket, sport: Sport) -> Sequence[str]:
    """Returns all answers of a market, quoted or not: chances need all of them. Scores are open:
    those that are quoted, the lowest first.
    """
    quoted = {quote.selection for quote in market.quotes}
    if not ANSWERS[market.type]:
        return sorted(quoted, key=lambda score: [int(goals) for goals in score.split("-")])
    wanted = quoted.union(answers_of(market.type, sport))
    return [key for key in ANSWERS[market.type] if key in wanted]


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


async def _save_quotes(connection: Connection, said: Sequence[_Said], known: Known) -> int:
    """Writes the quotes told, and takes back those no longer told; returns how many were told."""
    provider = said[0].provider
    assert all(one.provider == provider for one in said), "a batch is of one provider"
    ids: list[int] = []
    odds: list[Decimal | None] = []
    bookmakers: Repeated[str] = Repeated()
    times: Repeated[datetime] = Repeated()
    shrunk: list[_Said] = []
    for one in said:
        selections, at = one.known.selections, one.observed_at
        for quote in one.market.quotes:
            ids.append(selections[quote.selection])
            odds.append(quote.odds)
            bookmakers.add(quote.bookmaker)
            times.add(at if quote.observed_at is None else min(quote.observed_at, at))
        named = hash(tuple([(quote.selection, quote.bookmaker) for quote in one.market.quotes]))
        if known.named.get((one.known.id, provider)) != named:
            known.named.learn((one.known.id, provider), named)
            shrunk.append(one)
    named_by = (provider, numbers(ids), bookmakers.places(), bookmakers.values)
    await connection.execute(
        _QUOTE, *named_by, decimals(odds), times.places(), times.values, CONFIRM_EVERY
    )
    if shrunk:
        await connection.execute(
            _TAKE_BACK,
            *named_by,
            [one.known.id for one in shrunk],
            [one.observed_at for one in shrunk],
        )
    return len(ids)
