"""Sign-up, log-in, renewal, log-out, tickets, and who one is, over HTTP."""

import re
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, served

ADA = {"email": "Ada@Example.org", "password": "correct horse"}


async def post(api: Api, path: str, body: Any, **headers: str) -> httpx.Response:
    return await api.client.post(path, json=body, headers=headers)


async def sign_up(api: Api) -> dict[str, Any]:
    answer = await post(api, "/auth/register", ADA)
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearing(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['accessToken']}"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    return answer.json()


async def test_a_sign_up_answers_a_pair_of_tokens_that_nobody_keeps(api: Api):
    answer = await post(api, "/auth/register", ADA)
    assert answer.status_code == 201
    pair = answer.json()
    assert sorted(pair) == ["accessToken", "expiresIn", "refreshToken", "tokenType"]
    assert (pair["tokenType"], pair["expiresIn"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_access_token_tells_who_one_is(api: Api):
    answer = await api.get("/api/me", headers=bearing(await sign_up(api)))
    me = answer.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", me.pop("createdAt"))
    assert me.pop("id").isdigit()
    assert me == {
        "email": "ada@example.org",
        "emailVerified": False,
        "role": "user",
        "tier": "free",
        "scopes": ["bet", "feed", "operate", "read"],
    }


async def test_who_is_nobody_is_asked_for_credentials(api: Api):
    answer = await api.get("/api/me")
    assert_problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_address_signs_up_once(api: Api):
    await sign_up(api)
    assert_problem(await post(api, "/auth/register", ADA), 409, "email_taken")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"email": "ada", "password": "short"}, ["email", "password"]),
        ({"email": "ada@example.org", "password": "short"}, ["password"]),
    ],
)
async def test_a_sign_up_that_is_not_valid_names_its_fields(api: Api, body: Any, fields: list[str]):
    problem = assert_problem(await post(api, "/auth/register", body), 422, "invalid")
    assert [error["field"] for error in problem["errors"]] == fields


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"])
@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "7", "{}", '{"email": 7, "password": {}, "refreshToken": []}']
)
async def test_a_body_that_is_none_of_ours_is_a_problem_of_the_caller(
    api: Api, path: str, body: str
):
    headers = {"Content-Type": "application/json"}
    answer = await api.client.post(path, content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_log_in_does_not_tell_an_unknown_address_from_a_wrong_password(api: Api):
    await sign_up(api)
    wrong = await post(api, "/auth/login", ADA | {"password": "wrong horse"})
    unknown = await post(api, "/auth/login", ADA | {"email": "eve@example.org"})
    nonsense = await post(api, "/auth/login", ADA | {"email": "\u0000"})
    problems = [
        assert_problem(answer, 401, "wrong_credentials") | {"requestId": ""}
        for answer in (wrong, unknown, nonsense)
    ]
    assert problems[0] == problems[1] == problems[2]


async def test_a_log_in_answers_200_and_takes_the_address_in_any_case(api: Api):
    await sign_up(api)
    answer = await post(api, "/auth/login", ADA | {"email": "ADA@EXAMPLE.ORG"})
    assert answer.status_code == 200
    assert (await api.get("/api/me", headers=bearing(answer.json()))).status_code == 200


async def test_a_renewal_uses_the_refresh_token_up(api: Api):
    first = await sign_up(api)
    renewal = {"refreshToken": first["refreshToken"]}
    second = await post(api, "/auth/refresh", renewal)
    assert second.status_code == 200
    assert second.json()["refreshToken"] != first["refreshToken"]
    assert_problem(await post(api, "/auth/refresh", renewal), 401, "refresh_token_reused")
    after = {"refreshToken": second.json()["refreshToken"]}
    assert_problem(await post(api, "/auth/refresh", after), 401, "refresh_token_invalid")


async def test_a_renewal_does_not_mind_an_old_access_token_beside_it(api: Api):
    renewal = {"refreshToken": (await sign_up(api))["refreshToken"]}
    answer = await post(api, "/auth/refresh", renewal, Authorization="Bearer a.b.c")
    assert answer.status_code == 200


async def test_a_log_out_ends_the_log_in(api: Api):
    renewal = {"refreshToken": (await sign_up(api))["refreshToken"]}
    answer = await post(api, "/auth/logout", renewal)
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(await post(api, "/auth/refresh", renewal), 401, "refresh_token_invalid")


@pytest.mark.parametrize("shown", ["Bearer a.b.c", "Basic YTpi", "Bearer", "nonsense"])
async def test_bad_credentials_are_refused_where_none_would_do(api: Api, shown: str):
    assert (await api.get("/api/sports")).status_code == 200
    answer = await api.get("/api/sports", headers={"Authorization": shown})
    assert_problem(answer, 401, "not_authenticated")


async def test_a_user_who_was_deleted_is_nobody(api: Api):
    pair = await sign_up(api)
    await api.connection.execute("DELETE FROM users")
    # Told by Postgres, or, when this process has heard of it, by the revocation.
    answer = await api.get("/api/me", headers=bearing(pair))
    assert_problem(answer, 401, answer.json()["code"])
    assert answer.json()["code"] in {"not_authenticated", "token_revoked"}


async def test_a_ticket_stands_for_its_caller_once(api: Api):
    pair = await sign_up(api)
    answer = await api.client.post("/auth/ticket", headers=bearing(pair))
    assert (answer.status_code, answer.json()["expiresIn"]) == (200, 30)
    gate = api.app.state.gate
    principal = await gate.principal_of([], peer="", query_token=answer.json()["ticket"])
    assert principal == gate.tokens.read(pair["accessToken"])


async def test_with_anonymous_access_off_reads_need_credentials_and_log_ins_do_not(
    database_url: str, redis_url: str
):
    async with served(database_url, redis_url, ANONYMOUS_ACCESS="false") as api:
        assert_problem(await api.get("/api/sports"), 401, "not_authenticated")
        assert (await api.get("/health/live")).status_code == 200
        pair = await sign_up(api)
        assert (await api.get("/api/sports", headers=bearing(pair))).status_code == 200


async def test_a_token_of_another_installation_is_refused(
    database_url: str, redis_url: str, api: Api
):
    secret = "the secret of another installation"
    async with served(database_url, redis_url, JWT_SECRET=secret) as other:
        pair = await sign_up(other)
    assert_problem(await api.get("/api/sports", headers=bearing(pair)), 401, "not_authenticated")
