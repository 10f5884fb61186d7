"""Follows matches over one socket (/ws): every change once, in order, whatever breaks in between.

`async for frame in TouchlineClient("ws://127.0.0.1:8000/ws", [channel]).frames(): apply(frame)`
"""

import asyncio, json, random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

FINAL = {1000, 4400, 4403, 4404}  # To come back would bring the same answer.
Frame = dict[str, Any]


class TouchlineClient:
    """`token()` is asked for at each connection, and when the token in use is about to end."""

    def __init__(
        self, url: str, channels: Iterable[str], token: Callable[[], Awaitable[str]] | None = None
    ) -> None:
        self.url, self.channels, self.token = url, list(channels), token
        self.places: dict[str, Frame] = {}  # By match, the last frame that was applied.

    async def frames(self) -> AsyncGenerator[Frame]:
        """Yields frames; one counts as applied, and comes no more, when the next is asked for."""
        tries = 0
        while True:
            code, hint_ms = 1006, None
            try:
                async with connect(self.url) as socket:
                    await self._authenticate(socket)
                    for channel in self.channels:
                        await self._subscribe(socket, channel)
                    while True:
                        frame = json.loads(await socket.recv())
                        tries = tries if frame.get("type") == "error" else 0
                        hint_ms = frame.get("reconnectInMs", hint_ms)
                        if frame.get("type") == "expiring":
                            await self._authenticate(socket)
                        elif "matchId" not in frame:
                            yield frame
                        elif await self._is_next(socket, frame):
                            yield frame
                            self.places[frame["matchId"]] = frame  # Only now that it was applied.
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else code
            except (OSError, InvalidHandshake):  # Not there. (A silent line `websockets` pings.)
                pass
            if code in FINAL or (code == 4401 and self.token is None):
                return
            drawn, tries = min(30.0, 0.5 * 2**tries) * random.uniform(0.25, 1), min(tries + 1, 6)
            await asyncio.sleep(hint_ms / 1000 if hint_ms else 60.0 if code == 4429 else drawn)

    async def _authenticate(self, socket: ClientConnection) -> None:
        if self.token is not None:
            await socket.send(json.dumps({"type": "auth", "token": await self.token()}))

    async def _subscribe(self, socket: ClientConnection, channel: str) -> None:
        since = {m: f["resume"] for m, f in self.places.items() if fits(channel, f["channel"])}
        await socket.send(json.dumps({"type": "subscribe", "channel": channel, "since": since}))

    async def _is_next(self, socket: ClientConnection, frame: Frame) -> bool:
        had = self.places.get(frame["matchId"])
        is_new = frame["type"] != "heartbeat" and "state" not in frame["data"]
        ahead = frame["seq"] - had["seq"] - is_new if had else -2
        if frame["type"] == "snapshot" or ahead == 0 or (ahead > -2 and "conflated" in frame):
            return True
        if ahead > 0:  # Something is missing: begin this match afresh.
            del self.places[frame["matchId"]]
            for channel in (one for one in self.channels if fits(one, frame["channel"])):
                await self._subscribe(socket, channel)
        return False  # Otherwise heard before, or of no use without a snapshot.


def fits(pattern: str, channel: str) -> bool:
    """Says whether a channel is one of a pattern's: `*` stands for one whole segment."""
    return all(a in ("*", b) for a, b in zip(pattern.split("."), channel.split("."), strict=True))
