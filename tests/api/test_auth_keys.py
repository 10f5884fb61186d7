"""API keys over HTTP and on sockets: made, used for what they were made for, revoked."""

import asyncio
from typing import Any

import httpx
import pytest

from app.access.scopes import Scope
from tests.api.conftest import Api, served
from tests.providers.push.bodies import a_body, an_item

ADA = {"email": "ada@example.org", "password": "correct horse"}
SOON_S = 30


async def sign_up(api: Api, role: str = "user") -> dict[str, str]:
    """Signs Ada up in a role; returns the headers of her log-in."""
    pair = (await api.client.post("/auth/register", json=ADA)).json()
    if role != "user":
        await api.connection.execute("UPDATE users SET role = $1", role)
        pair = (await api.client.post("/auth/login", json=ADA)).json()
    return {"Authorization": f"Bearer {pair['accessToken']}"}


async def make(api: Api, ada: dict[str, str], *scopes: str, **more: Any) -> httpx.Response:
    wish = {"name": "a program", **({"scopes": scopes} if scopes else {}), **more}
    return await api.client.post("/api/me/keys", json=wish, headers=ada)


def by_key(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 201, answer.text
    return {"X-API-Key": answer.json()["key"]}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_key_is_made_shown_once_used_and_revoked(api: Api):
    ada = await sign_up(api)
    made = await make(api, ada, expiresInDays=30)
    assert made.headers["cache-control"] == "no-store"
    whole = made.json()
    [listed] = (await api.get("/api/me/keys", headers=ada)).json()["items"]
    assert listed == {name: value for name, value in whole.items() if name != "key"}
    assert listed["scopes"] == ["read"]
    assert whole["key"].startswith(listed["prefix"])
    me = await api.get("/api/me", headers=by_key(made))
    assert (me.status_code, me.json()["scopes"]) == (200, ["read"])
    assert (await api.get("/api/sports", headers=by_key(made))).status_code == 200
    await api.app.state.gate.keys.flush()
    [used] = (await api.get("/api/me/keys", headers=ada)).json()["items"]
    assert used["lastUsedAt"] is not None
    ended = await api.client.delete(f"/api/me/keys/{listed['id']}", headers=ada)
    assert ended.status_code == 204
    async with asyncio.timeout(SOON_S):
        while (answer := await api.get("/api/sports", headers=by_key(made))).status_code == 200:
            await asyncio.sleep(0.05)
    assert refusal(answer) in {(401, "api_key_invalid"), (401, "token_revoked")}
    assert (await api.get("/api/me/keys", headers=ada)).json()["items"] == []
    again = await api.client.delete(f"/api/me/keys/{listed['id']}", headers=ada)
    assert refusal(again) == (404, "not_found")


async def test_a_key_makes_no_keys_and_ends_no_log_ins(api: Api):
    ada = await sign_up(api)
    key = by_key(await make(api, ada, "read", "bet"))
    for method, path in (
        *(("GET", "/api/me/keys"), ("POST", "/api/me/keys"), ("DELETE", "/api/me/keys/1")),
        *(("POST", "/auth/logout/everywhere"), ("POST", "/auth/password")),
    ):
        body = {"name": "k", "currentPassword": "x", "password": "a new password"}
        sent = body if method == "POST" else None
        answer = await api.client.request(method, path, headers=key, json=sent)
        assert refusal(answer) == (403, "not_allowed"), path


async def test_a_key_does_what_it_was_made_for(api: Api):
    ada = await sign_up(api, "operator")
    keys = {scope: by_key(await make(api, ada, scope.value)) for scope in Scope}
    asked = {
        "/api/sports": {Scope.READ, Scope.OPERATE},
        "/api/polling/status": {Scope.OPERATE},
        "/api/me": set(Scope),
    }
    for path, scopes in asked.items():
        for scope, key in keys.items():
            answer = await api.get(path, headers=key)
            expected = 200 if scope in scopes else 403
            assert answer.status_code == expected, (path, scope, answer.text)


@pytest.mark.parametrize("scope", ["feed", "operate"])
async def test_only_operators_make_keys_for_operating(api: Api, scope: str):
    assert refusal(await make(api, await sign_up(api), scope)) == (403, "not_allowed")


async def test_a_key_that_cannot_be_names_its_fields(api: Api):
    ada = await sign_up(api)
    wrong = await make(api, ada, name="", scopes=[], expiresInDays=10**30)
    assert wrong.status_code in {400, 422}, wrong.text
    wrong = await make(api, ada, name="", scopes=[], expiresInDays=10**9)
    assert refusal(wrong) == (422, "invalid")
    assert [error["field"] for error in wrong.json()["errors"]] == [
        *("name", "scopes", "expiresInDays"),
    ]
    assert (await make(api, ada, scopes=["everything"])).status_code in {400, 422}


async def test_a_key_and_a_token_at_once_are_refused(api: Api):
    ada = await sign_up(api)
    both = {**ada, **by_key(await make(api, ada))}
    assert refusal(await api.get("/api/sports", headers=both)) == (401, "not_authenticated")
    # At the door where credentials are asked for, what one holds does not count.
    assert (await api.client.post("/auth/login", json=ADA, headers=both)).status_code == 200


async def test_an_operators_key_made_for_feeds_stands_in_for_a_signature(
    database_url: str, redis_url: str
):
    body = a_body(an_item("a"))
    async with served(database_url, redis_url, FEED_KEYS=f"told:{'k' * 32}") as api:
        ada = await sign_up(api, "operator")
        made = {scope: by_key(await make(api, ada, scope)) for scope in ("feed", "read")}
        shown = [
            *((made["feed"], 202), (made["read"], 403), ({"X-API-Key": "tl_x"}, 401), ({}, 401)),
            # A signature that is shown has to be right.
            ({**made["feed"], "X-Signature": "0" * 64}, 403),
        ]
        for headers, status in shown:
            answer = await push(api, body, headers)
            assert answer.status_code == status, answer.text
        assert await api.connection.fetchval("SELECT count(*) FROM live_scores") == 1
        # Who is no operator any more pushes no more.
        await api.connection.execute("UPDATE users SET role = 'user'")
        async with asyncio.timeout(SOON_S):
            while (answer := await push(api, body, made["feed"])).status_code == 202:
                await asyncio.sleep(0.05)
        assert refusal(answer) == (403, "not_allowed")


async def push(api: Api, body: bytes, key: dict[str, str]) -> httpx.Response:
    headers = {"Content-Type": "application/json", **key}
    return await api.client.post("/api/feeds/told", content=body, headers=headers)
