"""Stops whoever comes to a named point of placement or settlement, inside Postgres.

A trigger stands on every table that is written on the way. It lets everybody pass but who comes to
the point that is set: he waits for a lock that the test holds, and can be killed there.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

LOCK = 20_261_121
# name -> table and what is done to it; a commit waits in a deferred trigger, the last of all.
STATEMENTS = {
    "bet written": "INSERT ON bets",
    "legs written": "INSERT ON bet_legs",
    "bet changed": "UPDATE ON bets",
    "leg changed": "UPDATE ON bet_legs",
    "exposure": "INSERT OR UPDATE ON market_exposures",
    "transfer": "INSERT ON transfers",
    "balance": "UPDATE ON accounts",
    "entry": "INSERT ON entries",
    "settlement": "INSERT ON settlements",
    "told": "INSERT ON user_heads",
    "place": "INSERT ON settlement_places",
}
COMMITS = {"bet committed": "bets", "settlement committed": "settlements"}

FUNCTION = f"""
CREATE TABLE halts (name text NOT NULL);
CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM halts WHERE name = TG_ARGV[0]) THEN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
    END IF;
    RETURN NULL;
END $$;
"""
HALTED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()
"""
LOOK_AGAIN_S = 0.005


async def install(connection: asyncpg.Connection) -> None:
    """Puts the triggers up; nobody is stopped yet."""
    await connection.execute(FUNCTION)
    for number, (name, doing) in enumerate(STATEMENTS.items()):
        await connection.execute(
            f"CREATE TRIGGER halt_{number} AFTER {doing}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION halt('{name}')"
        )
    for name, table in COMMITS.items():
        await connection.execute(
            f"CREATE CONSTRAINT TRIGGER zz_halt AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION halt('{name}')"
        )


@asynccontextmanager
async def halted(url: str, point: str) -> AsyncGenerator[asyncpg.Connection]:
    """Stops whoever comes to a point until the context ends, or Postgres does."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({LOCK})")
        await connection.execute("TRUNCATE halts")
        await connection.execute("INSERT INTO halts VALUES ($1)", point)
        yield connection
    finally:
        await connection.close()


async def until_halted(connection: asyncpg.Connection) -> None:
    """Waits until somebody is there."""
    while await connection.fetchval(HALTED) == 0:
        await asyncio.sleep(LOOK_AGAIN_S)


async def until_gone(connection: asyncpg.Connection, name: str) -> None:
    """Waits until Postgres has noticed that a process of that name is dead."""
    while await connection.fetchval(OTHERS, name) != 0:
        await asyncio.sleep(LOOK_AGAIN_S)
