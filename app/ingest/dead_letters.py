"""What could not be parsed, identified or stored: kept with its reason, counted, never lost."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from app import metrics
from app.database.engine import Connection

# A body is kept for its first bytes; the largest real one seen has 200 kB.
RAW_BYTES_MAX = 65_536
# Of one answer; what is more is counted only.
LETTERS_MAX = 100

_BURY = """
INSERT INTO dead_letters AS d
    (day, digest, provider, sport_id, scope, code, message, raw, external_id)
SELECT current_date, n.digest, $1, $2, $3, n.code, n.message, n.raw, n.external_id
FROM unnest($4::bytea[], $5::text[], $6::text[], $7::bytea[], $8::text[])
     AS n (digest, code, message, raw, external_id)
ON CONFLICT (day, digest) DO UPDATE SET count = d.count + 1, last_at = statement_timestamp()
"""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer came from: `scope` is a poll's scope, or push, stream, publish."""

    provider: str
    scope: str
    sport: str | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be taken in."""

    code: str
    message: str
    raw: bytes = b""
    external_id: str | None = None


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
        [letter.message for letter in kept.values()],
        [letter.raw[:RAW_BYTES_MAX] for letter in kept.values()],
        [letter.external_id for letter in kept.values()],
    )


def _digest(origin: Origin, letter: Letter) -> bytes:
    words = (origin.provider, origin.scope, letter.code, letter.external_id or "")
    return blake2b("\n".join(words).encode() + b"\n" + letter.raw, digest_size=16).digest()
