"""From what was observed to rows and entries of the log."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import msgspec
import pytest

from app.ingest.confidence import CONFIRMATIONS
from app.ingest.known import Known
from app.ingest.pipeline import OBSERVATIONS_MAX, ingest
from app.ingest.repetition import CONFIRM_EVERY
from app.sports.observation import Observation
from tests.ingest.conftest import log_of, one, take_in
from tests.observed import KICK_OFF, a_score, a_total, a_winner, an_observation, goals

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_a_match_nobody_knew_is_made_with_all_it_needs(connection: asyncpg.Connection):
    await take_in(connection, an_observation(score=a_score(1), incidents=goals(1)))
    row = await one(
        connection,
        "SELECT m.sport_id, l.slug, h.name, a.name, s.home_score, m.simulated, d.seq"
        " FROM matches m JOIN leagues l ON l.id = league_id JOIN participants h ON h.id = home_id"
        " JOIN participants a ON a.id = away_id JOIN live_scores s ON s.match_id = m.id"
        " JOIN match_heads d ON d.match_id = m.id",
    )
    assert row == ("football", "world-cup", "Home m1", "Away m1", 1, True, 2)


async def test_the_same_observation_twice_is_one_change(connection: asyncpg.Connection):
    observation = an_observation(
        score=a_score(1), incidents=goals(1), markets=[a_winner(), a_total()]
    )
    await take_in(connection, observation)
    before = await log_of(connection)
    for known in (Known(), Known()):
        taken = await take_in(connection, observation, known=known)
        assert taken.scores_changed == 0
    assert await log_of(connection) == before


async def test_an_older_observation_overwrites_nothing(connection: asyncpg.Connection):
    markets = [a_winner(home="2.5")]
    await take_in(connection, an_observation(score=a_score(2), markets=markets, observed_at=NOON))
    before = await log_of(connection)
    earlier = NOON - timedelta(seconds=1)
    await take_in(connection, an_observation(score=a_score(1), observed_at=earlier))
    assert await log_of(connection) == before
    assert await one(connection, "SELECT home_score FROM live_scores") == (2,)


async def test_of_two_observations_of_one_match_the_newest_counts(connection: asyncpg.Connection):
    early = an_observation(score=a_score(1), observed_at=NOON)
    late = an_observation(score=a_score(2), observed_at=NOON + timedelta(seconds=1))
    await take_in(connection, late, early)
    assert await one(connection, "SELECT home_score FROM live_scores") == (2,)


async def test_an_unchanged_score_is_confirmed_now_and_then_and_nobody_is_told(
    connection: asyncpg.Connection,
):
    known = Known()
    for after in (timedelta(), CONFIRM_EVERY / 2, CONFIRM_EVERY * 1.5):
        await take_in(
            connection, an_observation(score=a_score(1), observed_at=NOON + after), known=known
        )
    assert len(await log_of(connection)) == 1
    observed_at = await one(connection, "SELECT observed_at FROM score_observations")
    assert observed_at == (NOON + CONFIRM_EVERY * 1.5,)


async def test_an_illegal_move_changes_nothing(connection: asyncpg.Connection):
    await take_in(connection, an_observation(score=a_score(2, status="finished")))
    await take_in(connection, an_observation(score=a_score(2, status="live")))
    assert await one(connection, "SELECT status FROM live_scores") == ("finished",)


async def test_incidents_are_told_one_by_one_and_only_once(connection: asyncpg.Connection):
    known = Known()
    for count in (1, 2, 2, 3):
        await take_in(
            connection, an_observation(score=a_score(count), incidents=goals(count)), known=known
        )
    told = [body["homeScore"] for kind, body in await log_of(connection) if kind == "incident"]
    assert told == [1, 2, 3]


async def test_a_goal_taken_back_is_withdrawn_though_this_worker_never_saw_it(
    connection: asyncpg.Connection,
):
    mine, other = Known(), Known()
    await take_in(connection, an_observation(score=a_score(1), incidents=goals(1)), known=mine)
    await take_in(connection, an_observation(score=a_score(2), incidents=goals(2)), known=other)
    # One provider takes a goal back in so many observations.
    for _ in range(CONFIRMATIONS):
        rows = await connection.fetch("SELECT key, withdrawn FROM incidents ORDER BY ordinal")
        assert [tuple(row) for row in rows] == [("goal-1", False), ("goal-2", False)]
        await take_in(connection, an_observation(score=a_score(1), incidents=goals(1)), known=mine)
    rows = await connection.fetch("SELECT key, withdrawn FROM incidents ORDER BY ordinal")
    assert [tuple(row) for row in rows] == [("goal-1", False), ("goal-2", True)]
    assert ("score_correction", "live") in [
        (kind, body.get("status")) for kind, body in await log_of(connection)
    ]


async def test_a_late_observation_withdraws_nothing(connection: asyncpg.Connection):
    late, early = NOON + timedelta(seconds=1), NOON
    await take_in(
        connection, an_observation(score=a_score(2), incidents=goals(2), observed_at=late)
    )
    for status, at in (("live", early), ("scheduled", late + timedelta(seconds=1))):
        score = a_score(1, status=status)
        await take_in(connection, an_observation(score=score, incidents=(), observed_at=at))
    assert await one(connection, "SELECT count(*) FROM incidents WHERE withdrawn") == (0,)
    assert await one(connection, "SELECT home_score, status FROM live_scores") == (2, "live")


async def test_prices_are_merged_over_bookmakers(connection: asyncpg.Connection):
    await take_in(connection, an_observation(markets=[a_winner("2.1", "3.4", "3.6")]))
    rows = await connection.fetch(
        "SELECT name, odds, best_odds, best_provider, status FROM selections ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("Home m1", Decimal("2.110"), Decimal("2.120"), "sim-west", "open"),
        ("Draw", Decimal("3.410"), Decimal("3.420"), "sim-west", "open"),
        ("Away m1", Decimal("3.610"), Decimal("3.620"), "sim-west", "open"),
    ]
    assert await one(connection, "SELECT count(*) FROM quotes") == (9,)


async def test_another_providers_fresh_quotes_count_too(connection: asyncpg.Connection):
    await take_in(connection, an_observation(markets=[a_total(over="1.5", under="2.5")]))
    match_id = (await one(connection, "SELECT id FROM matches"))[0]
    await connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
        " VALUES ('rival', 'match', 'm1', $1)",
        match_id,
    )
    total = a_total(over="1.7", under="2.3", bookmaker="sim-south")
    rival = an_observation(markets=[total], provider="rival")
    await take_in(connection, rival)
    best = await one(connection, "SELECT best_odds FROM selections WHERE key = 'under'")
    assert best == (Decimal("2.500"),)
    # Nobody confirmed the first one's quotes for a while: they are no offers any more.
    await connection.execute(
        "UPDATE quotes SET observed_at = observed_at - interval '1 hour' WHERE provider = 'replay'"
    )
    await take_in(connection, rival)
    best = await one(connection, "SELECT best_odds FROM selections WHERE key = 'under'")
    assert best == (Decimal("2.300"),)


async def test_an_entry_carries_the_version_its_change_made(connection: asyncpg.Connection):
    known = Known()
    for home in ("2.1", "2.2", "2.3"):
        await take_in(connection, an_observation(markets=[a_winner(home=home)]), known=known)
    versions = [b["version"] for kind, b in await log_of(connection) if kind == "odds_update"]
    assert versions[-1] == (await one(connection, "SELECT version FROM markets"))[0]
    assert versions == sorted(set(versions))


async def test_a_suspended_market_keeps_its_odds_and_takes_no_bets(
    connection: asyncpg.Connection,
):
    await take_in(connection, an_observation(markets=[a_winner(home="2.1")]))
    await take_in(connection, an_observation(markets=[a_winner(home="2.1", status="suspended")]))
    market = await one(connection, "SELECT status, reason FROM markets")
    selection = await one(connection, "SELECT odds, status FROM selections WHERE key = 'home'")
    assert market == ("suspended", "possible_goal")
    assert selection == (Decimal("2.110"), "suspended")


async def test_the_path_of_prices_has_every_price(connection: asyncpg.Connection):
    known = Known()
    for home in ("2.1", "2.2", "2.2", "2.3"):
        await take_in(connection, an_observation(markets=[a_winner(home=home)]), known=known)
    rows = await connection.fetch(
        "SELECT h.odds FROM odds_history h JOIN selections s ON s.id = h.selection_id"
        " WHERE key = 'home' ORDER BY at"
    )
    assert [row["odds"] for row in rows] == [Decimal(p) for p in ("2.110", "2.210", "2.310")]


async def test_a_rollback_teaches_nothing(connection: asyncpg.Connection):
    known = Known()
    transaction = connection.transaction()
    await transaction.start()
    await ingest(connection, [an_observation(score=a_score(), markets=[a_winner()])], known)
    await transaction.rollback()
    known.drop()
    taken = await take_in(
        connection, an_observation(score=a_score(), markets=[a_winner()]), known=known
    )
    assert taken.scores_changed == 1
    assert await one(connection, "SELECT count(*) FROM selections") == (3,)


async def test_a_start_that_is_moved_is_moved(connection: asyncpg.Connection):
    known = Known()
    await take_in(connection, an_observation(score=a_score(status="scheduled")), known=known)
    later = KICK_OFF + timedelta(hours=1)
    await take_in(
        connection,
        an_observation(score=a_score(status="scheduled"), start_time=later),
        known=known,
    )
    assert await one(connection, "SELECT start_time FROM matches") == (later,)


async def test_two_leagues_of_one_name_have_slugs_of_their_own(connection: asyncpg.Connection):
    def of(country: str, name: str, *, provider: str) -> Observation:
        told = an_observation(name, provider=provider)
        assert told.match is not None
        league = msgspec.structs.replace(told.match.league, country=country)
        match = msgspec.structs.replace(told.match, league=league)
        return msgspec.structs.replace(told, match=match)

    await take_in(connection, of("England", "m1", provider="replay"))
    await take_in(connection, of("Wales", "m2", provider="rival"))
    rows = await connection.fetch("SELECT slug FROM leagues ORDER BY slug")
    assert [row["slug"] for row in rows] == ["world-cup", "world-cup-2"]


async def test_four_workers_that_meet_the_same_new_matches_make_each_once(database_url: str):
    observations = [
        an_observation(f"m{n}", score=a_score(), markets=[a_winner()]) for n in range(20)
    ]

    async def work() -> None:
        mine = await asyncpg.connect(database_url)
        await take_in(mine, *observations)
        await mine.close()

    await asyncio.gather(*(work() for _ in range(4)))
    connection = await asyncpg.connect(database_url)
    counts = await one(
        connection,
        "SELECT (SELECT count(*) FROM matches), (SELECT count(*) FROM leagues),"
        " (SELECT count(*) FROM markets), (SELECT count(*) FROM quotes)",
    )
    holes = await connection.fetch(
        "SELECT h.match_id FROM match_heads h JOIN changes c USING (match_id)"
        " GROUP BY h.match_id, h.seq HAVING count(*) <> h.seq OR max(c.seq) <> h.seq"
    )
    await connection.close()
    assert counts == (20, 1, 20, 180)
    assert holes == []


async def test_a_batch_over_its_bound_is_our_own_mistake(connection: asyncpg.Connection):
    batch = [an_observation(f"m{n}") for n in range(OBSERVATIONS_MAX + 1)]
    with pytest.raises(AssertionError):
        await ingest(connection, batch, Known())
