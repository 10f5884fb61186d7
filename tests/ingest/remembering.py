"""Matches that several providers tell of, and a look at what is remembered of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from app.database.engine import Connection
from app.ingest.confidence import CONFIRMATIONS
from app.ingest.held import Memory, read_told
from app.ingest.known import Known
from app.ingest.reliability import providers_now
from app.sports.observation import Observation
from tests.ingest.conftest import one, take_in
from tests.observed import a_score, an_observation

PROVIDERS = ("a", "b", "c")
# Names that nobody takes for one another.
NAMES = ("Kestrel", "Osprey", "Bittern", "Dunlin", "Wigeon", "Godwit")
BEGUN = datetime.now(UTC) - timedelta(hours=1)


def said(provider: str, after: float, home: int = 0, **more: Any) -> Observation:
    """What a provider says so many seconds after the beginning."""
    score = more.pop("score", None) or a_score(home, clock=more.pop("clock", f"{after}'"))
    at = BEGUN + timedelta(seconds=after)
    plain: dict[str, Any] = {"observed_at": at, "start_time": BEGUN, "provider": provider}
    return an_observation(score=score, **plain | more)


async def known_to_all(connection: asyncpg.Connection, name: str = "m1") -> int:
    """A match that three providers know by one id."""
    await take_in(connection, said("a", -9, name=name))
    (match_id,) = await one(connection, "SELECT max(id) FROM matches")
    await connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
        " SELECT p, 'match', $2, $1 FROM unnest($3::text[]) AS p ON CONFLICT DO NOTHING",
        match_id,
        name,
        list(PROVIDERS),
    )
    return match_id


async def settled(connection: asyncpg.Connection, known: Known) -> int:
    """A match that three providers have told the same of, often enough."""
    match_id = await known_to_all(connection)
    for n in range(CONFIRMATIONS + 1):
        for provider in PROVIDERS:
            await take_in(connection, said(provider, n, clock="1'"), known=known)
    return match_id


class Statements:
    """The statements a connection was asked for."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.asked: list[str] = []
        connection.add_query_logger(lambda record: self.asked.append(record.query.strip()))

    async def counts(self) -> tuple[int, int]:
        """How many they were, and how many of them were a tick's."""
        await asyncio.sleep(0)  # The driver tells of a statement at the loop's next turn.
        return len(self.asked), sum("remembered" in query for query in self.asked)


TABLES = (
    """
    SELECT provider, score, observed_at, received_at, points_since, points_repeats, back_since,
           back_repeats, status_since, status_repeats
    FROM score_observations WHERE match_id = $1 ORDER BY provider
    """,
    """
    SELECT status, home_score, away_score, period, clock, periods, confidence, points_at, status_at
    FROM live_scores WHERE match_id = $1
    """,
    "SELECT field, believed, told, outcome FROM conflicts WHERE match_id = $1 ORDER BY id",
    "SELECT provider, key, withdrawn FROM incidents WHERE match_id = $1 ORDER BY provider, key",
    """
    SELECT seq, kind, body::jsonb - '{updatedAt,id}'::text[] FROM changes WHERE match_id = $1
    ORDER BY seq
    """,
)


async def tables(connection: asyncpg.Connection, match_id: int) -> list[list[tuple[Any, ...]]]:
    """What is told of a match, believed, disputed, shown and logged; not when it was written."""
    return [[tuple(row) for row in await connection.fetch(q, match_id)] for q in TABLES]


async def check(connection: Connection, memory: Memory) -> int:
    """Holds what is remembered, and named by its head, to the tables; returns of how many."""
    providers = await providers_now(connection)
    holders = {
        row["match_id"]: row["holder"]
        for row in await connection.fetch("SELECT match_id, holder FROM match_heads")
    }
    count = 0
    for match_id, told in memory.kept.items():
        if holders[match_id] != told.reading:
            continue
        count += 1
        told.weigh(providers)
        there = (await read_told(connection, [match_id], providers, told.reading))[match_id]
        there.read_at, there.settled, there.look_again = (
            told.read_at,
            told.settled,
            told.look_again,
        )
        assert told == there
    return count
