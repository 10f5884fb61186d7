"""A word that only repeats what all say asks Postgres nothing, until it is to be confirmed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.ingest.confidence import CONFIRMATIONS
from app.ingest.known import Known
from app.ingest.repetition import CONFIRM_EVERY
from app.sports.observation import Observation
from tests.ingest.conftest import take_in
from tests.observed import KICK_OFF, a_score, a_winner, an_observation, goals

STEP = CONFIRM_EVERY / 10
LATER = timedelta(days=1)
BEGUN = datetime.now(UTC) - timedelta(minutes=5)


def said(steps: int, home: int = 1, provider: str = "one", **more: Any) -> Observation:
    """What is said so many steps after the beginning."""
    plain: dict[str, Any] = {"incidents": goals(home), "observed_at": BEGUN + steps * STEP}
    return an_observation(score=a_score(home), provider=provider, **plain | more)


async def heard(connection: asyncpg.Connection, others: Sequence[Observation] = ()) -> Known:
    """What a worker knows that heard the same often enough, and what others said before."""
    known = Known()
    for other in others:
        await take_in(connection, other)
    for step in range(CONFIRMATIONS + 1):
        await take_in(connection, said(step), known=known)
    return known


async def test_what_was_said_before_asks_nothing(connection: asyncpg.Connection):
    known = await heard(connection)
    # Nothing can be asked over it any more.
    await connection.close()
    taken = await take_in(connection, said(CONFIRMATIONS + 1), known=known)
    assert (taken.matches, taken.scores_changed) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [
        said(CONFIRMATIONS + 1, home=2),
        said(CONFIRMATIONS + 1, incidents=goals(2)),
        said(CONFIRMATIONS + 1, markets=(a_winner(),)),
        said(CONFIRMATIONS + 1, start_time=KICK_OFF + LATER),
        # The word was last written with its third repetition.
        said(CONFIRMATIONS - 1 + 10),
        said(CONFIRMATIONS + 1, provider="another"),
    ],
)
async def test_whatever_is_new_or_to_be_confirmed_is_looked_at(
    connection: asyncpg.Connection, other: Observation
):
    known = await heard(connection)
    await connection.close()
    with pytest.raises(asyncpg.InterfaceError):
        await take_in(connection, other, known=known)


async def test_while_another_says_otherwise_every_word_is_looked_at(
    connection: asyncpg.Connection,
):
    known = await heard(connection, [said(0, home=3, provider="other")])
    assert await connection.fetchval("SELECT count(*) FROM matches") == 1
    await connection.close()
    with pytest.raises(asyncpg.InterfaceError):
        await take_in(connection, said(CONFIRMATIONS + 1), known=known)


async def test_an_older_word_after_a_repetition_is_late(connection: asyncpg.Connection):
    known = await heard(connection)
    await take_in(connection, said(CONFIRMATIONS + 3), known=known)
    await take_in(connection, said(CONFIRMATIONS + 2, home=2), known=known)
    assert await connection.fetchval("SELECT home_score FROM live_scores") == 1
