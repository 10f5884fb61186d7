"""The application with its sockets, served as in production, in the test's own process."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.access.users import create_user
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from app.main import create_app
from app.serving.server import Carrying, Server, make_server
from app.settings import load
from tests.observed import a_score, a_total, a_winner, an_observation, goals

PATIENCE_S = 30


class Door(msgspec.Struct, frozen=True):
    """A served application, and a connection to write beside it."""

    app: Litestar
    server: Server
    port: int
    connection: asyncpg.Connection

    def url(self, match_id: object, query: str = "") -> str:
        """The address of a match's socket."""
        return f"ws://127.0.0.1:{self.port}/live/{match_id}{query}"

    async def open(self, match_id: object, query: str = "", **options: Any) -> ClientConnection:
        """Opens a socket."""
        return await connect(self.url(match_id, query), **options)

    async def a_match(self, name: str = "m1") -> int:
        """A match in play with a goal and two markets."""
        observation = an_observation(
            name, score=a_score(1), incidents=goals(1), markets=[a_winner(), a_total()]
        )
        async with self.connection.transaction():
            await ingest(self.connection, [observation], Known())
        match_id: int = await self.connection.fetchval(  # pyright: ignore[reportAssignmentType]
            "SELECT match_id FROM provider_refs WHERE kind = 'match' AND external_id = $1", name
        )
        return match_id

    async def tick(self, match_id: int, clock: str) -> None:
        """Changes a match: one entry of its log."""
        await self.connection.execute(
            "UPDATE live_scores SET clock = $2 WHERE match_id = $1", match_id, clock
        )

    async def seq_of(self, match_id: int) -> int:
        """Where a match's log ends."""
        seq: int = await self.connection.fetchval(  # pyright: ignore[reportAssignmentType]
            "SELECT seq FROM match_heads WHERE match_id = $1", match_id
        )
        return seq


async def frame(client: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    return msgspec.json.decode(await asyncio.wait_for(client.recv(), PATIENCE_S))


async def closed(client: ClientConnection) -> int | None:
    """The code the socket is closed with; frames before it are read and left."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code


def sockets_of(door: Door) -> int:
    """How many sockets the application has."""
    return len(door.app.state.sockets.pulse.sessions)


@asynccontextmanager
async def a_door(
    database_url: str, redis_url: str, send_buffer: int | None = None, **more: str
) -> AsyncGenerator[Door]:
    """Serves an application; `more` are settings by their variables.

    `send_buffer`: bytes the kernel takes for a reader that does not read; else it takes megabytes.
    """
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "LIMIT_ANONYMOUS_PER_MINUTE": "1000000",
        "LIMIT_ANONYMOUS_SOCKETS": "1000000",
    }
    settings = load(environment | more)
    app = create_app(settings)
    server = make_server(
        app,
        lambda: app.state.sockets.pulse.drain(),  # noqa: PLW0108 - made when the app starts.
        host="127.0.0.1",
        port=0,
        graceful_shutdown_s=5,
        carrying=Carrying(shared=settings.serving.sockets == "shared"),
    )
    connection = await asyncpg.connect(database_url)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        # As uvloop has it; asyncio does it for sockets of its own making only.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        running = asyncio.create_task(server.serve([listening]))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (server.started and app.state.hub.current):
                    await asyncio.sleep(0.01)
            yield Door(app, server, listening.getsockname()[1], connection)
        finally:
            server.should_exit = True
            await running
            await connection.close()


@pytest.fixture
async def door(database_url: str, redis_url: str) -> AsyncGenerator[Door]:
    """The application over servers that are there, hearing of changes."""
    async with a_door(database_url, redis_url) as served:
        yield served


async def a_token(door: Door) -> str:
    """An access token of a new user."""
    async with door.app.state.sessions() as session, session.begin():
        user = await create_user(session, "reader@example.com", "a-long-enough-password")
    return door.app.state.gate.tokens.issue(
        user.id, role=user.role, tier=user.tier, now=time.time()
    )
