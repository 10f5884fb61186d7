"""Quotes and words of several providers, to prices; and what time alone does to them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.health.noting import Place, keep_provider
from app.ingest.known import Known
from app.ingest.prices import expire_prices, reprice
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import Sport
from app.sports.observation import Observation, ObservedMarket, ObservedQuote
from tests.ingest.conftest import log_of, one, take_in
from tests.observed import a_score, a_total, a_winner, an_observation

LONG_AGO = timedelta(hours=1)


async def told_by(
    connection: asyncpg.Connection,
    provider: str,
    *markets: ObservedMarket,
    at: datetime | None = None,
    known: Known | None = None,
) -> None:
    """Takes in what a provider says of the match's markets; it knows the match from then on."""
    found = await connection.fetchval("SELECT id FROM matches")
    if found is not None:
        await connection.execute(
            "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
            " VALUES ($1, 'match', 'm1', $2) ON CONFLICT DO NOTHING",
            provider,
            found,
        )
    said = an_observation(provider=provider, markets=markets, observed_at=at)
    await take_in(connection, said, known=known)


async def price(connection: asyncpg.Connection, key: str = "over") -> Any:
    """Odds, best odds and status of a selection."""
    return await one(
        connection, "SELECT odds, best_odds, status FROM selections WHERE key = $1", key
    )


async def market(connection: asyncpg.Connection) -> Any:
    """Status and reason of the market."""
    return await one(connection, "SELECT status, reason FROM markets")


async def age(connection: asyncpg.Connection, provider: str, by: timedelta = LONG_AGO) -> None:
    """Lets time pass for what a provider said, and for when markets are looked at again."""
    await connection.execute(
        "UPDATE quotes SET observed_at = observed_at - $2::interval WHERE provider = $1",
        provider,
        by,
    )
    await connection.execute(
        "UPDATE market_observations SET observed_at = observed_at - $2::interval"
        " WHERE provider = $1",
        provider,
        by,
    )
    await connection.execute("UPDATE markets SET fresh_until = fresh_until - $1::interval", by)


async def down(connection: asyncpg.Connection, provider: str) -> None:
    """Puts a provider in quarantine."""
    await connection.execute(
        "INSERT INTO provider_health (provider, sport_id, state, quarantined_before)"
        " VALUES ($1, 'football', 'down', 'infinity')",
        provider,
    )


async def test_what_went_stale_is_suspended_though_nothing_new_arrives(
    connection: asyncpg.Connection,
):
    await told_by(connection, "a", a_total(over="1.9"))
    assert await expire_prices(connection) == 0
    await age(connection, "a")
    async with connection.transaction():
        assert await expire_prices(connection) == 1
    assert await market(connection) == ("suspended", "stale_prices")
    assert await price(connection) == (Decimal("1.900"), None, "suspended")
    assert await expire_prices(connection) == 0
    await told_by(connection, "a", a_total(over="1.9"))
    assert await market(connection) == ("open", None)


async def test_a_stale_quote_leaves_the_price_and_a_fresh_one_stays(
    connection: asyncpg.Connection,
):
    await told_by(connection, "a", a_total(over="1.9"))
    await told_by(connection, "b", a_total(over="1.7", bookmaker="sim-south"))
    assert await price(connection) == (Decimal("1.700"), Decimal("1.900"), "open")
    await age(connection, "a")
    async with connection.transaction():
        assert await expire_prices(connection) == 1
    assert await price(connection) == (Decimal("1.700"), Decimal("1.700"), "open")
    assert await expire_prices(connection) == 0


async def test_a_market_in_play_goes_stale_sooner(connection: asyncpg.Connection):
    for status in ("scheduled", "live"):
        score = a_score(status=status)
        observation = an_observation(
            score=score,
            markets=[a_total()],
            start_time=datetime.now(UTC) + timedelta(hours=5),
        )
        await take_in(connection, observation)
        await age(connection, "replay", timedelta(minutes=3))
        async with connection.transaction():
            await expire_prices(connection)
        expected = "suspended" if status == "live" else "open"
        assert (await market(connection))[0] == expected


async def test_a_provider_in_quarantine_counts_nowhere(connection: asyncpg.Connection):
    await told_by(connection, "a", a_total(over="1.9"))
    await told_by(connection, "b", a_total(over="1.7", bookmaker="sim-south"))
    match_id = (await one(connection, "SELECT id FROM matches"))[0]
    await down(connection, "a")
    async with connection.transaction():
        await reprice(connection, [match_id])
    assert await price(connection) == (Decimal("1.700"), Decimal("1.700"), "open")
    await down(connection, "b")
    async with connection.transaction():
        await reprice(connection, [match_id])
    assert await market(connection) == ("suspended", "provider_down")
    await connection.execute("DELETE FROM provider_health WHERE provider = 'a'")
    async with connection.transaction():
        await reprice(connection, [match_id])
    assert await price(connection) == (Decimal("1.900"), Decimal("1.900"), "open")


async def test_the_better_ranked_word_suspends_and_opens(connection: asyncpg.Connection):
    for place, name in enumerate("ab"):
        await keep_provider(connection, name, [Sport.FOOTBALL], Place(priority=place))
    shut = msgspec.structs.replace(
        a_total(over="1.8"), status=MarketStatus.SUSPENDED, reason="possible_goal"
    )
    await told_by(connection, "a", a_total(over="1.9"))
    await told_by(connection, "b", msgspec.structs.replace(shut, quotes=()))
    assert await market(connection) == ("open", None)
    await told_by(connection, "a", shut)
    assert await market(connection) == ("suspended", "possible_goal")
    await told_by(connection, "b", a_total(over="1.7", bookmaker="sim-south"))
    assert await market(connection) == ("suspended", "possible_goal")
    # What the one who suspends still quotes is no offer.
    assert await price(connection) == (Decimal("1.700"), Decimal("1.700"), "suspended")


async def test_a_late_word_neither_opens_nor_prices(connection: asyncpg.Connection):
    now = datetime.now(UTC)
    shut = msgspec.structs.replace(a_total(), status=MarketStatus.SUSPENDED, reason="goal")
    await told_by(connection, "a", shut, at=now)
    before = await log_of(connection)
    await told_by(connection, "a", a_total(over="5"), at=now - timedelta(seconds=1))
    assert await log_of(connection) == before


async def test_a_bookmaker_no_longer_named_offers_nothing(connection: asyncpg.Connection):
    known = Known()
    await told_by(connection, "a", a_winner(), known=known)
    whole = a_winner()
    fewer = msgspec.structs.replace(
        whole, quotes=tuple(q for q in whole.quotes if q.bookmaker != "sim-west")
    )
    assert (await price(connection, "home"))[1] == Decimal("2.120")
    await told_by(connection, "a", fewer, known=known)
    assert (await price(connection, "home"))[1] == Decimal("2.110")
    gone = "SELECT count(*) FROM quotes WHERE bookmaker = 'sim-west' AND odds IS NULL"
    assert await one(connection, gone) == (3,)


async def test_a_bookmaker_two_providers_tell_of_counts_once_as_last_seen(
    connection: asyncpg.Connection,
):
    now = datetime.now(UTC)
    await told_by(connection, "a", a_total(over="5"), at=now - timedelta(seconds=9))
    await told_by(connection, "b", a_total(over="1.9"), at=now)
    assert await price(connection) == (Decimal("1.900"), Decimal("1.900"), "open")


async def test_each_quote_has_a_time_of_its_own(connection: asyncpg.Connection):
    now = datetime.now(UTC)
    old = now - LONG_AGO
    quotes = [
        ObservedQuote("x", key, Decimal(2), now) for key in (SelectionKey.YES, SelectionKey.NO)
    ]
    stale = [ObservedQuote("y", SelectionKey.YES, Decimal(9), old)]
    both = ObservedMarket(type=MarketType.BOTH_TO_SCORE, quotes=(*quotes, *stale))
    await told_by(connection, "a", both)
    assert await price(connection, "yes") == (Decimal("2.000"), Decimal("2.000"), "open")
    names = await connection.fetch("SELECT name FROM selections ORDER BY id")
    assert [row["name"] for row in names] == ["Yes", "No"]


async def test_handicaps_are_named_with_their_line_from_each_sides_view(
    connection: asyncpg.Connection,
):
    lines = ("-1.5", "0.25", "0")
    markets = [
        ObservedMarket(
            type=MarketType.HANDICAP,
            line=Decimal(line),
            quotes=(ObservedQuote("x", SelectionKey.HOME, Decimal("1.9")),),
        )
        for line in lines
    ]
    await told_by(connection, "a", *markets)
    rows = await connection.fetch("SELECT name FROM selections ORDER BY market_id, id")
    assert [row["name"] for row in rows] == [
        "Home m1 -1.5", "Away m1 +1.5", "Home m1 +0.25", "Away m1 -0.25", "Home m1 0", "Away m1 0",
    ]  # fmt: skip


async def test_two_of_three_answers_make_no_chance_where_a_draw_is_possible(
    connection: asyncpg.Connection,
):
    whole = a_winner()
    no_draw = msgspec.structs.replace(
        whole, quotes=tuple(q for q in whole.quotes if q.selection is not SelectionKey.DRAW)
    )
    await told_by(connection, "a", no_draw)
    assert await one(connection, "SELECT count(*), count(fair_probability) FROM selections") == (
        3,
        0,
    )
    hockey = an_observation("m2", sport=Sport.HOCKEY, markets=[no_draw])
    await take_in(connection, hockey)
    assert await one(connection, "SELECT count(*), count(fair_probability) FROM selections") == (
        5,
        2,
    )


PROVIDERS = ("a", "b", "c")
SAID = st.builds(
    lambda provider, after, over, status: (provider, after, over, status),
    st.sampled_from(PROVIDERS),
    st.integers(0, 30),
    st.integers(1_100, 3_000),
    st.sampled_from((MarketStatus.OPEN, MarketStatus.OPEN, MarketStatus.SUSPENDED)),
)


@given(
    st.lists(SAID, min_size=1, max_size=12, unique_by=lambda said: said[:2]),
    st.randoms(use_true_random=False),
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_in_any_order_prices_end_the_same_and_are_those_of_the_tables(
    connection: asyncpg.Connection, said: Sequence[tuple[str, int, int, MarketStatus]], dice: Any
):
    now = datetime.now(UTC) - timedelta(seconds=31)
    ends: list[Any] = []
    for name in ("first", "second"):
        known = Known()
        arriving = [*said, *dice.sample(said, k=len(said) // 2)]
        dice.shuffle(arriving)
        match = f"{name} {datetime.now(UTC).isoformat()}"
        await take_in(connection, an_observation(match, provider="a"), known=known)
        (match_id,) = await one(connection, "SELECT max(id) FROM matches")
        for provider in PROVIDERS:
            await connection.execute(
                "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
                " VALUES ($1, 'match', $2, $3) ON CONFLICT DO NOTHING",
                provider,
                match,
                match_id,
            )
        for one_said in arriving:
            await take_in(connection, _observed(match, now, one_said), known=known)
        ends.append(await _end(connection, match_id))
        before = len(await log_of(connection))
        async with connection.transaction():
            await reprice(connection, [match_id])
        assert len(await log_of(connection)) == before
    assert ends[0] == ends[1]


def _observed(match: str, now: datetime, said: tuple[str, int, int, MarketStatus]) -> Observation:
    provider, after, over, status = said
    total = a_total(over=str(Decimal(over) / 1000), bookmaker=f"of-{provider}")
    market = msgspec.structs.replace(
        total, status=status, reason=None if status is MarketStatus.OPEN else "goal"
    )
    at = now + timedelta(seconds=after)
    return an_observation(match, provider=provider, markets=[market], observed_at=at)


COLUMNS = (
    "status", "reason", "key", "odds", "best_odds", "best_provider", "fair_probability",
    "selection_status",
)  # fmt: skip


async def _end(connection: asyncpg.Connection, match_id: int) -> list[Any]:
    rows = await connection.fetch(
        "SELECT k.status, k.reason, x.key, x.odds, x.best_odds, x.best_provider,"
        " x.fair_probability, x.status AS selection_status"
        " FROM markets k JOIN selections x ON x.market_id = k.id"
        " WHERE k.match_id = $1 ORDER BY x.id",
        match_id,
    )
    # Odds of a market nobody offers anything in are the last ones there were, on whatever way.
    return [
        tuple(
            None if name == "odds" and row["best_odds"] is None else row[name] for name in COLUMNS
        )
        for row in rows
    ]


async def test_the_late_answer_of_a_poll_does_not_undo_what_a_stream_told_since(
    connection: asyncpg.Connection,
):
    now, polled, streamed = datetime.now(UTC), Known(), Known()
    second = timedelta(seconds=1)
    for known in (polled, streamed):
        await told_by(connection, "one", a_total(over="1.8"), at=now - 3 * second, known=known)
    await told_by(connection, "one", a_total(over="2.1"), at=now - second, known=streamed)
    await told_by(connection, "one", a_total(over="1.9"), at=now - 2 * second, known=polled)
    assert await price(connection) == (Decimal("2.1"), Decimal("2.1"), "open")
    await told_by(connection, "one", a_total(over="2.2"), at=now, known=polled)
    assert await price(connection) == (Decimal("2.2"), Decimal("2.2"), "open")
