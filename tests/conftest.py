"""The servers under the tests: real Postgres and Valkey, one pair per xdist worker.

`DATABASE_URL` and `REDIS_URL`, when both set, are used (databases are made and dropped there);
else containers, when a Docker engine answers; else the embedded servers, without fsync.

What is made goes into memory where there is enough of it: a database is 600 files, and a disk takes
longer over making and dropping them for every test than most tests take.
"""

import asyncio
import gc
import importlib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import psutil
import pytest
from alembic import command
from alembic.config import Config
from redis import Redis

from app.devstack.stack import InUse, Stack, devstack, owned

# For HTTP clients: without one, each reads the list of public authorities, which takes 20 ms.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

PROJECT = Path(__file__).parents[1]
POSTGRES_IMAGE, VALKEY_IMAGE = "postgres:18", "valkey/valkey:9"
DOCKER_SOCKET = Path("/var/run/docker.sock")
DOCKER_ANSWERS_S = 2.0
MEMORY = Path("/dev/shm")
# A worker's servers take 300 MB, those of a story as much again.
WORKERS_MAX = 4
MEMORY_FREE_MIN = 3 << 30
FOLDER_PREFIX = "touchline-tests-"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers of this worker are; `stack` when they are the embedded ones."""

    database_url: str
    redis_url: str
    stack: Stack | None = None

    @property
    def copying(self) -> str:
        """How Postgres copies a database quickest: by files, where it need not flush them."""
        return "" if self.stack is None else " STRATEGY FILE_COPY"


class Databases:
    """Makes and drops databases over one connection, in a thread out of the way of tests' loops."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def execute(self, statement: str) -> None:
        """Runs one statement to its end."""
        self._thread.submit(lambda: self._runner.run(self._execute(statement))).result()

    def close(self) -> None:
        """Lets go of the server."""
        self._thread.submit(lambda: self._runner.run(self._leave())).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    async def _execute(self, statement: str) -> None:
        # Some tests restart the server.
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await asyncpg.connect(self._url)
        await connection.execute(statement)

    async def _leave(self) -> None:
        if self._connection is not None:
            await self._connection.close()


def pytest_configure() -> None:
    """Keeps what tests make in memory, unless told where; what passed leaves nothing there."""
    if "TMPDIR" not in os.environ and is_roomy(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # Where it was is looked up once.


def pytest_xdist_auto_num_workers() -> int:
    """A worker more than cores: tests wait for other processes for a third of their time."""
    return min((psutil.cpu_count() or 1) + 1, WORKERS_MAX)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long journeys first: one that starts last is waited for with idle cores."""
    items.sort(key=lambda item: item.get_closest_marker("story") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips browser tests where there is no Chromium; with CI=true that is a failure."""
    if item.get_closest_marker("browser") is None or chromium():
        return
    message = "no Chromium: install one (Debian: deploy/debian-packages chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def pytest_collection_finish() -> None:
    """Takes modules and tests out of the garbage collector's rounds: they stay to the end."""
    gc.collect()
    gc.freeze()


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
def databases(servers: Servers) -> Generator[Databases]:
    """Makes and drops databases of this worker."""
    made = Databases(servers.database_url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def template_database(servers: Servers, databases: Databases) -> Generator[str]:
    """The name of a database that is migrated and that nobody writes to."""
    name = f"template_{uuid4().hex[:12]}"
    databases.execute(f"CREATE DATABASE {name}")
    migrate(in_database(servers.database_url, name))
    yield name
    databases.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(servers: Servers, databases: Databases, template_database: str) -> Generator[str]:
    """A migrated database of this test's own."""
    name = f"test_{uuid4().hex[:12]}"
    databases.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}{servers.copying}")
    yield in_database(servers.database_url, name)
    databases.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """An empty Redis database; tests of one worker take turns in it."""
    with Redis.from_url(servers.redis_url) as client:
        client.flushdb()
    return servers.redis_url


@contextmanager
def embedded() -> Generator[Servers]:
    """Runs the embedded servers in a folder that goes away with them."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    remove_abandoned(folder.parent)
    try:
        with devstack(folder, durable=False) as stack:
            yield Servers(database_url=stack.database_url, redis_url=stack.redis_url, stack=stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_roomy(place: Path) -> bool:
    """Says whether all that tests make has room in a folder that is memory."""
    if not os.access(place, os.W_OK) or os.statvfs(place).f_flag & os.ST_NOEXEC:
        return False
    free = min(shutil.disk_usage(place).free, psutil.virtual_memory().available)
    return free >= MEMORY_FREE_MIN


def remove_abandoned(place: Path) -> None:
    """Removes folders of test runs that were killed; they would hold memory until a restart.

    A folder whose lock is held is in use, and one without a lock is just being made.
    """
    for folder in place.glob(f"{FOLDER_PREFIX}*"):
        if (folder / "lock").exists():
            with suppress(InUse, OSError), owned(folder):
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


def in_database(url: str, name: str) -> str:
    """Returns the address of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def numbered(url: str) -> str:
    """Returns a shared Redis' address with a database number for this xdist worker (gw0: 1)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return urlsplit(url)._replace(path=f"/{int(worker.removeprefix('gw')) + 1}").geturl()
