"""An account's life over HTTP: confirming an address, new passwords, log-outs, guessing."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import access_news
from tests.api.conftest import Api, served

EMAIL, PASSWORD = "ada@example.org", "correct horse"
ADA = {"email": EMAIL, "password": PASSWORD}
EVE = {"email": "eve@example.org", "password": "battery staple"}
SOON_S = 30


class Mailbox:
    """The mails that a server handed to its hook, a line each."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "mails.jsonl"
        self.command = f"/bin/sh -c '(cat; echo) >> {self.file}'"

    def read(self) -> list[dict[str, Any]]:
        """Returns all mails so far."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines if line]

    async def until(self, count: int) -> dict[str, Any]:
        """Waits for so many mails; returns the last one."""
        async with asyncio.timeout(SOON_S):
            while len(mails := self.read()) < count:
                await asyncio.sleep(0.01)
        return mails[count - 1]


async def post(api: Api, path: str, body: Any, pair: Any = None) -> httpx.Response:
    return await api.client.post(path, json=body, headers=bearing(pair) if pair else {})


def bearing(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['accessToken']}"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def sign_up(api: Api, who: dict[str, str] = ADA) -> dict[str, Any]:
    answer = await post(api, "/auth/register", who)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def until_over(api: Api, pair: dict[str, Any]) -> httpx.Response:
    """Asks until a token is refused; were it not, the test would time out."""
    async with asyncio.timeout(SOON_S):
        while (answer := await api.get("/api/sports", headers=bearing(pair))).status_code == 200:
            await asyncio.sleep(0.05)
    return answer


async def kinds(api: Api) -> list[str]:
    await api.app.state.auth_events.flush()
    rows = await api.connection.fetch("SELECT kind FROM auth_events ORDER BY id")
    return [row["kind"] for row in rows]


@asynccontextmanager
async def verifying(
    database_url: str, redis_url: str, folder: Path
) -> AsyncGenerator[tuple[Api, Mailbox]]:
    """A server that has addresses confirmed, and its mails."""
    mailbox = Mailbox(folder)
    settings = {"EMAIL_VERIFICATION": "true", "MAIL_COMMAND": mailbox.command}
    async with served(database_url, redis_url, **settings, LIMIT_AUTH_PER_MINUTE="1000") as api:
        yield api, mailbox


async def test_an_address_is_confirmed_before_its_user_logs_in(
    database_url: str, redis_url: str, tmp_path: Path
):
    async with verifying(database_url, redis_url, tmp_path) as (api, mailbox):
        answer = await post(api, "/auth/register", ADA)
        assert (answer.status_code, answer.json()) == (202, {"status": "mailed"})
        mail = await mailbox.until(1)
        assert (mail["kind"], mail["to"]) == ("verify_email", EMAIL)
        assert refusal(await post(api, "/auth/login", ADA)) == (403, "email_not_verified")
        wrong = {"token": mail["token"], "password": "not the one"}
        assert refusal(await post(api, "/auth/verify", wrong)) == (401, "wrong_credentials")
        right = {"token": mail["token"], "password": PASSWORD}
        pair = await post(api, "/auth/verify", right)
        assert pair.status_code == 200, pair.text
        assert (await api.get("/api/me", headers=bearing(pair.json()))).json()["emailVerified"]
        assert refusal(await post(api, "/auth/verify", right)) == (422, "mailed_token_invalid")
        assert (await post(api, "/auth/login", ADA)).status_code == 200
        assert await kinds(api) == ["registered", "log_in_refused", "email_verified", "logged_in"]


def answers_of(answer: httpx.Response) -> tuple[int, bytes, set[str]]:
    """Returns all that may tell one answer from another: the numbers of limits do not."""
    return answer.status_code, answer.content, set(answer.headers)


async def test_a_taken_address_answers_as_a_free_one_and_its_owner_is_told(
    database_url: str, redis_url: str, tmp_path: Path
):
    async with verifying(database_url, redis_url, tmp_path) as (api, mailbox):
        free = await post(api, "/auth/register", ADA)
        first = await mailbox.until(1)
        # Nobody has shown that the address is theirs: who signed up last has the say.
        thief = await post(api, "/auth/register", ADA | {"password": "of the thief"})
        again = await mailbox.until(2)
        assert again["kind"] == "verify_email"
        old = {"token": first["token"], "password": PASSWORD}
        assert refusal(await post(api, "/auth/verify", old)) == (422, "mailed_token_invalid")
        theirs = {"token": again["token"], "password": PASSWORD}
        assert refusal(await post(api, "/auth/verify", theirs)) == (401, "wrong_credentials")
        await api.connection.execute("UPDATE users SET email_verified_at = now()")
        taken = await post(api, "/auth/register", ADA | {"password": "of another thief"})
        assert (await mailbox.until(3))["kind"] == "already_registered"
        answers = [answers_of(answer) for answer in (free, thief, taken)]
        assert answers[0] == answers[1] == answers[2]
        # As does asking for the code once more: of a confirmed address, or of nobody's.
        confirmed, nobodys = [
            await post(api, "/auth/verification", {"email": email})
            for email in (EMAIL, "nobody@example.org")
        ]
        assert answers_of(confirmed) == answers_of(nobodys) == answers_of(free)
        assert refusal(await post(api, "/auth/login", ADA | {"password": "of another thief"})) == (
            *(401, "wrong_credentials"),
        )


async def test_a_forgotten_password_is_set_anew_by_mail_and_ends_every_log_in(
    database_url: str, redis_url: str, tmp_path: Path
):
    mailbox = Mailbox(tmp_path)
    settings = {"MAIL_COMMAND": mailbox.command, "LIMIT_AUTH_PER_MINUTE": "1000"}
    async with served(database_url, redis_url, **settings) as api:
        pair = await sign_up(api)
        asked = [
            await post(api, "/auth/password/forgotten", {"email": email})
            for email in ("nobody@example.org", "\0", "x" * 900, EMAIL.upper())
        ]
        assert {(a.status_code, a.content) for a in asked} == {(202, b'{"status":"mailed"}')}
        token = (await mailbox.until(1))["token"]
        short = {"token": token, "password": "short"}
        assert refusal(await post(api, "/auth/password/reset", short)) == (422, "invalid")
        # Too many guesses are no bar to who has the mail.
        for _ in range(12):
            await post(api, "/auth/login", ADA | {"password": "a guess"})
        assert refusal(await post(api, "/auth/login", ADA)) == (429, "too_many_attempts")
        new = {"token": token, "password": "a new password"}
        assert (await post(api, "/auth/password/reset", new)).status_code == 204
        assert refusal(await post(api, "/auth/password/reset", new)) == (
            *(422, "mailed_token_invalid"),
        )
        assert refusal(await until_over(api, pair)) == (401, "token_revoked")
        renewal = {"refreshToken": pair["refreshToken"]}
        assert refusal(await post(api, "/auth/refresh", renewal)) == (401, "refresh_token_invalid")
        assert refusal(await post(api, "/auth/login", ADA)) == (401, "wrong_credentials")
        assert (
            await post(api, "/auth/login", ADA | {"password": "a new password"})
        ).status_code == 200
        assert (await mailbox.until(2))["kind"] == "password_changed"
        assert [mail["to"] for mail in mailbox.read()] == [EMAIL, EMAIL]


async def test_a_code_past_its_time_or_for_something_else_is_none(
    database_url: str, redis_url: str, tmp_path: Path
):
    async with verifying(database_url, redis_url, tmp_path) as (api, mailbox):
        await post(api, "/auth/register", ADA)
        code = (await mailbox.until(1))["token"]
        reset = {"token": code, "password": "a new password"}
        assert refusal(await post(api, "/auth/password/reset", reset)) == (
            *(422, "mailed_token_invalid"),
        )
        await api.connection.execute("UPDATE mailed_tokens SET expires_at = now()")
        late = {"token": code, "password": PASSWORD}
        assert refusal(await post(api, "/auth/verify", late)) == (422, "mailed_token_invalid")
        # A fresh one is a mail away.
        assert (await post(api, "/auth/verification", {"email": EMAIL})).status_code == 202
        fresh = {"token": (await mailbox.until(2))["token"], "password": PASSWORD}
        assert (await post(api, "/auth/verify", fresh)).status_code == 200


async def test_a_changed_password_ends_every_log_in_but_the_new_one(api: Api):
    pair, other = await sign_up(api), (await post(api, "/auth/login", ADA)).json()
    wrong = {"currentPassword": "not the one", "password": "a new password"}
    assert refusal(await post(api, "/auth/password", wrong, pair)) == (401, "wrong_credentials")
    bad = {"currentPassword": PASSWORD, "password": "short"}
    assert refusal(await post(api, "/auth/password", bad, pair)) == (422, "invalid")
    right = {"currentPassword": PASSWORD, "password": "a new password"}
    assert refusal(await post(api, "/auth/password", right)) == (401, "not_authenticated")
    answer = await post(api, "/auth/password", right, pair)
    assert answer.status_code == 200, answer.text
    for old in (pair, other):
        assert refusal(await until_over(api, old)) == (401, "token_revoked")
    assert (await api.get("/api/me", headers=bearing(answer.json()))).status_code == 200
    renewed = await post(api, "/auth/refresh", {"refreshToken": answer.json()["refreshToken"]})
    assert renewed.status_code == 200


async def test_a_log_out_ends_its_access_token_in_every_process_and_no_other(
    database_url: str, redis_url: str, api: Api
):
    async with served(database_url, redis_url) as other:
        await other.until_listening()
        first = await sign_up(api)
        second = (await post(api, "/auth/login", ADA)).json()
        await post(api, "/auth/logout", {"refreshToken": first["refreshToken"]})
        for process in (api, other):
            assert refusal(await until_over(process, first)) == (401, "token_revoked")
            assert (await process.get("/api/me", headers=bearing(second))).status_code == 200
        assert (await post(api, "/auth/logout/everywhere", {}, second)).status_code == 204
        for process in (api, other):
            assert refusal(await until_over(process, second)) == (401, "token_revoked")
        assert (await post(api, "/auth/login", ADA)).status_code == 200


async def test_who_is_switched_off_or_changed_has_to_come_again(api: Api):
    pair = await sign_up(api)
    await api.connection.execute("UPDATE users SET tier = 'pro'")
    assert refusal(await until_over(api, pair)) == (401, "token_revoked")
    pair = (await post(api, "/auth/refresh", {"refreshToken": pair["refreshToken"]})).json()
    assert (await api.get("/api/me", headers=bearing(pair))).json()["tier"] == "pro"
    await api.connection.execute("UPDATE users SET disabled_at = now()")
    assert refusal(await until_over(api, pair)) == (401, "token_revoked")
    assert refusal(await post(api, "/auth/login", ADA)) == (401, "wrong_credentials")


async def test_guessing_is_slowed_down_whether_there_is_an_account_or_not(
    database_url: str, redis_url: str
):
    async with served(database_url, redis_url, LIMIT_AUTH_PER_MINUTE="1000") as api:
        await sign_up(api)
        for who in (ADA | {"password": "a guess"}, EVE):
            answers = [await post(api, "/auth/login", who) for _ in range(12)]
            codes = [refusal(answer)[1] for answer in answers]
            assert codes[:10] == ["wrong_credentials"] * 10
            assert codes[10] == "too_many_attempts"
            assert int(answers[10].headers["retry-after"]) >= 1
        # The right password is no way through a lock, or the lock would tell it.
        assert "locked_out" in await kinds(api)


async def test_events_name_no_secret_and_no_stranger(api: Api, capsys: pytest.CaptureFixture[str]):
    pair = await sign_up(api)
    await post(api, "/auth/login", {"email": "p4ssw0rd-in-the-wrong-field", "password": "x"})
    await post(api, "/auth/login", ADA | {"password": "a wrong guess"})
    renewed = (await post(api, "/auth/refresh", {"refreshToken": pair["refreshToken"]})).json()
    key = await post(api, "/api/me/keys", {"name": "k"}, renewed)
    ticket = await post(api, "/auth/ticket", {}, renewed)
    secret = key.json()["key"]
    await api.get("/api/me", headers={"X-API-Key": secret})
    await api.get(f"/api/sports?token={renewed['accessToken']}")
    await api.app.state.auth_events.flush()
    kept = await api.connection.fetch("SELECT a::text FROM auth_events a")
    logged = capsys.readouterr().out
    assert "kind=log_in_refused" in logged
    told = logged + str(kept)
    tokens = [*pair.values(), *renewed.values()]
    secrets = [text for text in tokens if isinstance(text, str) and len(text) > 10]
    for text in (*secrets, secret, ticket.json()["ticket"], PASSWORD, "a wrong guess"):
        assert text not in told
    assert "p4ssw0rd" not in told
    assert EMAIL not in told
    assert renewed["accessToken"] != pair["accessToken"]


async def test_the_name_of_the_channel_is_what_the_trigger_says(api: Api):
    sent = await api.connection.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'access_told'")
    assert f"pg_notify('{access_news.CHANNEL}'" in sent
