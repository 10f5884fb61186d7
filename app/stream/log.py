"""Reading the log: what comes after a place, and whether a place is still one of this log."""

from collections.abc import Mapping, Sequence

from app.database.engine import Connection
from app.database.places import Place, microseconds, moment
from app.stream.change import Change, ResumeExpired, change_of

# Most changes of one match read at once; a reader further behind asks again.
CHANGES_PER_READ_MAX = 500
# Most changes a returning client is sent one by one. Past it a snapshot is smaller and sooner.
RESUME_CHANGES_MAX = 2_000

# The entry at the place comes along: it proves that the place is of this log, and not of another
# life of the database that had the same numbers. `at` never goes back within a match, so it prunes
# the days before the place.
_FROM = """
SELECT c.match_id, c.seq, c.at, c.kind, c.body::text AS body
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS k (match_id, seq, at)
CROSS JOIN LATERAL (
    SELECT * FROM changes
    WHERE match_id = k.match_id AND seq >= k.seq AND at >= k.at ORDER BY seq LIMIT $4 + 1
) AS c
ORDER BY c.match_id, c.seq
"""
_CREATED = "SELECT created_at FROM matches WHERE id = $1"
_HEADS = "SELECT match_id, seq, at FROM match_heads WHERE match_id = ANY($1::bigint[])"


async def changes_after(
    connection: Connection, places: Mapping[int, Place], limit: int = CHANGES_PER_READ_MAX
) -> tuple[list[Change], set[int]]:
    """Returns what comes after each match's place, by match and seq, at most `limit` a match,
    and the matches whose place is not of this log, of which nothing is returned.

    A place before the first entry (seq 0) needs no proof; neither does one with nothing after it
    and no entry of its own, which says only that there is nothing new: ask `heads` when it matters.
    """
    rows = await connection.fetch(
        _FROM,
        list(places),
        [place.seq for place in places.values()],
        [moment(place.at_us) for place in places.values()],
        limit,
    )
    changes: list[Change] = []
    proven: set[int] = set()
    broken: set[int] = set()
    for row in rows:
        match_id: int = row["match_id"]
        place = places[match_id]
        if match_id not in proven and match_id not in broken:
            is_ours = place.seq == 0 or (row["seq"], microseconds(row["at"])) == (
                place.seq,
                place.at_us,
            )
            (proven if is_ours else broken).add(match_id)
        if match_id in proven and row["seq"] > place.seq:
            changes.append(change_of(row))
    return changes, broken


async def heads(connection: Connection, match_ids: Sequence[int]) -> dict[int, Place]:
    """Returns where each match's log ends; a match that does not exist is left out."""
    rows = await connection.fetch(_HEADS, list(match_ids))
    return {row["match_id"]: Place(row["seq"], microseconds(row["at"])) for row in rows}


async def beginning(connection: Connection, match_id: int) -> Place | None:
    """Returns the place before a match's first entry; None when there is no such match.

    A head is made with its match, in one transaction: before the first entry both have one time.
    """
    created_at = await connection.fetchval(_CREATED, match_id)
    return None if created_at is None else Place(0, microseconds(created_at))


async def changes_since(
    connection: Connection, match_id: int, place: Place, limit: int
) -> list[Change]:
    """Returns at most `limit` changes after a client's place; raises ResumeExpired when the place
    cannot be proven to be of this log: too old, from the future, or of another life of it.

    To be called in a REPEATABLE READ transaction, so that the place is judged and read at once.
    """
    head = (await heads(connection, [match_id])).get(match_id)
    if head is None or head.seq < place.seq:
        raise ResumeExpired
    if place.seq == 0 and place != await beginning(connection, match_id):
        raise ResumeExpired
    if head.seq == place.seq:
        if head != place:
            raise ResumeExpired
        return []
    changes, broken = await changes_after(connection, {match_id: place}, limit)
    if broken or not changes or changes[0].seq != place.seq + 1:
        raise ResumeExpired
    return changes
