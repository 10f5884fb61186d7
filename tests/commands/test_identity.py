"""`app identity`: what is undecided, decided, merged and split by whoever runs it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.ingest.conftest import take_in
from tests.ingest.test_identity import told
from tests.observed import a_score

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str) -> Run:
    """Runs the command on a database with one match, and one that may be it."""

    async def prepare() -> None:
        connection = await asyncpg.connect(database_url)
        await take_in(connection, told("Arsenal", "Chelsea"))
        await take_in(connection, told("Arsenal", "Zebras", provider="two", score=a_score()))
        await connection.close()

    def call(*words: str) -> Result:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0"}
        return CliRunner(env=environment).invoke(main, ["identity", *words])

    asyncio.run(prepare())
    return call


def asked(database_url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Asks the database beside the command."""

    async def do() -> Any:
        connection = await asyncpg.connect(database_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(do())


def test_a_review_is_listed_and_decided_and_its_name_learnt(run: Run, database_url: str):
    (review,) = json.loads(run("list", "--json").output)
    assert (review["provider"], review["match"]) == ("two", "Arsenal v Zebras")
    done = run("same", str(review["id"]))
    assert done.exit_code == 0, done.output
    assert run("list", "--json").output.strip() == "[]"
    (alias,) = json.loads(run("aliases", "zeb", "--json").output)
    assert (alias["name"], alias["also"]) == ("Chelsea", "Zebras")
    refs = asked(database_url, lambda c: c.fetchval("SELECT count(*) FROM identity_reviews"))
    assert refs == 1


def test_new_then_merged_then_split_again(run: Run, database_url: str):
    assert run("new", "1").exit_code == 0
    first, second = asked(database_url, lambda c: c.fetch("SELECT id FROM matches ORDER BY id"))
    merged = run("merge", str(first["id"]), str(second["id"]))
    assert merged.exit_code == 0, merged.output
    split = run("split", "two", "Arsenal-Zebras")
    assert split.exit_code == 0, split.output
    left = asked(
        database_url, lambda c: c.fetchval("SELECT count(*) FROM matches WHERE merged_into IS NULL")
    )
    assert left == 2


def test_what_cannot_be_done_is_one_line(run: Run):
    for words in (("same", "99"), ("merge", "1", "1"), ("split", "nobody", "x")):
        result = run(*words)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
        assert len(result.output.splitlines()) == 1
