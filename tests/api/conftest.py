"""The application, served by uvicorn on a free port, beside a connection to its database."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import uvicorn
from litestar import Litestar

from app.database.engine import Connection
from app.main import create_app
from app.settings import load
from tests.conftest import NO_TLS


class Api(msgspec.Struct, frozen=True):
    """A served application: ask it, look into it, write beside it."""

    client: httpx.AsyncClient
    app: Litestar
    connection: Connection

    async def get(self, path: str, **options: object) -> httpx.Response:
        """Asks for a path."""
        return await self.client.get(path, **options)  # pyright: ignore[reportArgumentType]

    async def until_listening(self) -> None:
        """Waits until the process hears of changes, as its probe says."""
        while (await self.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(database_url: str, redis_url: str, **more: str) -> AsyncGenerator[Api]:
    """Serves an application of these servers; `more` are settings by their variables."""
    try:
        beside = await asyncpg.connect(database_url)
    except OSError:
        # A test of a Postgres that is not there; it has nothing to write beside it.
        async with _serving(database_url, redis_url, more, beside=None) as api:
            yield api
        return
    try:
        async with _serving(database_url, redis_url, more, beside=beside) as api:
            yield api
    finally:
        await beside.close()


@asynccontextmanager
async def _serving(
    database_url: str, redis_url: str, more: dict[str, str], *, beside: Any
) -> AsyncGenerator[Api]:
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "LIMIT_ANONYMOUS_PER_MINUTE": "1000000",
        **more,
    }
    app = create_app(load(environment))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", ws="none", proxy_headers=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio does so for sockets it made itself; without it the second packet of each answer
        # waits 40 ms for the client's acknowledgement of the first.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listening.getsockname()[1]
        running = asyncio.create_task(server.serve([listening]))
        try:
            while not server.started and not running.done():
                await asyncio.sleep(0.01)
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=30, verify=NO_TLS) as client:
                yield Api(client, app, beside)
        finally:
            server.should_exit = True
            await running


@pytest.fixture
async def api(database_url: str, redis_url: str) -> AsyncGenerator[Api]:
    """The application over servers that are there, hearing of changes."""
    async with served(database_url, redis_url) as api:
        await api.until_listening()
        yield api
