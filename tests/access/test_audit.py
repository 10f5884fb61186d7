"""Events of log-ins are kept, in order, as long as they are of use; what is over is deleted."""

import pytest

from app.access import audit
from app.access.audit import AuthEvents, AuthKind, account_of
from app.access.expired_tokens import EVENTS_KEPT_DAYS, SUPERSEDED_KEPT_DAYS, delete_expired
from app.database import engine
from app.database.engine import Pool, open_pool
from tests.access.conftest import CALLER


async def kept(pool: Pool) -> list[str]:
    return [row["kind"] for row in await pool.fetch("SELECT kind FROM auth_events ORDER BY id")]


async def test_events_wait_for_postgres_and_are_kept_in_order(pool: Pool):
    away = await open_pool(
        "postgresql://nobody@127.0.0.1:1/none",
        connections_max=2,
        statement_timeout_s=1,
        name="touchline-tests",
    )
    events = AuthEvents(away)
    for kind in (AuthKind.REGISTERED, AuthKind.LOGGED_IN, AuthKind.LOGGED_OUT):
        events.note(kind, CALLER, user_id=7)
        await events.flush()
    away.terminate()
    # The server is back.
    events._pool = pool  # pyright: ignore[reportPrivateUsage]
    await events.flush()
    assert await kept(pool) == ["registered", "logged_in", "logged_out"]


async def test_past_the_bound_the_oldest_events_make_room(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit, "WAITING_MAX", 2)
    events = AuthEvents(pool)
    for kind in (AuthKind.REGISTERED, AuthKind.LOGGED_IN, AuthKind.LOGGED_OUT):
        events.note(kind, CALLER)
    await events.flush()
    assert await kept(pool) == ["logged_in", "logged_out"]


def test_an_address_is_found_by_its_digest_however_it_was_typed():
    assert account_of("Ada@Example.org ") == account_of("ada@example.org")
    assert account_of("ada@example.org") != account_of("eve@example.org")
    assert account_of("\ud800\0")


async def test_what_is_over_is_deleted_and_nothing_else(pool: Pool):
    await pool.execute(
        f"""
        INSERT INTO auth_events (at, kind) VALUES
            (now() - interval '{EVENTS_KEPT_DAYS} days 1 minute', 'old'), (now(), 'new');
        INSERT INTO revocations (kind, subject, expires_at) VALUES
            ('user', '1', now() - interval '1 s'), ('user', '2', now() + interval '1 hour');
        INSERT INTO users (email, password_hash) VALUES ('ada@example.org', 'x');
        INSERT INTO mailed_tokens (token_hash, user_id, purpose, expires_at)
            SELECT sha256(n::text::bytea), id, 'verify_email', now() + n * interval '1 hour'
            FROM users, (VALUES (-1), (1)) AS m (n);
        INSERT INTO signing_keys (kid, algorithm, sealed, signs_from) VALUES
            ('secret', 'HS256', NULL, to_timestamp(0)),
            ('first', 'HS256', 'x', now() - interval '30 days'),
            ('second', 'HS256', 'x', now() - interval '{SUPERSEDED_KEPT_DAYS} days 1 minute'),
            ('third', 'HS256', 'x', now() - interval '1 day');
        """
    )
    async with engine.connection(pool) as lent:
        await delete_expired(lent)
    assert await kept(pool) == ["new"]
    assert await pool.fetchval("SELECT array_agg(subject) FROM revocations") == ["2"]
    assert await pool.fetchval("SELECT count(*) FROM mailed_tokens") == 1
    found = await pool.fetchval("SELECT array_agg(kid ORDER BY signs_from) FROM signing_keys")
    assert found == ["secret", "second", "third"]
