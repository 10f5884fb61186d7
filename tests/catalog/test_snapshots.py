"""What snapshots are made of: a score and markets as of one moment."""

import json
from collections.abc import AsyncGenerator
from typing import cast

import asyncpg
import pytest

from app.catalog.incidents import incidents_of
from app.catalog.markets import markets_of
from app.catalog.matches import match_of, score_of
from app.database.engine import Connection
from tests.builders import a_market, a_match, a_score, an_incident


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[Connection]:
    """A connection to this test's database."""
    lent = await asyncpg.connect(database_url)
    yield cast("Connection", lent)
    await lent.close()


@pytest.fixture
async def another(database_url: str) -> AsyncGenerator[Connection]:
    """Another one, of somebody who writes meanwhile."""
    lent = await asyncpg.connect(database_url)
    yield cast("Connection", lent)
    await lent.close()


async def test_in_one_transaction_score_and_markets_are_of_one_moment(
    connection: Connection, another: Connection
):
    match_id = await a_match(another)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await score_of(connection, match_id)
        await a_score(another, match_id, (1, 0))
        await a_market(another, match_id)
        assert await markets_of(connection, match_id) == b"[]"
        assert await score_of(connection, match_id) == before
    after = json.loads(await score_of(connection, match_id) or b"")
    assert (after["homeScore"], after["seq"]) == (1, 4)
    assert len(json.loads(await markets_of(connection, match_id))) == 1


async def test_the_place_of_a_score_is_the_last_entry_of_the_log(connection: Connection):
    match_id = await a_match(connection)
    for goals in range(3):
        await a_score(connection, match_id, (goals + 1, 0))
        score = json.loads(await score_of(connection, match_id) or b"")
        last = await connection.fetchval(
            "SELECT max(seq) FROM changes WHERE match_id = $1", match_id
        )
        assert (score["seq"], score["homeScore"]) == (last, goals + 1)


async def test_of_an_unknown_match_there_is_nothing(connection: Connection):
    assert await score_of(connection, 404) is None
    assert await match_of(connection, 404) is None
    assert await markets_of(connection, 404) == b"[]"


async def test_the_winner_stands_before_the_totals_from_low_to_high(connection: Connection):
    match_id = await a_match(connection)
    for line in ("10.5", "2.5", None):
        odds = {"over": "2", "under": "1.8"} if line else {"home": "2", "away": "1.8"}
        await a_market(connection, match_id, odds, line=line)
    markets = json.loads(await markets_of(connection, match_id))
    assert [market["line"] for market in markets] == [None, 2.5, 10.5]


async def test_an_incident_reads_as_its_frame_says_it(connection: Connection):
    match_id = await a_match(connection)
    await an_incident(connection, match_id, 1, player="Saka")
    await connection.execute("UPDATE incidents SET withdrawn = true")
    told = await connection.fetchval(
        "SELECT body::text FROM changes WHERE kind = 'incident' ORDER BY seq DESC LIMIT 1"
    )
    assert json.loads(await incidents_of(connection, match_id)) == [json.loads(told)]
