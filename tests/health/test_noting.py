"""What is kept of a provider's answers and failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.database.engine import Connection
from app.health.noting import (
    RESPONSES_KEPT,
    Place,
    keep_provider,
    moments_in_play,
    note_alive,
    note_failure,
    note_success,
)
from app.health.state import CIRCUIT_FAILURES
from app.sports.match import Sport
from tests.observed import a_score, an_observation

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FOOTBALL = Sport.FOOTBALL.value


async def noted(connection: Connection, *columns: str) -> tuple[Any, ...]:
    """Columns of the one row there is."""
    row = await connection.fetchrow(f"SELECT {', '.join(columns)} FROM provider_health")
    assert row is not None
    return tuple(row.values())


async def fail(connection: Connection, times: int = 1, *, kind: str = "unavailable") -> None:
    """Fails so often in a row."""
    for _ in range(times):
        await note_failure(connection, "p", FOOTBALL, kind=kind, error="no answer")


async def test_failures_are_counted_by_kind_and_a_success_ends_the_row(connection: Connection):
    await fail(connection, 2)
    await fail(connection, kind="timeout")
    assert await noted(connection, "failures", "last_error") == (3, "no answer")
    (errors,) = await noted(connection, "errors::text")
    assert msgspec.json.decode(errors) == {"unavailable": 2, "timeout": 1}
    await note_success(connection, "p", FOOTBALL, took_ms=12)
    assert await noted(connection, "failures", "response_ms") == (0, [None, None, None, 12])


async def test_a_provider_that_fails_time_after_time_is_left_alone_until_it_answers(
    connection: Connection,
):
    await fail(connection, CIRCUIT_FAILURES - 1)
    assert await noted(connection, "circuit") == ("closed",)
    await fail(connection)
    assert await noted(connection, "circuit", "circuit_until > now()") == ("open", True)
    await note_success(connection, "p", FOOTBALL, took_ms=1)
    assert await noted(connection, "circuit", "circuit_until") == ("closed", None)


async def test_a_spent_quota_opens_no_circuit(connection: Connection):
    await fail(connection, CIRCUIT_FAILURES + 1, kind="quota")
    assert await noted(connection, "circuit") == ("closed",)


async def test_only_the_newest_times_to_answer_are_kept(connection: Connection):
    for number in range(RESPONSES_KEPT + 5):
        await note_success(connection, "p", FOOTBALL, took_ms=number)
    (kept,) = await noted(connection, "response_ms")
    assert kept == list(range(5, RESPONSES_KEPT + 5))


async def test_an_answer_without_matches_in_play_says_nothing_of_the_age_of_data(
    connection: Connection,
):
    said = an_observation(score=a_score(1), observed_at=NOW)
    await note_success(connection, "p", FOOTBALL, took_ms=1, observations=[said])
    assert await noted(connection, "data_at") == (NOW,)
    over = an_observation(score=a_score(1, status="finished"), observed_at=NOW + timedelta(hours=1))
    await note_success(connection, "p", FOOTBALL, took_ms=1, observations=[over])
    assert await noted(connection, "data_at") == (NOW,)


async def test_where_a_provider_stands_is_kept_beside_what_was_noted(connection: Connection):
    await note_success(connection, "p", FOOTBALL, took_ms=7)
    await keep_provider(connection, "p", [Sport.FOOTBALL], Place(priority=2, standby=True))
    assert await noted(connection, "priority", "standby", "response_ms") == (2, True, [7])


def test_the_newest_moment_in_play_is_told_a_sport():
    told = [
        an_observation("a", score=a_score(1), observed_at=NOW),
        an_observation("b", score=a_score(2), observed_at=NOW - timedelta(seconds=9)),
        an_observation("c", score=a_score(2), observed_at=NOW, sport=Sport.TENNIS),
        an_observation("d", observed_at=NOW + timedelta(hours=1)),
    ]
    assert moments_in_play(told) == {"football": NOW, "tennis": NOW}


async def test_a_feed_that_says_it_lives_is_expected_to_go_on(connection: Connection):
    await note_success(connection, "p", FOOTBALL, took_ms=1)
    assert await noted(connection, "silence_ms") == (None,)
    await connection.execute("UPDATE provider_health SET last_success_at = $1", NOW)
    await note_alive(connection, "p")
    assert await noted(connection, "silence_ms", "last_success_at > now() - interval '1 m'") == (
        *(20_000, True),
    )
