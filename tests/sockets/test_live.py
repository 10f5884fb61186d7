"""One match over one socket: first state, every change, and codes that say why."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from app.sockets import close_codes
from app.sockets.inbox import BAD_MESSAGES_MAX
from app.stream import log
from tests.sockets.conftest import PATIENCE_S, Door, a_door, closed, frame, sockets_of


@pytest.fixture(params=["shared", "stock"])
async def either(
    request: pytest.FixtureRequest, database_url: str, redis_url: str
) -> AsyncGenerator[Door]:
    """The application, by each way to carry sockets: what a line has to do with."""
    async with a_door(database_url, redis_url, SOCKETS=request.param) as served:
        yield served


async def test_the_first_frame_is_the_whole_state_at_its_place(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    first = await frame(client)
    assert (first["type"], first["reason"], first["matchId"]) == (
        "snapshot",
        "start",
        str(match_id),
    )
    assert first["seq"] == await door.seq_of(match_id)
    assert first["data"]["score"]["homeScore"] == 1
    assert [len(m["selections"]) for m in first["data"]["markets"]] == [3, 2]
    assert [i["type"] for i in first["data"]["incidents"]] == ["goal"]
    await client.close()


async def test_the_snapshot_is_what_rest_answers(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    first = (await frame(client))["data"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
        score = (await http.get(f"/api/scores/{match_id}")).json()
        markets = (await http.get(f"/api/markets/football?matchId={match_id}")).json()
    assert first["score"] == score
    assert sorted(first["markets"], key=str) == sorted(markets["items"], key=str)
    await client.close()


async def test_changes_follow_in_order_without_hole(either: Door):
    match_id = await either.a_match()
    client = await either.open(match_id)
    start = (await frame(client))["seq"]
    for n in range(20):
        await either.tick(match_id, f"{n}'")
    frames = [await frame(client) for _ in range(20)]
    assert [f["seq"] for f in frames] == list(range(start + 1, start + 21))
    assert [f["data"]["clock"] for f in frames] == [f"{n}'" for n in range(20)]
    await client.close()


async def test_a_client_that_comes_back_gets_what_it_missed_and_goes_on(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    place = (await frame(client))["resume"]
    await client.close()
    for n in range(3):
        await door.tick(match_id, f"{n}'")
    client = await door.open(match_id, f"?since={place}")
    missed = [await frame(client) for _ in range(3)]
    await door.tick(match_id, "9'")
    assert [f["data"]["clock"] for f in [*missed, await frame(client)]] == ["0'", "1'", "2'", "9'"]
    await client.close()


async def test_a_client_that_missed_nothing_is_told_so(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    first = await frame(client)
    again = await door.open(match_id, f"?since={first['resume']}")
    told = await frame(again)
    assert (told["type"], told["seq"], told["resume"]) == (
        "heartbeat",
        first["seq"],
        first["resume"],
    )
    await client.close()
    await again.close()


@pytest.mark.parametrize("place", ["zzzz-1", "1-1", "0-0"])
async def test_a_place_of_another_log_becomes_a_snapshot_that_says_so(door: Door, place: str):
    match_id = await door.a_match()
    client = await door.open(match_id, f"?since={place}")
    first = await frame(client)
    assert (first["type"], first["reason"]) == ("snapshot", "resume_expired")
    await client.close()


async def test_too_much_to_catch_up_becomes_a_snapshot(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    place = (await frame(client))["resume"]
    await client.close()
    await door.connection.execute(
        "SELECT append_changes(array_agg($1::bigint), array_agg('incident'::text),"
        " array_agg('{}'::text)) FROM generate_series(1, $2::int)",
        match_id,
        log.RESUME_CHANGES_MAX + 1,
    )
    client = await door.open(match_id, f"?since={place}")
    first = await frame(client)
    assert (first["type"], first["reason"]) == ("snapshot", "resume_expired")
    assert first["seq"] == await door.seq_of(match_id)
    await client.close()


async def test_only_the_kinds_asked_for_are_sent(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, "?kinds=odds")
    await frame(client)
    await door.tick(match_id, "9'")
    await door.connection.execute("UPDATE selections SET odds = 9 WHERE key = 'home'")
    told = await frame(client)
    assert (told["type"], told["seq"]) == ("odds_update", await door.seq_of(match_id))
    await client.close()


async def test_silence_is_filled_with_heartbeats_that_name_the_place(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id, "?heartbeatMs=1000")
    first = await frame(client)
    beat = await frame(client)
    assert (beat["type"], beat["resume"]) == ("heartbeat", first["resume"])
    await client.close()


async def test_a_ping_is_answered_after_the_first_state(either: Door):
    match_id = await either.a_match()
    client = await either.open(match_id)
    await client.send('{"type":"ping"}')
    assert [(await frame(client))["type"] for _ in range(2)] == ["snapshot", "pong"]
    await client.close()


async def test_a_message_that_cannot_be_read_is_answered_and_ten_in_a_row_close(either: Door):
    match_id = await either.a_match()
    client = await either.open(match_id)
    await frame(client)
    for message in ("nonsense", b"\xff\x00", '{"type":"subscribe"}', "[]", "null"):
        await client.send(message)
        assert (await frame(client))["code"] == "malformed_message"
    await client.send('{"type":"ping"}')
    assert (await frame(client))["type"] == "pong"
    for _ in range(BAD_MESSAGES_MAX):
        await client.send("nonsense")
    assert await closed(client) == close_codes.BAD_REQUEST.code


async def test_a_server_that_goes_away_says_when_each_client_may_come_back(either: Door):
    match_id = await either.a_match()
    clients: list[ClientConnection] = [await either.open(match_id) for _ in range(20)]
    for client in clients:
        await frame(client)
    # What was committed a moment before still arrives.
    await either.tick(match_id, "9'")
    head = await either.seq_of(match_id)
    told = [await frame(client) for client in clients]
    assert {one["seq"] for one in told} == {head}
    either.server.should_exit = True
    said = [await frame(client) for client in clients]
    assert {one["type"] for one in said} == {"going_away"}
    assert len({one["reconnectInMs"] for one in said}) > 1
    codes = await asyncio.gather(*(closed(client) for client in clients))
    assert set(codes) == {close_codes.GOING_AWAY.code}
    reasons = {client.close_reason for client in clients}
    assert reasons == {f"going_away; reconnectInMs={one['reconnectInMs']}" for one in said}


async def test_nothing_is_left_of_sockets_that_are_gone(either: Door):
    match_id = await either.a_match()
    for polite in (True, False):
        clients = [await either.open(match_id) for _ in range(10)]
        for client in clients:
            await frame(client)
            if polite:
                await client.close()
            else:
                client.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        while sockets_of(either) or either.app.state.hub.is_followed(match_id):
            await asyncio.sleep(0.01)


async def test_a_storm_of_sockets_all_start_at_a_true_place(either: Door):
    """Many open while the match changes; each one's frames go on from its own snapshot."""
    match_id = await either.a_match()

    async def follow() -> list[int]:
        client = await either.open(match_id)
        first = await frame(client)
        seqs = [first["seq"]]
        while seqs[-1] < until:
            seqs.append((await frame(client))["seq"])
        await client.close()
        return seqs

    until = await either.seq_of(match_id) + 50

    async def change() -> None:
        for n in range(50):
            await either.tick(match_id, f"{n}'")

    changing = asyncio.create_task(change())
    followed = await asyncio.gather(*(follow() for _ in range(100)))
    await changing
    for seqs in followed:
        assert seqs == list(range(seqs[0], until + 1))


@pytest.mark.parametrize("conflate_ms", [0, 40])
async def test_what_is_sent_is_the_truth_at_any_pace(door: Door, conflate_ms: int):
    match_id = await door.a_match()
    client = await door.open(match_id, f"?conflateMs={conflate_ms}")
    first = await frame(client)
    clocks = [f"{n}'" for n in range(60)]
    for clock in clocks:
        await door.tick(match_id, clock)
    heard = [await frame(client)]
    while heard[-1]["seq"] < first["seq"] + 60:
        heard.append(await frame(client))
    assert heard[-1]["data"]["clock"] == clocks[-1]
    seqs = [one["seq"] for one in heard]
    assert seqs == sorted(set(seqs))
    conflated = [one for one in heard if one.get("conflated")]
    assert bool(conflated) == bool(conflate_ms)
    assert conflate_ms or len(heard) == 60
    await client.close()


async def test_who_connects_during_an_outage_sees_it(door: Door):
    match_id = await door.a_match()
    down = [{"provider": "replay", "state": "down"}]
    client = await door.open(match_id)
    assert (await frame(client))["data"]["score"]["feed"] is None
    feed = "INSERT INTO match_feeds AS f (match_id, status, providers) VALUES ($1, $2, $3::jsonb)"
    again = " ON CONFLICT (match_id) DO UPDATE SET status = $2, providers = $3::jsonb"
    await door.connection.execute(feed + again, match_id, "down", json.dumps(down))
    told = await frame(client)
    assert told["type"] == "feed_status"
    late = await door.open(match_id)
    score = (await frame(late))["data"]["score"]
    assert score["feed"] == told["data"]
    assert (score["feed"]["status"], score["feed"]["providers"]) == ("down", down)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as http:
        assert (await http.get(f"/api/scores/{match_id}")).json()["feed"] == told["data"]
    up = [{"provider": "replay", "state": "up"}]
    await door.connection.execute(feed + again, match_id, "ok", json.dumps(up))
    assert (await frame(late))["data"]["status"] == "ok"
    await late.close()
    late = await door.open(match_id)
    assert (await frame(late))["data"]["score"]["feed"] is None
    for one in (client, late):
        await one.close()
