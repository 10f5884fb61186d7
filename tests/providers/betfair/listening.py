"""The other end of a stream in a test: who is watched, what was told, what the exchange says."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from app import metrics
from app.providers.betfair.exchange_stream import BetfairStream
from app.providers.provider import Answer
from app.sports.observation import Observation
from tests.providers.betfair.bodies import ARSENAL, CHELSEA, EVENT, a_match
from tests.providers.betfair.bodies import definition as definition_of
from tests.providers.betfair.exchange import PACE, Caller, StreamServer

MARKETS = a_match()
WINNER = MARKETS[0]
WITHIN_S = 15
PUBLISHED_MS = 1_700_000_000_000


class Listening:
    """A stream that runs, what it told, and who is watched."""

    def __init__(self, stream: BetfairStream) -> None:
        self.stream = stream
        self.wants: Sequence[str] = (EVENT,)
        self.fails: Exception | None = None
        self._told: asyncio.Queue[Answer] = asyncio.Queue()

    async def take(self, answer: Answer) -> None:
        """Keeps what is told."""
        await self._told.put(answer)

    async def wanted(self) -> Sequence[str]:
        """Says who is watched."""
        if self.fails is not None:
            raise self.fails
        return self.wants

    async def told(self) -> Answer:
        """The next answer."""
        async with asyncio.timeout(WITHIN_S):
            return await self._told.get()

    async def observed(self) -> Observation:
        """The one observation of the next answer."""
        [observation] = (await self.told()).observations
        return observation

    def silent(self) -> bool:
        """Whether nothing more was told."""
        return self._told.empty()


def odds(observation: Observation) -> dict[str, str | None]:
    """The odds of the winner."""
    [winner] = [market for market in observation.markets if market.type == "winner"]
    return {q.selection: None if q.odds is None else str(q.odds) for q in winner.quotes}


def price(selection: int, at: float, size: float = 5) -> dict[str, Any]:
    """A change of one best price."""
    return {"id": "1.101", "rc": [{"id": selection, "batb": [[0, at, size]]}]}


def mcm(request: dict[str, Any], *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A market change message of a subscription."""
    return {
        "op": "mcm",
        "id": request["id"],
        "clk": "c1",
        "pt": PUBLISHED_MS,
        "mc": changes,
        **more,
    }


def image(request: dict[str, Any], *, home: float = 2.1, **more: Any) -> dict[str, Any]:
    """The first image: the winner has prices, nothing else has."""
    whole = {
        "id": "1.101",
        "img": True,
        "marketDefinition": definition_of(WINNER),
        "rc": [price(ARSENAL, home)["rc"][0], price(CHELSEA, 3.5)["rc"][0]],
    }
    first = {"ct": "SUB_IMAGE", "initialClk": "i1", "heartbeatMs": PACE.heartbeat_ms}
    return mcm(request, whole, **{**first, **more})


async def begun(
    exchange: StreamServer, listening: Listening, home: float = 2.1
) -> tuple[Caller, dict[str, Any]]:
    """A caller whose subscription is in force and whose image was told."""
    caller = await exchange.caller()
    await caller.greets()
    request = await caller.subscribed()
    await caller.says(image(request, home=home))
    assert odds(await listening.observed()) == {"home": str(home), "away": "3.5", "draw": None}
    return caller, request


def reading(name: str, **labels: str) -> float:
    """A metric's value now."""
    return metrics.REGISTRY.get_sample_value(name, {"provider": "betfair", **labels}) or 0.0


async def until(true: Callable[[], bool]) -> None:
    """Waits for something to be true."""
    async with asyncio.timeout(WITHIN_S):
        while not true():
            await asyncio.sleep(0.005)
