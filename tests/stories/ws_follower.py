"""A client that follows one match over /ws: one socket for everything, channels by name."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.stories.follower import RECONNECT_S, Follower


class WsFollower(Follower):
    """Keeps the same state by the same frames as one of /live, and checks the same promises."""

    def __init__(self, url: str, match_id: str, channel: str) -> None:
        super().__init__(url, match_id)
        self._url = f"{url.replace('http', 'ws')}/ws"
        self._channel = channel

    async def _frames(self) -> AsyncGenerator[dict[str, Any]]:
        while True:
            try:
                async with connect(self._url) as socket:
                    self.connections += 1
                    since = {self.match_id: self.resume} if self.resume else {}
                    wish = {"type": "subscribe", "channel": self._channel, "since": since}
                    await socket.send(msgspec.json.encode(wish).decode())
                    async for text in socket:
                        frame = msgspec.json.decode(text)
                        # Some are of the socket, not of a match.
                        if "matchId" in frame or frame["type"] == "error":
                            yield frame
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                pass
            await asyncio.sleep(RECONNECT_S)
