"""What providers told of one match, moved to another: merges and splits are made of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.database.engine import Connection
from app.ingest.selection_names import SELECTION_NAME, TURNED_KEY
from app.ingest.swapping import swapped_incident, swapped_score
from app.sports.incidents import Incident
from app.sports.market import MarketType, turned
from app.sports.match import Score

# Of one provider, what is newer stays.
_DROP_OLDER = """
DELETE FROM {table} a USING {table} b
WHERE a.provider = b.provider AND ($3::text IS NULL OR a.provider = $3)
  AND ((a.match_id = $1 AND b.match_id = $2 AND a.observed_at <= b.observed_at)
       OR (a.match_id = $2 AND b.match_id = $1 AND a.observed_at < b.observed_at))
"""
_MOVE = """
UPDATE {table} SET match_id = $2 WHERE match_id = $1 AND ($3::text IS NULL OR provider = $3)
RETURNING provider, {body}::text AS body
"""
_TURN = "UPDATE {table} SET {body} = $3 WHERE match_id = $1 AND provider = $2"

_MARKETS = """
SELECT k.id, k.type, k.line FROM markets k
WHERE k.match_id = $1 AND ($2::text IS NULL OR EXISTS (
    SELECT FROM selections s JOIN quotes q ON q.selection_id = s.id
    WHERE s.market_id = k.id AND q.provider = $2
))
ORDER BY k.id
"""
_FIND_MARKET = """
SELECT id FROM markets WHERE match_id = $1 AND type = $2 AND line IS NOT DISTINCT FROM $3
"""
_ADD_MARKET = """
INSERT INTO markets (match_id, type, line, status, reason)
VALUES ($1, $2, $3, 'suspended', 'no_prices') RETURNING id
"""
_KEY = f"CASE WHEN $3 THEN {TURNED_KEY.format(key='s.key')} ELSE s.key END"
_ADD_SELECTIONS = f"""
INSERT INTO selections (market_id, key, name)
SELECT $2, n.key, {SELECTION_NAME.format(key="n.key", type="k.type", line="k.line")}
FROM selections s
CROSS JOIN LATERAL (SELECT {_KEY} AS key) AS n
JOIN markets k ON k.id = $2 JOIN matches m ON m.id = k.match_id
JOIN participants h ON h.id = m.home_id JOIN participants a ON a.id = m.away_id
WHERE s.market_id = $1 ORDER BY s.id
ON CONFLICT DO NOTHING
"""
_MOVE_QUOTES = f"""
WITH pairs AS (
    SELECT s.id AS old, n.id AS new FROM selections s JOIN selections n
      ON n.market_id = $2 AND n.key = {_KEY}
    WHERE s.market_id = $1
), gone AS (
    DELETE FROM quotes q USING pairs p
    WHERE q.selection_id = p.old AND ($4::text IS NULL OR q.provider = $4)
    RETURNING p.new, q.provider, q.bookmaker, q.odds, q.observed_at
)
INSERT INTO quotes AS q (selection_id, provider, bookmaker, odds, observed_at)
SELECT * FROM gone
ON CONFLICT (selection_id, provider, bookmaker) DO UPDATE
SET odds = excluded.odds, observed_at = excluded.observed_at
WHERE excluded.observed_at > q.observed_at
"""
_MOVE_WORDS = """
WITH gone AS (
    DELETE FROM market_observations WHERE market_id = $1 AND ($3::text IS NULL OR provider = $3)
    RETURNING provider, status, reason, observed_at
)
INSERT INTO market_observations AS o (market_id, provider, status, reason, observed_at)
SELECT $2, * FROM gone
ON CONFLICT (market_id, provider) DO UPDATE
SET status = excluded.status, reason = excluded.reason, observed_at = excluded.observed_at
WHERE excluded.observed_at > o.observed_at
"""
_CLOSE = """
UPDATE markets SET status = 'closed', reason = 'match_merged', version = version + 1
WHERE id = $1 AND status <> 'settled'
"""

# These read the same from either side.
_SIDELESS = frozenset({MarketType.TOTAL, MarketType.BOTH_TO_SCORE})
# Table: its column of what was said.
_TOLD: Mapping[str, str] = {"score_observations": "score", "incident_observations": "incidents"}


async def move_told(
    connection: Connection,
    source: int,
    target: int,
    *,
    inverted: bool,
    provider: str | None = None,
) -> None:
    """Moves what was told of one match to another, of all providers or of one.

    Of a provider that told of both, the newer word stays. `inverted` turns it round on the way. A
    market of all providers goes as it is, with its id and its path of prices, where the other match
    has none like it; else its quotes go, and its row stays where it was, closed.
    """
    for table, body in _TOLD.items():
        await connection.execute(_DROP_OLDER.format(table=table), source, target, provider)
        rows = await connection.fetch(
            _MOVE.format(table=table, body=body), source, target, provider
        )
        for row in rows if inverted else ():
            body_turned = _turned(table, row["body"])
            statement = _TURN.format(table=table, body=body)
            await connection.execute(statement, target, row["provider"], body_turned)
    for market in await connection.fetch(_MARKETS, source, provider):
        await _move_market(connection, market, target, inverted=inverted, provider=provider)


def _turned(table: str, body: str) -> str:
    if table == "score_observations":
        said: Any = swapped_score(msgspec.json.decode(body, type=Score))
    else:
        told: Sequence[Incident] = msgspec.json.decode(body, type=tuple[Incident, ...])
        said = [swapped_incident(one) for one in told]
    return msgspec.json.encode(said).decode()


async def _move_market(
    connection: Connection,
    market: Mapping[str, Any],
    target: int,
    *,
    inverted: bool,
    provider: str | None,
) -> None:
    kind, line = MarketType(market["type"]), market["line"]
    turn = inverted and kind not in _SIDELESS
    if turn:
        kind, line = turned(kind, line)
    there: int | None = await connection.fetchval(_FIND_MARKET, target, kind.value, line)
    if there is None and not turn and provider is None:
        await connection.execute(
            "UPDATE markets SET match_id = $2 WHERE id = $1", market["id"], target
        )
        return
    if there is None:
        there = await connection.fetchval(_ADD_MARKET, target, kind.value, line)
    await connection.execute(_ADD_SELECTIONS, market["id"], there, turn)
    await connection.execute(_MOVE_QUOTES, market["id"], there, turn, provider)
    await connection.execute(_MOVE_WORDS, market["id"], there, provider)
    if provider is None:
        await connection.execute(_CLOSE, market["id"])
