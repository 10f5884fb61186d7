"""WS /app/{key} on the wire: what clients do not do by themselves, but somebody will."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from app.access.channel_grants import ChannelGrants
from app.access.revocations import Kind, Revocation
from tests.sockets.conftest import PATIENCE_S, Door, a_door, a_token, closed, frame
from tests.sockets.test_pusher_clients import EVERYTHING, channel_name


async def open_app(door: Door, key: str = "touchline", query: str = "?protocol=7") -> Any:
    """Opens a socket of an application."""
    return await connect(f"ws://127.0.0.1:{door.port}/app/{key}{query}")


async def greeted(door: Door) -> tuple[ClientConnection, str]:
    """Opens a socket; returns it with its id."""
    client = await open_app(door)
    greeting = await frame(client)
    assert greeting["event"] == "pusher:connection_established"
    return client, msgspec.json.decode(greeting["data"])["socket_id"]


async def say(client: ClientConnection, event: str, **data: object) -> None:
    await client.send(msgspec.json.encode({"event": event, "data": data}).decode())


async def event(client: ClientConnection, name: str) -> dict[str, Any]:
    """The next event of a name, with its data decoded; others before it are left."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await frame(client))["event"] != name:
            continue
    told = found["data"]
    return found | {"data": msgspec.json.decode(told) if isinstance(told, str) else told}


async def test_who_asks_for_something_else_is_told_and_sent_away(door: Door):
    for key, query, number, reason in (
        ("nobody", "", 4001, "unknown_app"),
        ("touchline", "?protocol=4", 4007, "unsupported_protocol"),
        ("touchline", "?protocol=8", 4007, "unsupported_protocol"),
        ("touchline", "?protocol=x", 4007, "unsupported_protocol"),
        ("touchline", "?token=nonsense", 4009, "not_authenticated"),
    ):
        client = await open_app(door, key, query)
        error = await frame(client)
        assert (error["event"], error["data"]["code"]) == ("pusher:error", number)
        assert error["data"]["reason"] == reason
        assert await closed(client) == number


async def test_pings_are_answered_and_ten_messages_that_cannot_be_read_end_it(door: Door):
    client, _ = await greeted(door)
    await say(client, "pusher:pong")
    for _ in range(9):
        await say(client, "client-noise")
    await say(client, "pusher:ping")
    assert (await event(client, "pusher:pong"))["data"] == {}
    for _ in range(10):
        await say(client, "client-noise")
    assert await closed(client) == 4300


async def test_a_signature_of_somebody_else_opens_nothing(door: Door):
    match_id = await door.a_match()
    channel = f"private-{await channel_name(door, match_id)}"
    client, socket_id = await greeted(door)
    forged = ChannelGrants("touchline", "x" * 32)
    grants: ChannelGrants = door.app.state.channel_grants
    stranger = door.app.state.gate.stranger([], peer="192.0.2.1")
    for auth in (
        None,
        "",
        forged.grant(stranger, socket_id, channel).auth,
        grants.grant(stranger, "1.2", channel).auth,
    ):
        await say(client, "pusher:subscribe", channel=channel, auth=auth)
        refused = await event(client, "pusher:subscription_error")
        assert (refused["channel"], refused["data"]["type"]) == (channel, "AuthError")
    auth = grants.grant(stranger, socket_id, channel).auth
    await say(client, "pusher:subscribe", channel=channel, auth=auth)
    assert (await frame(client))["event"] == "pusher_internal:subscription_succeeded"
    assert (await frame(client))["event"] == "snapshot"
    await client.close()


async def test_without_anonymous_access_only_what_is_signed_may_be_followed(
    database_url: str, redis_url: str
):
    async with a_door(database_url, redis_url, ANONYMOUS_ACCESS="false") as door:
        match_id = await door.a_match()
        channel = await channel_name(door, match_id)
        client, socket_id = await greeted(door)
        await say(client, "pusher:subscribe", channel=channel)
        refused = await event(client, "pusher:subscription_error")
        assert (refused["data"]["status"], refused["data"]["type"]) == (401, "AuthError")
        asked = {"socket_id": socket_id, "channel_name": f"private-{channel}"}
        bearing = {"Authorization": f"Bearer {await a_token(door)}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
            assert (await http.post("/broadcasting/auth", data=asked)).status_code == 401
            granted = await http.post("/broadcasting/auth", data=asked, headers=bearing)
        await say(client, "pusher:subscribe", channel=f"private-{channel}", **granted.json())
        assert (await event(client, "snapshot"))["channel"] == f"private-{channel}"
        await client.close()


async def test_a_caller_has_as_many_sockets_as_its_tier_allows_over_all_protocols(
    database_url: str, redis_url: str
):
    async with a_door(database_url, redis_url, LIMIT_ANONYMOUS_SOCKETS="2") as door:
        match_id = await door.a_match()
        first = await door.open(match_id)
        assert (await frame(first))["type"] == "snapshot"
        second, _ = await greeted(door)
        third = await open_app(door)
        error = await frame(third)
        assert error["data"]["reason"] == "too_many_sockets"
        assert error["data"]["message"].startswith("2 sockets")
        assert await closed(third) == 4100
        fourth = await door.open(match_id)
        assert (await frame(fourth))["code"] == "too_many_sockets"
        assert await closed(fourth) == 4429
        await first.close()
        async with asyncio.timeout(PATIENCE_S):
            while (await frame(again := await open_app(door)))["event"] == "pusher:error":
                await again.close()
        await asyncio.gather(second.close(), again.close())


async def test_a_channel_subscribed_to_again_is_told_from_its_start(door: Door):
    await door.a_match()
    client, _ = await greeted(door)
    for _ in range(2):
        await say(client, "pusher:subscribe", channel=EVERYTHING)
        assert (await event(client, "pusher_internal:subscription_succeeded"))["data"] == {}
        assert (await event(client, "snapshot"))["channel"] == EVERYTHING
    await client.close()


async def test_what_was_followed_under_a_grant_ends_with_the_credentials_behind_it(door: Door):
    match_id = await door.a_match()
    bearing = {"Authorization": f"Bearer {await a_token(door)}"}
    user_id: Any = await door.connection.fetchval("SELECT max(id) FROM users")
    client, socket_id = await greeted(door)
    channels = (f"private-{await channel_name(door, match_id)}", f"private-users.{user_id}.bets")
    grants: list[dict[str, str]] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
        for channel, first in zip(channels, ("snapshot", "bets"), strict=True):
            asked = {"socket_id": socket_id, "channel_name": channel}
            answer = await http.post("/broadcasting/auth", data=asked, headers=bearing)
            grants.append({"channel": channel, **answer.json()})
            await say(client, "pusher:subscribe", **grants[-1])
            assert (await event(client, first))["channel"] == channel
    over = Revocation(
        kind=Kind.USER,
        subject=str(user_id),
        generation=1_000,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    door.app.state.gate.revocations.learn([over])
    ended = [await event(client, "pusher:subscription_error") for _ in channels]
    assert {one["channel"] for one in ended} == set(channels)
    assert {one["data"]["reason"] for one in ended} == {"token_revoked"}
    await say(client, "pusher:subscribe", **grants[0])
    assert (await event(client, "pusher:subscription_error"))["data"]["type"] == "AuthError"
    await client.close()
