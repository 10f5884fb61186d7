"""`app keys` and `app users`: API keys made, shown and ended; signing keys; users changed."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from app.access.api_keys import hash_of
from app.access.key_ring import KeyRing
from app.access.signing_keys import read_keys
from app.cli import main

SECRET = "a secret of the tests, long enough to sign"
ADA = "ada@example.org"

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str) -> Run:
    """Runs a command on the test's own database, in which there is Ada."""

    def call(*words: str) -> Result:
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "JWT_SECRET": SECRET,
            "NEW_USER_PASSWORD": "correct horse",
        }
        return CliRunner(env=environment).invoke(main, list(words))

    assert call("users", "create", "--email", ADA).exit_code == 0
    return call


async def fetched(url: str, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def ask(url: str, query: str) -> list[dict[str, Any]]:
    return asyncio.run(fetched(url, query))


def test_a_key_is_shown_once_listed_without_its_secret_and_ended(run: Run, database_url: str):
    made = run(
        *("keys", "create", "--email", ADA, "--name", "a program", "--days", "30"),
        *("--scope", "read", "--scope", "bet"),
    )
    secret = made.output.strip()
    [kept] = ask(database_url, "SELECT * FROM api_keys")
    assert kept["secret_hash"] == hash_of(secret)
    assert secret not in str(kept)
    [listed] = json.loads(run("keys", "list", "--email", ADA, "--json").output)
    assert secret.startswith(listed["prefix"])
    assert (listed["name"], listed["scopes"]) == ("a program", "bet,read")
    assert run("keys", "revoke", str(listed["id"])).output == f"revoked {listed['id']}\n"
    assert run("keys", "revoke", str(listed["id"])).exit_code == 1
    assert json.loads(run("keys", "list", "--email", ADA, "--json").output) == []
    told = ask(database_url, "SELECT kind, subject FROM revocations")
    assert told == [{"kind": "api_key", "subject": str(listed["id"])}]
    kinds = [row["kind"] for row in ask(database_url, "SELECT kind FROM auth_events ORDER BY id")]
    assert kinds == ["key_created", "key_revoked"]


def test_what_is_wrong_with_a_key_is_one_line(run: Run):
    answer = run("keys", "create", "--email", ADA, "--name", "", "--days", "0")
    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "name" in answer.output
    assert "expiresInDays" in answer.output
    assert "no user" in run("keys", "list", "--email", "eve@example.org").output


def test_a_rotation_makes_a_key_that_only_the_secret_opens(run: Run, database_url: str):
    answer = run("keys", "rotate")
    assert answer.exit_code == 0, answer.output

    async def rings() -> tuple[KeyRing, KeyRing]:
        connection = await asyncpg.connect(database_url)
        kept = await read_keys(connection)
        await connection.close()
        ours, other = KeyRing(SECRET, ttl_s=900), KeyRing("x" * 40, ttl_s=900)
        ours.replace(kept)
        other.replace(kept)
        return ours, other

    ours, other = asyncio.run(rings())
    kid = answer.output.split()[0]
    assert ours.signer(4e9).kid == kid
    assert other.signer(4e9).kid != kid
    assert other.unreadable == (kid,)


def test_a_rotation_that_revokes_ends_the_secret_too(run: Run, database_url: str):
    run("keys", "rotate", "--algorithm", "HS256")
    assert run("keys", "rotate", "--revoke").exit_code == 0
    rows = ask(
        database_url,
        "SELECT algorithm, sealed IS NULL AS own, revoked_at IS NOT NULL AS over"
        " FROM signing_keys ORDER BY signs_from",
    )
    assert [(row["algorithm"], row["own"], row["over"]) for row in rows] == [
        ("HS256", True, True),
        ("EdDSA", False, False),
        ("HS256", False, True),
    ]


def test_a_user_changes_role_and_password_and_is_switched_off_and_on(run: Run, database_url: str):
    def now() -> tuple[Any, ...]:
        [row] = ask(database_url, "SELECT role, disabled_at IS NULL AS on, generation FROM users")
        return tuple(row.values())

    assert now() == ("user", True, 0)
    assert run("users", "change", "--email", ADA, "--role", "admin").exit_code == 0
    assert now() == ("admin", True, 1)
    assert run("users", "change", "--email", ADA, "--role", "admin").exit_code == 0
    assert now() == ("admin", True, 1)
    assert run("users", "change", "--email", ADA, "--disable").exit_code == 0
    assert now() == ("admin", False, 2)
    assert run("users", "change", "--email", ADA, "--enable").exit_code == 0
    assert run("users", "password", "--email", ADA).exit_code == 0
    assert now() == ("admin", True, 4)
    assert run("users", "change", "--email", "eve@example.org").exit_code == 1
    kinds = [row["kind"] for row in ask(database_url, "SELECT kind FROM auth_events ORDER BY id")]
    assert kinds == [
        *("role_changed", "disabled", "logged_out_everywhere"),
        *("enabled", "password_changed"),
    ]
