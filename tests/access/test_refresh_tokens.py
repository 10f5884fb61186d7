"""Refresh tokens: good once, and a theft ends the log-in."""

import asyncio
from hashlib import sha256

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access.audit import AuthEvents
from app.access.errors import (
    RefreshTokenInvalid,
    RefreshTokenReused,
    TokenExpired,
    WrongCredentials,
)
from app.access.expired_tokens import delete_expired
from app.access.lockout import Lockout
from app.access.log_ins import LogIns
from app.database.engine import Pool
from app.database.sessions import open_engine, session, session_maker
from app.errors import DependencyDown
from tests.access.conftest import CALLER, TOKENS

Maker = async_sessionmaker[AsyncSession]
EMAIL, PASSWORD = "ada@example.org", "correct horse"


async def run(maker: Maker, statement: str) -> None:
    async with maker() as session:
        await session.execute(text(statement))
        await session.commit()


async def test_what_is_kept_is_a_hash(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD, CALLER)
    async with session_maker() as session:
        kept = (await session.execute(text("SELECT token_hash FROM refresh_tokens"))).scalar_one()
    assert kept == sha256(pair.refresh_token.encode()).digest()


async def test_each_renewal_gives_the_next_token_and_the_same_user(log_ins: LogIns):
    pair = await log_ins.register(EMAIL, PASSWORD, CALLER)
    seen = {pair.refresh_token}
    for _ in range(3):
        pair = await log_ins.renew(pair.refresh_token, CALLER)
        seen.add(pair.refresh_token)
    assert len(seen) == 4
    assert TOKENS.read(pair.access_token).role == "user"


async def test_a_second_use_ends_the_whole_family(log_ins: LogIns):
    first = await log_ins.register(EMAIL, PASSWORD, CALLER)
    second = await log_ins.renew(first.refresh_token, CALLER)
    third = await log_ins.renew(second.refresh_token, CALLER)
    with pytest.raises(RefreshTokenReused):
        await log_ins.renew(first.refresh_token, CALLER)
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(third.refresh_token, CALLER)


async def test_another_log_in_outlives_a_theft(log_ins: LogIns):
    stolen = await log_ins.register(EMAIL, PASSWORD, CALLER)
    other = await log_ins.log_in(EMAIL, PASSWORD, CALLER)
    await log_ins.renew(stolen.refresh_token, CALLER)
    with pytest.raises(RefreshTokenReused):
        await log_ins.renew(stolen.refresh_token, CALLER)
    await log_ins.renew(other.refresh_token, CALLER)


async def test_of_many_at_once_one_is_served_and_the_family_ends(
    log_ins: LogIns, session_maker: Maker
):
    pair = await log_ins.register(EMAIL, PASSWORD, CALLER)
    outcomes = await asyncio.gather(
        *(log_ins.renew(pair.refresh_token, CALLER) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, RefreshTokenReused) for outcome in outcomes) == 7
    async with session_maker() as session:
        alive = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL"
        assert (await session.execute(text(alive))).scalar_one() == 0


async def test_a_renewal_beside_the_theft_of_an_older_token_does_not_survive(
    log_ins: LogIns, session_maker: Maker
):
    for _ in range(10):
        first = await log_ins.register(EMAIL, PASSWORD, CALLER)
        second = await log_ins.renew(first.refresh_token, CALLER)
        await asyncio.gather(
            log_ins.renew(second.refresh_token, CALLER),
            log_ins.renew(first.refresh_token, CALLER),
            return_exceptions=True,
        )
        async with session_maker() as session:
            alive = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL"
            assert (await session.execute(text(alive))).scalar_one() == 0
        await run(session_maker, "DELETE FROM users")


async def test_a_log_out_ends_the_log_in_and_may_be_repeated(log_ins: LogIns):
    first = await log_ins.register(EMAIL, PASSWORD, CALLER)
    second = await log_ins.renew(first.refresh_token, CALLER)
    await log_ins.log_out(second.refresh_token, CALLER)
    await log_ins.log_out(second.refresh_token, CALLER)
    await log_ins.log_out("never given out", CALLER)
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(second.refresh_token, CALLER)


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "é" * 100])
async def test_what_was_never_given_out_is_invalid(log_ins: LogIns, token: str):
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(token, CALLER)


AGED = """
UPDATE refresh_tokens SET created_at = now() - interval '2 h', expires_at = now() - interval '1 h'
"""


async def test_a_token_whose_time_is_over_is_refused_and_then_deleted(
    log_ins: LogIns, session_maker: Maker, database_url: str
):
    old = await log_ins.register(EMAIL, PASSWORD, CALLER)
    await run(session_maker, AGED)
    with pytest.raises(TokenExpired):
        await log_ins.renew(old.refresh_token, CALLER)
    young = await log_ins.log_in(EMAIL, PASSWORD, CALLER)
    connection = await asyncpg.connect(database_url)
    try:
        assert await delete_expired(connection) == 1
        assert await delete_expired(connection) == 0
    finally:
        await connection.close()
    await log_ins.renew(young.refresh_token, CALLER)


async def test_a_user_who_is_switched_off_is_not_renewed(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD, CALLER)
    await run(session_maker, "UPDATE users SET disabled_at = now()")
    with pytest.raises(RefreshTokenInvalid):
        await log_ins.renew(pair.refresh_token, CALLER)


async def test_a_renewal_speaks_of_the_role_and_tier_of_now(log_ins: LogIns, session_maker: Maker):
    pair = await log_ins.register(EMAIL, PASSWORD, CALLER)
    await run(session_maker, "UPDATE users SET role = 'operator', tier = 'pro'")
    principal = TOKENS.read((await log_ins.renew(pair.refresh_token, CALLER)).access_token)
    assert (principal.role, principal.tier) == ("operator", "pro")


async def test_a_database_that_does_not_answer_is_a_dependency_that_is_down(
    pool: Pool, redis: Redis
):
    engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing", name="touchline-tests")
    apart = LogIns(
        session_maker(engine),
        TOKENS,
        refresh_ttl_s=3600,
        lockout=Lockout(redis),
        events=AuthEvents(pool),
    )
    with pytest.raises(DependencyDown):
        await apart.renew("x", CALLER)
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


async def families_revoked(maker: Maker) -> list[str]:
    async with maker() as session:
        found = "SELECT subject FROM revocations WHERE kind = 'family' ORDER BY id"
        return list((await session.execute(text(found))).scalars())


async def test_a_log_in_that_ends_takes_its_access_tokens_along_once(
    log_ins: LogIns, session_maker: Maker
):
    ended = await log_ins.register(EMAIL, PASSWORD, CALLER)
    stolen = await log_ins.log_in(EMAIL, PASSWORD, CALLER)
    kept = await log_ins.log_in(EMAIL, PASSWORD, CALLER)
    await log_ins.log_out(ended.refresh_token, CALLER)
    await log_ins.log_out(ended.refresh_token, CALLER)
    again = await log_ins.renew(stolen.refresh_token, CALLER)
    with pytest.raises(RefreshTokenReused):
        await log_ins.renew(stolen.refresh_token, CALLER)
    families = [TOKENS.read(pair.access_token).family for pair in (ended, again, kept)]
    assert await families_revoked(session_maker) == [str(family) for family in families[:2]]
    assert families[2] is not None


async def test_a_log_in_with_a_password_that_was_replaced_meanwhile_does_not_slip_through(
    log_ins: LogIns, session_maker: Maker
):
    await log_ins.register(EMAIL, PASSWORD, CALLER)
    async with session_maker() as lent:
        user = await log_ins.known(lent, EMAIL, PASSWORD, CALLER)
        await lent.commit()
        await run(session_maker, "UPDATE users SET password_changed_at = now()")
        with pytest.raises(WrongCredentials):
            await log_ins.begin(lent, user)
