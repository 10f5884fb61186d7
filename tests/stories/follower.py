"""A client that follows one match as the wire asks of clients: snapshot, frames, resume."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

RECONNECT_S = 0.05


class Follower:
    """Keeps the state of a match from its frames, over any number of connections.

    Checks what the wire promises while it goes: the first frame of a fresh start is a snapshot,
    after it every `seq` is one more than the last, over reconnects too. `heard` are all frames as
    they came, but for those on how far the server can read the log.
    """

    def __init__(self, url: str, match_id: str) -> None:
        self._url = f"{url.replace('http', 'ws')}/live/{match_id}?heartbeatMs=1000"
        self.match_id = match_id
        self.score: dict[str, Any] = {}
        self.markets: dict[str, dict[str, Any]] = {}
        self.incidents: dict[str, dict[str, Any]] = {}
        self.seq = 0
        self.resume: str | None = None
        self.connections = 0
        self.snapshots: list[str] = []
        self.frames = 0
        self.heartbeats = 0
        self.feed: dict[str, Any] = {}
        # Whether the server could read the log, as it told.
        self.log_states: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self._stream = self._frames()

    async def follow(self, until: Callable[["Follower"], bool]) -> None:
        """Follows until the state is what is waited for; reconnects whenever the line is cut.

        The line stays open between two calls; `close` ends it.
        """
        while not (self.snapshots and until(self)):
            self._take(await anext(self._stream))

    async def close(self) -> None:
        """Ends the line."""
        await self._stream.aclose()

    async def _frames(self) -> AsyncGenerator[dict[str, Any]]:
        while True:
            url = self._url + (f"&since={self.resume}" if self.resume else "")
            try:
                async with connect(url) as socket:
                    self.connections += 1
                    async for text in socket:
                        yield msgspec.json.decode(text)
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                pass
            await asyncio.sleep(RECONNECT_S)

    def _take(self, frame: dict[str, Any]) -> None:
        kind, data = frame["type"], frame.get("data", {})
        tells_of_the_log = kind == "feed_status" and "state" in data
        if not tells_of_the_log:
            self.heard.append(frame)
        assert kind != "error", frame
        if "seq" not in frame:
            return  # About the connection, not about the match.
        if kind == "going_away":
            return
        if kind == "snapshot":
            self.snapshots.append(frame["reason"])
            self.score = data["score"]
            self.markets = {market["id"]: market for market in data["markets"]}
            self.prediction = data["prediction"]
            self.incidents = {incident["id"]: incident for incident in data["incidents"]}
        elif kind == "heartbeat":
            assert frame["seq"] == self.seq, (frame, self.seq)
            self.heartbeats += 1
        elif tells_of_the_log:
            assert frame["seq"] == self.seq, (frame, self.seq)
            self.log_states.append(data["state"])
        else:
            assert self.snapshots, "the first frame of a fresh start is a snapshot"
            in_turn = frame["seq"] == self.seq + 1
            assert in_turn or (frame.get("conflated") and frame["seq"] >= self.seq), frame
            self.frames += 1
            getattr(self, f"_{kind}")(data)
        self.seq, self.resume = frame["seq"], frame["resume"]

    def _score_update(self, data: dict[str, Any]) -> None:
        self.score |= data

    def _score_correction(self, data: dict[str, Any]) -> None:
        self.score |= {k: v for k, v in data.items() if k not in ("previous", "reason")}

    def _prediction_update(self, data: dict[str, Any]) -> None:
        self.prediction = data

    def _feed_status(self, data: dict[str, Any]) -> None:
        self.feed = data
        self.score["feed"] = None if data["status"] == "ok" else data

    def _incident(self, data: dict[str, Any]) -> None:
        self.incidents[data["id"]] = data

    def _market_status(self, data: dict[str, Any]) -> None:
        market = self.markets.setdefault(
            data["marketId"],
            {"id": data["marketId"], "matchId": self.match_id, "selections": []},
        )
        market |= {k: v for k, v in data.items() if k != "marketId"}

    def _odds_update(self, data: dict[str, Any]) -> None:
        market = self.markets[data["marketId"]]
        selections = {s["id"]: s for s in market["selections"]}
        for changed in data["selections"]:
            selections[changed["id"]] = {
                **selections.get(changed["id"], {}),
                "updatedAt": data["updatedAt"],
                **changed,
            }
        market |= {k: v for k, v in data.items() if k not in ("marketId", "selections")}
        market["selections"] = list(selections.values())
