"""Lists of events and markets over /ws: at once, and again on change, whole each time."""

import asyncio
import socket
from typing import Any

import msgspec

from app.ingest.merging import merge_matches
from tests.builders import a_market, a_price, a_score, selections_of
from tests.sockets.conftest import PATIENCE_S, Door, frame
from tests.sockets.described import Described
from tests.sockets.ws_client import (
    Frame,
    a_client,
    a_match_today,
    frames,
    say,
    silence,
)


async def events_until(client: object, *names: str) -> Frame:
    """The list that has exactly these matches, in this order; others before it are left."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await frame(client)  # pyright: ignore[reportArgumentType]
            if [event["name"] for event in told["events"]] == list(names):
                return told


async def test_the_list_comes_at_once_and_again_when_it_says_something_else(door: Door):
    live = await a_match_today(door)
    later = await a_match_today(door, "Leeds", "Wolves", status=None)
    async with a_client(door) as client:
        await say(client, type="events")
        told = await frame(client)
        assert list(told) == ["events"]
        assert [(e["id"], e["name"], e["status"]) for e in told["events"]] == [
            (str(live), "Arsenal v Chelsea", "live"),
            (str(later), "Leeds v Wolves", "scheduled"),
        ]
        assert Described().faults_of(told, shape="EventsList") == []
        # A goal is no matter of the list.
        await a_score(door.connection, live, (1, 0))
        await silence(client)
        await a_match_today(door, "Everton", "Fulham")
        await events_until(client, "Arsenal v Chelsea", "Everton v Fulham", "Leeds v Wolves")
        await a_score(door.connection, live, (1, 0), status="finished")
        await events_until(client, "Everton v Fulham", "Leeds v Wolves")


async def test_what_no_notification_tells_is_found_all_the_same(door: Door):
    gone = await a_match_today(door)
    async with a_client(door) as client:
        await say(client, type="events")
        await events_until(client, "Arsenal v Chelsea")
        await door.connection.execute("DELETE FROM matches WHERE id = $1", gone)
        await a_match_today(door, "Leeds", "Wolves", status=None)
        await events_until(client, "Leeds v Wolves")


async def test_everybody_who_follows_the_list_is_told(door: Door):
    await a_match_today(door)
    async with a_client(door) as one, a_client(door) as two:
        for client in (one, two):
            await say(client, type="events")
            await events_until(client, "Arsenal v Chelsea")
        await say(one, type="unsubscribe", channel="events")
        assert await frame(one) == {"type": "unsubscribed", "channel": "events"}
        await a_match_today(door, "Everton", "Fulham")
        await events_until(two, "Arsenal v Chelsea", "Everton v Fulham")
        await silence(one)


async def test_a_market_comes_whole_at_once_and_again_when_it_changes(door: Door):
    match_id = await a_match_today(door)
    winner = await a_market(door.connection, match_id)
    total = await a_market(door.connection, match_id, {"over": "1.9", "under": "2"}, line="2.5")
    async with a_client(door) as client:
        await say(client, type="market", event_id=str(match_id))
        first, second = await frames(client, 2)
        assert [first["market_id"], second["market_id"]] == [str(winner), str(total)]
        assert first["event_id"] == str(match_id)
        assert [(o["key"], o["odds"]) for o in first["odds"]] == [
            ("home", 2.1),
            ("draw", 3.4),
            ("away", 3.625),
        ]
        described = Described()
        assert described.faults_of(first, shape="MarketOdds") == []
        home = (await selections_of(door.connection, winner))["home"]
        await a_price(door.connection, home, "2.225")
        raw = await asyncio.wait_for(client.recv(), PATIENCE_S)
        assert '"odds":2.225,' in str(raw)
        told = msgspec.json.decode(raw)
        assert told["market_id"] == str(winner)
        assert [o["odds"] for o in told["odds"]] == [2.225, 3.4, 3.625]
        # A goal alone changes no market.
        await a_score(door.connection, match_id, (1, 0))
        await silence(client)
        await door.connection.execute(
            "UPDATE markets SET status = 'suspended', version = version + 1 WHERE id = $1", total
        )
        told = await frame(client)
        assert (told["market_id"], told["status"]) == (str(total), "suspended")


async def test_a_market_that_comes_later_is_told_of(door: Door):
    match_id = await a_match_today(door)
    async with a_client(door) as one, a_client(door) as two:
        await say(one, type="market", event_id=match_id)
        await silence(one)
        async with door.connection.transaction():
            market_id = await a_market(door.connection, match_id)
        assert (await frame(one))["market_id"] == str(market_id)
        await say(two, type="market", event_id=match_id)
        assert (await frame(two))["market_id"] == str(market_id)
        await say(one, type="unsubscribe", channel=f"market.{match_id}")
        assert (await frame(one))["type"] == "unsubscribed"
        await door.connection.execute("UPDATE selections SET odds = 9 WHERE key = 'home'")
        assert (await frame(two))["odds"][0]["odds"] == 9
        await silence(one)


async def test_what_changes_while_many_begin_is_missed_by_nobody(door: Door):
    match_id = await a_match_today(door)
    market_id = await a_market(door.connection, match_id)
    home = (await selections_of(door.connection, market_id))["home"]

    async def follow() -> None:
        async with a_client(door) as client, asyncio.timeout(PATIENCE_S):
            await say(client, type="market", event_id=str(match_id))
            while (await frame(client))["odds"][0]["odds"] != 5.5:
                pass

    async def change() -> None:
        for n in range(40):
            await a_price(door.connection, home, f"{1.6 + n / 10:.1f}")

    await asyncio.gather(change(), *(follow() for _ in range(5)))


async def test_an_event_there_is_not_is_refused_and_the_socket_stays(door: Door):
    refused = {
        "999": "not_found",
        "no-such": "not_found",
        "": "malformed_id",
        "a b": "malformed_id",
    }
    async with a_client(door) as client:
        for event_id, code in refused.items():
            await say(client, type="market", event_id=event_id)
            told = await frame(client)
            assert (told["type"], told["code"]) == ("error", code)
            await silence(client)


async def test_an_event_that_becomes_another_is_given_up_with_a_word(door: Door):
    match_id, other = (
        await a_match_today(door),
        await a_match_today(door, "Arsenal FC", "Chelsea FC"),
    )
    await a_market(door.connection, match_id)
    async with a_client(door) as client:
        await say(client, type="market", event_id=str(match_id))
        assert (await frame(client))["event_id"] == str(match_id)
        async with door.connection.transaction():
            await merge_matches(door.connection, other, match_id, inverted=False)
        told = await frame(client)
        assert (told["code"], told["channel"]) == ("match_merged", f"market.{match_id}")
        assert str(other) in told["message"]
        assert not door.app.state.ws_follows.boards.is_followed(match_id)
        await say(client, type="market", event_id=str(other))
        assert (await frame(client))["event_id"] == str(other)


async def test_a_reader_that_wakes_up_late_is_told_the_newest_list_only(door: Door):
    first = await a_match_today(door)
    # Some 150 bytes a match: a frame that fills a line.
    await door.connection.execute(
        """
        INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time)
        SELECT sport_id, league_id, home_id, away_id, start_time + interval '1 minute'
        FROM matches, generate_series(1, 999)
        """
    )
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", door.port))
    narrowly: dict[str, Any] = {"sock": narrow, "compression": None, "max_queue": 1}
    async with a_client(door) as quick, a_client(door, **narrowly) as stuck:
        for client in (quick, stuck):
            await say(client, type="events")
            assert len((await frame(client))["events"]) == 1_000
        stuck.transport.pause_reading()
        lists = 25
        for n in range(lists):
            status = "paused" if n % 2 == 0 else "live"
            await a_score(door.connection, first, (0, 0), status=status)
            assert (await frame(quick))["events"][0]["status"] == status
        stuck.transport.resume_reading()
        await a_score(door.connection, first, (0, 0), status="interrupted")
        told, last = 0, ""
        while last != "interrupted":
            last = (await frame(stuck))["events"][0]["status"]
            told += 1
        assert told < lists
