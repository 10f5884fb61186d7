"""POST /broadcasting/auth: what pusher-js asks before it subscribes to a private channel."""

from typing import Any

import httpx
import msgspec

from app.access.channel_grants import ChannelGrants
from tests.api.conftest import Api, served
from tests.api.test_auth import assert_problem, bearing, sign_up

MATCHES = "private-sports.football.leagues.*.matches.*"


async def ask(api: Api, channel: str, pair: dict[str, Any] | None = None) -> httpx.Response:
    """Asks as pusher-js does, with a form."""
    form = {"socket_id": "12.34", "channel_name": channel}
    headers = bearing(pair) if pair else {}
    return await api.client.post("/broadcasting/auth", data=form, headers=headers)


async def bets_of(api: Api, pair: dict[str, Any]) -> str:
    me = await api.get("/api/me", headers=bearing(pair))
    return f"private-users.{me.json()['id']}.bets"


async def test_a_user_is_signed_for_the_bets_of_their_own_and_for_no_others(api: Api):
    pair = await sign_up(api)
    channel = await bets_of(api, pair)
    answer = await ask(api, channel, pair)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    granted = answer.json()
    assert granted.keys() == {"auth", "channel_data"}
    grants: ChannelGrants = api.app.state.channel_grants
    grants.check(granted["auth"], "12.34", channel, granted["channel_data"])
    assert_problem(await ask(api, channel), 401, "not_authenticated")
    assert_problem(await ask(api, "private-users.999999.bets", pair), 403, "not_allowed")


async def test_matches_are_signed_for_who_may_read_and_without_credentials_when_allowed(
    database_url: str, redis_url: str
):
    async with served(database_url, redis_url, ANONYMOUS_ACCESS="false") as api:
        assert (await ask(api, MATCHES, await sign_up(api))).status_code == 200
        assert_problem(await ask(api, MATCHES), 401, "not_authenticated")
    async with served(database_url, redis_url) as api:
        assert (await ask(api, MATCHES)).status_code == 200


async def test_a_user_is_given_what_signs_a_socket_in_and_a_stranger_is_not(api: Api):
    pair = await sign_up(api)
    form = {"socket_id": "12.34"}
    path = "/broadcasting/user-auth"
    answer = await api.client.post(path, data=form, headers=bearing(pair))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    user_data = msgspec.json.decode(answer.json()["user_data"])
    assert (await api.app.state.gate.tickets.take(user_data["ticket"])).key.startswith("user:")
    assert_problem(await api.client.post(path, data=form), 401, "not_authenticated")
    bad = await api.client.post(path, data={"socket_id": "x"}, headers=bearing(pair))
    assert_problem(bad, 400, "malformed_request")


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODIES = (
    (JSON, b'{"socket_id":"1.2","channel_name":"%s","more":1}', 200),
    (JSON + "; charset=utf-8", b'{"socket_id":"1.2","channel_name":"%s"}', 200),
    (JSON, b'{"socket_id":1,"channel_name":"%s"}', 400),
    (JSON, b'{"socket_id":"1.2"}', 400),
    (JSON, b"[", 400),
    (FORM, b"socket_id=1.2&channel_name=%s&more=1", 200),
    (FORM, b"socket_id=1.2", 400),
    (FORM, b"", 400),
    (FORM, b"\xff\xfe", 400),
    (FORM, b"socket_id=%ff&channel_name=x", 400),
    (FORM, b"&".join(b"a%d=b" % n for n in range(50)), 400),
    (FORM, b"x" * 5_000, 413),
)


async def test_a_body_is_a_form_or_json_and_bad_ones_are_told(api: Api):
    for media_type, body, status in BODIES:
        answer = await api.client.post(
            "/broadcasting/auth",
            content=body.replace(b"%s", MATCHES.encode()),
            headers={"content-type": media_type},
        )
        assert answer.status_code == status, (body, answer.text)
