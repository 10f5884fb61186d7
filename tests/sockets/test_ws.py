"""What a client may say on /ws, who it is, and its own bets."""

import asyncio
import time
from collections.abc import Sequence

from app.access.users import create_user
from app.sockets import close_codes
from app.sockets.inbox import BAD_MESSAGES_MAX
from app.stream import user_log
from app.stream.user_log import Entry
from tests.sockets.conftest import Door, a_door, closed, frame
from tests.sockets.described import Described
from tests.sockets.ws_client import a_client, a_match_today, channel_of, say, silence, subscribe

PASSWORD = "a-long-enough-password"


async def a_user(door: Door, name: str = "reader") -> tuple[int, str]:
    """A user's id and a token of theirs."""
    async with door.app.state.sessions() as session, session.begin():
        user = await create_user(session, f"{name}@example.com", PASSWORD)
    token: str = door.app.state.gate.tokens.issue(
        user.id, role=user.role, tier=user.tier, now=time.time()
    )
    return user.id, token


async def happens(door: Door, user_id: int, *bodies: str, kind: str = "bet_update") -> None:
    """Tells a user something, as whoever changes their bets does."""
    entries = [Entry(user_id=user_id, kind=kind, body=body.encode()) for body in bodies]
    async with door.connection.transaction():
        await user_log.append_all(door.connection, entries)
    await user_log.nudge(door.connection, [user_id])


UNREADABLE: Sequence[str | bytes] = (
    "nonsense",
    b"\xff\x00",
    "[]",
    "null",
    "{}",
    '{"type":"dance"}',
    '{"type":"market"}',
    '{"type":"market","event_id":{}}',
    '{"type":"auth"}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","channel":"sports"}',
    '{"type":"subscribe","channel":"sports.*.leagues.*.matches.*","since":"1-1"}',
    '{"type":"subscribe","channel":"sports.*.leagues.*.matches.*","since":{"1":"nonsense"}}',
    '{"type":"subscribe","channel":"sports.*.leagues.*.matches.*","since":{"!":"1-1"}}',
    '{"type":"subscribe","channel":"sports.*.leagues.*.matches.*","kinds":["everything"]}',
    '{"type":"bets","since":7}',
)


async def test_a_message_that_cannot_be_read_is_answered_and_the_socket_stays(door: Door):
    described = Described()
    async with a_client(door) as client:
        for message in UNREADABLE:
            await client.send(message)
            told = await frame(client)
            assert told["type"] == "error", message
            assert told["code"].startswith("malformed_"), message
            assert described.faults_of(told) == []
            await silence(client)


async def test_ten_bad_messages_in_a_row_close_and_nine_do_not(door: Door):
    async with a_client(door) as client:
        for _ in range(2):
            for _ in range(BAD_MESSAGES_MAX - 1):
                await client.send("nonsense")
                assert (await frame(client))["code"] == "malformed_message"
            await silence(client)
        for _ in range(BAD_MESSAGES_MAX):
            await client.send("nonsense")
        assert await closed(client) == close_codes.BAD_REQUEST.code


async def test_what_is_not_followed_cannot_be_left(door: Door):
    async with a_client(door) as client:
        for channel in ("events", "market.7", "bets", channel_of("*"), "nonsense"):
            await say(client, type="unsubscribe", channel=channel)
            assert (await frame(client))["code"] == "not_subscribed"
        await silence(client)


async def test_credentials_may_come_in_the_first_message(database_url: str, redis_url: str):
    async with a_door(database_url, redis_url, ANONYMOUS_ACCESS="false") as door:
        match_id = await a_match_today(door)
        _, token = await a_user(door)
        async with a_client(door) as client:
            await say(client, type="events")
            assert (await frame(client))["code"] == "not_authenticated"
            await say(client, type="auth", token=token)
            told = await frame(client)
            assert told["type"] == "authenticated"
            assert Described().faults_of(told) == []
            await subscribe(client, channel_of(match_id))
            assert (await frame(client))["type"] == "snapshot"
        async with a_client(door) as client:
            await say(client, type="auth", token="nonsense")
            assert (await frame(client))["code"] == "not_authenticated"
            assert await closed(client) == close_codes.NOT_AUTHENTICATED.code


async def test_bets_are_of_a_user_and_begin_with_what_there_is(door: Door):
    user_id, token = await a_user(door)
    other, other_token = await a_user(door, "other")
    await happens(door, user_id, '{"id":"1"}')
    async with a_client(door) as client, a_client(door, f"?token={other_token}") as stranger:
        await say(client, type="bets")
        assert (await frame(client))["code"] == "not_authenticated"
        await say(client, type="auth", token=token)
        assert (await frame(client))["type"] == "authenticated"
        await say(client, type="bets")
        told = await frame(client)
        assert (told["type"], told["seq"], told["reason"]) == ("bets", 1, "start")
        assert told["data"] == {"bets": [], "balances": []}
        described = Described()
        assert described.faults_of(told, shape="OwnBets") == []
        await say(stranger, type="bets")
        assert (await frame(stranger))["seq"] == 0
        await happens(door, user_id, '{"id":"2"}', '{"id":"3"}')
        await happens(door, user_id, '{"available":"9.00"}', kind="balance_update")
        told = [await frame(client) for _ in range(3)]
        assert [described.faults_of(f) for f in told] == [[], [], []]
        assert [(f["type"], f["seq"], f["data"]) for f in told] == [
            ("bet_update", 2, {"id": "2"}),
            ("bet_update", 3, {"id": "3"}),
            ("balance_update", 4, {"available": "9.00"}),
        ]
        await silence(stranger)
        await say(client, type="unsubscribe", channel="bets")
        assert (await frame(client))["type"] == "unsubscribed"
        await happens(door, user_id, "{}")
        await silence(client)
        assert not door.app.state.ws_follows.users.is_followed(user_id)
        assert door.app.state.ws_follows.users.is_followed(other)


async def test_who_comes_back_to_their_bets_gets_what_happened_meanwhile(door: Door):
    user_id, token = await a_user(door)
    async with a_client(door, f"?token={token}") as client:
        await say(client, type="bets")
        await frame(client)
        await happens(door, user_id, '{"id":"1"}')
        resume = (await frame(client))["resume"]
    await happens(door, user_id, '{"id":"2"}', '{"id":"3"}')
    async with a_client(door, f"?token={token}") as client:
        await say(client, type="bets", since=resume)
        assert [(await frame(client))["seq"] for _ in range(2)] == [2, 3]
        await happens(door, user_id, '{"id":"4"}')
        newest = await frame(client)
        assert newest["seq"] == 4
        # Nothing missed: the whole again, and that is said.
        await say(client, type="bets", since=newest["resume"])
        told = await frame(client)
        assert (told["type"], told["reason"], told["seq"]) == ("bets", "start", 4)
        await say(client, type="bets", since="3-1")
        told = await frame(client)
        assert (told["type"], told["reason"], told["seq"]) == ("bets", "resume_expired", 4)


async def test_bets_that_change_while_many_begin_are_missed_by_nobody(door: Door):
    user_id, token = await a_user(door)

    async def follow() -> None:
        async with a_client(door, f"?token={token}") as client:
            await say(client, type="bets")
            seqs = [(await frame(client))["seq"]]
            while seqs[-1] < 40:
                seqs.append((await frame(client))["seq"])
            assert seqs == list(range(seqs[0], 41))

    async def change() -> None:
        for n in range(40):
            await happens(door, user_id, f'{{"id":"{n}"}}')

    await asyncio.gather(change(), *(follow() for _ in range(6)))
