"""Matches whose identity is undecided: asked once, answered by an operator or by what is learnt."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app import metrics
from app.database.engine import Connection, Row
from app.ingest.matching import Doubt, Undecided
from app.sports.match import Sport
from app.sports.observation import Observation, ObservedMatch

# What is open is decided anew this often: names learnt meanwhile may have settled it.
TRY_AGAIN = timedelta(minutes=5)

_WAITING = """
SELECT external_id FROM identity_reviews
WHERE provider = $1 AND external_id = ANY ($2::text[])
  AND (state = 'dismissed' OR (state = 'open' AND tried_at > statement_timestamp() - $3::interval))
"""
_ASK = """
INSERT INTO identity_reviews AS r
    (provider, external_id, sport_id, described, simulated, candidates)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::boolean[], $6::jsonb[])
ON CONFLICT (provider, external_id) DO UPDATE
SET described = excluded.described, candidates = excluded.candidates, state = 'open',
    match_id = NULL, decided_by = NULL, decided_at = NULL, tried_at = statement_timestamp()
"""
_SETTLE = """
UPDATE identity_reviews r
SET state = 'settled', match_id = n.match_id, decided_by = 'rules',
    decided_at = statement_timestamp()
FROM unnest($2::text[], $3::bigint[]) AS n (external_id, match_id)
WHERE r.provider = $1 AND r.external_id = n.external_id AND r.state = 'open'
"""
_COLUMNS = """
id, provider, external_id, sport_id, described::text AS described, simulated,
candidates::text AS candidates, state, match_id, decided_by, created_at, decided_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM identity_reviews
WHERE id > $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR provider = $3)
ORDER BY id LIMIT $4
"""
_LOCK = f"SELECT {_COLUMNS} FROM identity_reviews WHERE id = $1 FOR UPDATE"
_DECIDE = """
UPDATE identity_reviews
SET state = $2, match_id = $3, decided_by = $4, decided_at = statement_timestamp() WHERE id = $1
"""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One undecided match: what was described, and what it may be, best first."""

    id: int
    provider: str
    external_id: str
    sport: Sport
    described: ObservedMatch
    simulated: bool
    candidates: tuple[Doubt, ...]
    state: str
    match_id: int | None
    decided_by: str | None
    created_at: datetime
    decided_at: datetime | None


async def waiting(
    connection: Connection, provider: str, external_ids: Sequence[str]
) -> frozenset[str]:
    """Returns those of a provider's ids that are not to be decided now: asked of, or dismissed."""
    rows = await connection.fetch(_WAITING, provider, external_ids, TRY_AGAIN)
    return frozenset(row["external_id"] for row in rows)


async def ask_operator(
    connection: Connection, found: Sequence[tuple[Observation, Undecided]]
) -> None:
    """Puts undecided matches into the queue, or renews them there."""
    if not found:
        return
    await connection.execute(
        _ASK,
        found[0][0].provider,
        [o.external_id for o, _ in found],
        [o.sport.value for o, _ in found],
        [_text(o.match) for o, _ in found],
        [o.simulated for o, _ in found],
        [_text(undecided.candidates) for _, undecided in found],
    )


async def settle_reviews(connection: Connection, provider: str, decided: Mapping[str, int]) -> None:
    """Closes the open reviews of matches that the rules have decided by now."""
    if decided:
        await connection.execute(_SETTLE, provider, list(decided), list(decided.values()))


async def reviews_after(
    connection: Connection,
    last: int,
    *,
    limit: int,
    state: str | None = "open",
    provider: str | None = None,
) -> list[Review]:
    """Returns reviews by id, from behind `last`; state None means any."""
    return [_review(row) for row in await connection.fetch(_LIST, last, state, provider, limit)]


async def lock_review(connection: Connection, review_id: int) -> Review | None:
    """Returns a review that nobody else decides until the transaction ends."""
    row = await connection.fetchrow(_LOCK, review_id)
    return None if row is None else _review(row)


async def note_decision(
    connection: Connection, review_id: int, *, state: str, match_id: int | None, by: str
) -> None:
    """Writes down how a review was decided, and by whom."""
    await connection.execute(_DECIDE, review_id, state, match_id, by)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _review(row: Row) -> Review:
    return Review(
        id=row["id"],
        provider=row["provider"],
        external_id=row["external_id"],
        sport=Sport(row["sport_id"]),
        described=msgspec.json.decode(row["described"], type=ObservedMatch),
        simulated=row["simulated"],
        candidates=msgspec.json.decode(row["candidates"], type=tuple[Doubt, ...]),
        state=row["state"],
        match_id=row["match_id"],
        decided_by=row["decided_by"],
        created_at=row["created_at"],
        decided_at=row["decided_at"],
    )


async def count_open(connection: Connection) -> int:
    """Counts what waits for a decision, and sets the gauge."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM identity_reviews WHERE state = 'open'"
    )
    metrics.reviews_open.set(count)
    return count
