"""What somebody follows over /ws is wanted, until the last who does is gone, however they went."""

import asyncio
from itertools import product

from websockets.asyncio.client import ClientConnection

from tests.sockets.conftest import PATIENCE_S, Door, frame
from tests.sockets.ws_client import a_client, a_match_today, channel_of, say

Want = tuple[str, int, int]


async def until_wanted(door: Door, *expected: Want) -> None:
    """Waits until these are the numbers of sockets that want scores and markets, by subject."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await door.connection.fetch(
                "SELECT subject, scores, markets FROM demand ORDER BY subject"
            )
            if [tuple(row) for row in rows] == sorted(expected):
                return
            await asyncio.sleep(0.01)


async def begin(client: ClientConnection, message: dict[str, object]) -> None:
    """Follows something and hears its first state."""
    await say(client, **message)
    while (await frame(client)).get("type") == "subscribed":
        pass


async def test_everything_that_is_followed_is_wanted_for_so_long(door: Door):
    match_id = await a_match_today(door)
    await door.connection.execute(
        "INSERT INTO markets (match_id, type, status) VALUES ($1, 'winner', 'suspended')", match_id
    )
    match, pattern = f"match.{match_id}", channel_of("*")
    followed: list[tuple[str, dict[str, object], list[Want]]] = [
        ("events", {"type": "events"}, [("everything", 1, 0)]),
        (f"market.{match_id}", {"type": "market", "event_id": str(match_id)}, [(match, 0, 1)]),
        (
            channel_of(match_id),
            {"type": "subscribe", "channel": channel_of(match_id), "kinds": ["score"]},
            [(match, 1, 0)],
        ),
        (
            pattern,
            {"type": "subscribe", "channel": pattern},
            [("league.premier-league", 1, 1), (match, 1, 1)],
        ),
    ]
    for (key, message, wanted), how in product(followed, ("unsubscribed", "cut")):
        async with a_client(door) as one, a_client(door) as two:
            await begin(one, message)
            await until_wanted(door, *wanted)
            await begin(two, message)
            await until_wanted(door, *[(name, 2 * s, 2 * m) for name, s, m in wanted])
            # Asked for again it is wanted once.
            await begin(two, message)
            for client in (one, two):
                await leave(client, key, how)
                left = client is one
                await until_wanted(door, *(wanted if left else []))


async def leave(client: ClientConnection, key: str, how: str) -> None:
    """Ends a following in one of the ways there are."""
    if how == "unsubscribed":
        await say(client, type="unsubscribe", channel=key)
    else:
        client.transport.abort()


async def test_what_was_refused_leaves_nothing_wanted(door: Door):
    match_id = await a_match_today(door)
    async with a_client(door) as client:
        for message in (
            {"type": "market", "event_id": "999"},
            {"type": "subscribe", "channel": channel_of(999)},
            {"type": "subscribe", "channel": channel_of(match_id, "eredivisie")},
        ):
            await say(client, **message)
            while (await frame(client))["type"] != "error":
                pass
        await say(client, type="subscribe", channel=channel_of(match_id))
        await until_wanted(door, (f"match.{match_id}", 1, 1))
