"""One change is one entry; no change is none; seq order is commit order."""

import asyncio
import random
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from app.database.listener import CHANNEL
from app.ingest.known import Known
from app.ingest.pipeline import ingest
from tests.observed import a_score, a_total, a_winner, an_observation, goals


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """One connection to the test's own database."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def a_match(connection: asyncpg.Connection, name: str = "m1") -> int:
    """A match in play with two markets; its log is emptied to begin at 0."""
    known = Known()
    observation = an_observation(name, score=a_score(), markets=[a_winner(), a_total()])
    await ingest(connection, [observation], known)
    known.keep()
    match_id: int = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
        "SELECT match_id FROM provider_refs WHERE kind = 'match' AND external_id = $1", name
    )
    await connection.execute("DELETE FROM changes WHERE match_id = $1", match_id)
    await connection.execute("UPDATE match_heads SET seq = 0 WHERE match_id = $1", match_id)
    return match_id


async def entries(connection: asyncpg.Connection, match_id: int) -> list[tuple[int, str]]:
    """The log of a match as (seq, kind)."""
    rows = await connection.fetch(
        "SELECT seq, kind FROM changes WHERE match_id = $1 ORDER BY seq", match_id
    )
    return [tuple(row) for row in rows]


async def test_a_score_that_changes_is_one_entry(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    await connection.execute("UPDATE live_scores SET home_score = 1, clock = $1", "9'")
    assert await entries(connection, match_id) == [(1, "score_update")]


async def test_a_write_that_changes_nothing_is_no_entry(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    await connection.execute("UPDATE live_scores SET home_score = home_score, updated_at = now()")
    await connection.execute("UPDATE selections SET odds = odds, updated_at = now()")
    await connection.execute("UPDATE markets SET status = status, version = version + 1")
    assert await entries(connection, match_id) == []


async def test_a_score_that_goes_back_is_a_correction_that_says_what_it_was(
    connection: asyncpg.Connection,
):
    match_id = await a_match(connection)
    await connection.execute("UPDATE live_scores SET home_score = 2")
    await connection.execute("UPDATE live_scores SET home_score = 1")
    assert await entries(connection, match_id) == [(1, "score_update"), (2, "score_correction")]
    body = await connection.fetchval("SELECT body::jsonb -> 'previous' FROM changes WHERE seq = 2")
    assert body == '{"awayScore": 0, "homeScore": 2}'


async def test_selections_of_one_market_in_one_statement_are_one_entry(
    connection: asyncpg.Connection,
):
    match_id = await a_match(connection)
    await connection.execute(
        "UPDATE selections SET odds = odds + 0.1 WHERE market_id ="
        " (SELECT id FROM markets WHERE match_id = $1 AND type = 'winner')",
        match_id,
    )
    assert await entries(connection, match_id) == [(1, "odds_update")]
    changed = await connection.fetchval(
        "SELECT json_array_length(body -> 'selections') FROM changes WHERE match_id = $1", match_id
    )
    assert changed == 3


async def test_only_the_selections_that_changed_are_told(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    await connection.execute("UPDATE selections SET odds = 9 WHERE key = 'draw'")
    names = await connection.fetchval(
        "SELECT jsonb_path_query_array(body::jsonb, '$.selections[*].name')::text"
        " FROM changes WHERE match_id = $1",
        match_id,
    )
    assert names == '["Draw"]'


async def test_one_statement_over_many_matches_is_one_entry_each(connection: asyncpg.Connection):
    matches = [await a_match(connection, f"m{n}") for n in range(5)]
    await connection.execute("UPDATE live_scores SET away_score = 3")
    assert [await entries(connection, m) for m in matches] == [[(1, "score_update")]] * 5


async def test_a_rollback_gives_its_numbers_back(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("UPDATE live_scores SET home_score = 7")
    await transaction.rollback()
    await connection.execute("UPDATE live_scores SET home_score = 1")
    assert await entries(connection, match_id) == [(1, "score_update")]


async def test_a_withdrawn_incident_is_told(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    known = Known()
    for incidents in (goals(2), goals(1)):
        observation = an_observation(score=a_score(), incidents=incidents)
        await ingest(connection, [observation], known)
        known.keep()
    told = await connection.fetch(
        "SELECT body ->> 'withdrawn' AS withdrawn FROM changes"
        " WHERE match_id = $1 AND kind = 'incident' ORDER BY seq",
        match_id,
    )
    assert [row["withdrawn"] for row in told] == ["false", "false", "true"]


async def test_names_that_need_quoting_stay_what_they_are(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    name = 'Mrázová "the\\wall"\n\u2028 \U0001f3d2'
    await connection.execute("UPDATE selections SET name = $1 WHERE key = 'home'", name)
    told = await connection.fetchval(
        "SELECT body -> 'selections' -> 0 ->> 'name' FROM changes WHERE match_id = $1", match_id
    )
    assert told == name


async def test_a_body_over_the_limit_of_notify_arrives_whole(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    await connection.execute("UPDATE selections SET name = repeat('x', 9000) WHERE key = 'home'")
    length: int = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
        "SELECT length(body::text) FROM changes WHERE match_id = $1", match_id
    )
    assert length > 9_000


async def test_a_statement_notifies_once_with_the_ids_it_touched(
    connection: asyncpg.Connection, database_url: str
):
    matches = [await a_match(connection, f"m{n}") for n in range(3)]
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await asyncpg.connect(database_url)
    await listening.add_listener(CHANNEL, lambda *a: heard.put_nowait(a[3]))
    await connection.execute("UPDATE live_scores SET away_score = 3")
    await connection.execute("UPDATE live_scores SET away_score = 3")
    await connection.execute(
        "UPDATE live_scores SET away_score = 4 WHERE match_id = $1", matches[0]
    )
    told = [await asyncio.wait_for(heard.get(), 10) for _ in range(2)]
    await listening.close()
    assert told == [",".join(map(str, matches)), str(matches[0])]


async def test_more_ids_than_fit_become_a_star(connection: asyncpg.Connection, database_url: str):
    await a_match(connection)
    await connection.execute(
        "INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time)"
        " SELECT sport_id, league_id, home_id, away_id, start_time FROM matches,"
        " generate_series(1, 3000)"
    )
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await asyncpg.connect(database_url)
    await listening.add_listener(CHANNEL, lambda *a: heard.put_nowait(a[3]))
    await connection.execute(
        "INSERT INTO live_scores (match_id, status) SELECT id, 'scheduled' FROM matches"
        " ON CONFLICT DO NOTHING"
    )
    assert await asyncio.wait_for(heard.get(), 10) == "*"
    await listening.close()


async def test_eight_writers_leave_no_hole_and_no_double(
    connection: asyncpg.Connection, database_url: str
):
    """Writers touch the same matches in any order, some roll back; a reader follows meanwhile."""
    matches = [await a_match(connection, f"m{n}") for n in range(6)]
    writes = 40

    async def write(seed: int) -> int:
        dice = random.Random(seed)
        mine = await asyncpg.connect(database_url)
        committed = 0
        for n in range(writes):
            chosen = sorted(dice.sample(matches, dice.randint(1, 4)))
            transaction = mine.transaction()
            await transaction.start()
            await mine.execute(
                "SELECT 1 FROM match_heads WHERE match_id = ANY ($1::bigint[])"
                " ORDER BY match_id FOR NO KEY UPDATE",
                chosen,
            )
            await mine.execute(
                "UPDATE live_scores SET clock = $2 WHERE match_id = ANY ($1::bigint[])",
                chosen,
                f"{seed}-{n}",
            )
            if dice.random() < 0.25:
                await transaction.rollback()
            else:
                await transaction.commit()
                committed += len(chosen)
        await mine.close()
        return committed

    committed = sum(await asyncio.gather(*(write(seed) for seed in range(8))))
    logs = [await entries(connection, m) for m in matches]
    assert sum(map(len, logs)) == committed
    for log in logs:
        assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    heads = await connection.fetch("SELECT match_id, seq FROM match_heads ORDER BY match_id")
    assert {r["match_id"]: r["seq"] for r in heads} == dict(
        zip(matches, map(len, logs), strict=True)
    )


async def test_at_never_goes_back_within_a_match(connection: asyncpg.Connection):
    match_id = await a_match(connection)
    await connection.execute("UPDATE match_heads SET at = now() + interval '1 hour'")
    for goals_scored in (1, 2):
        await connection.execute("UPDATE live_scores SET home_score = $1", goals_scored)
    times = [
        r["at"]
        for r in await connection.fetch(
            "SELECT at FROM changes WHERE match_id = $1 ORDER BY seq", match_id
        )
    ]
    assert len(set(times)) == 2
    assert times == sorted(times)


async def test_states_that_make_no_sense_are_refused(connection: asyncpg.Connection):
    await a_match(connection)
    wrong = (
        "UPDATE live_scores SET home_score = -1",
        "UPDATE live_scores SET home_score = NULL",
        "UPDATE live_scores SET home_score = NULL, away_score = NULL",
        "UPDATE live_scores SET status = 'over'",
        "UPDATE live_scores SET periods = '{}'",
        "UPDATE matches SET away_id = home_id",
        "UPDATE matches SET sport_id = 'tennis'",
        "UPDATE selections SET odds = 1",
        "UPDATE selections SET odds = NULL",
        "UPDATE selections SET key = 'both'",
        "UPDATE markets SET line = 2.5 WHERE type = 'winner'",
        "UPDATE quotes SET odds = 0.5",
        "UPDATE provider_refs SET league_id = NULL WHERE kind = 'league'",
        "UPDATE match_heads SET seq = -1",
    )
    for statement in wrong:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await connection.execute(statement)
