"""What grows is kept within bounds."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.ingest.dead_letters import Letter, Origin, bury, find
from tests.builders import a_match
from workers.housekeeping import DAYS_AHEAD, delete_simulated, keep_partitions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEPT = {
    "changes_kept": timedelta(hours=48),
    "odds_kept": timedelta(days=14),
    "letters_kept": timedelta(days=3),
}


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """One connection to the test's own database."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def add_change(connection: asyncpg.Connection, seq: int, at: datetime) -> None:
    """Writes an entry as it would have been written then."""
    await connection.execute(
        "INSERT INTO changes (match_id, seq, at, kind, body) VALUES (1, $1, $2, 'incident', '{}')",
        seq,
        at,
    )


async def test_the_days_to_come_are_made_once(connection: asyncpg.Connection):
    kept = await keep_partitions(connection, NOW, **KEPT)
    assert len(kept.made) == 4 * (DAYS_AHEAD + 1)
    assert "changes_20261121" in kept.made
    again = await keep_partitions(connection, NOW, **KEPT)
    assert (again.made, again.dropped) == ((), ())


async def test_a_day_is_dropped_only_when_all_of_it_is_too_old(connection: asyncpg.Connection):
    await keep_partitions(connection, NOW, **KEPT)
    for seq, day in enumerate(range(DAYS_AHEAD), start=1):
        await add_change(connection, seq, NOW + timedelta(days=day))
    kept = await keep_partitions(connection, NOW + timedelta(days=2, hours=11), **KEPT)
    assert kept.dropped == ()
    kept = await keep_partitions(connection, NOW + timedelta(days=2, hours=12), **KEPT)
    assert kept.dropped == ("changes_20261121", "user_changes_20261121")
    left = await connection.fetch("SELECT seq FROM changes ORDER BY seq")
    assert [row["seq"] for row in left] == [2, 3]


async def test_what_was_written_while_no_day_was_there_is_moved_into_it(
    connection: asyncpg.Connection,
):
    await add_change(connection, 1, NOW)
    await add_change(connection, 2, NOW + timedelta(days=1))
    await keep_partitions(connection, NOW, **KEPT)
    rows = await connection.fetch(
        "SELECT seq, tableoid::regclass::text AS day FROM changes ORDER BY seq"
    )
    assert [tuple(row) for row in rows] == [(1, "changes_20261121"), (2, "changes_20261122")]


async def test_dead_letters_move_into_their_day_and_go_with_it(connection: asyncpg.Connection):
    origin = Origin(provider="told", scope="push")
    await bury(connection, origin, [Letter(code="unreadable", message="no", raw=b"{")])
    now = datetime.now(UTC)
    await keep_partitions(connection, now, **KEPT)
    [letter] = await find(connection)
    day = await connection.fetchval("SELECT tableoid::regclass::text FROM dead_letters")
    assert day == f"dead_letters_{now:%Y%m%d}"
    await bury(connection, origin, [Letter(code="unreadable", message="no", raw=b"{")])
    [again] = await find(connection)
    assert (again.id, again.count) == (letter.id, 2)
    kept = await keep_partitions(connection, now + timedelta(days=4), **KEPT)
    assert day in kept.dropped
    assert await find(connection) == []


async def test_old_simulated_matches_are_deleted_and_no_others(connection: asyncpg.Connection):
    old, new, real = [await a_match(connection) for _ in range(3)]
    await connection.execute(
        "UPDATE matches SET simulated = id <> $1,"
        " start_time = CASE id WHEN $2 THEN $3::timestamptz ELSE $4 END",
        real,
        new,
        NOW,
        NOW - timedelta(hours=49),
    )
    assert await delete_simulated(connection, NOW - timedelta(hours=48)) == 1
    left = await connection.fetch("SELECT id FROM matches ORDER BY id")
    assert [row["id"] for row in left] == [new, real]
    assert await connection.fetchval("SELECT count(*) FROM match_heads") == len(left)
    assert old not in {new, real}
