"""The client of all providers, against servers that answer well, badly, slowly, or not at all."""

import asyncio
import gzip
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import structlog
from structlog.testing import capture_logs

from app.providers.http import BODY_BYTES_MAX, RETRIES_MAX, Exchange, Http, Request, retry_after_s
from app.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    ToldQuota,
    Unlimited,
    Window,
)
from tests.providers.served import Asked, Server, Told, serving

KEY = "s3cret-key-of-ours"

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Counted:
    """An allowance of so many requests, which notes what it is told."""

    def __init__(self, left: int = 100) -> None:
        self.left = left
        self.taken: list[int] = []
        self.told_of: list[ToldQuota] = []

    async def take(self, cost: int = 1) -> None:
        """Takes it, or raises QuotaSpent."""
        if cost > self.left:
            raise QuotaSpent("nothing left")
        self.left -= cost
        self.taken.append(cost)

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Notes it."""
        self.told_of.extend(quotas)


def client(
    url: str,
    allowance: Counted | None = None,
    *,
    timeout_s: float = 5.0,
    keep: Callable[[Exchange], None] | None = None,
) -> Http:
    def quotas(headers: Mapping[str, str]) -> Sequence[ToldQuota]:
        left = headers.get("x-left")
        return [ToldQuota(window=Window.DAY, limit=9, remaining=int(left))] if left else []

    return Http(
        "tested",
        url,
        allowance=allowance or Unlimited(),
        timeout_s=timeout_s,
        headers={"x-key": KEY},
        quotas=quotas,
        keep=keep,
    )


async def ask(http: Http, request: Request | None = None) -> bytes:
    try:
        return (await http.ask(request or Request(path="/a"))).body
    finally:
        await http.close()


@asynccontextmanager
async def connections(answer: Connection) -> AsyncGenerator[str]:
    """Gives each connection to `answer`, which may do with it what it wants."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def in_turn(*told: Told) -> Callable[[Asked], Told]:
    """Answers with each in turn."""
    left = list(told)
    return lambda _: left.pop(0)


async def failure(server: Server | str, timeout_s: float = 5.0) -> ProviderError:
    url = server if isinstance(server, str) else server.url
    with pytest.raises(ProviderError) as caught:
        await ask(client(url, timeout_s=timeout_s))
    return caught.value


async def test_an_answer_comes_with_its_body_headers_and_our_time() -> None:
    async with serving(lambda _: Told(b'{"a":1}', headers={"X-Left": "3"})) as server:
        http = client(server.url)
        reply = await http.ask(Request(path="/a", parameters={"b": "c d"}, headers={"x-more": "1"}))
        await http.close()
    assert (reply.status, reply.body, reply.headers["x-left"]) == (200, b'{"a":1}', "3")
    assert abs(datetime.now(UTC) - reply.received_at) < timedelta(minutes=1)
    (asked,) = server.asked
    assert (asked.path, asked.query) == ("/a", {"b": "c d"})
    assert (asked.headers["x-key"], asked.headers["x-more"]) == (KEY, "1")


async def test_a_secret_goes_where_the_path_names_it_else_behind_it() -> None:
    async with serving(lambda _: Told(b"{}")) as server:
        await ask(client(server.url), Request(path="/v1/{key}/a", secrets={"key": "1/2", "b": "3"}))
    assert (server.asked[0].path, server.asked[0].query) == ("/v1/1%2F2/a", {"b": "3"})


async def test_a_server_that_fails_once_is_asked_twice_and_both_are_paid_for() -> None:
    allowance = Counted()
    async with serving(in_turn(Told(status=503), Told(b"ok"))) as server:
        body = await ask(client(server.url, allowance), Request(path="/a", cost=3))
    assert body == b"ok"
    assert allowance.taken == [3, 3]


async def test_a_server_that_goes_on_failing_is_left_alone_after_the_retries() -> None:
    async with serving(lambda _: Told(b"no", status=500)) as server:
        error = await failure(server)
    assert isinstance(error, ProviderUnavailable)
    assert len(server.asked) == 1 + RETRIES_MAX


async def test_what_must_not_be_done_twice_is_asked_once() -> None:
    async with serving(lambda _: Told(status=500)) as server:
        with pytest.raises(ProviderUnavailable):
            await ask(client(server.url), Request(method="POST", path="/a", repeatable=False))
    assert len(server.asked) == 1


async def test_a_server_that_says_when_to_come_back_is_not_asked_again_at_once() -> None:
    async with serving(lambda _: Told(status=503, headers={"Retry-After": "7"})) as server:
        error = await failure(server)
    assert error.retry_after_s == 7
    assert len(server.asked) == 1


async def test_too_many_requests_is_a_spent_quota_with_the_time_to_wait() -> None:
    async with serving(lambda _: Told(status=429, headers={"Retry-After": "12"})) as server:
        error = await failure(server)
    assert isinstance(error, QuotaSpent)
    assert error.retry_after_s == 12
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
async def test_a_refusal_is_not_repeated(status: int) -> None:
    headers = {"Location": "http://127.0.0.1:9/elsewhere"}
    async with serving(lambda _: Told(b"no", status=status, headers=headers)) as server:
        error = await failure(server)
    assert isinstance(error, ProviderRefused)
    assert len(server.asked) == 1


async def test_a_status_that_is_accepted_is_the_callers_to_read() -> None:
    async with serving(lambda _: Told(b"{}", status=499)) as server:
        http = client(server.url)
        reply = await http.ask(Request(path="/a", accept=frozenset({200, 499})))
        await http.close()
    assert reply.status == 499


@pytest.mark.parametrize("status", [408, 504])
async def test_a_server_that_timed_out_itself_is_no_refusal(status: int) -> None:
    async with serving(lambda _: Told(status=status)) as server:
        assert isinstance(await failure(server), ProviderUnavailable)


async def test_nothing_is_asked_when_nothing_is_allowed() -> None:
    async with serving(lambda _: Told(b"{}")) as server:
        with pytest.raises(QuotaSpent):
            await ask(client(server.url, Counted(left=0)))
    assert server.asked == []


async def test_what_is_left_is_told_also_by_an_answer_that_refuses() -> None:
    allowance = Counted()
    async with serving(lambda _: Told(status=403, headers={"X-Left": "4"})) as server:
        with pytest.raises(ProviderRefused):
            await ask(client(server.url, allowance))
    assert [quota.remaining for quota in allowance.told_of] == [4]


async def test_a_server_that_never_answers_times_out() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with connections(silent) as url:
        assert isinstance(await failure(url, timeout_s=0.2), ProviderTimeout)


async def test_a_server_that_answers_a_byte_at_a_time_times_out() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with connections(drip) as url:
        assert isinstance(await failure(url, timeout_s=0.3), ProviderTimeout)


async def test_a_connection_that_is_cut_is_unavailable_and_tried_again() -> None:
    served = 0

    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        await writer.drain()

    async with connections(cut) as url:
        assert isinstance(await failure(url), ProviderUnavailable)
    assert served == 1 + RETRIES_MAX


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with serving(lambda _: Told()) as server:
        url = server.url
    assert isinstance(await failure(url), ProviderUnavailable)


async def test_a_body_beyond_the_bound_is_not_read() -> None:
    body = gzip.compress(bytes(BODY_BYTES_MAX + 1))
    headers = {"Content-Encoding": "gzip"}
    async with serving(lambda _: Told(body, headers=headers)) as server:
        assert isinstance(await failure(server), ProviderUnreadable)


async def test_a_body_that_is_not_what_it_says_is_unreadable() -> None:
    headers = {"Content-Encoding": "gzip"}
    async with serving(lambda _: Told(b"not gzip", headers=headers)) as server:
        assert isinstance(await failure(server), ProviderUnreadable)


async def test_no_error_and_no_log_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Servers like to repeat what they were sent; some keys are in the URL."""

    def echo(asked: Asked) -> Told:
        return Told(f"no {asked.path} {dict(asked.query)} {KEY}".encode(), status=statuses.pop(0))

    statuses = [403, 429, 404, 500, 500]
    caplog.set_level(logging.DEBUG)
    request = Request(path="/v1/{path}/a", secrets={"path": "p4th-key", "query": "qu3ry-key"})
    errors: list[ProviderError] = []
    async with serving(echo) as server:
        http = client(server.url)
        with capture_logs() as logs:
            while statuses:
                with pytest.raises(ProviderError) as caught:
                    await http.ask(request)
                errors.append(caught.value)
                structlog.get_logger("tests").warning("failed", error=str(caught.value))
        await http.close()
    with pytest.raises(ProviderUnavailable) as caught:  # The server is gone.
        await ask(client(server.url), request)
    said = [*map(repr, [*errors, caught.value]), *map(str, logs), *caplog.messages]
    assert len(errors) == 4
    for secret in (KEY, "p4th-key", "qu3ry-key"):
        assert not [text for text in said if secret in text]


async def test_what_is_kept_for_the_archive_holds_no_secret() -> None:
    kept: list[Exchange] = []
    request = Request(path="/{key}/a", parameters={"b": "c"}, secrets={"key": "p4th-key"})
    async with serving(lambda _: Told(b"{}", status=404)) as server:
        with pytest.raises(ProviderRefused):
            await ask(client(server.url, keep=kept.append), request)
    (exchange,) = kept
    assert (exchange.path, exchange.parameters, exchange.status) == ("/{key}/a", {"b": "c"}, 404)
    assert KEY not in repr(exchange)
    assert "p4th-key" not in repr(exchange)


async def test_a_key_that_cannot_be_sent_is_refused_without_being_told() -> None:
    request = Request(path="/a", headers={"x-token": "kéy\n1"})
    async with serving(lambda _: Told()) as server:
        with pytest.raises(ProviderRefused) as caught:
            await ask(client(server.url), request)
    assert "kéy" not in repr(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        ("30", 30.0),
        ("999999999", 86_400.0),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        (format_datetime(datetime(2000, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
        (format_datetime(datetime(2400, 1, 1, tzinfo=UTC), usegmt=True), 86_400.0),
    ],
)
def test_the_time_to_wait_is_read_in_seconds_or_as_a_date_and_bounded(
    text: str, seconds: float | None
) -> None:
    assert retry_after_s({"retry-after": text}) == seconds


async def test_closing_twice_is_safe() -> None:
    http = client("http://127.0.0.1:9")
    await http.close()
    await http.close()
