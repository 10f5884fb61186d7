"""What is followed over /ws goes on after Postgres was away, with nothing missing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.builders import a_market, a_price, a_score, selections_of
from tests.sockets.conftest import PATIENCE_S, Door, frame
from tests.sockets.test_ws import a_user, happens
from tests.sockets.ws_client import Frame, a_client, a_match_today, channel_of, say, subscribe


async def cut(door: Door) -> None:
    """Ends every connection to the database but the test's own."""
    await door.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def heard(next_: Callable[[], Awaitable[Frame]], is_it: Callable[[Frame], bool]) -> Frame:
    """The first frame that is the one awaited."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await next_()
            if is_it(told):
                return told


async def test_whatever_is_followed_is_told_after_every_connection_was_cut(door: Door):
    match_id = await a_match_today(door)
    async with door.connection.transaction():
        market_id = await a_market(door.connection, match_id)
    home = (await selections_of(door.connection, market_id))["home"]
    user_id, token = await a_user(door)
    async with (
        a_client(door) as lists,
        a_client(door) as markets,
        a_client(door) as channels,
        a_client(door, f"?token={token}") as bets,
    ):
        await say(lists, type="events")
        await say(markets, type="market", event_id=str(match_id))
        await subscribe(channels, channel_of("*"))
        await say(bets, type="bets")
        seq = (await asyncio.gather(*map(frame, (lists, markets, channels, bets))))[2]["seq"]
        for n in range(3):
            await cut(door)
            status, price = ("paused", "live", "finished")[n], f"{3 + n}.5"
            await a_score(door.connection, match_id, (n, 0), status=status)
            await a_price(door.connection, home, price)
            await happens(door, user_id, f'{{"id":"{n}"}}')
            at_last = await asyncio.gather(
                heard(lambda: frame(lists), lambda f, s=status: _status_in(f) == s),
                heard(lambda: frame(markets), lambda f, p=price: f["odds"][0]["odds"] == float(p)),
                heard(lambda: frame(bets), lambda f, n=n: f["seq"] == n + 1),
            )
            assert at_last[2]["data"] == {"id": str(n)}
            for _ in range(2):
                seq += 1
                assert (await frame(channels))["seq"] == seq


def _status_in(told: Frame) -> str:
    """The status of the one match there is; what is over is in no list."""
    return told["events"][0]["status"] if told["events"] else "finished"


async def test_a_silence_is_filled_with_the_place_of_everything_that_has_one(door: Door):
    one, two = await a_match_today(door), await a_match_today(door, "Leeds", "Wolves")
    async with a_client(door) as client:
        await say(client, type="events")
        await frame(client)
        for channel in (channel_of(one), channel_of("*")):
            await subscribe(client, channel)
            await frame(client)
        await frame(client)
        pulse = door.app.state.sockets.pulse
        (session,) = pulse.sessions
        session.heartbeat_s = 0.5
        pulse.schedule(session, time.monotonic())
        beats = [await frame(client) for _ in range(3)]
        assert {(f["type"], f["channel"], f["matchId"]) for f in beats} == {
            ("heartbeat", channel_of(one), str(one)),
            ("heartbeat", channel_of("*"), str(one)),
            ("heartbeat", channel_of("*"), str(two)),
        }
        assert {f["seq"] for f in beats} == {1}
