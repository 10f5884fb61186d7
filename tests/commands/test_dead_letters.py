"""`app dead-letters`: what was not taken in, counted, shown, and taken in again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from app.cli import main
from app.database.engine import open_pool
from app.ingest.dead_letters import RAW_BYTES_MAX, Letter, Origin, bury
from app.ingest.intake import take_in
from app.ingest.known import Known
from app.providers.provider import Answer
from tests.builders import a_match
from tests.observed import a_score, an_observation
from tests.providers.push.bodies import RECORDED, an_item

RECORDINGS = Path(__file__).parents[1] / "recordings"
POLLED = Origin(provider="betfair", scope="markets")
OTHER = Origin(provider="odds-api", scope="scores")
PUSHED = Origin(provider="told", scope="push")


@pytest.fixture
def run(database_url: str) -> Callable[..., Result]:
    """Runs the command on the test's own database."""

    def call(*words: str) -> Result:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0"}
        return CliRunner(env=environment).invoke(main, ["dead-letters", *words])

    return call


@pytest.fixture
def beside(database_url: str) -> Callable[[Callable[[Any], Awaitable[Any]]], Any]:
    """Does something on a connection of its own."""

    async def do(work: Callable[[Any], Awaitable[Any]]) -> Any:
        pool = await open_pool(database_url, connections_max=2, statement_timeout_s=10, name="test")
        try:
            return await work(pool)
        finally:
            await pool.close()

    return lambda work: asyncio.run(do(work))


Run = Callable[..., Result]
Beside = Callable[[Callable[[Any], Awaitable[Any]]], Any]


def keep(beside: Beside, origin: Origin, *letters: Letter) -> None:
    """Buries letters."""

    async def work(pool: Any) -> None:
        async with pool.acquire() as connection:
            await bury(connection, origin, letters)

    beside(work)


def ask(beside: Beside, query: str) -> Any:
    """One value of the database."""
    return beside(lambda pool: pool.fetchval(query))


def test_letters_are_listed_counted_and_shown(run: Run, beside: Beside):
    keep(beside, PUSHED, Letter(code="bad_odds", message="too low", raw=b'{"odds":1}\xff'))
    keep(beside, PUSHED, Letter(code="bad_odds", message="too low", raw=b'{"odds":1}\xff'))
    keep(beside, Origin(provider="other", scope="scores"), Letter(code="x", message="y"))
    counted = json.loads(run("count", "--json").output)
    assert [(row["provider"], row["code"], row["letters"], row["times"]) for row in counted] == [
        ("other", "x", 1, 1),
        ("told", "bad_odds", 1, 2),
    ]
    [listed] = json.loads(run("list", "--provider", "told", "--json").output)
    assert (listed["times"], listed["message"], listed["replayed"]) == (2, "too low", False)
    shown = run("show", str(listed["id"])).output
    assert '{"odds":1}\\xff' in shown
    assert "too low" in shown
    assert run("show", "999").exit_code == 1


def test_a_match_that_was_not_known_is_taken_in_when_it_is(run: Run, beside: Beside):
    described = an_observation("who", score=a_score(1, 0))
    origin = Origin(provider="replay", scope="scores", sport="football")

    def tell(observation: Any) -> None:
        answer = Answer(observations=(observation,))
        beside(lambda pool: take_in(pool, origin, answer, Known()))

    tell(replace(described, match=None))
    refused = run("replay", "--code", "unknown_match")
    assert refused.exit_code == 1
    assert "not taken in: unknown_match" in refused.output
    tell(replace(described, score=None))
    done = run("replay", "--code", "unknown_match")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "1 of 1 letters replayed")
    assert ask(beside, "SELECT home_score FROM live_scores") == 1
    # It is replayed, so it waits no more; by its number it may be again, and changes nothing.
    assert run("replay", "--provider", "replay").output == "0 of 0 letters replayed\n"
    number = str(ask(beside, "SELECT id FROM dead_letters"))
    assert run("replay", number).exit_code == 0


def test_a_pushed_item_is_read_as_it_was_pushed(run: Run, beside: Beside):
    raw = msgspec.json.encode(an_item("m-9"))
    keep(beside, PUSHED, Letter(code="unreadable", message="then", raw=raw))
    assert "1 taken in" in run("replay", "--provider", "told").output
    assert ask(beside, "SELECT external_id FROM provider_refs WHERE kind = 'match'") == "m-9"


def test_a_message_waits_for_its_fixture(run: Run, beside: Beside):
    stop = (
        b'<odds_change event_id="sr:match:18001015" timestamp="1557342000000">'
        b'<sport_event_status status="1" match_status="6" home_score="1" away_score="0"/>'
        b"</odds_change>"
    )
    letter = Letter(code="unknown_match", message="then", raw=stop)
    keep(beside, PUSHED, letter)
    assert run("replay", "--code", "unknown_match").exit_code == 1
    fixture = (RECORDED / "fixture-0.xml").read_bytes()
    keep(beside, PUSHED, Letter(code="mended", message="then", raw=fixture))
    assert run("replay", "--code", "mended").exit_code == 0
    assert run("replay", "--code", "unknown_match").exit_code == 0
    assert ask(beside, "SELECT home_score FROM live_scores") == 1


def test_a_published_score_is_taken_in_when_there_is_such_a_match(run: Run, beside: Beside):
    async def make(pool: Any) -> int:
        async with pool.acquire() as connection:
            return await a_match(connection)

    match_id = beside(make)
    keep(
        beside,
        Origin(provider="redis", scope="publish"),
        Letter(
            code="unreadable",
            message="then",
            raw=b'{"homeScore":1,"awayScore":1}',
            external_id=str(match_id),
        ),
    )
    assert "1 taken in" in run("replay", "--provider", "redis").output
    assert ask(beside, "SELECT provider FROM score_observations") == "redis"


def test_a_whole_body_of_a_polled_provider_is_read_by_its_normaliser(run: Run, beside: Beside):
    body = (RECORDINGS / "thesportsdb" / "made_v1_lookupevent.json").read_bytes()
    keep(
        beside,
        Origin(provider="thesportsdb", scope="scores"),
        Letter(code="unreadable", message="then", raw=body),
    )
    assert " 1 taken in\n" in run("replay", "--provider", "thesportsdb").output
    assert ask(beside, "SELECT count(*) FROM provider_refs WHERE kind = 'match'") == 1


@pytest.mark.parametrize(
    ("origin", "letter", "why"),
    [
        (PUSHED, Letter(code="x", message="", raw=b"x" * RAW_BYTES_MAX), "only its beginning"),
        (PUSHED, Letter(code="x", message="", raw=b"<html/>"), "no message"),
        (PUSHED, Letter(code="x", message="", raw=b'<alive product="1"/>'), "nothing of ours"),
        (POLLED, Letter(code="x", message=""), "by themselves"),
        (OTHER, Letter(code="x", message="", raw=b"{"), "Error"),
        (PUSHED, Letter(code="x", message="", raw=b"{", form="observation"), "truncated"),
    ],
)  # fmt: skip
def test_what_still_cannot_be_read_says_why(
    run: Run, beside: Beside, origin: Origin, letter: Letter, why: str
):
    keep(beside, origin, letter)
    refused = run("replay", "--code", "x")
    assert refused.exit_code == 1
    assert why in refused.output
    assert ask(beside, "SELECT replayed_at FROM dead_letters") is None


def test_nothing_is_replayed_unasked(run: Run):
    assert run("replay").exit_code == 2
