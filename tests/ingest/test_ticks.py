"""What only ticks on is written in one statement, and comes to the same."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from app.database.engine import Connection, Pool
from app.ingest.confidence import CONFIRMATIONS
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in as take_in_answer
from app.ingest.known import Known
from app.ingest.scores import rebelieve
from app.providers.provider import Answer, Rejected
from app.sports.observation import Observation
from tests.ingest.conftest import one, take_in
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

ORIGIN = Origin(provider="c", scope="test")


def decoded(entry: tuple[int, str, str]) -> dict[str, Any]:
    """What an entry of the log says."""
    return msgspec.json.decode(entry[2])


pytestmark = pytest.mark.usefixtures("standings_last")


async def test_a_tick_asks_nothing_and_is_one_statement(connection: asyncpg.Connection):
    known = Known()
    match_id = await settled(connection, known)
    before = await tables(connection, match_id)
    statements = Statements(connection)
    taken = await take_in(connection, said("c", 20), known=known)
    assert (taken.matches, taken.scores_changed) == (1, 1)
    assert await statements.counts() == (1, 1)
    words, (belief,), _, _, log = await tables(connection, match_id)
    assert belief[4] == "20'"
    assert [kind for _, kind, _ in log[len(before[-1]) :]] == ["score_update"]
    assert [word[2] for word in words][2] == BEGUN + timedelta(seconds=20)
    assert await check(connection, known.held.memory) == 1


async def test_one_match_that_nobody_holds_any_more_keeps_all_from_ticking(
    connection: asyncpg.Connection,
):
    mine, theirs = Known(), Known()
    played = await settled(connection, mine)
    other = await known_to_all(connection, NAMES[0])
    for n in range(CONFIRMATIONS + 1):
        for provider in PROVIDERS:
            await take_in(connection, said(provider, n, name=NAMES[0]), known=mine)
    await take_in(connection, said("a", 20, home=1), known=theirs)
    async with connection.transaction():
        await rebelieve(connection, [played])
    assert await one(connection, "SELECT holder FROM match_heads WHERE match_id = $1", played) == (
        None,
    )
    both = (said("c", 21), said("c", 21, name=NAMES[0]))
    await take_in(connection, *both, known=mine)
    rows = await connection.fetch("SELECT match_id, home_score FROM live_scores")
    assert {tuple(row) for row in rows} == {(played, 1), (other, 0)}
    assert await check(connection, mine.held.memory) == 2


async def test_a_tick_is_believed_after_it_was_told(connection: asyncpg.Connection):
    known = Known()
    await settled(connection, known)
    await connection.execute(
        "CREATE TABLE noted (id BIGINT GENERATED ALWAYS AS IDENTITY, name TEXT);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO noted (name) VALUES (TG_TABLE_NAME); RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER UPDATE ON score_observations"
        " FOR EACH ROW EXECUTE FUNCTION note();"
        "CREATE TRIGGER note AFTER UPDATE ON live_scores FOR EACH ROW EXECUTE FUNCTION note();"
    )
    statements = Statements(connection)
    await take_in(connection, said("c", 20), known=known)
    assert (await statements.counts())[1] == 1
    noted = await connection.fetch("SELECT name FROM noted ORDER BY id")
    assert [row["name"] for row in noted] == ["score_observations", "live_scores"]


async def test_behind_a_fence_that_does_not_hold_only_that_counts_where_nobody_else_wrote(
    pool: Pool, connection: asyncpg.Connection
):
    known = Known()
    match_id = await settled(connection, known)
    asked = 0

    async def fence(_: Connection) -> bool:
        nonlocal asked
        asked += 1
        return False

    async def told(observation: Observation) -> None:
        answer = Answer(observations=(observation,))
        assert await take_in_answer(pool, ORIGIN, answer, known, fence=fence) is None

    await told(said("c", 20))
    await told(said("c", 30, home=1))
    assert await one(connection, "SELECT home_score, clock FROM live_scores") == (1, "30'")
    await take_in(connection, said("a", 40, home=1), known=Known())
    before = await tables(connection, match_id)
    await told(said("c", 35, home=1))
    await told(said("c", 36, home=2))
    await told(said("c", 37, name=NAMES[0]))
    assert await tables(connection, match_id) == before
    assert await one(connection, "SELECT count(*) FROM matches") == (1,)
    assert asked == 5


async def test_a_tick_that_postgres_refuses_stops_no_other(
    pool: Pool, connection: asyncpg.Connection
):
    known = Known()
    await settled(connection, known)
    await known_to_all(connection, NAMES[0])
    for n in range(CONFIRMATIONS + 1):
        for provider in PROVIDERS:
            await take_in(connection, said(provider, n, name=NAMES[0]), known=known)
    spoilt = said("c", 20, clock="\0", name=NAMES[0])
    rejected = Rejected(index=2, code="bad_odds", message="no", raw=b"x")
    answer = Answer(observations=(said("c", 20), spoilt), rejected=(rejected,))
    taken = await take_in_answer(pool, ORIGIN, answer, known)
    assert taken is not None
    assert [lost.observation for lost in taken.lost] == [spoilt]
    assert (taken.matches, taken.scores_changed) == (1, 1)
    rows = await connection.fetch("SELECT clock FROM live_scores ORDER BY match_id")
    assert [row["clock"] for row in rows] == ["20'", "3'"]
    letters = await connection.fetch("SELECT code FROM dead_letters ORDER BY code")
    assert [row["code"] for row in letters] == ["bad_odds", "not_stored"]
    again = Answer(observations=(said("c", 30), said("c", 30, name=NAMES[0])))
    taken = await take_in_answer(pool, ORIGIN, again, known)
    assert taken is not None
    assert (taken.matches, taken.lost) == (2, ())
    assert await check(connection, known.held.memory) == 2


async def test_of_one_match_told_of_twice_only_the_first_word_goes_ahead(
    pool: Pool, connection: asyncpg.Connection
):
    known = Known()
    match_id = await settled(connection, known)
    answer = Answer(observations=(said("c", 20), said("c", 30, home=1), said("c", 40, home=1)))
    taken = await take_in_answer(pool, ORIGIN, answer, known)
    assert taken is not None
    assert (taken.matches, taken.scores_changed) == (3, 3)
    *_, log = await tables(connection, match_id)
    assert [(body["homeScore"], body["clock"]) for body in map(decoded, log[-3:])] == [
        (0, "20'"),
        (1, "30'"),
        (1, "40'"),
    ]
    assert await check(connection, known.held.memory) == 1
