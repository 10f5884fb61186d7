"""Every change once, in order, to every reader, whatever happens to the listener."""

import asyncio
import random
from collections.abc import Sequence

import asyncpg
import pytest

from app.database.engine import Pool
from app.database.places import Place
from app.stream import log
from app.stream.change import Change, ResumeExpired
from app.stream.hub import Hub
from tests.stream.conftest import a_match, tick

PATIENCE_S = 30


class Reader:
    """A crowd of one: keeps the numbers it is told."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.lost = 0
        self.woken = asyncio.Event()

    def told(self, changes: Sequence[Change]) -> None:
        """Keeps them."""
        self.seqs += [change.seq for change in changes]
        self.woken.set()

    def log_state_changed(self) -> None:
        """Wakes who waits for it."""
        self.woken.set()

    def lose_track(self) -> None:
        """Counts it."""
        self.lost += 1
        self.woken.set()


async def begin(hub: Hub, writer: asyncpg.Connection, match_id: int) -> Reader:
    """A reader that begins where the log ends."""
    reader = Reader()
    hub.follow(match_id, reader)
    hub.begin(match_id, (await log.heads(writer, [match_id]))[match_id])
    return reader


async def read_until(reader: Reader, seq: int) -> list[int]:
    """The numbers a reader was told up to `seq`."""
    async with asyncio.timeout(PATIENCE_S):
        while not reader.seqs or reader.seqs[-1] < seq:
            await reader.woken.wait()
            reader.woken.clear()
            assert not reader.lost
    told, reader.seqs = reader.seqs, []
    return told


async def seq_of(writer: asyncpg.Connection, match_id: int) -> int:
    return (await log.heads(writer, [match_id]))[match_id].seq


async def test_a_change_reaches_the_reader_of_its_match_and_nobody_else(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    other = await a_match(writer, "m2")
    reader, stranger = await begin(hub, writer, match_id), await begin(hub, writer, other)
    start = await seq_of(writer, match_id)
    await tick(writer, match_id, "9'")
    assert await read_until(reader, start + 1) == [start + 1]
    await tick(writer, other, "9'")
    assert await read_until(stranger, await seq_of(writer, other)) == [start + 1]


async def test_changes_made_before_it_begins_are_found(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    reader = Reader()
    hub.follow(match_id, reader)
    place = (await log.heads(writer, [match_id]))[match_id]
    for n in range(5):
        await tick(writer, match_id, f"{n}''")
    hub.begin(match_id, place)
    assert await read_until(reader, place.seq + 5) == [place.seq + n for n in range(1, 6)]


async def test_more_than_one_read_holds_is_read_to_the_end(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    reader = await begin(hub, writer, match_id)
    start = await seq_of(writer, match_id)
    count = log.CHANGES_PER_READ_MAX + 7
    await writer.execute(
        "SELECT append_changes(array_agg($1::bigint), array_agg('incident'::text),"
        " array_agg('{}'::text))"
        " FROM generate_series(1, $2::int)",
        match_id,
        count,
    )
    assert await read_until(reader, start + count) == list(range(start + 1, start + count + 1))


async def test_a_match_nobody_follows_is_forgotten(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    reader = await begin(hub, writer, match_id)
    hub.unfollow(match_id)
    assert not hub.is_followed(match_id)
    await tick(writer, match_id, "8'")
    again = await begin(hub, writer, match_id)
    await tick(writer, match_id, "9'")
    assert len(await read_until(again, await seq_of(writer, match_id))) == 1
    assert reader.seqs == []


async def test_nothing_is_lost_or_doubled_while_the_listener_is_killed(
    hub: Hub, writer: asyncpg.Connection, database_url: str
):
    """Eight writers, some rolling back, while the listener is terminated again and again."""
    matches = [await a_match(writer, f"m{n}") for n in range(4)]
    starts = [await seq_of(writer, m) for m in matches]
    readers = [await begin(hub, writer, m) for m in matches]

    async def write(seed: int) -> None:
        dice = random.Random(seed)
        mine = await asyncpg.connect(database_url)
        for n in range(60):
            transaction = mine.transaction()
            await transaction.start()
            await tick(mine, dice.choice(matches), f"{seed}-{n}")
            await (transaction.rollback() if dice.random() < 0.2 else transaction.commit())
        await mine.close()

    async def kill() -> None:
        for _ in range(3):
            killed = 0
            async with asyncio.timeout(PATIENCE_S):
                while not killed:
                    killed = await writer.fetchval(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE application_name = 'touchline-listener'"
                        " AND datname = current_database()"
                    )

    await asyncio.gather(kill(), *(write(seed) for seed in range(8)))
    for match_id, start, reader in zip(matches, starts, readers, strict=True):
        end = await seq_of(writer, match_id)
        assert await read_until(reader, end) == list(range(start + 1, end + 1))


async def test_a_log_from_another_life_sends_readers_to_a_snapshot(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    """The numbers are the same, the entries are not: a backup, or a tail lost in a crash."""
    reader = await begin(hub, writer, match_id)
    start = await seq_of(writer, match_id)
    await tick(writer, match_id, "9'")
    await read_until(reader, start + 1)
    # What a crash with synchronous_commit off does: the last entry was never there.
    async with writer.transaction():
        await writer.execute("DELETE FROM changes WHERE seq = $1", start + 1)
        await writer.execute(
            "UPDATE match_heads SET seq = $1, at = (SELECT at FROM changes WHERE seq = $1"
            " AND match_id = $2) WHERE match_id = $2",
            start,
            match_id,
        )
        await tick(writer, match_id, "10'")
        await tick(writer, match_id, "11'")
    async with asyncio.timeout(PATIENCE_S):
        while not reader.lost:
            await reader.woken.wait()
            reader.woken.clear()
    assert reader.seqs == []
    reader.lost = 0
    hub.begin(match_id, (await log.heads(writer, [match_id]))[match_id])
    await tick(writer, match_id, "12'")
    assert await read_until(reader, start + 3) == [start + 3]


async def test_a_place_is_resumed_only_when_it_is_of_this_log(
    pool: Pool, writer: asyncpg.Connection, match_id: int
):
    before = (await log.heads(writer, [match_id]))[match_id]
    await tick(writer, match_id, "9'")
    head = (await log.heads(writer, [match_id]))[match_id]
    missed = await log.changes_since(writer, match_id, before, 10)
    assert [change.seq for change in missed] == [head.seq]
    assert await log.changes_since(writer, match_id, head, 10) == []
    strangers = (
        Place(head.seq, head.at_us + 1),
        Place(before.seq, before.at_us + 1),
        Place(head.seq + 1, head.at_us),
        Place(10**12, 0),
    )
    for place in strangers:
        with pytest.raises(ResumeExpired):
            await log.changes_since(writer, match_id, place, 10)
    with pytest.raises(ResumeExpired):
        await log.changes_since(writer, 10**12, before, 10)


async def test_the_hub_is_current_only_while_it_hears(
    hub: Hub, writer: asyncpg.Connection, match_id: int
):
    reader = await begin(hub, writer, match_id)
    await tick(writer, match_id, "1''")
    await read_until(reader, await seq_of(writer, match_id))
    assert hub.current
    hub.listener_lost()
    assert not hub.current
    # Without nudges the slow timer still finds what is new.
    await tick(writer, match_id, "2''")
    await read_until(reader, await seq_of(writer, match_id))
