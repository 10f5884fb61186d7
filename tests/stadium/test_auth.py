"""Who has the wrong key hears so in each provider's own way."""

from typing import Any

import pytest

from app.stadium.ground import KEY
from tests.stadium.grounds import Clock, asking, ground, logged_in


async def test_api_football_refuses_inside_200() -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get("/api-football/status", headers={"x-apisports-key": "wrong"})
    assert answer.status_code == 200
    assert list(answer.json()["errors"]) == ["token"]
    assert answer.json()["response"] == []


async def test_rapidapi_refuses_with_its_own_body() -> None:
    async with asking(ground(now=Clock())) as client:
        del client.headers["x-apisports-key"]
        wrong = await client.get("/api-football/v3/status", headers={"x-rapidapi-key": "wrong"})
        right = await client.get("/api-football/v3/status", headers={"x-rapidapi-key": KEY})
    assert (wrong.status_code, list(wrong.json())) == (401, ["message"])
    assert right.json()["errors"] == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v2/json/livescore/soccer", {"X-API-KEY": "wrong"}, 401),
        ("/api/v2/json/livescore/soccer", {"X-API-KEY": KEY}, 200),
        ("/api/v1/json/wrong/eventsday.php", {}, 401),
        ("/api/v1/json/123/eventsday.php", {}, 200),
    ],
)
async def test_thesportsdb_takes_its_keys_in_the_path_and_in_a_header(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get(f"/thesportsdb{path}", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 401, "MISSING_KEY"),
        ({"apiKey": "wrong"}, 401, "INVALID_KEY"),
        ({"apiKey": KEY}, 422, "MISSING_REGION"),
        ({"apiKey": KEY, "regions": "moon"}, 422, "INVALID_REGION"),
        ({"apiKey": KEY, "regions": "eu", "markets": "weather"}, 422, "INVALID_MARKET"),
        ({"apiKey": KEY, "regions": "eu", "oddsFormat": "roman"}, 422, "INVALID_ODDS_FORMAT"),
    ],
)
async def test_the_odds_api_names_what_is_wrong(
    query: dict[str, str], status: int, code: str
) -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get("/odds-api/v4/sports/basketball_nba/odds", params=query)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_the_odds_api_does_not_know_every_sport() -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get("/odds-api/v4/sports/chess/odds", params={"apiKey": KEY})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "UNKNOWN_SPORT")


@pytest.mark.parametrize("door", ["login", "certlogin"])
async def test_betfair_lets_in_who_knows_name_password_and_key(door: str) -> None:
    status, token = ("status", "token") if door == "login" else ("loginStatus", "sessionToken")
    async with asking(ground(now=Clock())) as client:

        async def tried(password: str, key: str) -> dict[str, Any]:
            form = {"username": KEY, "password": password}
            headers = {"X-Application": key}
            answer = await client.post(f"/betfair/api/{door}", data=form, headers=headers)
            return answer.json()

        right = await tried(KEY, KEY)
        wrong = await tried("wrong", KEY)
        keyless = await tried(KEY, "wrong")
    assert right[status] == "SUCCESS"
    assert right[token]
    reason = "error" if door == "login" else "loginStatus"
    assert wrong[reason] == "INVALID_USERNAME_OR_PASSWORD"
    assert keyless[reason] == "INPUT_VALIDATION_ERROR"
    assert not wrong.get(token)


async def test_a_session_is_kept_alive_until_it_is_ended() -> None:
    async with asking(ground(now=Clock())) as client:
        headers = await logged_in(client)
        alive = await client.post("/betfair/api/keepAlive", headers=headers)
        out = await client.post("/betfair/api/logout", headers=headers)
        dead = await client.post("/betfair/api/keepAlive", headers=headers)
    assert alive.json() == {
        "token": headers["X-Authentication"],
        "product": KEY,
        "status": "SUCCESS",
        "error": "",
    }
    assert out.json()["status"] == "SUCCESS"
    assert dead.json()["error"] == "NO_SESSION"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Application": ""}, "NO_APP_KEY"),
        ({"X-Application": "wrong"}, "INVALID_APP_KEY"),
        ({"X-Application": KEY}, "NO_SESSION"),
        ({"X-Application": KEY, "X-Authentication": "x"}, "INVALID_SESSION_INFORMATION"),
    ],
)
async def test_betfairs_api_says_what_of_the_headers_is_wrong(
    headers: dict[str, str], code: str
) -> None:
    async with asking(ground(now=Clock())) as client:
        path = "/betfair/exchange/betting/rest/v1.0/listEvents/"
        answer = await client.post(path, json={"filter": {}}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"]["APINGException"]["errorCode"] == code


@pytest.mark.parametrize(
    ("name", "question"),
    [
        (
            "listMarketBook",
            {"marketIds": ["1.1"] * 41, "priceProjection": {"priceData": ["EX_BEST_OFFERS"]}},
        ),
        ("listMarketCatalogue", {"maxResults": 201, "marketProjection": ["MARKET_DESCRIPTION"]}),
    ],
)
async def test_betfair_refuses_what_weighs_too_much(name: str, question: dict[str, Any]) -> None:
    async with asking(ground(now=Clock())) as client:
        headers = await logged_in(client)
        path = f"/betfair/exchange/betting/rest/v1.0/{name}/"
        answer = await client.post(path, json={"filter": {}, **question}, headers=headers)
    assert answer.json()["detail"]["APINGException"]["errorCode"] == "TOO_MUCH_DATA"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"filter": 7}', b'{"filter": {"eventIds": 7}}', b"\xff"]
)
async def test_betfair_refuses_what_it_cannot_read(body: bytes) -> None:
    async with asking(ground(now=Clock())) as client:
        headers = await logged_in(client)
        for path in ("rest/v1.0/listMarketCatalogue/", "json-rpc/v1"):
            address = f"/betfair/exchange/betting/{path}"
            answer = await client.post(address, content=body, headers=headers)
            assert answer.status_code in {200, 400}
            assert "result" not in answer.text
