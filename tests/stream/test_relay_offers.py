"""The hub takes what a relay read when it goes on from its place, and reads the log when not."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from app.database.engine import Pool
from app.database.places import Place
from app.stream import log
from app.stream.change import Change
from app.stream.hub import Hub
from app.stream.run import Run
from tests.stream.conftest import tick

PATIENCE_S = 30


class Reader:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.lost = 0

    def told(self, changes: Sequence[Change]) -> None:
        """Takes what is next."""
        self.changes += changes

    def log_state_changed(self) -> None:
        """Leaves it: nobody asks here."""

    def lose_track(self) -> None:
        """Counts the times the log was another."""
        self.lost += 1

    @property
    def seqs(self) -> list[int]:
        """The numbers told."""
        return [change.seq for change in self.changes]


@pytest.fixture
async def start(writer: asyncpg.Connection, match_id: int) -> Place:
    """Where the log of the match ends."""
    return (await log.heads(writer, [match_id]))[match_id]


async def runs_after(writer: asyncpg.Connection, match_id: int, place: Place) -> Run:
    """What a relay would say that is at a place."""
    changes, _ = await log.changes_after(writer, {match_id: place})
    return Run(match_id=match_id, after=place, changes=tuple(changes))


def following(pool: Pool, match_id: int, place: Place) -> tuple[Hub, Reader]:
    """A hub that does not run, with a reader at a place: it can only hand out what is offered."""
    hub, reader = Hub(pool), Reader()
    hub.follow(match_id, reader)
    hub.begin(match_id, place)
    return hub, reader


async def test_what_goes_on_is_handed_out_without_a_read_and_once(
    pool: Pool, writer: asyncpg.Connection, match_id: int, start: Place
):
    hub, reader = following(pool, match_id, start)
    for n in range(3):
        await tick(writer, match_id, f"{n}'")
    run = await runs_after(writer, match_id, start)
    hub.offer([run, run])
    expected = list(range(start.seq + 1, start.seq + 4))
    assert reader.seqs == expected
    # Another relay is a little behind, or a little ahead.
    hub.offer([Run(match_id=match_id, after=start, changes=run.changes[:1])])
    await tick(writer, match_id, "4'")
    hub.offer([await runs_after(writer, match_id, run.changes[0].place)])
    assert reader.seqs == [*expected, start.seq + 4]
    assert reader.changes[0] == run.changes[0]


async def test_after_a_hole_the_log_is_read(
    pool: Pool, writer: asyncpg.Connection, match_id: int, start: Place
):
    hub, reader = following(pool, match_id, start)
    for n in range(4):
        await tick(writer, match_id, f"{n}'")
    whole = await runs_after(writer, match_id, start)
    late = Run(match_id=match_id, after=whole.changes[1].place, changes=whole.changes[2:])
    hub.offer([late])
    assert reader.seqs == []
    running = asyncio.create_task(hub.run())
    async with asyncio.timeout(PATIENCE_S):
        while len(reader.seqs) < 4:
            await asyncio.sleep(0.01)
    running.cancel()
    assert reader.seqs == list(range(start.seq + 1, start.seq + 5))


async def test_numbers_of_another_life_of_the_log_are_not_taken(
    pool: Pool, writer: asyncpg.Connection, match_id: int, start: Place
):
    another = Place(start.seq, start.at_us + 1)
    hub, reader = following(pool, match_id, another)
    await tick(writer, match_id, "1'")
    hub.offer([await runs_after(writer, match_id, start)])
    assert reader.seqs == []
    running = asyncio.create_task(hub.run())
    async with asyncio.timeout(PATIENCE_S):
        while not reader.lost:
            await asyncio.sleep(0.01)
    running.cancel()
    assert reader.seqs == []


async def test_what_nobody_follows_is_let_by(
    pool: Pool, writer: asyncpg.Connection, match_id: int, start: Place
):
    hub, reader = following(pool, match_id, start)
    hub.unfollow(match_id)
    await tick(writer, match_id, "1'")
    hub.offer([await runs_after(writer, match_id, start)])
    assert reader.seqs == []
