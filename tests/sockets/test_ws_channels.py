"""Channels and patterns of them over /ws: each match once, in order, as matches come and go."""

import asyncio
from collections import defaultdict

from app.ingest.merging import merge_matches, merge_rows
from app.sockets.pattern_following import MATCHES_PER_PATTERN_MAX
from tests.builders import a_league, a_market, a_match, a_score
from tests.sockets.conftest import Door, frame
from tests.sockets.described import Described
from tests.sockets.ws_client import (
    a_client,
    a_match_today,
    channel_of,
    frames,
    say,
    silence,
    subscribe,
    until,
)

EVERYTHING = "sports.*.leagues.*.matches.*"


async def test_a_channel_is_told_as_live_is_with_its_name(door: Door):
    # However long ago it was.
    match_id = await a_match(door.connection)
    await a_market(door.connection, match_id)
    channel = channel_of(match_id)
    async with a_client(door) as client, await door.open(match_id) as live:
        await subscribe(client, channel)
        for _ in range(2):
            told, twin = await frame(client), await frame(live)
            del told["timestamp"], twin["timestamp"]
            assert told == twin | {"channel": channel}
            await door.tick(match_id, "9'")


async def test_a_pattern_is_told_of_what_fits_and_of_nothing_else(door: Door):
    english = {await a_match_today(door, name, f"{name} B") for name in ("Arsenal", "Leeds")}
    dutch = {await a_match_today(door, "Ajax", "PSV", league="Eredivisie")}
    tennis = {await a_match_today(door, "Nadal", "Federer", sport="tennis", league="Open")}
    fitting = {
        EVERYTHING: english | dutch | tennis,
        "sports.football.leagues.*.matches.*": english | dutch,
        "sports.*.leagues.premier-league.matches.*": english,
        "sports.tennis.leagues.*.matches.*": tennis,
        "sports.hockey.leagues.*.matches.*": set[int](),
    }
    for round_, (pattern, matches) in enumerate(fitting.items(), 2):
        async with a_client(door) as client:
            await subscribe(client, pattern)
            told = await frames(client, len(matches))
            assert {int(f["matchId"]) for f in told} == matches
            assert {(f["type"], f["channel"]) for f in told} <= {("snapshot", pattern)}
            for match_id in english | dutch | tennis:
                await door.tick(match_id, f"{round_}'")
            told = await frames(client, len(matches))
            assert {int(f["matchId"]) for f in told} == matches
            assert {f["seq"] for f in told} <= {round_}
            await silence(client)


async def test_matches_join_as_they_appear_and_leave_when_they_fit_no_more(door: Door):
    first = await a_match_today(door)
    pattern = channel_of("*")
    async with a_client(door) as client, a_client(door) as other:
        await subscribe(client, pattern)
        assert (await frame(client))["matchId"] == str(first)
        await subscribe(other, channel_of("*", "eredivisie"))
        second = await a_match_today(door, "Leeds", "Wolves")
        told = await frame(client)
        assert (told["type"], told["matchId"]) == ("snapshot", str(second))
        await a_league(door.connection, "Eredivisie")
        await door.connection.execute(
            "UPDATE matches SET league_id = (SELECT id FROM leagues WHERE slug = 'eredivisie')"
            " WHERE id = $1",
            second,
        )
        told = await frame(other)
        assert (told["type"], told["matchId"]) == ("snapshot", str(second))
        await door.tick(second, "9'")
        assert (await frame(other))["data"]["clock"] == "9'"
        await door.tick(first, "9'")
        told = await frame(client)
        assert (told["matchId"], told["data"]["clock"]) == (str(first), "9'")
        await silence(client)


async def test_the_name_of_a_league_that_was_merged_leads_to_the_one_that_was_kept(door: Door):
    match_id = await a_match_today(door)
    kept = await a_league(door.connection, "English Premier League")
    dropped = await a_league(door.connection)
    await merge_rows(door.connection, "leagues", kept, dropped)
    for channel in (
        channel_of("*"),
        channel_of(match_id),
        channel_of("*", "english-premier-league"),
    ):
        async with a_client(door) as client:
            await subscribe(client, channel)
            assert (await frame(client))["matchId"] == str(match_id)


async def test_a_pattern_has_a_bound_and_what_is_in_play_comes_first(door: Door):
    live = await a_match_today(door)
    await door.connection.execute(
        """
        INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time)
        SELECT sport_id, league_id, home_id, away_id, start_time - interval '1 minute'
        FROM matches, generate_series(1, $1)
        """,
        MATCHES_PER_PATTERN_MAX,
    )
    async with a_client(door) as client:
        await subscribe(client, EVERYTHING)
        told = {f["matchId"] for f in await frames(client, MATCHES_PER_PATTERN_MAX)}
        assert len(told) == MATCHES_PER_PATTERN_MAX
        assert str(live) in told
        await silence(client)
        # One that leaves makes room.
        await door.connection.execute("DELETE FROM matches WHERE id = $1", live)
        last = await until(client, "snapshot")
        assert last["matchId"] not in told


async def test_who_comes_back_gets_what_each_match_had_meanwhile(door: Door):
    one, two = await a_match_today(door), await a_match_today(door, "Leeds", "Wolves")
    async with a_client(door) as client:
        await subscribe(client, channel_of("*"))
        since = {f["matchId"]: f["resume"] for f in await frames(client, 2)}
    for n in range(3):
        await door.tick(one, f"{n}'")
    await door.tick(two, "7'")
    three = await a_match_today(door, "Everton", "Fulham")
    async with a_client(door) as client:
        await subscribe(client, channel_of("*"), since=since | {"999": "1-1"})
        clocks: defaultdict[str, list[str]] = defaultdict(list)
        for told in await frames(client, 5):
            clocks[told["matchId"]].append(told["data"].get("clock", told["type"]))
        assert clocks == {
            str(one): ["0'", "1'", "2'"],
            str(two): ["7'"],
            str(three): ["snapshot"],
        }
    async with a_client(door) as client:
        # For one match its token alone will do.
        await subscribe(client, channel_of(one), since=since[str(one)])
        assert [f["data"]["clock"] for f in await frames(client, 3)] == ["0'", "1'", "2'"]
        await subscribe(client, channel_of(two), since="zzzz-1")
        told = await frame(client)
        assert (told["type"], told["reason"]) == ("snapshot", "resume_expired")


async def test_only_the_kinds_asked_for_are_sent(door: Door):
    match_id = await a_match_today(door)
    await a_market(door.connection, match_id)
    async with a_client(door) as client:
        await subscribe(client, channel_of(match_id), kinds=["odds"])
        await frame(client)
        await a_score(door.connection, match_id, (1, 0))
        await door.connection.execute("UPDATE selections SET odds = 9 WHERE key = 'home'")
        assert (await frame(client))["type"] == "odds_update"
        # Asked for again, it begins again.
        await subscribe(client, channel_of(match_id))
        assert (await frame(client))["type"] == "snapshot"
        await a_score(door.connection, match_id, (2, 0))
        assert (await frame(client))["type"] == "score_update"


async def test_what_is_no_more_asked_for_is_no_more_told(door: Door):
    match_id = await a_match_today(door)
    async with a_client(door) as client:
        for channel in (channel_of("*"), channel_of(match_id)):
            await subscribe(client, channel)
            await frame(client)
            await say(client, type="unsubscribe", channel=channel)
            assert await frame(client) == {"type": "unsubscribed", "channel": channel}
            await door.tick(match_id, channel[-3:])
            await silence(client)
            assert not door.app.state.hub.is_followed(match_id)


async def test_a_channel_without_a_match_is_refused_and_the_socket_stays(door: Door):
    match_id = await a_match_today(door)
    async with a_client(door) as client:
        for channel in (
            channel_of(999),
            channel_of(match_id, "eredivisie"),
            f"sports.tennis.leagues.premier-league.matches.{match_id}",
            "sports.curling.leagues.*.matches.*",
        ):
            await say(client, type="subscribe", channel=channel)
            assert (await until(client, "error"))["code"] == "not_found"
            await silence(client)


async def test_a_match_that_becomes_another_says_so_on_its_channel(door: Door):
    match_id, other = (
        await a_match_today(door),
        await a_match_today(door, "Arsenal FC", "Chelsea FC"),
    )
    async with a_client(door) as client:
        await subscribe(client, channel_of(match_id))
        await frame(client)
        async with door.connection.transaction():
            await merge_matches(door.connection, other, match_id, inverted=False)
        assert (await until(client, "match_merged"))["data"] == {"mergedInto": str(other)}
        await say(client, type="subscribe", channel=channel_of(match_id))
        assert (await until(client, "error"))["code"] == "match_merged"


async def test_every_match_begins_at_a_true_place_however_much_happens(door: Door):
    matches = [await a_match_today(door, f"Home {n}", f"Away {n}") for n in range(4)]

    async def change() -> None:
        for n in range(30):
            for match_id in matches:
                await door.tick(match_id, f"{n}'")

    async def follow() -> None:
        async with a_client(door) as client:
            await subscribe(client, channel_of("*"))
            seqs: defaultdict[str, list[int]] = defaultdict(list)
            described = Described()
            while sum(told[-1] == 31 for told in seqs.values()) < len(matches):
                told = await frame(client)
                assert described.faults_of(told) == []
                seqs[told["matchId"]].append(told["seq"])
            for told in seqs.values():
                assert told == list(range(told[0], 32))

    await asyncio.gather(change(), *(follow() for _ in range(6)))
