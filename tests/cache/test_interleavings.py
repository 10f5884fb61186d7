"""No interleaving of changes, nudges and readers shows what was before a nudge."""

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cache.reads import Cache
from tests.cache.worlds import World, a_cache, until_kept

# What may happen, to either of two processes over one Redis.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("change", "nudge", "nudge_all", "read", "open", "shut", "breathe")),
        st.integers(0, 1),
    ),
    max_size=40,
)


class Story:
    """Runs steps and holds every answer against the last nudge seen when it was asked for."""

    def __init__(self, world: World, caches: tuple[Cache, Cache]) -> None:
        self._world = world
        self._caches = caches
        self._seen = [0, 0]
        self._readers: list[asyncio.Task[None]] = []

    async def run(self, steps: list[tuple[str, int]]) -> None:
        """Runs them all, then lets every reader end."""
        for step, process in steps:
            await self._step(step, process)
        self._open()
        await asyncio.gather(*self._readers)

    async def _step(self, step: str, process: int) -> None:
        deeds: dict[str, Callable[[], Awaitable[None] | None]] = {
            "change": self._change,
            "nudge": lambda: self._nudge(process, frozenset({self._world.match_id})),
            "nudge_all": lambda: self._nudge(process, None),
            "read": lambda: self._readers.append(asyncio.create_task(self._read(process))),
            "open": self._open,
            "shut": self._shut,
            "breathe": lambda: asyncio.sleep(0.001),
        }
        waiting = deeds[step]()
        if waiting is not None:
            await waiting
        await asyncio.sleep(0)

    def _change(self) -> None:
        self._world.value += 1

    def _nudge(self, process: int, ids: frozenset[int] | None) -> None:
        self._caches[process].forget(ids)
        self._seen[process] = self._world.value

    def _open(self) -> None:
        if self._world.gate is not None:
            self._world.gate.set()
            self._world.gate = None

    def _shut(self) -> None:
        self._world.gate = self._world.gate or asyncio.Event()

    async def _read(self, process: int) -> None:
        seen = self._seen[process]
        assert await self._world.read(self._caches[process]) >= seen


@given(steps=STEPS)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_interleaving_serves_older_than_the_last_nudge_seen(
    redis_url: str, steps: list[tuple[str, int]]
):
    async with a_cache(redis_url) as one, a_cache(redis_url) as two:
        world = World()
        for cache in (one, two):
            await until_kept(world, cache)
        await Story(world, (one, two)).run(steps)
