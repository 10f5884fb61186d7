"""Models, migrations and the files of functions say the same."""

import asyncio
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

PROJECT = Path(__file__).parents[2]
SQL = PROJECT / "migrations" / "sql"


@pytest.fixture
def alembic(database_url: str) -> Generator[tuple[Config, ThreadPoolExecutor]]:
    """Alembic on the test's database, in a thread: it runs an event loop of its own."""
    config = Config(PROJECT / "alembic.ini")
    config.attributes["database_url"] = database_url
    with ThreadPoolExecutor(1) as thread:
        yield config, thread


def test_the_models_are_what_the_migrations_make(alembic: tuple[Config, ThreadPoolExecutor]):
    config, thread = alembic
    thread.submit(command.check, config).result()


async def test_down_to_nothing_and_up_again(
    alembic: tuple[Config, ThreadPoolExecutor], database_url: str
):
    config, thread = alembic
    await asyncio.to_thread(thread.submit(command.downgrade, config, "base").result)
    connection = await asyncpg.connect(database_url)
    left = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'S') UNION ALL SELECT proname FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    )
    assert [row["relname"] for row in left] == ["alembic_version"]
    await connection.close()
    await asyncio.to_thread(thread.submit(command.upgrade, config, "head").result)
    await asyncio.to_thread(thread.submit(command.check, config).result)


async def test_every_function_is_its_newest_file(database_url: str):
    newest: dict[str, tuple[int, Path]] = {}
    for file in SQL.glob("*.sql"):
        found = re.fullmatch(r"(\w+)_v(\d+)\.sql", file.name)
        assert found, f"{file.name} is not NAME_vN.sql"
        name, version = found[1], int(found[2])
        newest[name] = max(newest.get(name, (0, file)), (version, file))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT proname, pg_get_functiondef(oid) AS definition FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    )
    there = {row["proname"]: row["definition"] for row in rows}
    assert there.keys() == newest.keys()
    transaction = connection.transaction()
    await transaction.start()
    for name, (_, file) in newest.items():
        # Installed anew from its file, the function must come out as it is.
        await connection.execute(file.read_text("utf-8"))
        again = await connection.fetchval("SELECT pg_get_functiondef($1::regproc)", name)
        assert again == there[name], f"{name} is not what {file.name} says"
    await transaction.rollback()
    await connection.close()
