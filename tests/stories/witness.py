"""A witness in the database: writes down every word, belief, price and provider's turn, in order.

Triggers of the test's own. Writers of one match wait for each other on its head, so within a match
the order is the one in which things were decided.
"""

from typing import Any

import asyncpg
import msgspec

from app.catalog.freshness import FRESH_FOR, QUARANTINED

_TABLE = f"""
CREATE TABLE witness (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    match_id bigint,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    body jsonb NOT NULL
);
CREATE FUNCTION witness_standings(p_sport text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(jsonb_object_agg(provider, jsonb_build_object(
        'agreed', r.agreed, 'disagreed', r.disagreed, 'priority', h.priority,
        'quarantined_before', h.quarantined_before
    )), '{{}}')
    FROM provider_reliability r FULL JOIN provider_health h USING (provider, sport_id)
    WHERE sport_id = p_sport
$$;
CREATE FUNCTION witness_score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness (kind, match_id, body)
    SELECT TG_ARGV[0], NEW.match_id, to_jsonb(NEW) || jsonb_build_object(
        'sport', m.sport_id, 'start_time', m.start_time,
        'standings', witness_standings(m.sport_id)
    ) FROM matches m WHERE m.id = NEW.match_id;
    RETURN NULL;
END $$;
CREATE TRIGGER witness_word AFTER INSERT OR UPDATE ON score_observations
FOR EACH ROW EXECUTE FUNCTION witness_score('word');
CREATE TRIGGER witness_belief AFTER INSERT OR UPDATE ON live_scores
FOR EACH ROW EXECUTE FUNCTION witness_score('belief');
CREATE FUNCTION witness_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness (kind, body) VALUES ('turn', jsonb_build_object(
        'provider', NEW.provider, 'sport', NEW.sport_id, 'state', NEW.state
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER witness_turn AFTER UPDATE ON provider_health
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION witness_turn();
CREATE FUNCTION witness_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness (kind, match_id, body)
    SELECT 'price', k.match_id, to_jsonb(NEW) || jsonb_build_object('offers', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'provider', q.provider, 'bookmaker', q.bookmaker, 'odds', q.odds,
            'open', w.status = 'open',
            'fresh', q.observed_at >= statement_timestamp() - {FRESH_FOR},
            'down', {QUARANTINED.format(at="q.observed_at")}
        )), '[]')
        FROM quotes q
        JOIN market_observations w ON w.market_id = k.id AND w.provider = q.provider
        LEFT JOIN provider_health h ON h.provider = q.provider AND h.sport_id = m.sport_id
        WHERE q.selection_id = NEW.id AND q.odds IS NOT NULL
    ))
    FROM markets k JOIN matches m ON m.id = k.match_id
    LEFT JOIN live_scores s ON s.match_id = m.id WHERE k.id = NEW.market_id;
    RETURN NULL;
END $$;
CREATE TRIGGER witness_price AFTER INSERT OR UPDATE ON selections
FOR EACH ROW WHEN (NEW.status = 'open') EXECUTE FUNCTION witness_price();
"""
_READ = "SELECT id, kind, match_id, transaction::text, body::text FROM witness ORDER BY id"
_LOG = """
SELECT match_id, seq, kind, body::text FROM changes WHERE match_id = ANY ($1::bigint[])
ORDER BY match_id, seq
"""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the witness wrote down; `kind` is word, belief, price or turn."""

    id: int
    kind: str
    match_id: int | None
    transaction: str
    body: dict[str, Any]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log of changes."""

    match_id: int
    seq: int
    kind: str
    body: dict[str, Any]


async def call(url: str) -> None:
    """Calls the witness; from now on everything is written down."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TABLE)
    finally:
        await connection.close()


async def heard(connection: asyncpg.Connection) -> list[Seen]:
    """Returns everything in order."""
    return [
        Seen(
            id=row["id"],
            kind=row["kind"],
            match_id=row["match_id"],
            transaction=row["transaction"],
            body=msgspec.json.decode(row["body"]),
        )
        for row in await connection.fetch(_READ)
    ]


async def log_of(connection: asyncpg.Connection, match_ids: list[int]) -> list[Entry]:
    """Returns the log of some matches in order."""
    return [
        Entry(
            match_id=row["match_id"],
            seq=row["seq"],
            kind=row["kind"],
            body=msgspec.json.decode(row["body"]),
        )
        for row in await connection.fetch(_LOG, match_ids)
    ]
