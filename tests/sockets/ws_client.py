"""A client of /ws for tests: what it asks, and what it is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.builders import a_match
from tests.sockets.conftest import PATIENCE_S, Door, frame

Frame = dict[str, Any]


@asynccontextmanager
async def a_client(door: Door, query: str = "", **options: Any) -> AsyncGenerator[ClientConnection]:
    """A socket on /ws."""
    async with connect(f"ws://127.0.0.1:{door.port}/ws{query}", **options) as client:
        yield client


async def say(client: ClientConnection, **message: Any) -> None:
    """Sends a message; `type` is its type."""
    await client.send(msgspec.json.encode(message).decode())


async def subscribe(client: ClientConnection, channel: str, **more: Any) -> None:
    """Asks for a channel and hears that it is followed."""
    await say(client, type="subscribe", channel=channel, **more)
    told = await frame(client)
    assert told == {"type": "subscribed", "channel": channel}, told


async def silence(client: ClientConnection) -> None:
    """Fails when anything comes before the answer to a ping."""
    await say(client, type="ping")
    assert await frame(client) == {"type": "pong"}


async def frames(client: ClientConnection, count: int) -> list[Frame]:
    """The next frames."""
    return [await frame(client) for _ in range(count)]


async def until(client: ClientConnection, kind: str) -> Frame:
    """The next frame of this type; those before it are left."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await frame(client)
            if told.get("type") == kind:
                return told


def channel_of(match_id: int | str, league: str = "premier-league") -> str:
    """The channel of a match of football."""
    return f"sports.football.leagues.{league}.matches.{match_id}"


async def a_match_today(
    door: Door, home: str = "Arsenal", away: str = "Chelsea", **more: Any
) -> int:
    """A match that is on."""
    return await a_match(door.connection, home, away, start_time=datetime.now(UTC), **more)
