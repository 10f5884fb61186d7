"""Alembic's entry: one connection over asyncpg, one transaction for all steps."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from app import settings
from app.database.sessions import sqlalchemy_url
from app.database.tables import (
    access,
    belief,
    betting,
    catalog,
    changes,
    dead_letters,
    health,
    history,
    identity,
    markets,
    matches,
    polling,
    predictions,
    usage,
    user_log,
    wallet,
)
from app.database.tables.base import METADATA

MAPPED = (
    *(access, belief, catalog, changes, dead_letters),
    *(health, history, identity, markets, matches, polling, predictions),
    *(betting, usage, user_log, wallet),
)
PARTITIONED = ("changes_", "odds_history_", "dead_letters_", "user_changes_")


def is_ours(
    item: SchemaItem,
    name: str | None,
    kind: str,
    _reflected: bool,  # noqa: FBT001 - alembic calls it so.
    _to: SchemaItem | None,
) -> bool:
    """Leaves out partitions: housekeeping makes and drops them."""
    del item
    return not (kind == "table" and (name or "").startswith(PARTITIONED))


def migrate(connection: Connection) -> None:
    """Runs the steps that are asked for."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=is_ours,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect(url: str) -> None:
    """Opens the connection, migrates, closes it."""
    made = create_async_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    async with made.connect() as connection:
        # Two processes that migrate at once take turns; the lock goes with the connection.
        await connection.exec_driver_sql("SELECT pg_advisory_lock(7146825)")
        await connection.commit()
        await connection.run_sync(migrate)
        await connection.commit()
    await made.dispose()


asyncio.run(connect(context.config.attributes.get("database_url") or settings.load().database.url))
