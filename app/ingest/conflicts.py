"""Writes down where providers disagree, from when to when, and how it ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from app import metrics
from app.database.engine import Connection
from app.ingest.believed import Dispute
from app.ingest.confidence import Judged
from app.ingest.judgements import of_conflict, outcome_of

# Conflicts of a round of deleting; a round an hour keeps up with a busy day.
DELETED_MAX = 10_000
# Closed ones are kept for the questions of the week after.
KEPT = timedelta(days=14)

_OPEN = """
SELECT match_id, id, field, believed, told::text AS told FROM conflicts
WHERE match_id = ANY ($1::bigint[]) AND closed_at IS NULL
"""
_SAVE = """
INSERT INTO conflicts (match_id, field, believed, told)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[])
ON CONFLICT (match_id, field) WHERE closed_at IS NULL DO UPDATE
SET believed = excluded.believed, told = excluded.told
"""
_CLOSE = """
UPDATE conflicts c SET closed_at = statement_timestamp(), outcome = n.outcome, ended_as = n.ended_as
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (id, outcome, ended_as)
WHERE c.id = n.id AND c.closed_at IS NULL
"""
_DELETE = """
DELETE FROM conflicts WHERE id IN (
    SELECT id FROM conflicts WHERE closed_at < statement_timestamp() - $1::interval LIMIT $2
)
"""

_TOLD = msgspec.json.Decoder(dict[str, str])


class Opinions(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of a match: its disputes now, who says what, and what is believed.

    `said` and `believed` are by field.
    """

    sport: str
    disputes: Sequence[Dispute]
    said: Mapping[str, Mapping[str, str]]
    believed: Mapping[str, str]
    # Whether conflicts of the match are open.
    was_disputed: bool


async def save_conflicts(
    connection: Connection, opinions: Mapping[int, Opinions]
) -> dict[tuple[str, str], Judged]:
    """Opens, renews and closes conflicts; returns what their ends say of (provider, sport)."""
    told = {m: o for m, o in opinions.items() if o.disputes or o.was_disputed}
    if not told:
        return {}
    before: dict[tuple[int, str], tuple[int, Dispute]] = {}
    for row in await connection.fetch(_OPEN, list(told)):
        said = _TOLD.decode(row["told"])
        dispute = Dispute(field=row["field"], believed=row["believed"], told=said)
        before[row["match_id"], row["field"]] = (row["id"], dispute)
    now = {(m, d.field): d for m, o in told.items() for d in o.disputes}
    await _save(connection, now, {key: dispute for key, (_, dispute) in before.items()})
    judged: dict[tuple[str, str], Judged] = {}
    closed: list[tuple[int, str, str]] = []
    for (match_id, field), (number, dispute) in before.items():
        if (match_id, field) in now:
            continue
        of_match = told[match_id]
        ended_as = of_match.believed.get(field, dispute.believed)
        outcome = outcome_of(dispute, of_match.said.get(field, {}), ended_as)
        closed.append((number, outcome, ended_as))
        metrics.conflicts_closed.labels(of_match.sport, field, outcome).inc()
        for provider, one in of_conflict(dispute, ended_as, outcome).items():
            key = (provider, of_match.sport)
            judged[key] = judged.get(key, Judged()) + one
    if closed:
        await connection.execute(_CLOSE, *_columns(closed))
    for match_id, field in now.keys() - before.keys():
        metrics.conflicts_opened.labels(told[match_id].sport, field).inc()
    return judged


async def _save(
    connection: Connection,
    now: Mapping[tuple[int, str], Dispute],
    before: Mapping[tuple[int, str], Dispute],
) -> None:
    rows = [
        (match_id, field, dispute.believed, msgspec.json.encode(dispute.told).decode())
        for (match_id, field), dispute in now.items()
        if before.get((match_id, field)) != dispute
    ]
    if rows:
        await connection.execute(_SAVE, *_columns(rows))


async def delete_old_conflicts(connection: Connection) -> int:
    """Deletes conflicts that were closed long ago, a bounded number; returns how many."""
    done = await connection.execute(_DELETE, KEPT, DELETED_MAX)
    return int(done.split()[-1])


async def count_conflicts(connection: Connection) -> int:
    """Returns how many conflicts are open, and sets the gauge that says so."""
    rows = await connection.fetch(
        "SELECT m.sport_id, c.field, count(*) AS n FROM conflicts c JOIN matches m"
        " ON m.id = c.match_id WHERE c.closed_at IS NULL GROUP BY m.sport_id, c.field"
    )
    metrics.conflicts_open.clear()
    for row in rows:
        metrics.conflicts_open.labels(row["sport_id"], row["field"]).set(row["n"])
    return sum(row["n"] for row in rows)


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
