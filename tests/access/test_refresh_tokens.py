"""Refresh tokens: good once, and a theft ends the log-in."""

import asyncio
from hashlib import sha256

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access.errors import RefreshTokenInvalid, RefreshTokenReused, TokenExpired
from app.access.expired_tokens import delete_expired
from app.access.log_ins import LogIns
from app.access.tokens import AccessTokens
from app.database.sessions import open_engine, session, session_maker
from app.errors import DependencyDown

Maker = async_sessionmaker[AsyncSession]
EMAIL, PASSWORD = "ada@example.org", "correct horse"
TOKENS = AccessTokens("a secret of the tests, long enough to sign", ttl_s=900)


@pytest.fixture
def log_ins(session_maker: Maker) -> LogIns:
    """Log-ins whose refresh tokens are good for an hour."""
    return LogIns(session_maker, TOKENS, refresh_ttl_s=3600)


async def run(maker: Maker, statement: str) -> None:
    async with maker() as session:
        await session.execute(text(statement))
        await session.commit()


async def test_what_is_kept_is_a_hash(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD)
    async with session_maker() as session:
        kept = (await session.execute(text("SELECT token_hash FROM refresh_tokens"))).scalar_one()
    assert kept == sha256(pair.refresh_token.encode()).digest()


async def test_each_renewal_gives_the_next_token_and_the_same_user(log_ins: LogIns):
    pair = await log_ins.register(EMAIL, PASSWORD)
    seen = {pair.refresh_token}
    for _ in range(3):
        pair = await log_ins.renew(pair.refresh_token)
        seen.add(pair.refresh_token)
    assert len(seen) == 4
    assert TOKENS.read(pair.access_token).role == "user"


async def test_a_second_use_ends_the_whole_family(log_ins: LogIns):
    first = await log_ins.register(EMAIL, PASSWORD)
    second = await log_ins.renew(first.refresh_token)
    third = await log_ins.renew(second.refresh_token)
    with pytest.raises(RefreshTokenReused):
        await log_ins.renew(first.refresh_token)
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(third.refresh_token)


async def test_another_log_in_outlives_a_theft(log_ins: LogIns):
    stolen = await log_ins.register(EMAIL, PASSWORD)
    other = await log_ins.log_in(EMAIL, PASSWORD)
    await log_ins.renew(stolen.refresh_token)
    with pytest.raises(RefreshTokenReused):
        await log_ins.renew(stolen.refresh_token)
    await log_ins.renew(other.refresh_token)


async def test_of_many_at_once_one_is_served_and_the_family_ends(
    log_ins: LogIns, session_maker: Maker
):
    pair = await log_ins.register(EMAIL, PASSWORD)
    outcomes = await asyncio.gather(
        *(log_ins.renew(pair.refresh_token) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, RefreshTokenReused) for outcome in outcomes) == 7
    async with session_maker() as session:
        alive = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL"
        assert (await session.execute(text(alive))).scalar_one() == 0


async def test_a_renewal_beside_the_theft_of_an_older_token_does_not_survive(
    log_ins: LogIns, session_maker: Maker
):
    for _ in range(10):
        first = await log_ins.register(EMAIL, PASSWORD)
        second = await log_ins.renew(first.refresh_token)
        await asyncio.gather(
            log_ins.renew(second.refresh_token),
            log_ins.renew(first.refresh_token),
            return_exceptions=True,
        )
        async with session_maker() as session:
            alive = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL"
            assert (await session.execute(text(alive))).scalar_one() == 0
        await run(session_maker, "DELETE FROM users")


async def test_a_log_out_ends_the_log_in_and_may_be_repeated(log_ins: LogIns):
    first = await log_ins.register(EMAIL, PASSWORD)
    second = await log_ins.renew(first.refresh_token)
    await log_ins.log_out(second.refresh_token)
    await log_ins.log_out(second.refresh_token)
    await log_ins.log_out("never given out")
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(second.refresh_token)


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "é" * 100])
async def test_what_was_never_given_out_is_invalid(log_ins: LogIns, token: str):
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(token)


AGED = """
UPDATE refresh_tokens SET created_at = now() - interval '2 h', expires_at = now() - interval '1 h'
"""


async def test_a_token_whose_time_is_over_is_refused_and_then_deleted(
    log_ins: LogIns, session_maker: Maker, database_url: str
):
    old = await log_ins.register(EMAIL, PASSWORD)
    await run(session_maker, AGED)
    with pytest.raises(TokenExpired):
        await log_ins.renew(old.refresh_token)
    young = await log_ins.log_in(EMAIL, PASSWORD)
    connection = await asyncpg.connect(database_url)
    try:
        assert await delete_expired(connection) == 1
        assert await delete_expired(connection) == 0
    finally:
        await connection.close()
    await log_ins.renew(young.refresh_token)


async def test_a_user_who_is_switched_off_is_not_renewed(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD)
    await run(session_maker, "UPDATE users SET disabled_at = now()")
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(pair.refresh_token)


async def test_a_renewal_speaks_of_the_role_and_tier_of_now(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD)
    await run(session_maker, "UPDATE users SET role = 'operator', tier = 'pro'")
    principal = TOKENS.read((await log_ins.renew(pair.refresh_token)).access_token)
    assert (principal.role, principal.tier) == ("operator", "pro")


async def test_a_database_that_does_not_answer_is_a_dependency_that_is_down():
    engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing", name="touchline-tests")
    with pytest.raises(DependencyDown):
        await LogIns(session_maker(engine), TOKENS, refresh_ttl_s=3600).renew("x")
    await engine.dispose()


async def cut_in_the_middle(maker: Maker, other: asyncpg.Connection) -> None:
    async with session(maker) as lent:
        pid = (await lent.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        assert await other.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
        await lent.execute(text("SELECT 1"))


async def test_a_connection_cut_in_the_middle_is_a_dependency_that_is_down(
    session_maker: Maker, database_url: str
):
    other = await asyncpg.connect(database_url)
    try:
        with pytest.raises(DependencyDown):
            await cut_in_the_middle(session_maker, other)
    finally:
        await other.close()
