"""Keeps what grows within bounds: makes the days to come, drops what is over."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from app.access.expired_tokens import delete_expired
from app.database import engine
from app.database.engine import Connection
from app.errors import DependencyDown
from app.ingest.conflicts import delete_old_conflicts
from app.logs import logger
from workers.context import Context

# Days made in advance: a worker may be away for this long before rows fall into the default.
DAYS_AHEAD = 3
_LOCK = 7146827
# What each partitioned table is cut by.
_CUT_BY = {"changes": "at", "odds_history": "at", "dead_letters": "day", "user_changes": "at"}
# Matches one round deletes; a round an hour keeps up with any replay.
DELETED_MAX = 5_000

# Simulated matches are endless: what nobody can resume any more is of no use to anybody. What
# somebody bet on stays, as the books do.
_DELETE_SIMULATED = """
DELETE FROM matches WHERE id IN (
    SELECT id FROM matches m WHERE simulated AND start_time < $1
      AND NOT EXISTS (SELECT FROM bet_legs l WHERE l.match_id = m.id)
      AND NOT EXISTS (SELECT FROM market_exposures e WHERE e.match_id = m.id)
    ORDER BY start_time LIMIT $2
)
"""

log = logger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """What one round did."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]


async def housekeep(ctx: dict[str, Any]) -> None:
    """The Arq job; also run when a worker starts."""
    context: Context = ctx["context"]
    try:
        async with engine.connection(context.pool) as connection:
            kept = await keep_partitions(
                connection,
                datetime.now(UTC),
                changes_kept=timedelta(hours=context.changes_kept_hours),
                odds_kept=timedelta(days=context.odds_kept_days),
                letters_kept=timedelta(days=context.dead_letters_kept_days),
            )
            tokens = await delete_expired(connection)
            await delete_old_conflicts(connection)
            matches = await delete_simulated(
                connection, datetime.now(UTC) - timedelta(hours=context.changes_kept_hours)
            )
        log.info(
            "housekeeping",
            made=len(kept.made),
            dropped=len(kept.dropped),
            expired_tokens=tokens,
            simulated_matches=matches,
        )
    except (DependencyDown, asyncpg.PostgresError) as error:
        log.warning("housekeeping_failed", error=str(error))


async def delete_simulated(connection: Connection, before: datetime) -> int:
    """Deletes simulated matches that started before then, the oldest first; returns how many."""
    done = await connection.execute(_DELETE_SIMULATED, before, DELETED_MAX)
    return int(done.split()[-1])


async def keep_partitions(
    connection: Connection,
    now: datetime,
    *,
    changes_kept: timedelta,
    odds_kept: timedelta,
    letters_kept: timedelta,
) -> Kept:
    """Makes the partitions of today and the days to come, drops those wholly past their time."""
    made: list[str] = []
    dropped: list[str] = []
    kept_for = {
        "changes": changes_kept,
        "odds_history": odds_kept,
        "dead_letters": letters_kept,
        # Both logs are resumed from by the same rules.
        "user_changes": changes_kept,
    }
    for table, kept in kept_for.items():
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            there = await _partitions(connection, table)
            wanted = {now.date() + timedelta(days=n) for n in range(DAYS_AHEAD + 1)}
            for day in sorted(wanted - there.keys()):
                name = await _make(connection, table, day)
                made.append(name)
            for day, name in there.items():
                if _midnight(day + timedelta(days=1)) <= now - kept:
                    await connection.execute(f"DROP TABLE {name}")
                    dropped.append(name)
    return Kept(tuple(made), tuple(dropped))


async def _partitions(connection: Connection, table: str) -> dict[date, str]:
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = $1::text::regclass",
        table,
    )
    found: dict[date, str] = {}
    for row in rows:
        name: str = row["relname"]
        day = re.fullmatch(rf"{table}_(\d{{4}})(\d{{2}})(\d{{2}})", name)
        if day:
            found[date(*map(int, day.groups()))] = name
    return found


async def _make(connection: Connection, table: str, day: date) -> str:
    """Makes one day, and moves in what fell into the default while there was none."""
    name = f"{table}_{day:%Y%m%d}"
    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    # Identity is the parent's: Postgres attaches no table that has its own.
    await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)")
    await connection.execute(
        f"WITH strays AS (DELETE FROM {table}_default"
        f" WHERE {_CUT_BY[table]} >= $1 AND {_CUT_BY[table]} < $2 RETURNING *)"
        f" INSERT INTO {name} SELECT * FROM strays",
        *((day, day + timedelta(days=1)) if _CUT_BY[table] == "day" else (start, end)),
    )
    await connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name}"
        f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )
    return name


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
