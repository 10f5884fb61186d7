"""Scores and incidents of several providers over Postgres: what the world hears of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.health.noting import Place, keep_provider
from app.ingest.confidence import CONFIRMATIONS
from app.ingest.conflicts import count_conflicts, delete_old_conflicts
from app.ingest.frozen import frozen_matches, mark_frozen
from app.ingest.known import Known
from app.ingest.occurrences import reshow_incidents
from app.ingest.reliability import providers_now
from app.ingest.scores import rebelieve
from app.ingest.sports import keep_sports
from app.sports.incidents import Incident
from app.sports.match import SPORTS, Sport
from tests.ingest.conftest import log_of, one, take_in
from tests.observed import a_score, an_observation, goals

PROVIDERS = ("a", "b", "c")


class Match:
    """One match that three providers know, and a clock of its own."""

    def __init__(self, connection: asyncpg.Connection, match_id: int, begun: datetime) -> None:
        self.connection = connection
        self.id = match_id
        self.begun = begun
        self.known = Known()

    async def tell(
        self,
        provider: str,
        after: float,
        home: int,
        *,
        status: str = "live",
        incidents: Sequence[Incident] | None = None,
    ) -> None:
        """Takes in what a provider says of the score so many seconds after the beginning."""
        said = an_observation(
            score=a_score(home, status=status),
            incidents=incidents,
            provider=provider,
            observed_at=self.begun + timedelta(seconds=after),
            start_time=self.begun,
        )
        await take_in(self.connection, said, known=self.known)

    async def score(self) -> str:
        """What is believed: "1 live"."""
        row = await one(
            self.connection,
            "SELECT home_score, status FROM live_scores WHERE match_id = $1",
            self.id,
        )
        return f"{row[0]} {row[1]}"

    async def told(self) -> list[str]:
        """The score of every entry of the log, corrections marked."""
        rows = await self.connection.fetch(
            "SELECT kind, body ->> 'homeScore' AS home FROM changes"
            " WHERE match_id = $1 AND kind LIKE 'score%' ORDER BY seq",
            self.id,
        )
        said = [f"{'!' * (row['kind'] == 'score_correction')}{row['home']}" for row in rows]
        return [one for n, one in enumerate(said) if n == 0 or one != said[n - 1]]

    async def shown(self) -> list[tuple[str, str]]:
        """(provider, key) of the incidents that are shown."""
        rows = await self.connection.fetch(
            "SELECT provider, key FROM incidents WHERE match_id = $1 AND NOT withdrawn"
            " ORDER BY ordinal",
            self.id,
        )
        return [(row["provider"], row["key"]) for row in rows]


async def a_match(connection: asyncpg.Connection, begun: datetime | None = None) -> Match:
    """A match at 0-0, told so by three providers at once."""
    begun = begun or datetime.now(UTC) - timedelta(minutes=30)
    first = an_observation(provider="a", observed_at=begun, start_time=begun)
    await take_in(connection, first)
    (match_id,) = await one(connection, "SELECT max(id) FROM matches")
    for provider in PROVIDERS:
        await connection.execute(
            "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
            " VALUES ($1, 'match', 'm1', $2) ON CONFLICT DO NOTHING",
            provider,
            match_id,
        )
    match = Match(connection, match_id, begun)
    for provider in PROVIDERS:
        await match.tell(provider, 0, 0)
    return match


async def down(connection: asyncpg.Connection, provider: str) -> None:
    """Puts a provider in quarantine."""
    await connection.execute(
        "INSERT INTO provider_health (provider, sport_id, state, quarantined_before)"
        " VALUES ($1, 'football', 'down', 'infinity')",
        provider,
    )


async def conflicts(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """Field, what was believed, how it ended and as what, of every conflict."""
    rows = await connection.fetch(
        "SELECT field, believed, outcome, ended_as FROM conflicts ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def test_a_wild_score_reaches_nobody_and_is_a_conflict(connection: asyncpg.Connection):
    match = await a_match(connection)
    for n in range(CONFIRMATIONS + 1):
        await match.tell("a", 10 + n, 9)
        await match.tell("b", 10.5 + n, 0)
    assert await match.told() == ["0"]
    row = await one(connection, "SELECT told::text, closed_at FROM conflicts")
    assert msgspec.json.decode(row[0]) == {"a": "9-0", "b": "0-0", "c": "0-0"}
    assert row[1] is None
    assert await count_conflicts(connection) == 1
    await match.tell("a", 20, 0)
    assert await conflicts(connection) == [("points", "0-0", "agreed", "0-0")]
    providers = await providers_now(connection)
    assert providers.of("a", "football").reliability < providers.of("b", "football").reliability
    assert providers.of("a", "tennis").reliability == 0.8


async def test_a_goal_goes_out_at_once_and_back_only_when_confirmed(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    await match.tell("a", 10, 1)
    assert await match.score() == "1 live"
    await match.tell("b", 11, 1)
    await match.tell("a", 60, 0)
    assert await match.score() == "1 live"
    assert await conflicts(connection) == [("points", "1-0", None, None)]
    await match.tell("b", 61, 0)
    assert await match.score() == "0 live"
    assert await match.told() == ["0", "1", "!0"]
    await match.tell("c", 62, 0)
    assert await conflicts(connection) == [("points", "1-0", "moved", "0-0")]


async def test_one_provider_alone_is_confirmed_by_itself(connection: asyncpg.Connection):
    known = Known()
    begun = datetime.now(UTC) - timedelta(minutes=5)
    for after, home in enumerate((2, 1, 1, 1)):
        said = an_observation(score=a_score(home), observed_at=begun + timedelta(seconds=after))
        await take_in(connection, said, known=known)
        expected = 2 if after < CONFIRMATIONS else 1
        assert await one(connection, "SELECT home_score FROM live_scores") == (expected,)
    kinds = [kind for kind, _ in await log_of(connection) if kind.startswith("score")]
    # The doubt is told first: nobody says 2-0 any more.
    assert kinds == ["score_update", "score_update", "score_correction"]


async def test_when_a_provider_goes_down_the_others_are_believed_anew(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    # Only one tells that it is over; while it is there the others weigh more.
    for n in range(CONFIRMATIONS):
        await match.tell("a", 10 + n, 0, status="finished")
    assert await match.score() == "0 live"
    for provider in ("b", "c"):
        await down(connection, provider)
    async with connection.transaction():
        assert await rebelieve(connection, [match.id]) == {match.id}
    assert await match.score() == "0 finished"
    async with connection.transaction():
        assert await rebelieve(connection, [match.id]) == frozenset()


async def test_a_provider_whose_clock_is_ahead_makes_nobody_else_old(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    ahead = an_observation(
        score=a_score(9), provider="a", observed_at=match.begun + timedelta(hours=9)
    )
    ahead = msgspec.structs.replace(ahead, received_at=match.begun + timedelta(seconds=5))
    await take_in(connection, ahead)
    await match.tell("b", 20, 1)
    assert await match.score() == "1 live"


async def test_one_goal_told_by_three_is_shown_once(connection: asyncpg.Connection):
    match = await a_match(connection)
    for n, provider in enumerate(PROVIDERS):
        await match.tell(provider, 10 + n, 1, incidents=goals(1))
    assert await match.shown() == [("a", "goal-1")]
    assert [kind for kind, _ in await log_of(connection)].count("incident") == 1


async def test_not_telling_incidents_is_not_telling_of_none(connection: asyncpg.Connection):
    match = await a_match(connection)
    await match.tell("a", 10, 1, incidents=goals(1))
    await match.tell("a", 11, 1)
    assert await match.shown() == [("a", "goal-1")]
    await match.tell("a", 12, 1, incidents=())
    assert await match.shown() == []


async def test_when_its_provider_goes_down_anothers_incidents_take_their_place(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    for n, provider in enumerate(PROVIDERS[:2]):
        await match.tell(provider, 10 + n, 1, incidents=goals(1))
    before = len(await log_of(connection))
    await down(connection, "a")
    async with connection.transaction():
        assert await reshow_incidents(connection, [match.id]) == {match.id}
    assert await match.shown() == [("b", "goal-1")]
    told = [body["withdrawn"] for _, body in (await log_of(connection))[before:]]
    assert told == [True, False]
    # It is back, and stays in the second row.
    await connection.execute("DELETE FROM provider_health")
    await match.tell("a", 30, 2, incidents=goals(2))
    await match.tell("b", 31, 2, incidents=goals(2))
    assert await match.shown() == [("b", "goal-1"), ("b", "goal-2")]


async def test_the_first_who_has_something_to_show_is_shown(connection: asyncpg.Connection):
    match = await a_match(connection)
    await match.tell("a", 10, 0, incidents=())
    await match.tell("b", 11, 1, incidents=goals(1))
    assert await match.shown() == [("b", "goal-1")]
    await match.tell("a", 12, 1, incidents=goals(1))
    assert await match.shown() == [("b", "goal-1")]


async def test_incidents_of_a_score_that_is_refused_are_not_shown(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    await match.tell("a", 10, 1, incidents=goals(1))
    await match.tell("a", 11, 9, incidents=goals(9))
    assert await match.shown() == [("a", "goal-1")]


async def test_one_without_a_place_ranks_after_all(connection: asyncpg.Connection):
    for place, name in enumerate("ab"):
        await keep_provider(connection, name, [Sport.TENNIS], Place(priority=place))
    providers = await providers_now(connection)
    assert [providers.of(p, "tennis").rank for p in ("a", "b")] == [0, 1]
    assert providers.of("c", "tennis").rank > 1


async def test_a_match_in_play_for_too_long_is_marked_and_ends_on_one_word(
    connection: asyncpg.Connection,
):
    begun = datetime.now(UTC) - timedelta(hours=5)
    match = await a_match(connection, begun)
    assert [(f.match_id, f.reason) for f in await frozen_matches(connection)] == [
        (match.id, "overdue")
    ]
    before = await log_of(connection)
    await mark_frozen(connection)
    marked = "SELECT match_id FROM live_scores WHERE verify_since IS NOT NULL"
    assert (await one(connection, marked), await log_of(connection)) == ((match.id,), before)
    for n in range(CONFIRMATIONS):
        await match.tell("b", 20 + n, 0)
        await match.tell("a", 20 + n, 0, status="finished")
    assert await match.score() == "0 finished"
    await mark_frozen(connection)
    assert await one(connection, marked) is None


async def test_matches_are_frozen_when_silent_when_their_clock_stands_and_when_not_begun(
    connection: asyncpg.Connection,
):
    now = datetime.now(UTC)
    for name, status, start, heard, clock_since in (
        ("silent", "paused", 60, 30, 0),
        ("standing", "live", 60, 0, 30),
        ("running", "live", 60, 0, 0),
        ("late", "scheduled", 180, 0, 0),
        ("soon", "scheduled", 30, 0, 0),
    ):
        start_time = now - timedelta(minutes=start)
        at = now - timedelta(minutes=heard)
        said = an_observation(
            name, score=a_score(status=status), start_time=start_time, observed_at=at
        )
        await take_in(connection, said)
        await connection.execute(
            "UPDATE live_scores SET updated_at = updated_at - $1::interval"
            " WHERE match_id = (SELECT max(id) FROM matches)",
            timedelta(minutes=clock_since),
        )
    names = dict(
        await connection.fetch(
            "SELECT m.id, p.name FROM matches m JOIN participants p ON p.id = m.home_id"
        )
    )
    found = {names[f.match_id]: f.reason for f in await frozen_matches(connection)}
    assert found == {
        "Home silent": "silent",
        "Home standing": "clock_stands",
        "Home late": "not_begun",
    }


async def test_conflicts_closed_long_ago_are_deleted(connection: asyncpg.Connection):
    match = await a_match(connection)
    await match.tell("a", 10, 9)
    await match.tell("a", 11, 0)
    await match.tell("a", 12, 9)
    assert await delete_old_conflicts(connection) == 0
    await connection.execute("UPDATE conflicts SET closed_at = closed_at - interval '15 days'")
    assert await delete_old_conflicts(connection) == 1
    assert await conflicts(connection) == [("points", "0-0", None, None)]


async def test_the_sports_of_the_program_are_those_of_the_database(
    connection: asyncpg.Connection,
):
    await connection.execute("UPDATE sports SET name = 'Soccer' WHERE id = 'football'")
    await keep_sports(connection)
    rows = await connection.fetch("SELECT id, name FROM sports")
    assert {row["id"]: row["name"] for row in rows} == {
        sport.value: facts.name for sport, facts in SPORTS.items()
    }


SAID = st.tuples(st.sampled_from(PROVIDERS), st.integers(1, 120), st.integers(0, 3))


@given(st.lists(SAID, max_size=12, unique_by=lambda said: said[:2]), st.randoms())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_once_all_agree_the_tables_say_so_whatever_came_before(
    connection: asyncpg.Connection, said: Sequence[tuple[str, int, int]], dice: Any
):
    await connection.execute("DELETE FROM matches")
    match = await a_match(connection)
    arriving = [*said, *dice.sample(said, k=len(said) // 2)]
    dice.shuffle(arriving)
    for provider, after, home in arriving:
        await match.tell(provider, after, home, incidents=goals(home))
    for n in range(CONFIRMATIONS + 1):
        for provider in dice.sample(PROVIDERS, k=len(PROVIDERS)):
            await match.tell(provider, 400 + n, 2, incidents=goals(2))
    assert await match.score() == "2 live"
    assert len(await match.shown()) == 2
    assert len({provider for provider, _ in await match.shown()}) == 1
    open_now = "SELECT count(*) FROM conflicts WHERE closed_at IS NULL"
    assert await one(connection, open_now) == (0,)
    before = len(await log_of(connection))
    async with connection.transaction():
        assert await rebelieve(connection, [match.id]) == frozenset()
        assert await reshow_incidents(connection, [match.id]) == frozenset()
    assert len(await log_of(connection)) == before


async def test_a_word_late_by_less_than_words_are_written_again_changes_nothing(
    connection: asyncpg.Connection,
):
    match = await a_match(connection)
    for after in (1, 2, 4):  # The last is not written: nothing differs, nothing is left to confirm.
        await match.tell("a", after, 0)
    await match.tell("a", 3, 1)
    assert await match.score() == "0 live"
