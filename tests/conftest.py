"""The servers under the tests: real Postgres and Valkey, one pair per xdist worker.

`DATABASE_URL` and `REDIS_URL`, when both set, are used (databases are made and dropped there);
else containers, when a Docker engine answers; else the embedded servers, without fsync.
"""

import asyncio
import importlib
import os
import shutil
import socket
import tempfile
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from alembic import command
from alembic.config import Config
from redis import Redis

from app.devstack.stack import Stack, devstack

PROJECT = Path(__file__).parents[1]
POSTGRES_IMAGE, VALKEY_IMAGE = "postgres:18", "valkey/valkey:9"
DOCKER_SOCKET = Path("/var/run/docker.sock")
DOCKER_ANSWERS_S = 2.0
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers of this worker are; `stack` when they are the embedded ones."""

    database_url: str
    redis_url: str
    stack: Stack | None = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips browser tests where there is no Chromium; with CI=true that is a failure."""
    if item.get_closest_marker("browser") is None or chromium():
        return
    message = "no Chromium: install one (Debian: deploy/debian-packages chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def chromium() -> str:
    """Returns the path of the machine's Chromium, or nothing."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), "")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The machine's Chromium, for tests marked `browser`."""
    return chromium()


@pytest.fixture(scope="session")
def servers() -> Generator[Servers]:
    """One Postgres and one Valkey for all tests of this worker."""
    given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if all(given):
        yield Servers(database_url=given[0], redis_url=numbered(given[1]))
        return
    with containers() if docker_answers() else embedded() as found:
        yield found


@pytest.fixture(scope="session")
def template_database(servers: Servers) -> Generator[str]:
    """The name of a database that is migrated and that nobody writes to."""
    name = f"template_{uuid4().hex[:12]}"
    apart(execute(servers.database_url, f"CREATE DATABASE {name}"))
    migrate(in_database(servers.database_url, name))
    yield name
    apart(execute(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(servers: Servers, template_database: str) -> Generator[str]:
    """A migrated database of this test's own."""
    name = f"test_{uuid4().hex[:12]}"
    apart(execute(servers.database_url, f"CREATE DATABASE {name} TEMPLATE {template_database}"))
    yield in_database(servers.database_url, name)
    apart(execute(servers.database_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """An empty Redis database; tests of one worker take turns in it."""
    with Redis.from_url(servers.redis_url) as client:
        client.flushdb()
    return servers.redis_url


@contextmanager
def embedded() -> Generator[Servers]:
    """Runs the embedded servers in a folder that goes away with them."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-tests-"))
    try:
        with devstack(folder, durable=False) as stack:
            yield Servers(database_url=stack.database_url, redis_url=stack.redis_url, stack=stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def containers() -> Generator[Servers]:
    """Runs the servers in containers that go away with the tests."""
    postgres = importlib.import_module("testcontainers.community.postgres")
    redis = importlib.import_module("testcontainers.community.redis")
    with (
        postgres.PostgresContainer(POSTGRES_IMAGE, driver=None) as database,
        redis.RedisContainer(VALKEY_IMAGE) as valkey,
    ):
        host, port = valkey.get_container_host_ip(), valkey.get_exposed_port(6379)
        yield Servers(
            database_url=database.get_connection_url(), redis_url=f"redis://{host}:{port}/0"
        )


def docker_answers() -> bool:
    """Says whether a Docker engine listens; asked first, because testcontainers raises."""
    if os.environ.get("DOCKER_HOST"):
        return True
    if not DOCKER_SOCKET.exists():
        return False
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(DOCKER_ANSWERS_S)
        return probe.connect_ex(str(DOCKER_SOCKET)) == 0


def migrate(url: str, revision: str = "head") -> None:
    """Brings a database to a revision."""
    config = Config(PROJECT / "alembic.ini")
    config.attributes["database_url"] = url
    with ThreadPoolExecutor(1) as thread:  # Alembic runs an event loop of its own.
        thread.submit(command.upgrade, config, revision).result()


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end in a thread, out of the way of a test's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def execute(url: str, statement: str) -> None:
    """Runs one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def in_database(url: str, name: str) -> str:
    """Returns the address of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def numbered(url: str) -> str:
    """Returns a shared Redis' address with a database number for this xdist worker (gw0: 1)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return urlsplit(url)._replace(path=f"/{int(worker.removeprefix('gw')) + 1}").geturl()
