"""Listening to the stream over real TLS, the test playing the exchange."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.errors import DependencyDown
from app.providers.betfair.client import Betfair
from app.providers.betfair.stream_line import LINE_BYTES_MAX
from tests.providers.betfair.bodies import ARSENAL, CHELSEA, EVENT, a_match
from tests.providers.betfair.bodies import definition as definition_of
from tests.providers.betfair.exchange import (
    APP_KEY,
    PACE,
    SECRETS,
    Api,
    Certificate,
    StreamServer,
    a_certificate,
    a_client,
    about,
    serving_stream,
)
from tests.providers.betfair.listening import (
    MARKETS,
    PUBLISHED_MS,
    WINNER,
    Listening,
    begun,
    image,
    mcm,
    odds,
    price,
    reading,
    until,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The exchange's certificate."""
    return a_certificate(tmp_path_factory.mktemp("exchange"))


@pytest.fixture
async def exchange(certificate: Certificate) -> AsyncGenerator[StreamServer]:
    """The exchange's end of the stream."""
    async with serving_stream(certificate.server) as server:
        yield server


@pytest.fixture
async def client(api: Api, certificate: Certificate) -> AsyncGenerator[Betfair]:
    """The adapter."""
    client = a_client(api, tls=certificate.trust)
    yield client
    await client.close()


@pytest.fixture
async def listening(client: Betfair, exchange: StreamServer) -> AsyncGenerator[Listening]:
    """A stream that listens until the test ends."""
    listening = Listening(client.stream(f"127.0.0.1:{exchange.port}", PACE))
    running = asyncio.create_task(listening.stream.run(listening.take, listening.wanted))
    yield listening
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert not listening.stream.up


async def test_it_says_who_it_is_and_what_it_wants(
    api: Api, exchange: StreamServer, listening: Listening
):
    caller = await exchange.caller()
    authentication = await caller.greets()
    assert authentication == {
        "op": "authentication",
        "id": 1,
        "appKey": APP_KEY,
        "session": api.session,
    }
    request = await caller.subscribed()
    assert request["op"] == "marketSubscription"
    assert request["marketFilter"] == {"marketIds": sorted(one["marketId"] for one in MARKETS)}
    assert set(request["marketDataFilter"]["fields"]) == {"EX_BEST_OFFERS", "EX_MARKET_DEF"}
    assert request["segmentationEnabled"]
    assert "clk" not in request
    assert not listening.stream.up


async def test_an_image_and_each_delta_are_told(exchange: StreamServer, listening: Listening):
    caller, request = await begun(exchange, listening)
    assert listening.stream.up
    await caller.says(mcm(request, price(ARSENAL, 2.2)))
    told = await listening.observed()
    assert odds(told)["home"] == "2.2"
    assert (told.external_id, told.provider) == (EVENT, "betfair")
    assert told.observed_at.timestamp() == PUBLISHED_MS / 1000
    # What changes nothing to back is not worth a word.
    await caller.says(mcm(request, {"id": "1.101", "rc": [{"id": ARSENAL, "batl": [[0, 3, 1]]}]}))
    await caller.says(mcm(request, price(ARSENAL, 2.3)))
    assert odds(await listening.observed())["home"] == "2.3"


async def test_a_market_that_is_suspended_is_told_at_once(
    exchange: StreamServer, listening: Listening
):
    caller, request = await begun(exchange, listening)
    closed = {"id": "1.101", "marketDefinition": definition_of(WINNER, "SUSPENDED")}
    await caller.says(mcm(request, closed))
    [market] = (await listening.observed()).markets
    assert (market.status, market.reason) == ("suspended", "suspended_by_exchange")


async def test_a_cut_line_is_resumed_where_it_was(exchange: StreamServer, listening: Listening):
    caller, request = await begun(exchange, listening)
    await caller.says(mcm(request, price(ARSENAL, 2.2), clk="c5"))
    await listening.told()
    caller.cut()
    caller = await exchange.caller()
    await caller.greets()
    again = await caller.subscribed()
    assert (again["initialClk"], again["clk"]) == ("i1", "c5")
    same = ("marketFilter", "marketDataFilter", "heartbeatMs", "conflateMs", "segmentationEnabled")
    assert {key: again[key] for key in same} == {key: request[key] for key in same}
    assert again["id"] != request["id"]
    await caller.says(mcm(again, price(CHELSEA, 3.6), ct="RESUB_DELTA", clk="c6"))
    assert odds(await listening.observed()) == {"home": "2.2", "away": "3.6", "draw": None}


async def test_a_line_that_is_cut_within_a_message_loses_nothing_else(
    exchange: StreamServer, listening: Listening
):
    caller, _ = await begun(exchange, listening)
    await caller.sends(b'{"op":"mcm","id":2,"clk":"c9","mc":[{"id":"1.101","rc":[{"id":1096,')
    caller.cut()
    caller = await exchange.caller()
    await caller.greets()
    assert (await caller.subscribed())["clk"] == "c1"


async def test_a_place_nobody_knows_any_more_is_given_up(
    exchange: StreamServer, listening: Listening
):
    caller, _ = await begun(exchange, listening)
    caller.cut()
    caller = await exchange.caller()
    await caller.greets()
    again = await caller.hears()
    assert "clk" in again
    await caller.fails(again, "INVALID_CLOCK")
    caller = await exchange.caller()
    await caller.greets()
    fresh = await caller.subscribed()
    assert "clk" not in fresh
    await caller.says(image(fresh, home=2.8))
    assert odds(await listening.observed())["home"] == "2.8"


async def test_silence_for_two_heartbeats_is_a_dead_line(
    exchange: StreamServer, listening: Listening
):
    caller, request = await begun(exchange, listening)
    # They grant another pace than was asked for: theirs counts.
    await caller.says(mcm(request, ct="HEARTBEAT", clk="c8", heartbeatMs=50))
    await caller.is_gone()
    caller = await exchange.caller()
    await caller.greets()
    assert (await caller.subscribed())["clk"] == "c8"


async def test_while_data_may_be_old_nothing_is_told_and_the_line_stays(
    exchange: StreamServer, listening: Listening
):
    caller, request = await begun(exchange, listening)
    await caller.says(
        mcm(request, price(ARSENAL, 2.4), status=503),
        mcm(request, price(ARSENAL, 2.5), status=503),
    )
    await until(lambda: listening.stream.stale)
    assert reading("touchline_feed_stale") == 1
    assert listening.silent()
    await caller.says(mcm(request, ct="HEARTBEAT"))
    assert odds(await listening.observed())["home"] == "2.5"
    assert not listening.stream.stale
    assert listening.stream.up


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n", b"\x00\xff\r\n", b"{}\r\n"])
async def test_garbage_is_kept_as_a_letter_and_everything_begins_anew(
    exchange: StreamServer, listening: Listening, garbage: bytes
):
    caller, _ = await begun(exchange, listening)
    await caller.sends(garbage)
    [rejected] = (await listening.told()).rejected
    assert (rejected.code, rejected.raw) == ("unreadable", garbage)
    caller = await exchange.caller()
    await caller.greets()
    assert "clk" not in await caller.subscribed()


async def test_a_line_without_an_end_is_given_up(
    client: Betfair, exchange: StreamServer, certificate: Certificate
):
    whole = client.stream(f"127.0.0.1:{exchange.port}", PACE)
    whole._line_bytes_max = 10_000  # pyright: ignore[reportPrivateUsage]
    assert LINE_BYTES_MAX > 10_000
    listening = Listening(whole)
    running = asyncio.create_task(whole.run(listening.take, listening.wanted))
    caller, _ = await begun(exchange, listening)
    with contextlib.suppress(OSError):
        await caller.sends(b'{"op":"mcm","clk":"' + b"x" * 500_000)
    [rejected] = (await listening.told()).rejected
    assert rejected.code == "unreadable"
    caller = await exchange.caller()
    await caller.greets()
    assert "clk" not in await caller.subscribed()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_one_market_that_cannot_be_read_is_suspended_and_asked_for_anew(
    exchange: StreamServer, listening: Listening
):
    caller, request = await begun(exchange, listening)
    await caller.says(mcm(request, {"id": "1.101", "rc": "x"}))
    answer = await listening.told()
    assert [one.code for one in answer.rejected] == ["unreadable"]
    [market] = answer.observations[0].markets
    assert market.reason == "feed_unreadable"
    again = await caller.subscribed()
    assert "clk" not in again
    await caller.says(image(again, home=2.9))
    assert odds(await listening.observed())["home"] == "2.9"


async def test_an_ended_session_is_renewed_for_the_next_line(
    api: Api, exchange: StreamServer, listening: Listening
):
    caller = await exchange.caller()
    await caller.says({"op": "connection", "connectionId": "1"})
    await caller.fails(await caller.hears(), "INVALID_SESSION_INFORMATION")
    caller = await exchange.caller()
    assert (await caller.greets())["session"] == "session-2"
    assert len(api.asked_for("login")) == 2
    assert not listening.stream.up


@pytest.mark.parametrize(
    "code", ["NOT_AUTHORIZED", "INVALID_APP_KEY", "MAX_CONNECTION_LIMIT_EXCEEDED", "TIMEOUT", "NEW"]
)
async def test_whatever_they_refuse_is_tried_again_later(
    exchange: StreamServer, listening: Listening, code: str
):
    caller = await exchange.caller()
    await caller.says({"op": "connection", "connectionId": "1"})
    await caller.fails(await caller.hears(), code)
    await begun(exchange, listening)


async def test_too_many_markets_are_made_fewer_on_the_same_line(
    exchange: StreamServer, listening: Listening
):
    caller = await exchange.caller()
    await caller.greets()
    request = await caller.hears()
    await caller.fails(request, "SUBSCRIPTION_LIMIT_EXCEEDED", closed=False)
    fewer = await caller.subscribed()
    assert fewer["marketFilter"]["marketIds"] == ["1.101", "1.102"]
    await caller.says(image(fewer))
    assert odds(await listening.observed())["home"] == "2.1"


async def test_a_change_of_who_is_watched_is_another_subscription(
    api: Api, exchange: StreamServer, listening: Listening
):
    other = a_match("35002", 201)
    api.answers["listMarketCatalogue"] = lambda asked: about(asked, [*MARKETS, *other])
    caller, request = await begun(exchange, listening)
    listening.wants = ("35002", EVENT)
    again = await caller.subscribed()
    ids = {one["marketId"] for one in [*MARKETS, *other]}
    assert set(again["marketFilter"]["marketIds"]) == ids
    assert "clk" not in again
    # What the old subscription still says does not count.
    await caller.says(image(again, home=2.6), mcm(request, price(ARSENAL, 9)))
    await caller.says(mcm(again, price(ARSENAL, 2.7)))
    assert [odds(await listening.observed())["home"] for _ in range(2)] == ["2.6", "2.7"]


async def test_when_nobody_watches_the_line_is_closed_and_opened_for_the_next(
    exchange: StreamServer, listening: Listening
):
    caller, _ = await begun(exchange, listening)
    listening.wants = ()
    await caller.is_gone()
    listening.wants = (EVENT,)
    caller = await exchange.caller()
    await caller.greets()
    assert "clk" not in await caller.subscribed()


async def test_who_is_watched_may_be_unknown_for_a_while(
    exchange: StreamServer, listening: Listening
):
    caller, request = await begun(exchange, listening)
    listening.fails = DependencyDown("Postgres is away")
    await caller.says(mcm(request, price(ARSENAL, 2.7)))
    assert odds(await listening.observed())["home"] == "2.7"
    await asyncio.sleep(PACE.leave_s * 2)
    await caller.says(mcm(request, price(ARSENAL, 2.8)))
    assert odds(await listening.observed())["home"] == "2.8"


async def test_prices_that_stand_are_confirmed(client: Betfair, exchange: StreamServer):
    pace = type(PACE)(look_s=0.02, confirm_s=0.01, retry_first_s=0.01)
    listening = Listening(client.stream(f"127.0.0.1:{exchange.port}", pace))
    running = asyncio.create_task(listening.stream.run(listening.take, listening.wanted))
    caller, request = await begun(exchange, listening)
    await asyncio.sleep(pace.confirm_s * 2)
    await caller.says(mcm(request, ct="HEARTBEAT"))
    assert odds(await listening.observed())["home"] == "2.1"
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_secrets_are_not_logged(
    exchange: StreamServer,
    listening: Listening,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    caller = await exchange.caller()
    await caller.says({"op": "connection", "connectionId": "1"})
    await caller.fails(await caller.hears(), "NOT_AUTHORIZED")
    caller, _ = await begun(exchange, listening)
    await caller.sends(b"garbage\r\n")
    await listening.told()
    printed = f"{capsys.readouterr()} {caplog.text}"
    for secret in SECRETS:
        assert secret not in printed


async def test_a_server_of_another_certificate_is_not_talked_to(
    api: Api, exchange: StreamServer, tmp_path: Path
):
    stranger = a_certificate(tmp_path)
    client = a_client(api, tls=stranger.trust)
    listening = Listening(client.stream(f"127.0.0.1:{exchange.port}", PACE))
    before = reading("touchline_feed_reconnects_total", reason="unavailable")
    running = asyncio.create_task(listening.stream.run(listening.take, listening.wanted))
    await until(
        lambda: reading("touchline_feed_reconnects_total", reason="unavailable") > before + 1
    )
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert listening.silent()
    await client.close()
