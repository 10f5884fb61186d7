"""One match over one socket: first state, every change, and codes that say why."""

import asyncio
import time

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from app.sockets import close_codes
from app.sockets.inbox import BAD_MESSAGES_MAX
from app.stream import log
from tests.sockets.conftest import PATIENCE_S, Door, a_door, a_token, closed, frame


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


async def test_changes_follow_in_order_without_hole(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    start = (await frame(client))["seq"]
    for n in range(20):
        await door.tick(match_id, f"{n}'")
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


async def test_a_ping_is_answered_after_the_first_state(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    await client.send('{"type":"ping"}')
    assert [(await frame(client))["type"] for _ in range(2)] == ["snapshot", "pong"]
    await client.close()


async def test_a_message_that_cannot_be_read_is_answered_and_ten_in_a_row_close(door: Door):
    match_id = await door.a_match()
    client = await door.open(match_id)
    await frame(client)
    for message in ("nonsense", b"\xff\x00", '{"type":"subscribe"}', "[]", "null"):
        await client.send(message)
        assert (await frame(client))["code"] == "malformed_message"
    await client.send('{"type":"ping"}')
    assert (await frame(client))["type"] == "pong"
    for _ in range(BAD_MESSAGES_MAX):
        await client.send("nonsense")
    assert await closed(client) == close_codes.BAD_REQUEST.code


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
    async with a_door(database_url, redis_url, ANONYMOUS_ACCESS="false") as door:
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


async def test_a_socket_ends_when_its_token_does(door: Door):
    match_id = await door.a_match()
    almost = time.time() - door.app.state.gate.tokens.ttl_s + 2
    token = door.app.state.gate.tokens.issue(1, role="user", tier="free", now=almost)
    client = await door.open(match_id, f"?token={token}")
    assert (await frame(client))["type"] == "snapshot"
    assert await closed(client) == close_codes.NOT_AUTHENTICATED.code


async def test_a_reader_that_falls_behind_is_sent_a_snapshot_that_says_so(
    database_url: str, redis_url: str
):
    async with a_door(database_url, redis_url, SOCKET_QUEUE_FRAMES_MAX="8") as door:
        match_id = await door.a_match()
        client = await door.open(match_id)
        start = (await frame(client))["seq"]
        # More in one commit than its queue holds.
        await door.connection.execute(
            "SELECT append_changes(array_agg($1::bigint), array_agg('incident'::text),"
            " array_agg('{}'::text)) FROM generate_series(1, 30)",
            match_id,
        )
        told = await frame(client)
        assert (told["type"], told["reason"]) == ("snapshot", "slow_consumer")
        assert told["seq"] == start + 30
        await door.tick(match_id, "9'")
        assert (await frame(client))["seq"] == start + 31
        await client.close()


async def test_a_reader_that_does_not_read_is_closed_and_bothers_nobody(
    database_url: str, redis_url: str
):
    async with a_door(database_url, redis_url, SOCKET_SEND_TIMEOUT_S="0.5") as door:
        match_id = await door.a_match()
        # A tiny window, and nobody who reads: the server's writes come to a stand.
        stuck = await door.open(match_id, max_queue=1, write_limit=1)
        stuck.transport.pause_reading()
        reader = await door.open(match_id)
        await frame(reader)
        big = "x" * 100_000
        seen = 0
        async with asyncio.timeout(PATIENCE_S):
            while (await _sockets(door)) > 1:
                await door.connection.execute(
                    "SELECT append_changes(ARRAY[$1::bigint], ARRAY['incident'],"
                    " ARRAY[json_build_object('x', $2 || clock_timestamp())::text])",
                    match_id,
                    big,
                )
                assert (await frame(reader))["type"] == "incident"
                seen += 1
        assert seen
        stuck.transport.abort()
        await reader.close()


async def _sockets(door: Door) -> int:
    return len(door.app.state.sockets.pulse.sessions)


async def test_a_server_that_goes_away_says_so_to_everyone(door: Door):
    match_id = await door.a_match()
    clients: list[ClientConnection] = [await door.open(match_id) for _ in range(20)]
    for client in clients:
        await frame(client)
    door.server.should_exit = True
    codes = await asyncio.gather(*(closed(client) for client in clients))
    assert set(codes) == {close_codes.GOING_AWAY.code}


async def test_nothing_is_left_of_sockets_that_are_gone(door: Door):
    match_id = await door.a_match()
    for polite in (True, False):
        clients = [await door.open(match_id) for _ in range(10)]
        for client in clients:
            await frame(client)
            if polite:
                await client.close()
            else:
                client.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        while await _sockets(door) or door.app.state.hub.is_followed(match_id):
            await asyncio.sleep(0.01)


async def test_a_storm_of_sockets_all_start_at_a_true_place(door: Door):
    """Many open while the match changes; each one's frames go on from its own snapshot."""
    match_id = await door.a_match()

    async def follow() -> list[int]:
        client = await door.open(match_id)
        first = await frame(client)
        seqs = [first["seq"]]
        while seqs[-1] < until:
            seqs.append((await frame(client))["seq"])
        await client.close()
        return seqs

    until = await door.seq_of(match_id) + 50

    async def change() -> None:
        for n in range(50):
            await door.tick(match_id, f"{n}'")

    changing = asyncio.create_task(change())
    followed = await asyncio.gather(*(follow() for _ in range(100)))
    await changing
    for seqs in followed:
        assert seqs == list(range(seqs[0], until + 1))
