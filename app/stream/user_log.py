"""What happened to one user, in order: written by whoever changes it, read after a place.

As the log of matches: seq 1, 2, 3 ... without a hole, in commit order, because the user's head row
stays locked until commit; a place is a seq with the entry's time. Other than there, it is the code
that changes a user's bet or balance that writes the entry, in the same transaction.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import asyncpg
import msgspec

from app.database.engine import GONE, Connection
from app.database.places import Place, microseconds, moment
from app.logs import logger

CHANNEL = "touchline_users"
# Where the log of a user begins, to whom nothing happened yet.
BEGINNING = Place(0, 0)
# Most changes of one user read at once; a reader further behind asks again.
CHANGES_PER_READ_MAX = 200
# Postgres allows 8,000 bytes; past it the nudge says only that there is something.
NUDGE_BYTES_MAX = 7_900
EVERYBODY = "*"
# Nobody who placed a bet waits longer for others to hear of it.
NUDGE_WITHIN_S = 2.0

# Heads are locked in id order by ORDER BY on the way in, so that transactions which touch the same
# users wait for each other instead of dying of a deadlock. `at` never goes back within a user.
_APPEND = """
WITH entries AS (
    SELECT e.user_id, e.kind, e.body,
           row_number() OVER (PARTITION BY e.user_id ORDER BY e.place) AS n
    FROM unnest($1::bigint[], $2::text[], $3::text[])
         WITH ORDINALITY AS e (user_id, kind, body, place)
), heads AS (
    INSERT INTO user_heads AS h (user_id, seq, at)
    SELECT user_id, count(*), clock_timestamp() FROM entries GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET seq = h.seq + excluded.seq,
        at = greatest(clock_timestamp(), h.at + interval '1 microsecond')
    RETURNING h.user_id, h.seq, h.at
)
INSERT INTO user_changes (user_id, seq, at, kind, body)
SELECT e.user_id, h.seq - max(e.n) OVER (PARTITION BY e.user_id) + e.n, h.at, e.kind, e.body::json
FROM entries AS e JOIN heads AS h ON h.user_id = e.user_id
"""
# Whoever notifies holds a lock of the whole database until it is committed: not for the disk too,
# or the changes of matches would wait for that.
_NUDGE = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"
_HEADS = "SELECT user_id, seq, at FROM user_heads WHERE user_id = ANY($1::bigint[])"
# The entry at the place comes along: it proves that the place is of this log.
_FROM = """
SELECT c.user_id, c.seq, c.at, c.kind, c.body::text AS body
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS k (user_id, seq, at)
CROSS JOIN LATERAL (
    SELECT * FROM user_changes
    WHERE user_id = k.user_id AND seq >= k.seq AND at >= k.at ORDER BY seq LIMIT $4 + 1
) AS c
ORDER BY c.user_id, c.seq
"""

log = logger(__name__)
# Whom to nudge next over a pool or connection, while a nudge is under way there and not longer.
_nudging: dict[int, set[int]] = {}
# Those that go on nudging; a loop holds its tasks weakly.
_tasks: set[asyncio.Task[None]] = set()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be told a user: `bet_update` or `balance_update`, and its `data` as JSON."""

    user_id: int
    kind: str
    body: bytes


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it was read; `data` is the JSON that was appended, to the byte."""

    user_id: int
    place: Place
    kind: str
    data: str


class Executes(Protocol):
    """A connection, or a pool of them."""

    async def execute(self, query: str, *args: Any) -> str:
        """Runs a statement."""
        ...


async def append(connection: Connection, user_id: int, kind: str, body: bytes) -> None:
    """Writes one entry, in the caller's transaction; `nudge` after its commit.

    The user's log is locked until then: append last. `body` is JSON, the frame's `data`.
    """
    await append_all(connection, [Entry(user_id=user_id, kind=kind, body=body)])


async def append_all(connection: Connection, entries: Sequence[Entry]) -> None:
    """Writes entries in one statement, each user's in the order given; else as `append`.

    A transaction that tells several users calls this once: two that append one by one, in different
    orders, may wait for each other for ever.
    """
    await connection.execute(
        _APPEND,
        [entry.user_id for entry in entries],
        [entry.kind for entry in entries],
        [entry.body.decode() for entry in entries],
    )


async def nudge(to: Executes, user_ids: Iterable[int]) -> None:
    """Tells the API processes to look, with one notification for all these users, and for those of
    calls that come meanwhile.

    To be called after the commit, never within: a transaction that notifies commits under a lock of
    the whole database. It never raises for a Postgres that is away: what is not told is found by
    the hub's sweep within a second.
    """
    waiting = _nudging.get(id(to))
    if waiting is not None:
        waiting.update(user_ids)
        return
    _nudging[id(to)] = waiting = set(user_ids)
    try:
        if waiting:
            await _notify(to, waiting)
    finally:
        # Nobody waits for others to be told: under load there is always another one.
        going_on = asyncio.create_task(_go_on(to, waiting)) if waiting else None
        if going_on is None:
            del _nudging[id(to)]
        else:
            _tasks.add(going_on)
            going_on.add_done_callback(_tasks.discard)


async def _go_on(to: Executes, waiting: set[int]) -> None:
    try:
        while waiting:
            await _notify(to, waiting)
    finally:
        del _nudging[id(to)]


async def _notify(to: Executes, waiting: set[int]) -> None:
    """Says one notification for those who wait; who comes meanwhile waits for the next."""
    named = ",".join(map(str, sorted(waiting)))
    waiting.clear()
    fits = len(named) <= NUDGE_BYTES_MAX
    try:
        async with asyncio.timeout(NUDGE_WITHIN_S):
            await to.execute(_NUDGE, CHANNEL, named if fits else EVERYBODY)
    except (*GONE, asyncpg.PostgresError) as error:
        log.warning("users_not_nudged", error=str(error) or type(error).__name__)


async def heads(connection: Connection, user_ids: Iterable[int]) -> dict[int, Place]:
    """Returns where each user's log ends: at its beginning for one without an entry."""
    asked = list(user_ids)
    found = dict.fromkeys(asked, BEGINNING)
    for row in await connection.fetch(_HEADS, asked):
        found[row["user_id"]] = Place(row["seq"], microseconds(row["at"]))
    return found


async def changes_after(
    connection: Connection, places: Mapping[int, Place], limit: int = CHANGES_PER_READ_MAX
) -> tuple[list[UserChange], set[int]]:
    """Returns what comes after each user's place, by user and seq, at most `limit` a user, and the
    users whose place is not of this log, of which nothing is returned.
    """
    rows = await connection.fetch(
        _FROM,
        list(places),
        [place.seq for place in places.values()],
        [moment(place.at_us) for place in places.values()],
        limit,
    )
    changes: list[UserChange] = []
    reached: dict[int, int] = {}
    broken: set[int] = set()
    for row in rows:
        change = _change_of(row)
        user_id, place = change.user_id, places[change.user_id]
        if user_id not in reached:
            reached[user_id] = place.seq
            if place.seq and change.place != place:
                broken.add(user_id)
        if user_id in broken or change.place.seq <= place.seq:
            continue
        # The first entries of a user may have been dropped with their day.
        if change.place.seq != reached[user_id] + 1:
            broken.add(user_id)
            continue
        reached[user_id] += 1
        changes.append(change)
    return changes, broken


def _change_of(row: Any) -> UserChange:
    return UserChange(
        user_id=row["user_id"],
        place=Place(row["seq"], microseconds(row["at"])),
        kind=row["kind"],
        data=row["body"],
    )
