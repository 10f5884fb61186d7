"""What a worker remembers of matches is what the tables say, or it is not used."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import engine
from app.database.engine import Pool
from app.ingest import held
from app.ingest.confidence import CONFIRMATIONS
from app.ingest.dead_letters import Origin
from app.ingest.frozen import mark_frozen
from app.ingest.heads import lock_heads
from app.ingest.held import Memory
from app.ingest.intake import take_in as take_in_answer
from app.ingest.known import Known
from app.ingest.scores import rebelieve
from app.providers.provider import Answer
from app.sports.match import MatchStatus, Score
from tests.ingest.conftest import one, take_in, write
from tests.ingest.remembering import (
    BEGUN,
    NAMES,
    PROVIDERS,
    Statements,
    check,
    known_to_all,
    said,
    settled,
    tables,
)
from tests.observed import goals

pytestmark = pytest.mark.usefixtures("standings_last")


async def test_who_comes_to_what_another_wrote_reads_again(connection: asyncpg.Connection):
    mine, theirs = Known(), Known()
    match_id = await settled(connection, mine)
    await take_in(connection, said("a", 20, home=1), known=theirs)
    assert await check(connection, mine.held.memory) == 0
    # Alone it would be a tick of 0-0.
    await take_in(connection, said("c", 21), known=mine)
    row = await one(connection, "SELECT home_score, clock FROM live_scores")
    assert row == (1, "20'")
    assert (await check(connection, mine.held.memory), len(theirs.held.memory.kept)) == (1, 1)
    assert await check(connection, theirs.held.memory) == 0
    assert match_id in mine.held.memory.kept


@pytest.mark.parametrize("what", ["rebelieve", "mark_frozen", "reschedule"])
async def test_whoever_writes_what_is_held_leaves_no_holder(
    connection: asyncpg.Connection, what: str
):
    known = Known()
    match_id = await settled(connection, known)
    assert await check(connection, known.held.memory) == 1
    async with connection.transaction():
        if what == "rebelieve":
            await rebelieve(connection, [match_id])
        elif what == "mark_frozen":
            await connection.execute("UPDATE matches SET start_time = now() - interval '9 h'")
            await mark_frozen(connection)
        else:
            moved = said("a", 30, start_time=BEGUN - timedelta(minutes=1))
            await write(connection, msgspec.structs.replace(moved, score=None), Known())
    assert await check(connection, known.held.memory) == 0
    await take_in(connection, said("c", 40), known=known)
    assert await check(connection, known.held.memory) == 1


async def test_what_was_rolled_back_is_not_remembered(connection: asyncpg.Connection):
    known = Known()
    match_id = await settled(connection, known)
    before = await tables(connection, match_id)
    transaction = connection.transaction()
    await transaction.start()
    await write(connection, said("c", 20), known)
    await transaction.rollback()
    known.drop()
    assert await tables(connection, match_id) == before
    assert await check(connection, known.held.memory) == 0
    await take_in(connection, said("c", 20), known=known)
    assert await one(connection, "SELECT clock FROM live_scores") == ("20'",)
    assert await check(connection, known.held.memory) == 1


async def test_who_tells_incidents_no_more_is_followed_at_the_next_word_of_another(
    connection: asyncpg.Connection,
):
    known = Known()
    match_id = await settled(connection, known)
    told = (("c", 1), ("b", 1), ("a", 0), ("b", 1), ("c", 0), ("b", 1))
    for n, (provider, scored) in enumerate(told):
        await take_in(connection, said(provider, 10 + n, incidents=goals(scored)), known=known)
    *_, incidents, _ = await tables(connection, match_id)
    assert incidents == [("b", "goal-1", False), ("c", "goal-1", True)]


async def test_what_was_read_long_ago_is_read_again(connection: asyncpg.Connection):
    known = Known()
    match_id = await settled(connection, known)
    told = known.held.memory.kept[match_id]
    told.read_at -= held.HELD_S
    statements = Statements(connection)
    await take_in(connection, said("c", 20), known=known)
    asked, ticks = await statements.counts()
    assert asked
    assert not ticks
    assert known.held.memory.kept[match_id].reading != told.reading
    assert await check(connection, known.held.memory) == 1


async def test_what_a_late_line_puts_back_is_not_taken(connection: asyncpg.Connection):
    known = Known()
    match_id = await settled(connection, known)
    memory = known.held.memory
    late = memory.kept.pop(match_id)
    # Somebody else of the process found it missing and read again; then the late one comes.
    await take_in(connection, said("c", 20, home=1), known=Known(memory))
    newer = memory.kept[match_id]
    transaction = connection.transaction()
    await transaction.start()
    readings = known.held.readings([match_id])
    assert not (await lock_heads(connection, [match_id], readings)).outdated
    known.held.confirm(readings, ())
    memory.kept[match_id] = late
    assert known.held.take([match_id]) == {}
    memory.kept[match_id] = newer
    assert known.held.take([match_id]) == {match_id: newer}
    await transaction.rollback()
    memory.kept[match_id] = late
    await take_in(connection, said("c", 21), known=known)
    assert await one(connection, "SELECT home_score FROM live_scores") == (1,)
    assert await check(connection, memory) == 1


async def test_a_new_connection_clears_the_memory(database_url: str):
    memory = Memory()
    pool = await engine.open_pool(
        database_url, connections_max=1, statement_timeout_s=9, name="t", on_connect=memory.clear
    )
    known = Known(memory)
    async with engine.connection(pool) as connection:
        await take_in(connection, said("a", 1), known=known)
        assert len(memory.kept) == 1
    await pool.expire_connections()
    async with engine.connection(pool):
        assert not memory.kept
    async with engine.connection(pool) as connection, connection.transaction():
        await write(connection, said("a", 2), known)
    # As if that commit were one that a server lost as it crashed.
    memory.clear()
    known.keep()
    assert not memory.kept
    await pool.close()


SAID = st.tuples(
    st.sampled_from(PROVIDERS),
    st.integers(1, 90),
    st.sampled_from((0, 0, 0, 0, 0, 1, 1, 2)),
    st.sampled_from(("live", "live", "live", "live", "paused", "finished")),
    st.sampled_from(("1'", "2'", None)),
    st.sampled_from((None, 0, 1)),
)
ACTS = st.sampled_from(("tell", "tell", "tell", "tell", "tell", "other", "rebelieve", "undo"))
ORDERS = st.sampled_from(("in order", "any order"))
STEPS = st.lists(st.tuples(ACTS, SAID), max_size=40)


@given(STEPS, ORDERS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_with_a_memory_all_comes_to_what_it_does_without(
    connection: asyncpg.Connection, steps: Sequence[tuple[str, Any]], order: str
):
    await connection.execute("DELETE FROM matches")
    reached: list[list[Any]] = []
    for remembers in (True, False):
        name = f"m-{remembers}"
        match_id = await known_to_all(connection, name)
        mine, other = Known(), Known()
        beginning = [
            ("tell", (provider, n, 0, "live", "1'", None))
            for n in range(CONFIRMATIONS + 1)
            for provider in PROVIDERS
        ]
        for n, (act, (provider, after, home, status, clock, scored)) in enumerate(
            [*beginning, *steps]
        ):
            # Far enough apart that nothing is a repetition, which one process may judge by what
            # another has made obsolete a moment ago.
            at = 100 + 6 * n if order == "in order" else after
            score = Score(status=MatchStatus(status), home=home, away=0, clock=clock)
            incidents = None if scored is None else goals(scored)
            observation = said(provider, at, score=score, incidents=incidents, name=name)
            # A process of its own, or the same.
            who = other if act == "other" and order == "in order" else mine
            if not remembers:
                who.held.memory.clear()
            transaction = connection.transaction()
            await transaction.start()
            if act == "rebelieve":
                await rebelieve(connection, [match_id])
            else:
                await write(connection, observation, who)
            if act == "undo":
                await transaction.rollback()
                who.drop()
            else:
                await transaction.commit()
                who.keep()
            # Judgements would make what is learnt of the one count for the other.
            await connection.execute("DELETE FROM provider_reliability")
            await check(connection, mine.held.memory)
            await check(connection, other.held.memory)
        reached.append(await tables(connection, match_id))
        await connection.execute("DELETE FROM matches WHERE id = $1", match_id)
    assert reached[0] == reached[1]


async def test_lines_of_two_processes_at_once_lose_nothing(
    pool: Pool, connection: asyncpg.Connection
):
    matches = [await known_to_all(connection, name) for name in NAMES]
    dice = random.Random(3)
    memories = (Memory(), Memory())
    newest: dict[tuple[str, int], int] = {}

    async def line(provider: str, memory: Memory) -> None:
        known, origin = Known(memory), Origin(provider=provider, scope="test")
        for n in range(40):
            # Goals in between, else ticks.
            about = dice.sample(range(6), 4)
            told = tuple(
                said(provider, n, home=n // 15, clock=f"{provider}{n}", name=NAMES[m])
                for m in about
            )
            for m in about:
                newest[provider, matches[m]] = max(n, newest.get((provider, matches[m]), 0))
            taken = await take_in_answer(pool, origin, Answer(observations=told), known)
            assert taken is not None
            assert not taken.lost

    async def operator() -> None:
        for match_id in dice.choices(matches, k=40):
            async with engine.connection(pool) as lent, lent.transaction():
                await rebelieve(lent, [match_id])

    lines = (line(p, memories[n % 2]) for n, p in enumerate("abcab"))
    await asyncio.gather(*lines, operator())
    held_now = [await check(connection, memory) for memory in memories]
    (holders,) = await one(connection, "SELECT count(holder) FROM match_heads")
    assert sum(held_now) <= holders
    assert not any(memory.out for memory in memories)
    for match_id in matches:
        words, _, disputes, _, log = await tables(connection, match_id)
        assert [seq for seq, _, _ in log] == list(range(1, len(log) + 1))
        assert all(outcome is not None for _, _, _, outcome in disputes)
        clocks = {word[0]: msgspec.json.decode(word[1])["clock"] for word in words}
        assert clocks == {p: f"{p}{newest[p, match_id]}" for p in PROVIDERS}
