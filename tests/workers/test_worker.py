"""Real worker processes: nothing twice, on after a kill, a clean end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.eager import EAGER

PROJECT = Path(__file__).parents[2]
PATIENCE_S = 30
ENDS_WITHIN_S = 15

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(database_url: str, redis_url: str) -> Generator[Start]:
    """Starts workers over the test's own servers; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def one(**settings: str) -> subprocess.Popen[bytes]:
        ours = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        environment = {**os.environ, **EAGER, **ours}
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "worker"],
            cwd=PROJECT,
            env=environment | settings,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """Looks at what the workers do; every turn of a task is kept."""
    opened = await asyncpg.connect(database_url)
    await opened.execute(
        """
        CREATE TABLE turns (task_id bigint, generation bigint, claimed timestamptz,
                            written timestamptz, PRIMARY KEY (task_id, generation));
        CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.generation > OLD.generation THEN
                INSERT INTO turns VALUES (NEW.id, NEW.generation, clock_timestamp());
            ELSIF NEW.lease_until IS NULL AND OLD.lease_until IS NOT NULL THEN
                UPDATE turns SET written = clock_timestamp()
                WHERE (task_id, generation) = (NEW.id, NEW.generation) AND written IS NULL;
                IF NOT FOUND THEN RAISE EXCEPTION 'a turn was written twice'; END IF;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER note_turn AFTER UPDATE ON poll_tasks
        FOR EACH ROW EXECUTE FUNCTION note_turn();
        """
    )
    yield opened
    await opened.close()


async def until(connection: asyncpg.Connection, condition: str, *arguments: Any) -> None:
    """Waits until a query says true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await connection.fetchval(condition, *arguments):
            await asyncio.sleep(0.02)


async def turns(connection: asyncpg.Connection) -> int:
    """How many turns have been written."""
    count: int = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
        "SELECT count(*) FROM turns WHERE written IS NOT NULL"
    )
    return count


@pytest.mark.story
async def test_two_workers_share_the_turns_and_one_that_is_killed_is_replaced(
    start: Start, connection: asyncpg.Connection
):
    first, second = start(), start()
    await until(connection, "SELECT count(*) > 30 FROM turns WHERE written IS NOT NULL")
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed_after = await turns(connection)
    third = start()
    await until(
        connection,
        "SELECT count(*) > $1 FROM turns WHERE written IS NOT NULL",
        killed_after + 30,
    )
    # Every task goes on, those too that the killed worker had claimed.
    await until(
        connection,
        "SELECT bool_and(last_success_at > now() - interval '20 s') FROM poll_tasks"
        " WHERE enabled AND state = 'polled'",
    )
    overlapping = await connection.fetch(
        "SELECT a.task_id FROM turns a JOIN turns b USING (task_id)"
        " WHERE b.generation = a.generation + 1 AND b.claimed < a.written"
    )
    assert overlapping == []
    for process in (second, third):
        process.terminate()
    assert [process.wait(ENDS_WITHIN_S) for process in (second, third)] == [0, 0]
    held = await connection.fetchval(
        "SELECT count(*) FROM poll_tasks t JOIN turns USING (generation)"
        " WHERE task_id = t.id AND lease_until > now() AND written IS NOT NULL"
    )
    assert held == 0


@pytest.mark.story
async def test_polls_go_on_while_redis_cannot_be_reached(
    start: Start, connection: asyncpg.Connection
):
    # Nothing listens on port 1: Redis is away from the first moment to the last.
    worker = start(REDIS_URL="redis://127.0.0.1:1/0")
    await until(connection, "SELECT count(*) > 20 FROM turns WHERE written IS NOT NULL")
    worker.terminate()
    assert worker.wait(ENDS_WITHIN_S) == 0


@pytest.mark.story
async def test_a_worker_ends_at_once_while_postgres_cannot_be_reached(start: Start):
    worker = start(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert worker.stdout
    while b"worker_waits" not in worker.stdout.readline():
        assert worker.poll() is None
    worker.terminate()
    assert worker.wait(ENDS_WITHIN_S) == 0


@pytest.mark.story
def test_a_provider_nobody_knows_is_one_clear_line(start: Start, capfd: pytest.CaptureFixture[str]):
    worker = start(PROVIDERS="replay,nobody")
    assert worker.wait(ENDS_WITHIN_S) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("Error: PROVIDERS: no provider 'nobody'; there is replay, ")


@pytest.mark.story
async def test_a_worker_asks_only_of_the_sports_it_serves(
    start: Start, connection: asyncpg.Connection
):
    start(WORKER_SPORTS="tennis")
    await until(connection, "SELECT count(*) > 5 FROM turns WHERE written IS NOT NULL")
    asked = await connection.fetch(
        "SELECT DISTINCT sport_id FROM turns JOIN poll_tasks ON id = task_id"
    )
    assert [row["sport_id"] for row in asked] == ["tennis"]


@pytest.mark.story
def test_a_sport_nobody_plays_is_one_clear_line(start: Start, capfd: pytest.CaptureFixture[str]):
    worker = start(WORKER_SPORTS="curling")
    assert worker.wait(ENDS_WITHIN_S) == 1
    assert capfd.readouterr().err == (
        "Error: no sport 'curling'; there is basketball, football, hockey, tennis\n"
    )
