"""Who may open a socket, what it may say, and what it is told when it may not."""

import asyncio
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.access.tiers import Tier
from app.metrics import REGISTRY
from app.sockets import close_codes
from app.sockets.inbox import BURST_S
from tests.sockets.conftest import Door, a_door, a_token, closed, frame


@pytest.mark.parametrize(
    ("match_id", "query", "code", "error"),
    [
        ("999", "", 4404, "not_found"),
        ("no-such", "", 4404, "not_found"),
        ("99999999999999999999", "", 4404, "not_found"),
        ("%00", "", 4400, "malformed_id"),
        ("a" * 101, "", 4400, "malformed_id"),
        ("1", "?since=nonsense", 4400, "malformed_resume"),
        ("1", "?heartbeatMs=5", 4400, "malformed_request"),
        ("1", "?heartbeatMs=soon", 4400, "malformed_request"),
        ("1", "?kinds=everything", 4400, "malformed_request"),
        ("1", "?token=nonsense", 4401, "not_authenticated"),
    ],
)
async def test_what_is_wrong_is_said_and_the_code_tells_its_kind(
    door: Door, match_id: str, query: str, code: int, error: str
):
    client = await door.open(match_id, query)
    said = await frame(client)
    assert (said["type"], said["code"]) == ("error", error)
    assert await closed(client) == code


async def test_without_credentials_where_they_are_needed(database_url: str, redis_url: str):
    async with a_door(
        database_url, redis_url, ANONYMOUS_ACCESS="false", SOCKET_AUTHENTICATE_WITHIN_S="0.3"
    ) as door:
        match_id = await door.a_match()
        client = await door.open(match_id)
        assert (await frame(client))["code"] == "not_authenticated"
        assert await closed(client) == close_codes.NOT_AUTHENTICATED.code
        token = await a_token(door)
        by_header = {"Authorization": f"Bearer {token}"}
        for client in (
            await door.open(match_id, f"?token={token}"),
            await door.open(match_id, additional_headers=by_header),
        ):
            assert (await frame(client))["type"] == "snapshot"
            await client.close()


def an_auth(token: str) -> str:
    """A message that says who asks."""
    return f'{{"type":"auth","token":"{token}"}}'


async def a_stranger(door: Door, match_id: int) -> ClientConnection:
    """A socket of somebody who shows nothing."""
    return await door.open(match_id)


async def test_a_first_message_may_say_who_asks(database_url: str, redis_url: str):
    async with a_door(database_url, redis_url, ANONYMOUS_ACCESS="false") as door:
        match_id = await door.a_match()
        token = await a_token(door)
        client = await a_stranger(door, match_id)
        await client.send(an_auth(token))
        # The answer waits for the first state, as every answer does.
        assert [(await frame(client))["type"] for _ in range(2)] == ["snapshot", "authenticated"]
        await client.close()
        other = await a_stranger(door, match_id)
        await other.send('{"type":"auth","token":"nonsense"}')
        assert (await frame(other))["code"] == "not_authenticated"
        assert await closed(other) == close_codes.NOT_AUTHENTICATED.code


async def test_a_browser_may_bring_its_token_as_a_subprotocol(database_url: str, redis_url: str):
    async with a_door(database_url, redis_url, ANONYMOUS_ACCESS="false") as door:
        match_id = await door.a_match()
        offered = [Subprotocol("touchline"), Subprotocol(f"bearer.{await a_token(door)}")]
        client = await connect(door.url(match_id), subprotocols=offered)
        assert client.subprotocol == "touchline"
        assert (await frame(client))["type"] == "snapshot"
        await client.close()


def a_token_for(door: Door, seconds: float, user_id: int = 1, tier: str = "free") -> str:
    """A token that is good for so long yet."""
    tokens = door.app.state.gate.tokens
    now = time.time() - tokens.ttl_s + seconds
    return tokens.issue(user_id, role="user", tier=tier, now=now)


async def told(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of a kind; others are left."""
    while (got := await frame(client))["type"] != kind:
        pass
    return got


async def test_a_socket_ends_when_its_token_does_and_is_warned_before(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, f"?token={a_token_for(door, 2)}")
    assert (await frame(client))["type"] == "snapshot"
    assert 0 < (await told(client, "expiring"))["expiresIn"] <= 2
    assert (await told(client, "error"))["code"] == "token_expired"
    assert await closed(client) == close_codes.NOT_AUTHENTICATED.code


async def test_a_newer_token_is_taken_in_place_and_only_of_the_same_user(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, f"?token={a_token_for(door, 2)}")
    await told(client, "expiring")
    await client.send(an_auth(a_token_for(door, 800, user_id=2)))
    assert (await told(client, "error"))["code"] == "not_allowed"
    await client.send(an_auth(a_token_for(door, 800)))
    assert (await told(client, "authenticated"))["expiresIn"] > 700
    # Past the end of the first one it goes on.
    until = time.time() + 2.5
    while time.time() < until:
        await door.tick(match_id, f"{time.time()}")
        await told(client, "score_update")
    await client.close()


async def test_pages_of_other_origins_are_not_let_in(database_url: str, redis_url: str):
    allowed = "https://here.example"
    async with a_door(database_url, redis_url, SOCKET_ORIGINS=allowed) as door:
        match_id = await door.a_match()
        for origin in (allowed, None):
            client = await connect(door.url(match_id), origin=origin)  # pyright: ignore[reportArgumentType]
            assert (await frame(client))["type"] == "snapshot"
            await client.close()
        client = await connect(door.url(match_id), origin="https://there.example")  # pyright: ignore[reportArgumentType]
        assert (await frame(client))["code"] == "origin_not_allowed"
        assert await closed(client) == close_codes.NOT_ALLOWED.code


async def test_more_sockets_than_the_tier_allows_are_told_the_limit(
    database_url: str, redis_url: str
):
    async with a_door(database_url, redis_url, LIMIT_ANONYMOUS_SOCKETS="2") as door:
        match_id = await door.a_match()
        clients = [await door.open(match_id) for _ in range(2)]
        for client in clients:
            await frame(client)
        third = await door.open(match_id)
        said = await frame(third)
        assert (said["code"], "2 sockets" in said["message"]) == ("too_many_sockets", True)
        assert await closed(third) == close_codes.TOO_MANY.code
        await clients[0].close()
        async with asyncio.timeout(30):
            again = await door.open(match_id)
            while (await frame(again))["type"] != "snapshot":
                again = await door.open(match_id)
        for client in (again, clients[1]):
            await client.close()


async def test_more_messages_than_the_tier_allows_end_the_socket_with_the_limit(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    await frame(client)
    allowed = door.app.state.gate.allowances[Tier.ANONYMOUS]
    burst = 2 * allowed.subscriptions_per_socket + BURST_S * allowed.messages_per_second
    for _ in range(2 * burst):
        await client.send('{"type":"ping"}')
    said = await told(client, "error")
    assert said["code"] == "too_many_messages"
    assert f"{allowed.messages_per_second} messages a second" in said["message"]
    assert await closed(client) == close_codes.TOO_MANY.code


async def test_a_message_that_is_too_long_ends_the_socket(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    await frame(client)
    most = door.app.state.gate.allowances[Tier.ANONYMOUS].message_bytes
    await client.send("x" * (most + 1))
    assert str(most) in (await told(client, "error"))["message"]
    assert await closed(client) == close_codes.TOO_MANY.code


async def test_sockets_stand_in_the_metrics_while_they_are_open(door: Door):
    match_id = await door.a_match()
    labels = {"protocol": "live", "tier": "anonymous"}
    before = REGISTRY.get_sample_value("touchline_sockets_open", labels) or 0
    client = await door.open(match_id)
    await frame(client)
    assert REGISTRY.get_sample_value("touchline_sockets_open", labels) == before + 1
    await client.close()
    async with asyncio.timeout(30):
        while REGISTRY.get_sample_value("touchline_sockets_open", labels) != before:
            await asyncio.sleep(0.01)
