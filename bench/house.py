"""Servers and processes for a bench: a stack of its own, migrated, and parts of Touchline."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
from alembic import command
from alembic.config import Config

from app.devstack import ports
from app.devstack.stack import Stack, devstack

PROJECT = Path(__file__).parents[1]
READY_WITHIN_S = 30.0
FILES_WANTED = 16_384


def allow_many_sockets() -> None:
    """Raises the limit of open files, for us and for what we start, as far as it may go."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if most == resource.RLIM_INFINITY else min(FILES_WANTED, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@contextmanager
def stack() -> Generator[Stack]:
    """Yields a migrated stack, flushing to disk as a real one, in a folder that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-bench-"))
    try:
        with devstack(folder) as running:
            config = Config(PROJECT / "alembic.ini")
            config.attributes["database_url"] = running.database_url
            with ThreadPoolExecutor(1) as thread:
                thread.submit(command.upgrade, config, "head").result()
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def process(arguments: Sequence[str], **environment: str) -> Generator[psutil.Process]:
    """Runs a Python program as a process of its own; it is stopped at the end."""
    started = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "LOG_LEVEL": "warning", **environment},
    )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(20)


@contextmanager
def api(
    stack: Stack, command: Sequence[str] = ("-m", "app", "api"), **environment: str
) -> Generator[tuple[psutil.Process, int]]:
    """Runs one API process; yields it and its port when it is ready."""
    port = ports.pick()
    settings = {
        "DATABASE_URL": stack.database_url,
        "REDIS_URL": stack.redis_url,
        "PORT": str(port),
        "LIMIT_ANONYMOUS_PER_MINUTE": "10000000",
        "LIMIT_ANONYMOUS_SOCKETS": "10000000",
        **environment,
    }
    with process(command, **settings) as running:
        wait_for(f"http://127.0.0.1:{port}/health/ready")
        yield running, port


def wait_for(url: str) -> None:
    """Waits until an address answers 200."""
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            raise TimeoutError(f"{url} did not answer within {READY_WITHIN_S} s")
        time.sleep(0.05)


async def make_matches(url: str, count: int) -> list[int]:
    """Makes so many matches in play; returns their ids."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO leagues (sport_id, slug, name) VALUES ('football', 'bench', 'Bench')"
    )
    await connection.execute(
        "INSERT INTO participants (sport_id, name)"
        " SELECT 'football', 'Side ' || n FROM generate_series(1, $1) n",
        2 * count,
    )
    rows = await connection.fetch(
        "INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time)"
        " SELECT 'football', l.id, h.id, h.id + 1, now()"
        " FROM leagues l, participants h WHERE h.id % 2 = 1 RETURNING id"
    )
    ids = [row["id"] for row in rows]
    await connection.execute(
        "INSERT INTO live_scores (match_id, status, home_score, away_score, clock)"
        " SELECT id, 'live', 0, 0, '0' FROM unnest($1::bigint[]) id",
        ids,
    )
    await connection.close()
    return ids


def wait_for_text(url: str, text: str) -> None:
    """Waits until an address answers with a text in it."""
    until = time.monotonic() + READY_WITHIN_S
    while text not in httpx.get(url).text:
        if time.monotonic() > until:
            raise TimeoutError(f"{url} said no {text} within {READY_WITHIN_S} s")
        time.sleep(0.05)
