"""API keys: kept as hashes, known in memory, and over within a second wherever they are known."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import api_keys, known_keys
from app.access.api_keys import KEYS_PER_USER_MAX, create, hash_of, is_api_key, list_keys, revoke
from app.access.errors import ApiKeyInvalid, TooManyApiKeys
from app.access.known_keys import KnownKeys
from app.access.revocations import Kind, Revocation, Revocations
from app.access.scopes import Scope
from app.database import engine
from app.database.engine import Pool
from app.errors import DependencyDown, Invalid, NotFound
from app.sports.ids import UserId

READ = frozenset({Scope.READ})


@pytest.fixture
async def ada(pool: Pool) -> UserId:
    """A user who is an operator of the tier pro."""
    return UserId(
        await pool.fetchval(
            "INSERT INTO users (email, password_hash, role, tier)"
            " VALUES ('ada@example.org', 'x', 'operator', 'pro') RETURNING id"
        )
    )


async def a_key(
    pool: Pool, user_id: UserId, scopes: frozenset[Scope] = READ, days: int | None = None
) -> tuple[int, str]:
    expires_in = None if days is None else timedelta(days=days)
    async with engine.connection(pool) as lent:
        made, secret = await create(lent, user_id, name="k", scopes=scopes, expires_in=expires_in)
    return made.id, secret


def over(kind: Kind, subject: int, generation: int = 0) -> Revocation:
    until = datetime.now(UTC) + timedelta(hours=1)
    return Revocation(kind=kind, subject=str(subject), generation=generation, expires_at=until)


async def test_a_key_says_whose_it_is_and_what_for(pool: Pool, ada: UserId):
    number, secret = await a_key(pool, ada, frozenset({Scope.BET, Scope.READ}), days=7)
    principal = await KnownKeys(pool, Revocations()).principal_of(secret)
    assert (principal.key, principal.api_key_id) == (f"user:{ada}", number)
    assert (principal.role, principal.tier) == ("operator", "pro")
    assert principal.scopes == {"read", "bet"}
    assert not principal.is_operator
    assert principal.expires_at is not None
    assert abs(principal.expires_at - datetime.now(UTC).timestamp() - 7 * 86_400) < 600


async def test_what_is_kept_is_a_hash_and_a_prefix(pool: Pool, ada: UserId):
    _, secret = await a_key(pool, ada)
    row = await pool.fetchrow("SELECT * FROM api_keys")
    assert row["secret_hash"] == hash_of(secret)
    assert secret.startswith(row["prefix"])
    assert len(row["prefix"]) == 11


async def test_a_known_key_asks_nobody(pool: Pool, ada: UserId):
    known = KnownKeys(pool, Revocations())
    _, secret = await a_key(pool, ada)
    principal = await known.principal_of(secret)
    await pool.execute("DELETE FROM api_keys")
    assert await known.principal_of(secret) is principal


async def test_a_revoked_key_is_over_at_once_where_it_is_known(pool: Pool, ada: UserId):
    revocations = Revocations()
    known = KnownKeys(pool, revocations)
    number, secret = await a_key(pool, ada)
    await known.principal_of(secret)
    async with engine.connection(pool) as lent:
        assert await revoke(lent, number, user_id=ada) == ada
    revocations.learn([over(Kind.API_KEY, number)])
    with pytest.raises(ApiKeyInvalid):
        await known.principal_of(secret)
    assert await pool.fetchval("SELECT subject FROM revocations WHERE kind = 'api_key'") == str(
        number
    )


async def test_a_key_goes_on_with_the_role_of_now_when_its_user_changed(pool: Pool, ada: UserId):
    revocations = Revocations()
    known = KnownKeys(pool, revocations)
    _, secret = await a_key(pool, ada, frozenset({Scope.OPERATE}))
    before = await known.principal_of(secret)
    await pool.execute("UPDATE users SET role = 'user', tier = 'free'")
    revocations.learn([over(Kind.USER, ada, 1)])
    after = await known.principal_of(secret)
    assert (before.is_operator, after.is_operator, after.tier) == (True, False, "free")
    assert revocations.is_revoked(before)
    assert not revocations.is_revoked(after)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_keys SET expires_at = now() - interval '1 s'",
        "UPDATE api_keys SET revoked_at = now()",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM users",
    ],
)
async def test_a_key_that_is_over_is_refused_and_asked_for_once(
    pool: Pool, ada: UserId, change: str
):
    _, secret = await a_key(pool, ada)
    await pool.execute(change)
    known = KnownKeys(pool, Revocations())
    with pytest.raises(ApiKeyInvalid):
        await known.principal_of(secret)
    # Refused from memory: had it asked, it would have found the key good again.
    await pool.execute("UPDATE api_keys SET expires_at = NULL, revoked_at = NULL")
    with pytest.raises(ApiKeyInvalid):
        known.remembered(hash_of(secret))


async def test_a_key_whose_time_ends_while_it_is_known_is_over(pool: Pool, ada: UserId):
    known = KnownKeys(pool, Revocations())
    _, secret = await a_key(pool, ada)
    await pool.execute("UPDATE api_keys SET expires_at = now() + interval '400 ms'")
    assert (await known.principal_of(secret)).expires_at is not None
    await pool.execute("SELECT pg_sleep(0.5)")
    with pytest.raises(ApiKeyInvalid):
        await known.principal_of(secret)


async def test_many_who_ask_for_one_key_ask_once(
    pool: Pool, ada: UserId, monkeypatch: pytest.MonkeyPatch
):
    known = KnownKeys(pool, Revocations())
    _, secret = await a_key(pool, ada)
    found = await asyncio.gather(*(known.principal_of(secret) for _ in range(50)))
    assert len({id(principal) for principal in found}) == 1
    # An entry past its time is read anew.
    monkeypatch.setattr(known_keys, "BELIEVED_S", -1.0)
    assert await known.principal_of(secret) is not found[0]


async def test_without_postgres_known_keys_go_on_and_others_wait(
    pool: Pool, ada: UserId, monkeypatch: pytest.MonkeyPatch
):
    revocations = Revocations()
    known = KnownKeys(pool, revocations)
    number, secret = await a_key(pool, ada)
    _, other = await a_key(pool, ada)
    principal = await known.principal_of(secret)
    monkeypatch.setattr(known_keys, "BELIEVED_S", -1.0)
    pool.terminate()
    assert await known.principal_of(secret) is principal
    with pytest.raises(DependencyDown):
        await known.principal_of(other)
    revocations.learn([over(Kind.API_KEY, number)])
    with pytest.raises(DependencyDown):
        await known.principal_of(secret)


async def test_when_keys_were_used_is_written_in_one_go(pool: Pool, ada: UserId):
    known = KnownKeys(pool, Revocations())
    used = [await a_key(pool, ada) for _ in range(3)]
    for _, secret in used[:2]:
        await known.principal_of(secret)
    await known.flush()
    rows = await pool.fetch("SELECT last_used_at IS NULL AS never FROM api_keys ORDER BY id")
    assert [row["never"] for row in rows] == [False, False, True]
    async with engine.connection(pool) as lent:
        assert [key.last_used_at is None for key in await list_keys(lent, ada)] == [
            *(True, False, False)
        ]


async def test_a_user_holds_so_many_keys_and_not_one_more(
    pool: Pool, ada: UserId, monkeypatch: pytest.MonkeyPatch
):
    assert KEYS_PER_USER_MAX == 50
    monkeypatch.setattr(api_keys, "KEYS_PER_USER_MAX", 3)
    outcomes = await asyncio.gather(*(a_key(pool, ada) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyApiKeys) for outcome in outcomes) == 3
    assert await pool.fetchval("SELECT count(*) FROM api_keys") == 3


async def test_nobody_ends_anothers_key(pool: Pool, ada: UserId):
    number, _ = await a_key(pool, ada)
    async with engine.connection(pool) as lent:
        with pytest.raises(NotFound):
            await revoke(lent, number, user_id=UserId(ada + 1))
        assert await revoke(lent, number) == ada
        with pytest.raises(NotFound):
            await revoke(lent, number)


@pytest.mark.parametrize(
    ("name", "days", "fields"),
    [
        ("", None, ["name"]),
        (" ", None, ["name"]),
        ("x" * 101, 0, ["name", "expiresInDays"]),
        ("a\nb", 3651, ["name", "expiresInDays"]),
        ("a\0b", None, ["name"]),
    ],
)
async def test_a_key_that_cannot_be_says_everything_that_is_wrong(
    name: str, days: int | None, fields: list[str]
):
    connection: asyncpg.Connection = None  # pyright: ignore[reportAssignmentType]
    expires_in = None if days is None else timedelta(days=days)
    with pytest.raises(Invalid) as raised:
        await create(connection, UserId(1), name=name, scopes=frozenset(), expires_in=expires_in)
    assert [error.field for error in raised.value.errors] == [fields[0], "scopes", *fields[1:]]


@given(st.text())
def test_what_is_not_made_here_does_not_look_like_a_key(text: str):
    assert not is_api_key(text)
    assert not is_api_key("tl_abcdefgh_" + text)


async def test_a_key_that_was_cut_or_mistyped_is_told_apart(pool: Pool, ada: UserId):
    _, secret = await a_key(pool, ada)
    assert is_api_key(secret)
    swapped = secret[:20] + ("A" if secret[20] != "A" else "B") + secret[21:]
    assert not any(map(is_api_key, (secret[:-1], secret + "a", swapped, secret.upper())))
