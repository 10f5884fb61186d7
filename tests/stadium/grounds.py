"""Stadiums for tests: opened on free ports, with another clock where a test wants one."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx

from app.providers.replay.player import EPOCH
from app.providers.replay.recording import Recording, load_folder
from app.stadium.faults import Fault
from app.stadium.ground import KEY, Ground, Plan, Stadium, utc_now
from app.stadium.naming import Degree
from app.stadium.quotas import Limit
from app.stadium.scenarios import Scenario

# On this day, at this speed, every sport has a match in play.
NOW = datetime(2026, 6, 1, 18, tzinfo=UTC)
SPEED = 60.0
# A stadium on the wall clock has run so long when it opens: every test meets the same matches.
RUNNING_FOR = timedelta(hours=6)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """What it shows."""
        return self.at

    def move(self, seconds: float) -> None:
        """Puts it on."""
        self.at += timedelta(seconds=seconds)


@cache
def shipped() -> Sequence[Recording]:
    """The recordings that come along, read once."""
    return load_folder().recordings


def ground(
    *,
    now: Callable[[], datetime] = utc_now,
    speed: float = SPEED,
    lanes: int = 2,
    seed: int = 0,
    faults: Sequence[Fault] = (),
    limits: dict[str, tuple[Limit, ...]] | None = None,
    names: Degree = "varied",
) -> Ground:
    """A stadium without ports."""
    scenario = Scenario(faults=tuple(faults), quotas=limits or {}, names=names)  # type: ignore[arg-type]
    since = now() - RUNNING_FOR if now is utc_now else EPOCH
    plan = Plan(
        recordings=shipped(),
        speed=speed,
        lanes=lanes,
        seed=seed,
        since=since,
        scenario=scenario,
    )
    return Ground(plan, now=now)


@asynccontextmanager
async def opened(place: Ground, folder: Path) -> AsyncGenerator[Stadium]:
    """A stadium on free ports, closed at the end."""
    stadium = Stadium(place, folder=folder)
    await stadium.open()
    try:
        yield stadium
    finally:
        await stadium.close()


@asynccontextmanager
async def asking(place: Ground, *, timeout_s: float = 10.0) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a stadium without ports, with every provider's key."""
    headers = {"x-apisports-key": KEY, "X-API-KEY": KEY, "X-Application": KEY}
    transport = httpx.ASGITransport(app=place.web, client=("127.0.0.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers, timeout=timeout_s
    ) as client:
        yield client


async def logged_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a session at Betfair."""
    answer = await client.post(
        "/betfair/api/login",
        data={"username": KEY, "password": KEY},
        headers={"X-Application": KEY},
    )
    return {"X-Application": KEY, "X-Authentication": answer.json()["token"]}
