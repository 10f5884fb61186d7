"""Merges and splits by an operator lose nothing that was told."""

from datetime import timedelta
from decimal import Decimal

import asyncpg
import msgspec
import pytest

from app.errors import NotFound
from app.ingest.known import Known
from app.ingest.merging import NotMergeable, merge_matches, merge_rows, split_match
from app.ingest.verdicts import AlreadyDecided, decide_review
from app.sports.observation import Observation
from tests.ingest.conftest import one, take_in
from tests.ingest.test_identity import counted, told
from tests.observed import KICK_OFF, a_score, a_total, a_winner

FAR = KICK_OFF + timedelta(days=3)
# Tables that name a match and need no moving: its own state, its log, and what other tests hold.
# Bets stay with the match they were struck on; settlement looks at the one it was merged into.
LEFT_WHERE_THEY_ARE = {
    *("live_scores", "match_heads", "incidents", "matches", "match_feeds"),
    *("bet_legs", "market_exposures", "settlement_places"),
    *("forecasts", "forecast_points", "forecast_places", "forecast_records", "judged_chances"),
}
MOVED = {
    "provider_refs",
    "score_observations",
    "incident_observations",
    "markets",
    "conflicts",
    "identity_reviews",
}


def told_by(provider: str, home: str, away: str, **more: object) -> Observation:
    """A match with a score and prices."""
    plain = told(home, away, provider=provider, score=a_score(1, 0), **more)  # pyright: ignore[reportArgumentType]
    return msgspec.structs.replace(plain, markets=(a_winner(), a_total()))


async def two_of_one(connection: asyncpg.Connection, *, inverted: bool = False) -> tuple[int, int]:
    """One match, told by two providers on two days, so that it is two of ours."""
    await take_in(connection, told_by("one", "Arsenal", "Chelsea"))
    sides = ("Chelsea", "Arsenal") if inverted else ("Arsenal", "Chelsea")
    await take_in(connection, told_by("two", *sides, start_time=FAR))
    rows = await connection.fetch("SELECT id FROM matches ORDER BY id")
    assert len(rows) == 2
    return rows[0]["id"], rows[1]["id"]


async def test_every_table_that_names_a_match_is_moved_or_known_to_stay(
    connection: asyncpg.Connection,
):
    rows = await connection.fetch(
        "SELECT DISTINCT conrelid::regclass::text AS name FROM pg_constraint"
        " WHERE contype = 'f' AND confrelid = 'matches'::regclass"
    )
    assert {row["name"] for row in rows} <= MOVED | LEFT_WHERE_THEY_ARE


@pytest.mark.parametrize("inverted", [False, True])
async def test_what_was_told_of_the_dropped_one_counts_for_the_kept(
    connection: asyncpg.Connection, *, inverted: bool
):
    keep, drop = await two_of_one(connection, inverted=inverted)
    before = await one(connection, "SELECT count(*) FROM quotes")
    async with connection.transaction():
        await merge_matches(connection, keep, drop)
    assert await one(connection, "SELECT merged_into FROM matches WHERE id = $1", drop) == (keep,)
    assert await one(connection, "SELECT count(*) FROM quotes") == before
    elsewhere = (
        "SELECT count(*) FROM quotes q JOIN selections s ON s.id = q.selection_id"
        " JOIN markets k ON k.id = s.market_id WHERE k.match_id <> $1"
    )
    assert await one(connection, elsewhere, keep) == (0,)
    scores = await connection.fetch(
        "SELECT provider, score -> 'home' AS home FROM score_observations"
        " WHERE match_id = $1 ORDER BY provider",
        keep,
    )
    assert [tuple(row) for row in scores] == [("one", "1"), ("two", "0" if inverted else "1")]
    last = "SELECT kind, body::text FROM changes WHERE match_id = $1 ORDER BY seq DESC LIMIT 1"
    assert await one(connection, last, drop) == ("match_merged", f'{{"mergedInto":"{keep}"}}')
    assert await one(connection, last, keep) == ("match_merged", f'{{"merged":"{drop}"}}')


async def test_a_worker_that_remembers_the_dropped_match_writes_to_the_kept(
    connection: asyncpg.Connection,
):
    known = Known()
    await take_in(connection, told_by("one", "Arsenal", "Chelsea"))
    two = told_by("two", "Chelsea", "Arsenal", start_time=FAR)
    await take_in(connection, two, known=known)
    keep, drop = [r["id"] for r in await connection.fetch("SELECT id FROM matches ORDER BY id")]
    async with connection.transaction():
        await merge_matches(connection, keep, drop)
    later = msgspec.structs.replace(
        two, score=a_score(3, 0), observed_at=two.observed_at + timedelta(seconds=1)
    )
    for _ in range(2):
        await take_in(connection, later, known=known)
    rows = await connection.fetch(
        "SELECT match_id, score -> 'away' AS away FROM score_observations WHERE provider = 'two'"
    )
    assert [tuple(row) for row in rows] == [(keep, "3")]


async def test_a_split_gives_the_provider_its_match_back(connection: asyncpg.Connection):
    keep, drop = await two_of_one(connection, inverted=True)
    async with connection.transaction():
        await merge_matches(connection, keep, drop)
    before = await one(connection, "SELECT count(*) FROM quotes")
    async with connection.transaction():
        own = await split_match(connection, "two", "Chelsea-Arsenal")
    assert await one(connection, "SELECT count(*) FROM quotes") == before
    found = (
        "SELECT o.match_id, o.score -> 'home', h.name FROM score_observations o"
        " JOIN matches m ON m.id = o.match_id JOIN participants h ON h.id = m.home_id"
        " WHERE o.provider = 'two'"
    )
    assert await one(connection, found) == (own, "1", "Chelsea")
    known = Known()
    await take_in(connection, told_by("two", "Chelsea", "Arsenal", start_time=FAR), known=known)
    ours = known.matches.get(("two", "Chelsea-Arsenal"))
    assert ours is not None
    assert ours.id == own


async def test_what_cannot_be_merged_or_split_says_why(connection: asyncpg.Connection):
    keep, drop = await two_of_one(connection)
    with pytest.raises(NotMergeable):
        await merge_matches(connection, keep, keep)
    with pytest.raises(NotFound):
        await merge_matches(connection, keep, 10_000)
    with pytest.raises(NotMergeable):
        await split_match(connection, "one", "Arsenal-Chelsea")
    with pytest.raises(NotFound):
        await split_match(connection, "one", "nothing")
    async with connection.transaction():
        await merge_matches(connection, keep, drop)
    with pytest.raises(NotMergeable):
        await merge_matches(connection, keep, drop)


async def test_leagues_and_sides_are_merged_with_all_their_matches(
    connection: asyncpg.Connection,
):
    await take_in(connection, told("Arsenal", "Chelsea", league="Premier League"))
    await take_in(
        connection, told("Gunners", "Everton", provider="two", league="Top Flight", start_time=FAR)
    )
    leagues = [r["id"] for r in await connection.fetch("SELECT id FROM leagues ORDER BY id")]
    names = {r["name"]: r["id"] for r in await connection.fetch("SELECT * FROM participants")}
    async with connection.transaction():
        await merge_rows(connection, "leagues", leagues[0], leagues[1])
        await merge_rows(connection, "participants", names["Arsenal"], names["Gunners"])
    in_league = "SELECT count(*) FROM matches WHERE league_id = $1"
    assert await one(connection, in_league, leagues[0]) == (2,)
    plays = "SELECT count(*) FROM matches WHERE home_id = $1"
    assert await one(connection, plays, names["Arsenal"]) == (2,)
    assert await one(connection, "SELECT name FROM participant_names") == ("Gunners",)
    with pytest.raises(NotMergeable):
        await merge_rows(connection, "participants", names["Arsenal"], names["Chelsea"])


@pytest.mark.parametrize(("verdict", "matches"), [("same", 1), ("new", 2), ("dismiss", 1)])
async def test_an_operators_word_lets_the_next_observation_flow(
    connection: asyncpg.Connection, verdict: str, matches: int
):
    await take_in(connection, told("Arsenal", "Chelsea"))
    odd = told("Arsenal", "Zebras", provider="two", score=a_score(2, 2))
    await take_in(connection, odd)
    number = (await one(connection, "SELECT id FROM identity_reviews"))[0]
    async with connection.transaction():
        await decide_review(connection, number, verdict, by="operator")  # pyright: ignore[reportArgumentType]
    await take_in(connection, odd)
    assert (await counted(connection))[0] == matches
    told_scores = 0 if verdict == "dismiss" else 1
    assert await one(connection, "SELECT count(*) FROM score_observations") == (told_scores,)
    with pytest.raises(AlreadyDecided):
        await decide_review(connection, number, "new", by="operator")


async def test_a_merged_markets_quotes_keep_their_prices(connection: asyncpg.Connection):
    keep, drop = await two_of_one(connection)
    async with connection.transaction():
        await merge_matches(connection, keep, drop)
    quoted = (
        "SELECT min(q.odds) FROM quotes q JOIN selections s ON s.id = q.selection_id"
        " WHERE q.provider = 'two' AND s.key = 'home'"
    )
    assert await one(connection, quoted) == (Decimal("2.100"),)
