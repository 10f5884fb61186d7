"""The clients people use, unchanged: pusher-js and Laravel Echo, from npm, under Node.js."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.sports.channels import channel_of
from app.stream import user_log
from tests.sockets.conftest import Door, a_door, a_token
from tests.sockets.pusher_client import Client, a_client
from tests.stories.proxy import a_proxy

CLIENTS = ["pusher", "echo"]
EVERYTHING = "sports.*.leagues.*.matches.*"


async def channel_name(door: Door, match_id: int) -> str:
    """The channel of a match."""
    row = await door.connection.fetchrow(
        "SELECT l.sport_id, l.slug FROM matches m JOIN leagues l ON l.id = m.league_id"
        " WHERE m.id = $1",
        match_id,
    )
    assert row is not None
    return channel_of(row["sport_id"], row["slug"], match_id)


async def follow(client: Client, channel: str) -> dict[str, Any]:
    """Subscribes; the channel's first event, which is the whole state."""
    client.do("subscribe", channel)
    return await client.frame("snapshot", channel)


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_client_connects_subscribes_and_sees_every_change_in_order(door: Door, kind: str):
    match_id = await door.a_match()
    channel = await channel_name(door, match_id)
    async with a_client(kind, door.port) as client:
        await client.connected()
        first = await follow(client, channel)
        assert (first["matchId"], first["reason"]) == (str(match_id), "start")
        assert first["data"]["score"]["homeScore"] == 1
        for minute in range(10, 20):
            await door.tick(match_id, f"{minute}'")
        for n, minute in enumerate(range(10, 20), 1):
            told = await client.frame("score_update", channel)
            assert (told["seq"], told["data"]["clock"]) == (first["seq"] + n, f"{minute}'")
        client.do("unsubscribe", channel)
        client.do("subscribe", EVERYTHING)
        await client.frame("snapshot", EVERYTHING)
        await door.tick(match_id, "20'")
        await client.frame("score_update", EVERYTHING)
        assert not [s for s in client.saw if s["saw"] == "error"]
        told_of = [s["channel"] for s in client.saw if s.get("event") == "score_update"]
        assert told_of == [channel] * 10 + [EVERYTHING]


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_client_survives_a_cut_and_begins_with_a_fresh_snapshot(door: Door, kind: str):
    match_id = await door.a_match()
    channel = await channel_name(door, match_id)
    async with a_proxy(("127.0.0.1", door.port)) as proxy, a_client(kind, proxy.port) as client:
        socket_id = await client.connected()
        before = await follow(client, channel)
        proxy.cut()
        await door.tick(match_id, "30'")
        assert await client.connected() != socket_id
        after = await client.frame("snapshot", channel)
        # Whether the change came before the snapshot or after it: state and frames are the truth.
        if after["data"]["score"]["clock"] != "30'":
            after = await client.frame("score_update", channel)
        assert after["seq"] == before["seq"] + 1
        await door.tick(match_id, "31'")
        assert (await client.frame("score_update", channel))["seq"] == after["seq"] + 1


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_user_follows_their_bets_in_private_and_nobody_elses(door: Door, kind: str):
    token = await a_token(door)
    user_id: Any = await door.connection.fetchval("SELECT max(id) FROM users")
    own, others = f"private-users.{user_id}.bets", f"private-users.{user_id + 1}.bets"
    refused = "refused" if kind == "echo" else "pusher:subscription_error"
    async with a_client(kind, door.port, token=token) as client:
        await client.connected()
        client.do("subscribe", own)
        first = await client.frame("bets", own)
        assert first["data"]["bets"] == []
        await user_log.append(door.connection, user_id, "balance_update", b'{"available":7}')
        await user_log.nudge(door.connection, [user_id])
        told = await client.frame("balance_update", own)
        assert (told["seq"], told["data"]) == (first["seq"] + 1, {"available": 7})
        client.do("subscribe", others)
        error = (await client.until(saw="event", event=refused, channel=others))["data"]
        assert (error["type"], error["status"]) == ("AuthError", 403)


async def test_a_client_that_signs_in_has_the_limits_of_its_user_also_after_a_cut(door: Door):
    token = await a_token(door)
    user_id: Any = await door.connection.fetchval("SELECT max(id) FROM users")
    held = door.app.state.socket_leases.held
    async with (
        a_proxy(("127.0.0.1", door.port)) as proxy,
        a_client("pusher", proxy.port, token=token) as client,
    ):
        await client.connected()
        assert held("ip:127.0.0.1") == 1
        client.do("signin")
        for _ in range(2):
            assert (await client.until(saw="signed in"))["user"] == str(user_id)
            assert (held("ip:127.0.0.1"), held(f"user:{user_id}")) == (0, 1)
            proxy.cut()
            await client.connected()


async def test_a_client_of_an_unknown_application_stays_away(door: Door):
    async with a_client("pusher", door.port, key="another") as client:
        error = (await client.until(saw="error"))["error"]
        assert error["code"] == 4001
        await client.until(saw="state", state="disconnected")
        assert "connected" not in [s.get("state") for s in client.saw]


async def test_a_client_is_told_what_it_may_not_do_and_stays(door: Door):
    match_id = await door.a_match()
    channel = f"private-{await channel_name(door, match_id)}"
    async with a_client("pusher", door.port, activityTimeout=1_000) as client:
        await client.connected()
        await follow(client, channel)
        client.do("trigger", channel, event="client-typing", data={"who": "me"})
        error = (await client.until(saw="error"))["error"]
        assert error["message"].startswith("Client events are not taken")
        client.do("subscribe", "presence-sports")
        await client.until(saw="event", event="pusher:subscription_error")
        client.do("subscribe", "sports.curling")
        error = await client.until(saw="event", event="pusher:subscription_error")
        assert (error["channel"], error["data"]["status"]) == ("sports.curling", 404)
        await door.tick(match_id, "40'")
        await client.frame("score_update", channel)


@pytest.mark.parametrize("carrying", [("stock", "shared"), ("shared", "stock")])
async def test_a_client_comes_back_when_the_server_stopped_and_another_stands_in_its_place(
    database_url: str, redis_url: str, carrying: tuple[str, str]
):
    first, second = carrying
    async with a_proxy() as proxy, AsyncExitStack() as stack:
        async with a_door(database_url, redis_url, SOCKETS=first) as door:
            proxy.targets = [("127.0.0.1", door.port)]
            match_id = await door.a_match()
            channel = await channel_name(door, match_id)
            client = await stack.enter_async_context(a_client("echo", proxy.port))
            await follow(client, channel)
            proxy.refusing = True
        async with a_door(database_url, redis_url, SOCKETS=second) as door:
            await door.tick(match_id, "50'")
            proxy.targets = [("127.0.0.1", door.port)]
            proxy.heal()
            again = await client.frame("snapshot", channel)
            assert again["data"]["score"]["clock"] == "50'"
            await door.tick(match_id, "51'")
            assert (await client.frame("score_update", channel))["seq"] == again["seq"] + 1
