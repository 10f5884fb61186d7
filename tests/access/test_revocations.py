"""What is revoked is known within a second, in every process, however it was revoked."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.access import access_news
from app.access import revocations as revocations_file
from app.access.access_news import CHANNEL, AccessNews
from app.access.key_ring import Algorithm, KeyRing
from app.access.principal import Principal, anonymous
from app.access.revocations import Kind, Revocation, Revocations
from app.access.signing_keys import rotate
from app.database.engine import Pool
from app.database.listener import Listener
from app.sports.ids import UserId
from tests.access.conftest import SECRET

FAMILY = UUID("6a3f1a52-9d4b-4f7e-8f5c-0d6a7a1c2b3d")
ADA = Principal(key="user:7", user_id=UserId(7), generation=3, family=FAMILY, signed_by="k")
IN_AN_HOUR = datetime.now(UTC) + timedelta(hours=1)


def revoked(kind: Kind, subject: object, generation: int = 0) -> Revocation:
    return Revocation(kind=kind, subject=str(subject), generation=generation, expires_at=IN_AN_HOUR)


@pytest.mark.parametrize(
    ("told", "is_over"),
    [
        (revoked(Kind.USER, 7, 4), True),
        (revoked(Kind.USER, 7, 3), False),
        (revoked(Kind.USER, 8, 9), False),
        (revoked(Kind.FAMILY, FAMILY), True),
        (revoked(Kind.FAMILY, uuid4()), False),
        (revoked(Kind.API_KEY, 5), False),
    ],
)
def test_a_revocation_ends_what_it_is_about(told: Revocation, *, is_over: bool):
    known = Revocations()
    known.learn([told])
    assert known.is_revoked(ADA) is is_over
    assert not known.is_revoked(anonymous("192.0.2.1"))


def test_an_api_key_and_a_signing_key_end_what_hangs_on_them():
    known = Revocations()
    by_key = Principal(key="user:7", user_id=UserId(7), api_key_id=5)
    known.learn([revoked(Kind.API_KEY, 5)], signing_keys=["k"])
    assert known.is_revoked(by_key)
    assert known.is_revoked(ADA)
    known.learn([], signing_keys=[])
    assert not known.is_revoked(ADA)


def test_news_are_told_once_and_a_later_generation_is_news():
    known, heard = Revocations(), []
    end = known.subscribe(lambda: heard.append(known.epoch))
    known.learn([revoked(Kind.USER, 7, 4), revoked(Kind.FAMILY, FAMILY)])
    known.learn([revoked(Kind.FAMILY, FAMILY), revoked(Kind.USER, 7, 3)])
    known.learn([revoked(Kind.USER, 7, 5)])
    assert heard == [1, 2]
    end()
    known.learn([revoked(Kind.USER, 8, 1)])
    assert (heard, known.epoch) == ([1, 2], 3)


def test_what_would_be_over_anyway_is_forgotten():
    known = Revocations()
    past = datetime.now(UTC) - timedelta(seconds=1)
    kinds = {Kind.USER: "7", Kind.FAMILY: str(FAMILY), Kind.API_KEY: "5"}
    known.learn(
        Revocation(kind=kind, subject=subject, generation=4, expires_at=past)
        for kind, subject in kinds.items()
    )
    assert known.is_revoked(ADA)
    known.forget_expired()
    assert not known.is_revoked(ADA)


def test_past_the_bound_log_outs_are_forgotten_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(revocations_file, "REVOCATIONS_MAX", 2)
    known = Revocations()
    known.learn([revoked(Kind.USER, 7, 9), revoked(Kind.FAMILY, FAMILY), revoked(Kind.API_KEY, 5)])
    assert not known.is_revoked(Principal(key="user:8", user_id=UserId(8), family=FAMILY))
    assert known.is_revoked(ADA)


class Process(Revocations):
    """What a process knows, with which one can wait for it to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()
        self.subscribe(self.heard.set)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits for something to become known."""
        async with asyncio.timeout(30):
            while not is_so():
                await self.heard.wait()
                self.heard.clear()


@asynccontextmanager
async def process(
    pool: Pool, url: str, *, is_told: bool = True
) -> AsyncGenerator[tuple[Process, KeyRing]]:
    """A process that hears of revocations, by notification alone, or by looking alone."""
    known, ring = Process(), KeyRing(SECRET, ttl_s=900)
    news = AccessNews(pool, known, ring, is_told=is_told)
    also = {CHANNEL: lambda _: news.nudge()} if is_told else {}
    listener = Listener(url, on_nudge=lambda _: None, on_lost=lambda: None, also=also)
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(news.run())]
    try:
        yield known, ring
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def a_user(connection: asyncpg.Connection) -> int:
    made = await connection.fetchval(
        "INSERT INTO users (email, password_hash) VALUES ('ada@example.org', 'x') RETURNING id"
    )
    assert made is not None
    return made


CHANGES = (
    "role = 'operator'",
    "tier = 'pro'",
    "disabled_at = now()",
    "password_changed_at = now()",
    "logged_out_at = now()",
)


async def test_every_change_of_a_user_that_counts_reaches_every_process(
    pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    # Who is told has nothing but what it is told.
    monkeypatch.setattr(access_news, "LOOK_EVERY_S", 600)
    async with (
        process(pool, database_url) as (told, _),
        process(pool, database_url, is_told=False) as (looking, _),
    ):
        connection = await asyncpg.connect(database_url)
        user_id = await a_user(connection)
        await connection.execute("UPDATE users SET password_hash = 'y', tier = 'free'")
        assert await connection.fetchval("SELECT generation FROM users") == 0
        for number, change in enumerate(CHANGES):
            await connection.execute(f"UPDATE users SET {change}")
            before = Principal(key="u", user_id=UserId(user_id), generation=number)
            after = Principal(key="u", user_id=UserId(user_id), generation=number + 1)
            for known in (told, looking):
                await known.until(lambda k=known, b=before: k.is_revoked(b))
                assert not known.is_revoked(after)
        await connection.execute("DELETE FROM users")
        last = Principal(key="u", user_id=UserId(user_id), generation=len(CHANGES))
        for known in (told, looking):
            await known.until(lambda k=known: k.is_revoked(last))
        await connection.close()


async def test_a_rotation_reaches_every_process_and_one_that_revokes_ends_tokens(
    pool: Pool, database_url: str
):
    async with process(pool, database_url) as (known, ring):
        by_secret = Principal(key="u", user_id=UserId(7), signed_by=ring.signer(0).kid)
        connection = await asyncpg.connect(database_url)
        made = await rotate(connection, ring, Algorithm.EDDSA, revoke=True)
        await known.until(lambda: known.is_revoked(by_secret))
        assert ring.signer(made.signs_from.timestamp()).kid == made.kid
        await connection.close()


async def test_a_revocation_that_commits_late_is_found(pool: Pool, database_url: str):
    known = Revocations()
    news = AccessNews(pool, known, KeyRing(SECRET, ttl_s=900), is_told=True)
    insert = (
        "INSERT INTO revocations (kind, subject, expires_at)"
        " VALUES ('family', $1, now() + interval '1 hour')"
    )
    slow, quick = [await asyncpg.connect(database_url) for _ in range(2)]
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(insert, str(FAMILY))
    await quick.execute(insert, str(uuid4()))
    await news.look()
    assert (known.epoch, known.is_revoked(ADA)) == (1, False)
    await transaction.commit()
    await news.look()
    assert known.is_revoked(ADA)
    for connection in (slow, quick):
        await connection.close()
