"""News of remembered matches is written in one statement, and comes to what it would without."""

from datetime import timedelta

import asyncpg
import pytest

from app.ingest.confidence import CONFIRMATIONS
from app.ingest.known import Known
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
from tests.observed import a_score, goals

pytestmark = pytest.mark.usefixtures("standings_last")


@pytest.mark.parametrize(
    ("news", "kind"),
    [
        (said("c", 20, home=1), "score_update"),
        (said("c", 20, score=a_score(status="paused")), "score_update"),
    ],
)
async def test_news_asks_nothing_and_is_one_statement(
    connection: asyncpg.Connection, news: Observation, kind: str
):
    known = Known()
    match_id = await settled(connection, known)
    *_, before = await tables(connection, match_id)
    statements = Statements(connection)
    taken = await take_in(connection, news, known=known)
    assert (taken.matches, taken.scores_changed) == (1, 1)
    assert await statements.counts() == (1, 1)
    words, (belief,), *_, log = await tables(connection, match_id)
    assert [k for _, k, _ in log[len(before) :]] == [kind]
    assert news.score is not None
    assert (belief[0], belief[1]) == (news.score.status.value, news.score.home)
    told = {word[0]: word for word in words}["c"]
    assert told[4 if news.score.home else 8] == BEGUN + timedelta(seconds=20)
    assert await check(connection, known.held.memory) == 1


async def test_who_says_it_first_and_second_is_judged_by_it(connection: asyncpg.Connection):
    known = Known()
    await settled(connection, known)
    statements = Statements(connection)
    for n, provider in enumerate(("c", "a", "b")):
        await take_in(connection, said(provider, 20 + n, home=1), known=known)
    assert (await statements.counts())[1] == 3
    # The second and the third are judged, the first with them.
    assert sum("INTO provider_reliability" in query for query in statements.asked) == 2
    rows = await connection.fetch(
        "SELECT provider, round(agreed::numeric, 3), disagreed FROM provider_reliability ORDER BY 1"
    )
    assert {row[0] for row in rows} == set(PROVIDERS)
    assert all(row[2] == 0 for row in rows)
    assert await check(connection, known.held.memory) == 1
    # All say it: from here on it only ticks.
    assert await connection.fetchval("SELECT confidence FROM live_scores") == 1
    statements = Statements(connection)
    await take_in(connection, said("c", 40, home=1), known=known)
    assert await statements.counts() == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        said("c", 2, home=1),  # Late.
        said("c", 20, score=a_score(status="scheduled")),  # No legal move.
        said("c", 20, home=1, start_time=BEGUN + timedelta(hours=2)),
        said("c", 20, home=1, incidents=goals(1)),
        said("d", 20, home=1),  # Nobody heard of this match before.
    ],
)
async def test_what_more_rows_may_come_of_goes_the_long_way(
    connection: asyncpg.Connection, other: Observation
):
    known = Known()
    await settled(connection, known)
    await connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
        " SELECT 'd', 'match', 'm1', max(id) FROM matches"
    )
    statements = Statements(connection)
    await take_in(connection, other, known=known)
    asked, ahead = await statements.counts()
    assert asked
    assert not ahead
    assert await check(connection, known.held.memory) == 1


async def test_a_dispute_goes_the_long_way_until_it_ends(connection: asyncpg.Connection):
    known = Known()
    match_id = await settled(connection, known)
    statements = Statements(connection)
    for after in (20, 40):
        await take_in(connection, said("c", after, home=1), known=known)
        await take_in(connection, said("a", after + 1), known=known)
    _, (belief,), disputes, *_ = await tables(connection, match_id)
    assert (belief[1], [outcome for *_, outcome in disputes]) == (1, [None])
    assert (await statements.counts())[1] < 4
    for n in range(CONFIRMATIONS + 1):
        for provider in PROVIDERS:
            await take_in(connection, said(provider, 60 + n, home=1), known=known)
    *_, disputes, _, _ = await tables(connection, match_id)
    assert [outcome for *_, outcome in disputes] == ["agreed"]
    assert await check(connection, known.held.memory) == 1


async def test_news_where_somebody_else_wrote_is_weighed_with_what_he_wrote(
    connection: asyncpg.Connection,
):
    mine, theirs = Known(), Known()
    match_id = await settled(connection, mine)
    for provider in ("a", "b"):
        await take_in(connection, said(provider, 20, home=1), known=theirs)
    # To what is remembered here this would be the first goal.
    await take_in(connection, said("c", 30, score=a_score(0, 1, clock="30'")), known=mine)
    _, (belief,), *_, log = await tables(connection, match_id)
    assert belief[1:3] == (1, 0)
    assert [seq for seq, _, _ in log] == list(range(1, len(log) + 1))
    assert await check(connection, mine.held.memory) == 1


async def test_ticks_and_news_of_one_answer_are_a_statement_each(connection: asyncpg.Connection):
    known = Known()
    ticking = await settled(connection, known)
    played = await known_to_all(connection, NAMES[0])
    for n in range(CONFIRMATIONS + 1):
        for provider in PROVIDERS:
            await take_in(connection, said(provider, n, name=NAMES[0]), known=known)
    statements = Statements(connection)
    both = (said("c", 20), said("c", 20, home=1, name=NAMES[0]))
    taken = await take_in(connection, *both, known=known)
    assert (taken.matches, taken.scores_changed) == (2, 2)
    assert await statements.counts() == (2, 2)
    rows = await connection.fetch("SELECT match_id, home_score, clock FROM live_scores")
    assert {tuple(row) for row in rows} == {(ticking, 0, "20'"), (played, 1, "20'")}
    assert await one(connection, "SELECT count(*) FROM conflicts") == (0,)
    assert await check(connection, known.held.memory) == 2
