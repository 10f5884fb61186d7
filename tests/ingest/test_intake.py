"""The one way in: what cannot be taken in is kept, and stands in nobody's way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from app.database.engine import Pool
from app.ingest.dead_letters import LETTERS_A_DAY_MAX, Letter, Origin, bury, count, find
from app.ingest.intake import batches, take_in
from app.ingest.known import Known
from app.providers.provider import Answer, Rejected
from app.sports.market import MarketType, SelectionKey
from app.sports.observation import Observation, ObservedMarket, ObservedQuote
from tests.ingest.conftest import one
from tests.observed import a_score, a_winner, an_observation

ORIGIN = Origin(provider="replay", scope="scores", sport="football")
PUSHED = Origin(provider="replay", scope="push")


def hostile(name: str) -> Observation:
    """One whose odds have more digits than a price has."""
    market = ObservedMarket(
        type=MarketType.TOTAL,
        line=Decimal("2.5"),
        quotes=(ObservedQuote("sim", SelectionKey.OVER, Decimal(10**9)),),
    )
    return an_observation(name, score=a_score(), markets=[market])


async def test_one_observation_that_postgres_refuses_stops_no_other(
    pool: Pool, connection: asyncpg.Connection
):
    good = [an_observation(f"m{n}", score=a_score(n, 0)) for n in range(5)]
    answer = Answer(observations=(*good[:2], hostile("bad"), *good[2:]))
    taken = await take_in(pool, ORIGIN, answer, Known())
    assert taken is not None
    assert [(lost.observation.external_id, lost.code) for lost in taken.lost] == [
        ("bad", "not_stored")
    ]
    assert (taken.matches, taken.scores_changed) == (5, 5)
    scores = await connection.fetch("SELECT home_score FROM live_scores ORDER BY home_score")
    assert [row["home_score"] for row in scores] == [0, 1, 2, 3, 4]
    [letter] = await find(connection)
    assert (letter.letter.code, letter.letter.form) == ("not_stored", "observation")
    assert msgspec.json.decode(letter.letter.raw, type=Observation) == hostile_again(answer)


def hostile_again(answer: Answer) -> Observation:
    return next(said for said in answer.observations if said.external_id == "bad")


@pytest.mark.parametrize(
    "spoilt",
    [
        replace(an_observation("bad\0"), score=a_score()),
        an_observation("bad", markets=[a_winner(), a_winner()]),
        an_observation("bad", start_time=datetime.max.replace(tzinfo=UTC) - timedelta(days=2)),
        an_observation("bad", score=replace(a_score(), home=10**6)),
        an_observation("bad", score=replace(a_score(), period="\ud800")),
    ],
)
async def test_whatever_is_wrong_with_one_the_others_are_in(
    pool: Pool, connection: asyncpg.Connection, spoilt: Observation
):
    answer = Answer(observations=(spoilt, an_observation("good", score=a_score(1, 0))))
    known = Known()
    taken = await take_in(pool, ORIGIN, answer, known)
    assert taken is not None
    assert await one(connection, "SELECT home_score FROM live_scores WHERE home_score = 1") == (1,)
    # What was learnt is true: the same again writes the same, and loses the same.
    assert await take_in(pool, ORIGIN, answer, known) == replace(taken, scores_changed=0)


async def test_a_match_nobody_knows_is_a_letter_a_day_when_it_is_polled(
    pool: Pool, connection: asyncpg.Connection
):
    known = Known()
    for n in range(3):
        stranger = replace(an_observation("who", score=a_score(n, 0)), match=None)
        taken = await take_in(pool, ORIGIN, Answer(observations=(stranger,)), known)
        assert taken is not None
        assert [lost.code for lost in taken.lost] == ["unknown_match"]
    [letter] = await find(connection, code="unknown_match")
    kept = msgspec.json.decode(letter.letter.raw, type=Observation)
    assert (letter.count, letter.letter.external_id) == (3, "who")
    assert kept.score == a_score(2, 0)


async def test_a_match_nobody_knows_is_a_letter_a_message_when_it_is_pushed(
    pool: Pool, connection: asyncpg.Connection
):
    for n in range(3):
        stranger = replace(an_observation("who", score=a_score(n, 0)), match=None)
        await take_in(pool, PUSHED, Answer(observations=(stranger,)), Known())
    assert len(await find(connection, code="unknown_match")) == 3


async def test_two_observations_of_one_match_both_count(pool: Pool, connection: asyncpg.Connection):
    at = datetime.now(UTC)
    answer = Answer(
        observations=(
            an_observation(score=a_score(1, 0), observed_at=at),
            an_observation(markets=[a_winner()], observed_at=at),
        )
    )
    assert [len(batch) for batch in batches(answer.observations)] == [1, 1]
    await take_in(pool, PUSHED, answer, Known())
    assert await one(connection, "SELECT home_score FROM live_scores") == (1,)
    assert await one(connection, "SELECT count(*) FROM markets") == (1,)


async def test_what_could_not_be_read_is_kept_beside_what_could(
    pool: Pool, connection: asyncpg.Connection
):
    refused = Rejected(index=1, code="bad_odds", message="NUL \0, half \ud800", raw=b"\0\xff")
    answer = Answer(observations=(an_observation(score=a_score()),), rejected=(refused,))
    await take_in(pool, ORIGIN, answer, Known())
    [buried] = await find(connection, provider="replay", waiting_only=True)
    assert (buried.origin, buried.letter.raw, buried.count) == (ORIGIN, b"\0\xff", 1)
    assert "\0" not in buried.letter.message
    assert [dict(row)["letters"] for row in await count(connection)] == [1]


async def test_a_provider_fills_a_day_no_further_than_its_bound(connection: asyncpg.Connection):
    await connection.execute(
        "INSERT INTO dead_letters (day, digest, provider, scope, code, message, raw)"
        " SELECT (statement_timestamp() AT TIME ZONE 'UTC')::date, int4send(n), 'replay', 'push',"
        " 'x', 'x', '' FROM generate_series(1, $1) AS n",
        LETTERS_A_DAY_MAX - 1,
    )
    letters = [Letter(code="unreadable", message="no", raw=raw) for raw in (b"1", b"2")]
    await bury(connection, PUSHED, letters)
    await bury(connection, PUSHED, letters)
    kept = await find(connection, code="unreadable")
    assert [(one.letter.raw, one.count) for one in kept] == [(b"1", 2)]
    await bury(connection, Origin(provider="other", scope="push"), letters)
    assert len(await find(connection, provider="other")) == 2
