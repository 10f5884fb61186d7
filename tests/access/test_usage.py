"""Counting what is used: exact over processes, through outages, and within memory."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime

import asyncpg
import pytest

from app import metrics
from app.access import usage as counting
from app.access.mail import Mail
from app.access.principal import Principal, anonymous
from app.access.quotas import Period, Quotas, Used, left_of, starts_of
from app.access.tiers import DEFAULTS, Allowance, Tier
from app.access.usage import Usage
from app.database.engine import Pool, open_pool
from app.sports.ids import UserId

ADA = Principal(key="user:1", user_id=UserId(1), tier=Tier.FREE)
KEY = Principal(key="user:1", user_id=UserId(1), tier=Tier.FREE, api_key_id=9)
SCORES, ODDS = "GET /api/scores/{match_id}", "GET /api/odds/{match_id}"
TEN_A_DAY = Allowance(
    requests_per_minute=300,
    sockets=1,
    subscriptions_per_socket=1,
    units_per_day=10,
    units_per_month=1_000,
)


class House:
    """A process that counts, and the mails it posts."""

    def __init__(self, pool: Pool, tiers: Mapping[Tier, Allowance] = DEFAULTS) -> None:
        self.mails: list[Mail] = []
        self.tiers = tiers
        self.quotas = Quotas(tiers, self.mails.append)
        self.usage = Usage(pool, self.quotas)


async def books(pool: Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT user_id, api_key_id, endpoint, requests, units, refused FROM usage ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


async def test_what_was_noted_is_in_the_books_by_user_key_and_endpoint(pool: Pool):
    house = House(pool)
    for principal, endpoint, weight in (
        *[(ADA, SCORES, 1)] * 3,
        (ADA, ODDS, 5),
        (KEY, SCORES, 1),
        (anonymous("192.0.2.1"), SCORES, 1),
        (anonymous("192.0.2.2"), SCORES, 1),
    ):
        house.usage.note(principal, endpoint, weight)
    house.usage.note(ADA, "refused", refused=True)
    await house.usage.flush()
    assert await books(pool) == [
        (0, 0, SCORES, 2, 2, 0),
        (1, 0, ODDS, 1, 5, 0),
        (1, 0, SCORES, 3, 3, 0),
        (1, 0, "refused", 0, 0, 1),
        (1, 9, SCORES, 1, 1, 0),
    ]


async def test_processes_that_write_the_same_rows_at_once_add_up(pool: Pool):
    houses = [House(pool) for _ in range(4)]

    async def work(house: House) -> None:
        for _ in range(10):
            for endpoint in (SCORES, ODDS, "c", "b", "a"):
                house.usage.note(ADA, endpoint)
            await house.usage.flush()

    await asyncio.gather(*(work(house) for house in houses))
    assert {row[3] for row in await books(pool)} == {40}


async def test_a_batch_whose_answer_was_lost_counts_once(pool: Pool):
    house = House(pool)
    house.usage.note(ADA, SCORES)
    batch = house.usage._next_batch()  # pyright: ignore[reportPrivateUsage]
    assert batch is not None
    async with pool.acquire() as connection:
        await house.usage._write(connection, batch)  # pyright: ignore
    # It was written, but nobody heard so: the same batch goes out again, with what came since.
    house.usage.note(ADA, SCORES)
    await house.usage.flush()
    assert await books(pool) == [(1, 0, SCORES, 2, 2, 0)]


async def test_postgres_away_counts_wait_and_are_written_when_it_is_back(database_url: str):
    closed = await open_pool(
        "postgresql://127.0.0.1:1/x", connections_max=1, statement_timeout_s=1, name="x"
    )
    there = await open_pool(database_url, connections_max=1, statement_timeout_s=9, name="x")
    try:
        house = House(closed)
        house.usage.note(ADA, SCORES)
        await house.usage.flush()
        house.usage.note(ADA, SCORES)
        house.usage._pool = there  # pyright: ignore[reportPrivateUsage]
        await house.usage.flush()
        assert await books(there) == [(1, 0, SCORES, 2, 2, 0)]
    finally:
        closed.terminate()
        there.terminate()


async def test_what_finds_no_room_is_counted_as_lost(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counting, "WAITING_MAX", 3)
    house, name = House(pool), "touchline_usage_lost_total"
    before = metrics.REGISTRY.get_sample_value(name) or 0.0
    for endpoint in "abcde":
        house.usage.note(ADA, endpoint)
    await house.usage.flush()
    assert len(await books(pool)) == 3
    assert (metrics.REGISTRY.get_sample_value(name) or 0.0) - before == 2


async def test_a_day_ends_at_midnight_of_utc(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    house = House(pool)
    midnight = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    for at in (midnight - 1, midnight - 0.001, midnight, midnight + 86_399):
        monkeypatch.setattr("time.time", lambda at=at: at)
        house.usage.note(ADA, SCORES)
    monkeypatch.undo()
    await house.usage.flush()
    rows = await pool.fetch("SELECT day, requests FROM usage ORDER BY day")
    assert [tuple(row) for row in rows] == [(date(2026, 2, 28), 2), (date(2026, 3, 1), 2)]


async def a_user(pool: Pool) -> Principal:
    user_id = await pool.fetchval(
        "INSERT INTO users (email, password_hash) VALUES ('ada@example.org', 'x') RETURNING id"
    )
    return Principal(key=f"user:{user_id}", user_id=UserId(user_id), tier=Tier.FREE)


async def test_who_nears_a_quota_is_told_at_80_and_100_percent_once_over_all_processes(
    pool: Pool,
):
    ada, houses = await a_user(pool), [House(pool, {Tier.FREE: TEN_A_DAY}) for _ in range(2)]
    told: list[list[str]] = []
    for turn in range(12):
        house = houses[turn % 2]
        house.usage.note(ada, SCORES)
        await house.usage.flush()
        told.append([mail.subject[:5] for one in houses for mail in one.mails])
    assert told[6] == []
    assert told[7] == ["80 % "]
    assert told[8] == told[7]
    assert sorted(told[9]) == ["100 %", "80 % "]
    assert told[11] == told[9]
    assert {mail.to for one in houses for mail in one.mails} == {"ada@example.org"}


async def test_a_quota_that_is_used_up_refuses_until_it_begins_anew(pool: Pool):
    ada, house = await a_user(pool), House(pool, {Tier.FREE: TEN_A_DAY})
    house.usage.note(ada, SCORES, 7)
    await house.usage.flush()
    assert house.quotas.check(ada, TEN_A_DAY) is None
    house.usage.note(ada, SCORES, 9)
    await house.usage.flush()
    refused = house.quotas.check(ada, TEN_A_DAY)
    assert refused is not None
    assert refused.retry_s is not None
    assert 0 < refused.retry_s <= 86_400
    assert house.quotas.check(ada, DEFAULTS[Tier.FREE]) is None
    # Both thresholds were passed at once: one mail says so.
    assert [mail.subject[:5] for mail in house.mails] == ["100 %"]


async def test_a_user_who_is_gone_is_counted_and_not_told(pool: Pool):
    house = House(pool, {Tier.FREE: TEN_A_DAY})
    house.usage.note(ADA, SCORES, 50)
    await house.usage.flush()
    assert await books(pool) == [(1, 0, SCORES, 1, 50, 0)]
    assert house.mails == []


def test_what_was_used_in_an_earlier_period_is_not_of_this_one():
    used = Used(on=date(2026, 1, 31), day=10, month=990)
    assert left_of(used, TEN_A_DAY, date(2026, 1, 31)) == {Period.DAY: 0, Period.MONTH: 10}
    assert left_of(used, TEN_A_DAY, date(2026, 2, 1)) == {Period.DAY: 10, Period.MONTH: 1_000}
    assert starts_of(Period.MONTH, date(2026, 12, 31)) == (date(2026, 12, 1), date(2027, 1, 1))
    assert starts_of(Period.DAY, date(2026, 2, 28)) == (date(2026, 2, 28), date(2026, 3, 1))


async def test_a_batch_postgres_will_not_take_is_lost_and_the_next_one_is_not(pool: Pool):
    house = House(pool)
    house.usage.note(ADA, "nul \0")
    await house.usage.flush()
    house.usage.note(ADA, SCORES)
    await house.usage.flush()
    assert await books(pool) == [(1, 0, SCORES, 1, 1, 0)]
    with pytest.raises(asyncpg.PostgresError):
        await pool.execute("SELECT $1::text", "nul \0")
