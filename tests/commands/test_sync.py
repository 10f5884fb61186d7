"""`app sync` and `app providers`: asking by hand, and seeing how each provider is."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.health.noting import note_success

PROJECT = Path(__file__).parents[2]
Run = Callable[..., Result]


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """What the commands are told: this database, and recordings instead of providers."""
    return {"DATABASE_URL": database_url, "PROVIDERS": "replay", "REPLAY_LANES": "1"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs a command."""
    return lambda *words: CliRunner(env=environment).invoke(main, words)


def asked(database_url: str, statement: str) -> Any:
    """Asks the database beside the command for one value."""

    async def ask() -> Any:
        connection = await asyncpg.connect(database_url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_every_question_is_asked_once_and_what_was_said_is_there(run: Run, database_url: str):
    done = run("sync")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("[1/12] replay fixtures football: 3 matches")
    assert asked(database_url, "SELECT count(DISTINCT sport_id) FROM matches") == 4
    again = run("sync")
    assert again.exit_code == 0, again.output


def test_a_provider_that_does_not_answer_is_told_and_the_others_count(
    environment: dict[str, str], database_url: str
):
    # Nothing listens on port 1.
    away = {"PROVIDERS": "api-football,replay", "API_FOOTBALL_URL": "http://127.0.0.1:1"}
    done = CliRunner(env=environment | away).invoke(main, ["sync"])
    assert done.exit_code == 1
    assert "api-football fixtures football: failed: ConnectError" in done.output
    assert "Error: 2 questions were not answered" in done.output
    assert asked(database_url, "SELECT count(*) > 0 FROM matches")


def test_one_provider_may_be_named_and_one_nobody_knows_is_told(run: Run):
    assert run("sync", "--provider", "replay").exit_code == 0
    unknown = run("sync", "--provider", "nobody")
    assert unknown.exit_code == 2
    assert "no provider 'nobody'" in unknown.output


@pytest.mark.parametrize("text", ["3", "3x", "100ms", "2d", "-1s", ""])
def test_a_time_is_one_that_makes_sense(run: Run, text: str):
    done = run("sync", "--recurring", text, "--provider", "nobody")
    assert done.exit_code == 2
    assert ("no provider 'nobody'" in done.output) == (text == "3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_until_it_is_stopped(environment: dict[str, str], number: signal.Signals):
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "app", "sync", "--recurring", "500ms"],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    firsts = 0
    while firsts < 2:
        line = process.stdout.readline()
        assert line, "it ended by itself"
        firsts += line.startswith("[1/12]")
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 0


def test_how_each_provider_is_stands_in_a_table_or_json(run: Run, database_url: str):
    async def prepare() -> None:
        connection = await asyncpg.connect(database_url)
        await note_success(connection, "replay", "tennis", took_ms=12)
        await connection.close()

    asyncio.run(prepare())
    table = run("providers")
    assert table.exit_code == 0, table.output
    title, row = table.output.splitlines()
    assert title.split()[:3] == ["provider", "sport", "state"]
    assert row.split()[:3] == ["replay", "tennis", "recovering"]
    assert "100.0%" in row
    (told,) = json.loads(run("providers", "--json").output)
    assert (told["provider"], told["responseMs"]["p95"]) == ("replay", 12)
