"""A socket makes what it follows wanted, for as long as it is open."""

import asyncio

from tests.builders import a_match
from tests.sockets.conftest import PATIENCE_S, Door, frame


async def until_wanted(door: Door, *expected: tuple[int, int]) -> None:
    """Waits until these are the numbers of sockets that want scores and markets, by match."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await door.connection.fetch(
                "SELECT scores, markets FROM demand ORDER BY subject"
            )
            if [tuple(row) for row in rows] == list(expected):
                return
            await asyncio.sleep(0.01)


async def test_a_socket_wants_its_match_until_it_goes(door: Door):
    match = await a_match(door.connection)
    async with await door.open(match) as one:
        await frame(one)
        await until_wanted(door, (1, 1))
        async with await door.open(match, "?kinds=score") as two:
            await frame(two)
            await until_wanted(door, (2, 1))
        async with await door.open(match, "?kinds=odds") as three:
            await frame(three)
            await until_wanted(door, (1, 2))
        await until_wanted(door, (1, 1))
    await until_wanted(door)


async def test_a_socket_on_no_match_leaves_nothing_wanted(door: Door):
    async with await door.open(4711) as one:
        await frame(one)
    other = await a_match(door.connection)
    async with await door.open(other) as two:
        await frame(two)
        await until_wanted(door, (1, 1))
