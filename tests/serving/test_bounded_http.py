"""Clients that send too much, or too slowly, or do not read: each has its bound; real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvloop

from app.serving import bounded_http
from app.serving.bounded_http import ADDRESS_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX
from app.serving.server import Carrying
from tests.serving.conftest import PATIENCE_S, House, serving

HOST = b"Host: here\r\n"
CLOSE = b"Connection: close\r\n"
SOON_S = 0.15
LARGE_BYTES = 32 * 1024 * 1024


class Site:
    """A server whose application reads the body and says what it got."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asked: list[tuple[str, bytes | None, int]] = []
        self.answer = b"done"
        self.is_gone = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        house.arrive = self._answer  # type: ignore[assignment]

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        body: bytes | None = b""
        while body is not None:
            message = await receive()
            if message["type"] == "http.disconnect":
                body = None
                self.is_gone.set()
                break
            body += message["body"]
            if not message["more_body"]:
                break
        self.asked.append((scope["path"], body, len(scope["headers"])))
        if body is None:
            return
        await self.may_answer.wait()
        length = (b"content-length", str(len(self.answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        try:
            await send({"type": "http.response.body", "body": self.answer})
        finally:
            self.is_gone.set()

    @asynccontextmanager
    async def client(self) -> AsyncGenerator["Client"]:
        """Connects."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.house.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self, *parts: bytes) -> tuple[int, dict[str, Any]]:
        """Sends bytes on a line of their own; returns the status and the problem in the answer."""
        async with self.client() as client:
            for part in parts:
                if client.writer.transport.is_closing():
                    break
                client.say(part)
                await asyncio.sleep(0)
            return problem_in(await client.rest())


class Client:
    """One connection, of which every byte is ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        """Writes these bytes."""
        self.writer.write(data)

    async def answer(self) -> bytes:
        """Returns the next answer, whose body is `done`."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(b"done")

    async def rest(self) -> bytes:
        """Returns all that comes until the server closes."""
        said = b""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while more := await self.reader.read(65_536):
                    said += more
        return said


def problem_in(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Returns the status of the one answer there is, and its problem."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"application/problem+json" not in head:
        return status, {}
    problem: dict[str, Any] = msgspec.json.decode(body)
    assert problem["status"] == status
    assert f"x-request-id: {problem['requestId']}".encode() in head
    for header in (b"connection: close", b"x-content-type-options: nosniff"):
        assert header in head
    return status, problem


def a_request(head: bytes = b"", *, path: bytes = b"/", body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"POST %b HTTP/1.1\r\n" % path + HOST + head + length + b"\r\n" + body


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    """A running server."""
    house = House()
    async with serving(house, Carrying()):
        yield Site(house)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of production."""
    return {"uvloop": uvloop.new_event_loop}


async def test_a_request_within_the_bounds_passes_whole_or_byte_by_byte(site: Site):
    most = b"".join(b"x%d: y\r\n" % number for number in range(HEADERS_MAX - 3))
    long = b"long: " + b"z" * (HEAD_BYTES_MAX - 4_000) + b"\r\n"
    for head in (b"", most, long):
        for size in (1_000_000, 1_000):
            request = a_request(head + CLOSE, path=b"/here", body=b"body" * 1_000)
            parts = [request[at : at + size] for at in range(0, len(request), size)]
            status, _ = await site.ask(*parts)
            assert status == 200
            assert site.asked.pop()[:2] == ("/here", b"body" * 1_000)
    small = a_request(CLOSE, body=b"body")
    assert (await site.ask(*(small[at : at + 1] for at in range(len(small)))))[0] == 200


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (a_request(b"long: " + b"z" * HEAD_BYTES_MAX + b"\r\n"), 431, "head_too_large"),
        (a_request(b"x: y\r\n" * HEADERS_MAX), 431, "head_too_large"),
        (a_request(b"long: " + b"z" * 2_000_000), 431, "head_too_large"),
        (a_request(path=b"/" + b"z" * ADDRESS_BYTES_MAX), 414, "address_too_long"),
        (b"NONSENSE\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_request"),
        (a_request(b"bad header: x\r\n"), 400, "malformed_request"),
        (a_request(b"Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "malformed_request"),
        (
            a_request(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + b"0\r\n\r\n",
            400,
            "malformed_request",
        ),
        (a_request(b"Transfer-Encoding: chunked\r\n") + b"zz\r\n\r\n", 400, "malformed_request"),
    ],
)
async def test_what_is_too_large_or_no_http_is_answered_with_a_problem_and_closed(
    site: Site, request_: bytes, status: int, code: str
):
    for size in (len(request_), 9_000):
        parts = [request_[at : at + size] for at in range(0, len(request_), size)]
        answered, problem = await site.ask(*parts)
        assert (answered, problem.get("code")) == (status, code)
    assert all(body is None for _, body, _ in site.asked)


async def test_headers_behind_a_body_reach_nobody(site: Site):
    trailers = b"".join(b"x-trailer-%d: y\r\n" % number for number in range(1_000))
    chunked = a_request(b"Transfer-Encoding: chunked\r\n" + CLOSE) + b"2\r\nhi\r\n0\r\n"
    assert (await site.ask(chunked + trailers + b"\r\n"))[0] == 200
    assert site.asked == [("/", b"hi", 3)]


async def test_a_head_that_does_not_end_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "HEAD_WITHIN_S", SOON_S)
    async with site.client() as client, drip(client, b"GET / HTTP/1.1\r\nx-slow: "):
        status, problem = problem_in(await client.rest())
    assert (status, problem["code"]) == (408, "request_too_slow")
    async with site.client() as silent:
        assert await silent.rest() == b""
    # The next one on a line that was answered has no longer.
    async with site.client() as client:
        client.say(a_request())
        await client.answer()
        async with drip(client, b"GET / HTTP/1.1\r\nx-slow: "):
            status, problem = problem_in(await client.rest())
    assert (status, problem["code"]) == (408, "request_too_slow")


async def test_a_body_that_does_not_end_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "BODY_WITHIN_S", SOON_S)
    head = a_request(b"Content-Length: 100000\r\n")
    async with site.client() as client, drip(client, head):
        status, problem = problem_in(await client.rest())
    assert (status, problem["code"]) == (408, "request_too_slow")
    await site.is_gone.wait()


async def test_a_body_behind_its_answer_ends_without_a_second_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bounded_http, "BODY_WITHIN_S", SOON_S)

    async def at_once(_scope: Any, _receive: Any, send: Any) -> None:
        head = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"done"})

    site.house.arrive = at_once
    async with site.client() as client, drip(client, a_request(b"Content-Length: 100000\r\n")):
        said = await client.rest()
    assert said.count(b"HTTP/1.1") == 1
    assert said.endswith(b"done")


async def test_requests_in_a_row_are_answered_before_what_is_wrong_behind_them_closes(site: Site):
    site.may_answer.clear()
    async with site.client() as client:
        client.say(a_request(path=b"/1") + a_request(path=b"/2") + b"NONSENSE\r\n\r\n")
        await asyncio.sleep(0)
        site.may_answer.set()
        said = await client.rest()
    assert (said.count(b"200 OK"), said.count(b"done"), said.count(b"HTTP/1.1")) == (2, 2, 2)
    assert [path for path, _, _ in site.asked] == ["/1", "/2"]


async def test_a_stream_of_requests_whose_pieces_end_anywhere_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bounded_http, "HEAD_BYTES_MAX", 300)
    request = a_request(b"x: " + b"y" * 50 + b"\r\n")
    stream = request * 200 + a_request(CLOSE)
    async with site.client() as client:
        for at in range(0, len(stream), 977):
            client.say(stream[at : at + 977])
            await asyncio.sleep(0)
        assert (await client.rest()).count(b"200 OK") == 201


async def test_an_answer_that_nobody_reads_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "READS_WITHIN_S", SOON_S)
    site.answer = b"z" * LARGE_BYTES
    for head in (b"", CLOSE):
        site.is_gone.clear()
        async with site.client() as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.say(a_request(head))
            await asyncio.wait_for(site.is_gone.wait(), PATIENCE_S)
            await until_left(site)


async def test_a_reader_that_is_slow_gets_all_of_it(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "READS_WITHIN_S", SOON_S)
    site.answer = b"z" * LARGE_BYTES
    async with site.client() as client:
        client.say(a_request(CLOSE))
        received = 0
        while more := await client.reader.read(1_000_000):
            received += len(more)
            await asyncio.sleep(SOON_S / 50)
    assert received > LARGE_BYTES


async def until_left(site: Site) -> None:
    """Waits until the server holds no connection."""
    async with asyncio.timeout(PATIENCE_S):
        while site.house.server.server_state.connections:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def drip(client: Client, beginning: bytes) -> AsyncGenerator[None]:
    """Sends a beginning, then a byte now and then, for as long as it may."""

    async def dripping() -> None:
        client.say(beginning)
        while True:
            await asyncio.sleep(SOON_S / 20)
            client.say(b"z")

    task = asyncio.create_task(dripping())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
