"""What happens to a user is told once, in order, to each reader of theirs, and to nobody else."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.database.engine import Pool
from app.database.listener import Listener
from app.database.places import Place
from app.stream import user_log
from app.stream.user_hub import UserHub
from app.stream.user_log import BEGINNING, Entry, UserChange
from workers.housekeeping import keep_partitions

PATIENCE_S = 30


class Reader:
    """A reader that remembers what it was told."""

    def __init__(self, user_id: int, place: Place | None) -> None:
        self.user_id = user_id
        self.place = place
        self.seqs: list[int] = []
        self.bodies: list[str] = []
        self.lost = 0
        self.heard = asyncio.Event()

    def told(self, changes: Sequence[UserChange]) -> None:
        """Notes what it hears."""
        self.place = changes[-1].place
        self.seqs += [change.place.seq for change in changes]
        self.bodies += [change.data for change in changes]
        self.heard.set()

    def lose_track(self) -> None:
        """Notes that it has to begin again."""
        self.lost += 1
        self.place = None
        self.heard.set()

    async def until(self, count: int) -> None:
        """Waits for so many changes."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.seqs) < count:
                self.heard.clear()
                await self.heard.wait()


@pytest.fixture
async def user_id(writer: asyncpg.Connection) -> int:
    """Somebody who signed up."""
    return await a_user(writer)


@pytest.fixture
async def user_hub(pool: Pool, database_url: str) -> AsyncGenerator[UserHub]:
    """A hub of users with its listener, both running."""
    made = UserHub(pool)
    listener = Listener(
        database_url,
        on_nudge=lambda _: None,
        on_lost=lambda: None,
        also={user_log.CHANNEL: made.nudge},
    )
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(made.run())]
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def a_user(writer: asyncpg.Connection, name: str = "a") -> int:
    number: int = await writer.fetchval(  # pyright: ignore[reportAssignmentType]
        "INSERT INTO users (email, password_hash) VALUES ($1, 'x') RETURNING id",
        f"{name}@example.com",
    )
    return number


async def tell(writer: asyncpg.Connection, *user_ids: int, text: str = "{}") -> None:
    """One entry for each, and the nudge."""
    entries = [Entry(user_id=u, kind="bet_update", body=text.encode()) for u in user_ids]
    async with writer.transaction():
        await user_log.append_all(writer, entries)
    await user_log.nudge(writer, user_ids)


async def seqs_of(writer: asyncpg.Connection, user_id: int) -> list[int]:
    rows = await writer.fetch(
        "SELECT seq FROM user_changes WHERE user_id = $1 ORDER BY seq", user_id
    )
    return [row["seq"] for row in rows]


async def test_entries_are_numbered_in_the_order_of_their_commits(
    writer: asyncpg.Connection, database_url: str, user_id: int
):
    other = await a_user(writer, "b")
    connections = [await asyncpg.connect(database_url) for _ in range(4)]
    chance = random.Random(7)

    async def write(connection: asyncpg.Connection) -> None:
        for _ in range(20):
            entries = [
                Entry(user_id=u, kind="bet_update", body=b"{}")
                for u in chance.choices([user_id, other], k=chance.randint(1, 4))
            ]
            transaction = connection.transaction()
            await transaction.start()
            await user_log.append_all(connection, entries)
            await (transaction.commit() if chance.random() < 0.8 else transaction.rollback())

    await asyncio.gather(*map(write, connections))
    for each in (user_id, other):
        seqs = await seqs_of(writer, each)
        assert seqs == list(range(1, len(seqs) + 1))
        assert (await user_log.heads(writer, [each]))[each].seq == len(seqs)
    out_of_order = await writer.fetchval(
        "SELECT count(*) FROM user_changes a JOIN user_changes b"
        " ON b.user_id = a.user_id AND b.seq = a.seq + 1 WHERE b.at < a.at"
    )
    assert out_of_order == 0
    for connection in connections:
        await connection.close()


async def test_what_is_appended_is_read_back_to_the_byte_and_in_the_order_given(
    writer: asyncpg.Connection, user_id: int
):
    bodies = [b'{"amount" : "10.00"}', b'{"b":1,  "a":2}']
    await user_log.append(writer, user_id, "balance_update", bodies[0])
    await user_log.append(writer, user_id, "bet_update", bodies[1])
    changes, broken = await user_log.changes_after(writer, {user_id: BEGINNING})
    assert [(c.place.seq, c.kind, c.data.encode()) for c in changes] == [
        (1, "balance_update", bodies[0]),
        (2, "bet_update", bodies[1]),
    ]
    assert broken == set()


async def test_each_reader_is_told_once_in_order_whenever_it_came(
    user_hub: UserHub, writer: asyncpg.Connection, user_id: int
):
    other = await a_user(writer, "b")
    stranger = Reader(other, BEGINNING)
    user_hub.follow(stranger)
    readers: list[Reader] = []
    for n in range(30):
        await tell(writer, user_id, text=f'{{"n":{n}}}')
        if n % 5 == 0:
            # As a first state does: register, then read the place, then take from there.
            late = Reader(user_id, None)
            user_hub.follow(late)
            late.place = (await user_log.heads(writer, [user_id]))[user_id]
            user_hub.ready(late)
            readers.append(late)
    for n, reader in enumerate(readers):
        await reader.until(29 - n * 5)
        assert reader.seqs == list(range(n * 5 + 2, 31))
        assert reader.bodies == [f'{{"n":{k}}}' for k in range(n * 5 + 1, 30)]
    assert stranger.seqs == []


async def test_a_reader_whose_line_was_full_goes_on_where_it_was(
    user_hub: UserHub, writer: asyncpg.Connection, user_id: int
):
    slow, quick = Reader(user_id, BEGINNING), Reader(user_id, BEGINNING)
    user_hub.follow(slow)
    user_hub.follow(quick)
    await tell(writer, user_id)
    await asyncio.gather(slow.until(1), quick.until(1))
    kept, slow.place = slow.place, None
    more = user_log.CHANGES_PER_READ_MAX + 10
    await tell(writer, *[user_id] * more)
    await quick.until(1 + more)
    assert slow.seqs == [1]
    slow.place = kept
    user_hub.ready(slow)
    await slow.until(1 + more)
    assert slow.seqs == quick.seqs == list(range(1, more + 2))


async def test_a_lost_nudge_costs_a_sweep_and_no_more(
    user_hub: UserHub, writer: asyncpg.Connection, user_id: int
):
    reader = Reader(user_id, BEGINNING)
    user_hub.follow(reader)
    await user_log.append(writer, user_id, "bet_update", b"{}")
    await reader.until(1)
    assert reader.seqs == [1]


async def test_a_place_that_is_not_of_this_log_is_found_out(
    user_hub: UserHub, writer: asyncpg.Connection, user_id: int
):
    await tell(writer, user_id, user_id, user_id)
    head = (await user_log.heads(writer, [user_id]))[user_id]
    for seq in (2, 3, 9):
        stray = Reader(user_id, Place(seq, head.at_us - 1))
        user_hub.follow(stray)
        async with asyncio.timeout(PATIENCE_S):
            await stray.heard.wait()
        assert (stray.lost, stray.seqs) == (1, [])
        user_hub.unfollow(stray)


async def test_a_place_before_what_was_dropped_is_found_out(
    writer: asyncpg.Connection, user_id: int
):
    now = datetime.now(UTC)
    kept = {"odds_kept": timedelta(days=14), "letters_kept": timedelta(days=3)}
    await keep_partitions(writer, now, changes_kept=timedelta(days=2), **kept)
    await tell(writer, user_id, user_id)
    place = (await user_log.heads(writer, [user_id]))[user_id]
    await keep_partitions(writer, now + timedelta(days=3), changes_kept=timedelta(0), **kept)
    assert await seqs_of(writer, user_id) == []
    await user_log.append(writer, user_id, "bet_update", b"{}")
    assert await seqs_of(writer, user_id) == [3]
    for stale in (BEGINNING, place):
        changes, broken = await user_log.changes_after(writer, {user_id: stale})
        assert (changes, broken) == ([], {user_id})


async def test_a_nudge_for_more_users_than_fit_names_everybody(
    writer: asyncpg.Connection, database_url: str
):
    heard: asyncio.Queue[object] = asyncio.Queue()
    listening = await asyncpg.connect(database_url)
    await listening.add_listener(user_log.CHANNEL, lambda *a: heard.put_nowait(a[3]))
    await user_log.nudge(writer, [])
    await user_log.nudge(writer, [3, 1, 3])
    await user_log.nudge(writer, range(10**9, 10**9 + 1_000))
    async with asyncio.timeout(PATIENCE_S):
        assert [await heard.get(), await heard.get()] == ["1,3", "*"]
    await listening.close()


async def test_nudges_that_come_while_one_is_under_way_go_out_together(
    pool: Pool, database_url: str
):
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await asyncpg.connect(database_url)
    await listening.add_listener(user_log.CHANNEL, lambda *a: heard.put_nowait(str(a[3])))
    await asyncio.gather(*(user_log.nudge(pool, [n]) for n in range(100)))
    await user_log.nudge(pool, [100])
    told: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while not told or told[-1] != "100":
            told.append(await heard.get())
    assert told == ["0", ",".join(map(str, range(1, 100))), "100"]
    await listening.close()


async def test_a_nudge_without_a_database_is_no_error(writer: asyncpg.Connection):
    await writer.close()
    await user_log.nudge(writer, [1])


def test_who_left_is_forgotten(pool: Pool):
    hub = UserHub(pool)
    one, two = Reader(1, BEGINNING), Reader(1, BEGINNING)
    for reader in (one, two):
        hub.follow(reader)
    hub.unfollow(one)
    assert hub.is_followed(1)
    hub.unfollow(two)
    hub.unfollow(two)
    assert not hub.is_followed(1)
