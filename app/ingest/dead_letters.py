"""What could not be parsed, identified or stored: kept with its reason, counted, never lost."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec

from app import metrics
from app.database.engine import Connection, Row

# Kept of each; the largest real body seen has 200 kB, and an item of a push is no larger.
RAW_BYTES_MAX = 262_144
MESSAGE_LENGTH_MAX = 2_000
# Of one answer; what is more is counted only.
LETTERS_MAX = 100
# Of one provider; a feed that sends nothing but nonsense fills a disk no further than this.
LETTERS_A_DAY_MAX = 5_000
# What `find` gives at most.
FOUND_MAX = 1_000

_TODAY = "(statement_timestamp() AT TIME ZONE 'UTC')::date"
_BURY = f"""
WITH room AS (
    SELECT $9 - count(*) AS left FROM (
        SELECT 1 FROM dead_letters WHERE day = {_TODAY} AND provider = $1 LIMIT $9
    ) AS today
)
INSERT INTO dead_letters AS d
    (day, digest, provider, sport_id, scope, code, message, raw, external_id, form)
SELECT {_TODAY}, n.digest, $1, $2, $3, n.code, n.message, n.raw, n.external_id, n.form
FROM unnest($4::bytea[], $5::text[], $6::text[], $7::bytea[], $8::text[], $10::text[])
     WITH ORDINALITY AS n (digest, code, message, raw, external_id, form, place)
WHERE n.place <= (SELECT room.left FROM room) OR EXISTS (
    SELECT 1 FROM dead_letters o WHERE o.day = {_TODAY} AND o.digest = n.digest
)
ON CONFLICT (day, digest) DO UPDATE
SET count = d.count + 1, last_at = statement_timestamp(), message = excluded.message,
    raw = CASE WHEN d.raw = excluded.raw THEN d.raw ELSE excluded.raw END, replayed_at = NULL
"""
_COLUMNS = """
id, provider, sport_id, scope, code, message, external_id, form, raw, count, first_at, last_at,
replayed_at
"""
_FIND = f"""
SELECT {_COLUMNS} FROM dead_letters
WHERE ($1::text IS NULL OR provider = $1) AND ($2::text IS NULL OR code = $2)
  AND ($3::bigint[] IS NULL OR id = ANY ($3)) AND (NOT $4 OR replayed_at IS NULL)
ORDER BY last_at DESC, id DESC LIMIT $5
"""
_COUNT = """
SELECT provider, scope, code, count(*) AS letters, sum(count) AS times,
       count(replayed_at) AS replayed, max(last_at) AS last_at
FROM dead_letters GROUP BY provider, scope, code ORDER BY provider, scope, code
"""
_REPLAYED = "UPDATE dead_letters SET replayed_at = statement_timestamp() WHERE id = $1"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer came from: `scope` is a poll's scope, or push, stream, publish."""

    provider: str
    scope: str
    sport: str | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be taken in.

    `raw` is what was said, word for word, or, when we could read it, an Observation as JSON:
    `form` says which. `newest_only`: one letter a day for its code and external id, with the
    newest words; what is polled comes again, and one match would else fill the table.
    """

    code: str
    message: str
    raw: bytes = b""
    external_id: str | None = None
    form: Literal["raw", "observation"] = "raw"
    newest_only: bool = False


class Buried(msgspec.Struct, frozen=True, kw_only=True):
    """A letter as it is kept. `count` is how often the like of it came that day."""

    id: int
    origin: Origin
    letter: Letter
    count: int
    first_at: datetime
    last_at: datetime
    replayed_at: datetime | None

    @property
    def is_cut(self) -> bool:
        """Says whether there was more of it than is kept."""
        return len(self.letter.raw) >= RAW_BYTES_MAX


async def bury(connection: Connection, origin: Origin, letters: Sequence[Letter]) -> None:
    """Keeps letters; one like another of the day, from the same origin, is counted there."""
    for letter in letters:
        metrics.dead_letters.labels(origin.provider, letter.code).inc()
    # The same item twice in one statement would meet its own conflict.
    kept = {_digest(origin, letter): letter for letter in letters[:LETTERS_MAX]}
    if not kept:
        return
    await connection.execute(
        _BURY,
        origin.provider,
        origin.sport,
        origin.scope,
        list(kept),
        [letter.code for letter in kept.values()],
        [_storable(letter.message)[:MESSAGE_LENGTH_MAX] for letter in kept.values()],
        [letter.raw[:RAW_BYTES_MAX] for letter in kept.values()],
        [_storable(letter.external_id) if letter.external_id else None for letter in kept.values()],
        LETTERS_A_DAY_MAX,
        [letter.form for letter in kept.values()],
    )


async def find(
    connection: Connection,
    *,
    provider: str | None = None,
    code: str | None = None,
    ids: Sequence[int] | None = None,
    waiting_only: bool = False,
    limit: int = FOUND_MAX,
) -> list[Buried]:
    """Returns letters, the newest first; `waiting_only`: those not replayed since they came."""
    rows = await connection.fetch(_FIND, provider, code, ids, waiting_only, min(limit, FOUND_MAX))
    return [_buried(row) for row in rows]


async def count(connection: Connection) -> list[Row]:
    """Returns provider, scope, code, letters, times, replayed and last_at of each kind."""
    return await connection.fetch(_COUNT)


async def mark_replayed(connection: Connection, letter_id: int) -> None:
    """Notes that a letter was taken in again."""
    await connection.execute(_REPLAYED, letter_id)


def _buried(row: Row) -> Buried:
    return Buried(
        id=row["id"],
        origin=Origin(provider=row["provider"], scope=row["scope"], sport=row["sport_id"]),
        letter=Letter(
            code=row["code"],
            message=row["message"],
            raw=row["raw"],
            external_id=row["external_id"],
            form=row["form"],
        ),
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        replayed_at=row["replayed_at"],
    )


def _digest(origin: Origin, letter: Letter) -> bytes:
    words = (origin.provider, origin.scope, letter.code, letter.external_id or "")
    said = b"" if letter.newest_only else letter.raw
    named = "\n".join(words).encode(errors="replace")
    return blake2b(named + b"\n" + said, digest_size=16).digest()


def _storable(text: str) -> str:
    """Returns a text without what Postgres keeps in none: NUL, halves of characters."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
