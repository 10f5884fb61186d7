"""Frames as servers really send them, held against what the description says of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from app.ingest.merging import merge_matches
from app.sockets.frames import KINDS
from app.stream import user_log
from tests.builders import a_market, a_match, a_price, a_score, an_incident, selections_of
from tests.sockets.conftest import Door, a_token, frame
from tests.sockets.described import Described, Frame
from tests.sockets.ws_client import a_client, channel_of, say, subscribe, until

# One of every type there is; what is not known of it is left out, what it has is told.
INCIDENTS: Sequence[dict[str, object]] = (
    {"type": "goal", "player": "Saka", "assist": "Rice", "how": "penalty", "clock": "9'"},
    {"type": "points", "points": 3, "player": "Brown"},
    {"type": "card", "colour": "second_yellow"},
    {"type": "penalty", "minutes": 2, "offence": "hooking"},
    {"type": "substitution", "playerOn": "Havertz", "playerOff": "Jesus"},
    {"type": "shootout_attempt", "scored": True},
    {"type": "period_started", "period": "2nd Half"},
    {"type": "period_ended", "period": "2nd Half"},
    {"type": "set_won", "homeGames": 7, "awayGames": 6, "tieBreakLoserPoints": 5},
    {"type": "retired", "how": "walkover"},
)


async def everything_happens(door: Door, match_id: int) -> None:
    """Changes a match in every way there is; in the end it is another's."""
    await much_happens(door, match_id)
    other = await a_match(door.connection, "Arsenal FC", "Chelsea FC")
    async with door.connection.transaction():
        await merge_matches(door.connection, match_id, other, inverted=False)


async def much_happens(door: Door, match_id: int) -> None:
    """Changes a match in every way that leaves it what it is."""
    connection = door.connection
    await a_score(connection, match_id, (1, 0))
    await a_score(connection, match_id, (0, 0))
    for ordinal, incident in enumerate(INCIDENTS, 2):
        await an_incident(connection, match_id, ordinal, **incident)
    total = await a_market(connection, match_id, {"over": "1.9", "under": "2"}, line="2.5")
    await a_price(connection, (await selections_of(connection, total))["over"], "1.95")
    await connection.execute(
        "UPDATE selections SET odds = NULL, best_odds = NULL, best_provider = NULL,"
        " fair_probability = NULL, status = 'suspended'"
    )
    await connection.execute(
        "INSERT INTO match_feeds (match_id, status, providers) VALUES ($1, 'stale', $2)",
        match_id,
        '[{"provider": "betfair", "state": "behind"}]',
    )
    body = '{"homeWinProb":0.5,"drawProb":null,"awayWinProb":0.5}'
    for kind, said in (
        ("prediction_update", body),
        ("match_split", '{"provider":"thesportsdb","splitOff":"77"}'),
    ):
        await connection.execute(
            "SELECT append_changes(ARRAY[$1::bigint], ARRAY[$2], ARRAY[$3])", match_id, kind, said
        )


@pytest.fixture(scope="module")
def described() -> Described:
    return Described()


async def test_every_kind_of_frame_of_a_match_is_as_it_is_described(
    door: Door, described: Described
):
    match_id = await a_match(door.connection)
    await an_incident(door.connection, match_id)
    await a_market(door.connection, match_id)
    client = await door.open(match_id)
    told: list[Frame] = [await frame(client)]
    await everything_happens(door, match_id)
    until = await door.seq_of(match_id)
    while told[-1]["seq"] < until:
        told.append(await frame(client))
    again = await door.open(match_id, f"?since={told[-1]['resume']}")
    told.append(await frame(again))
    afresh = await door.open(match_id)
    told.append(await frame(afresh))
    for message in ('{"type":"ping"}', "no message at all"):
        await client.send(message)
        told.append(await frame(client))
    kinds = described.check(told)
    assert kinds == {"snapshot", "heartbeat", "pong", "error"}.union(*KINDS.values())
    for one in (client, again, afresh):
        await one.close()


async def test_what_a_session_says_is_as_it_is_described(door: Door, described: Described):
    match_id = await a_match(door.connection, start_time=datetime.now(UTC))
    channel = channel_of("*")
    async with a_client(door) as client:
        await say(client, type="auth", token=await a_token(door))
        told = [await frame(client)]
        await subscribe(client, channel)
        told += [await frame(client)]
        await much_happens(door, match_id)
        head = await door.seq_of(match_id)
        while told[-1]["seq"] < head:
            told.append(await frame(client))
        await say(client, type="unsubscribe", channel=channel)
        await say(client, type="subscribe", channel=channel_of(404))
        await say(client, type="nonsense")
        await say(client, type="ping")
        answers = [await frame(client) for _ in range(5)]
        door.server.should_exit = True
        told.append(await until(client, "going_away"))
    assert described.check(answers) == {"subscribed", "unsubscribed", "error", "pong"}
    kinds = described.check(told)
    assert {"authenticated", "snapshot", "score_correction", "odds_update"} < kinds


async def test_lists_markets_and_bets_are_as_they_are_described(door: Door, described: Described):
    match_id = await a_match(door.connection)
    await a_market(door.connection, match_id)
    async with a_client(door, f"?token={await a_token(door)}") as client:
        await say(client, type="events")
        listed = await frame(client)
        assert described.faults_of(listed, shape="EventsList") == []
        await say(client, type="market", event_id=str(match_id))
        market = await frame(client)
        assert described.faults_of(market, shape="MarketOdds") == []
        await say(client, type="bets")
        told = [await frame(client)]
        user_id: int = await door.connection.fetchval("SELECT id FROM users")  # pyright: ignore[reportAssignmentType]
        async with door.connection.transaction():
            await user_log.append(door.connection, user_id, "balance_update", b'{"currency":"EUR"}')
        await user_log.nudge(door.connection, [user_id])
        told.append(await frame(client))
        assert [one["type"] for one in told] == ["bets", "balance_update"]
        assert described.check(told[:1]) == {"bets"}


async def test_a_stream_of_events_has_the_same_frames(door: Door, described: Described):
    match_id = await a_match(door.connection)
    told: list[Frame] = []
    url = f"http://127.0.0.1:{door.port}/live/{match_id}/events"
    async with httpx.AsyncClient() as http, http.stream("GET", url) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                told.append(msgspec.json.decode(line.removeprefix("data: ")))
            if len(told) == 1 and line.startswith("data: "):
                await a_score(door.connection, match_id, (1, 0))
            if len(told) == 2:
                break
    assert described.check(told) == {"snapshot", "score_update"}


async def test_events_of_the_pusher_protocol_are_as_they_are_described(
    door: Door, described: Described
):
    match_id = await a_match(door.connection)
    told: list[dict[str, Any]] = []
    async with connect(f"ws://127.0.0.1:{door.port}/app/touchline?protocol=7") as client:
        for event, data in (
            ("pusher:subscribe", {"channel": channel_of(match_id)}),
            ("pusher:subscribe", {"channel": channel_of(404)}),
            ("client-typing", {}),
            ("pusher:ping", {}),
        ):
            await client.send(msgspec.json.encode({"event": event, "data": data}).decode())
        kinds: set[str] = set()
        while not {"pusher:pong", "snapshot", "pusher:subscription_error"} <= kinds:
            told.append(await frame(client))
            kinds.add(told[-1]["event"])
    for one in told:
        shape = None if one["event"].startswith("pusher") else "PusherEvent"
        assert described.faults_of(one, shape=shape) == []
        if shape is not None:
            assert described.check([msgspec.json.decode(one["data"])])
    assert "pusher:error" in kinds
