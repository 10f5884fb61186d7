"""What is not plain is left to the application, and nobody's bytes become another's request."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from app.serving.hot_http import HotHttp
from tests.builders import a_match
from tests.serving.conftest import PATIENCE_S
from tests.serving.hot_door import HotDoor, Line, a_hot_door, get

PATH = "/api/scores/1"
# The application's first match.
PIPELINED = 2_000
# Where one request ends is a matter of opinion, or a header holds what it must not.
SMUGGLED = [
    get(PATH, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + get(PATH),
    get(PATH, "Content-Length: 5", "Content-Length: 6") + b"hello!",
    get(PATH, "Content-Length: +5") + b"hello",
    get(PATH, "Transfer-Encoding: chunked, identity") + get(PATH),
    get(PATH, "Transfer-Encoding : chunked") + get(PATH),
    get(PATH, "X-Request-Id: a\r\n b"),
    get(PATH, "X-Request-Id: a\rX-Evil: 1"),
    get(PATH, "X-Request-Id: a\x00b"),
    get(f"{PATH} HTTP/1.1\r\nX: 1\r\n\r\nGET {PATH}").replace(b"\r\n", b"\n"),
    b"GET " + PATH.encode() + b"\r\n\r\n",
    b"\x16\x03\x01" + get(PATH),
]


@pytest.fixture
async def door(database_url: str, redis_url: str) -> AsyncGenerator[HotDoor]:
    """The application, answering a match's score at once; a client's kernel buffers little."""
    async with a_hot_door(database_url, redis_url, send_buffer=4_096) as made:
        assert await a_match(made.connection) == 1
        await made.warm(await made.line(), get(PATH))
        yield made


async def statuses(line: Line, count: int) -> list[int]:
    """Reads so many answers."""
    return [(await line.answer()).status for _ in range(count)]


async def test_what_is_odd_is_answered_by_the_application(door: HotDoor):
    cases: list[tuple[bytes, int]] = [
        (get(PATH, method="HEAD"), 200),
        (get(PATH, method="POST"), 405),
        (get(PATH, method="OPTIONS"), 204),
        (get(PATH, "Content-Length: 2") + b"{}", 200),
        (get(PATH, "Content-Length: 0"), 200),
        (get(PATH, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", 200),
        (get("/api/scores/%31"), 200),
        (get("/api//scores/1"), 200),
        (get("/api/scores/1/"), 200),
        (get(f"http://here{PATH}"), 200),
        (get(f"{PATH}#part"), 200),
        (get(PATH, "Origin: https://elsewhere.example"), 200),
        (get(PATH, "Host: there"), 200),
        (get(PATH, "Range: bytes=0-3"), 200),
        (get(PATH, "Expect: 100-continue"), 200),
        (get(PATH, "If-None-Match: *"), 304),
        (get(PATH, 'If-None-Match: "a"', 'If-None-Match: "b"'), 200),
        (get(PATH, "Upgrade: h2c", "Connection: Upgrade"), 200),
        (get(PATH, "Authorization: Bearer nobody"), 401),
        (get(PATH, *(f"X-{n}: 1" for n in range(40))), 200),
    ]
    known = set(door.hot.requests)
    for request, status in cases:
        line = await door.line()
        before = door.answered()
        answer = await line.ask(request)
        while answer.status == 100:
            answer = await line.answer()
        assert answer.status == status, request
        assert door.answered() == before or answer.status == 304, request
    assert {one for one in door.hot.requests if b"304" not in one} - known == set()


async def test_who_wants_the_line_closed_gets_that(door: HotDoor):
    for request in (get(PATH, "Connection: close"), get(PATH, version="1.0")):
        line = await door.line()
        assert (await line.ask(request)).status == 200
        assert await line.is_closed()


async def test_http_1_0_is_kept_alive_by_the_application(door: HotDoor):
    line, before = await door.line(), door.answered()
    request = get(PATH, "Connection: keep-alive", version="1.0")
    assert (await line.ask(request)).status == 200
    assert door.answered() == before


async def test_pipelined_requests_are_answered_in_their_order(door: HotDoor):
    line = await door.line()
    slow = get("/api/events?sport=tennis")
    missing = get("/api/scores/999")
    order = [get(PATH), missing, get(PATH), slow, get(PATH), get(PATH), missing, get(PATH)]
    line.writer.write(b"".join(order))
    assert await statuses(line, len(order)) == [200, 404, 200, 200, 200, 200, 404, 200]


async def test_a_request_in_pieces_is_one_request(door: HotDoor):
    line, request = await door.line(), get(PATH)
    for cut in (1, 5, 20, len(request) - 2):
        line.writer.write(request[:cut])
        await line.writer.drain()
        await asyncio.sleep(0.005)
        line.writer.write(request[cut:] + request)
        assert await statuses(line, 2) == [200, 200]
    # A known request that comes inside another's body is that body.
    body = get(PATH)
    line.writer.write(get("/auth/login", f"Content-Length: {len(body)}", method="POST"))
    await line.writer.drain()
    await asyncio.sleep(0.005)
    before = door.answered()
    line.writer.write(body)
    assert (await line.answer()).status in {400, 415}
    assert door.answered() == before


async def test_smuggled_requests_and_headers_end_the_line_or_are_one_request(door: HotDoor):
    for request in SMUGGLED:
        line = await door.line()
        line.writer.write(request)
        line.writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            said = await line.reader.read(-1)
        # Whatever became of it, nothing of it stands in an answer's head.
        assert b"evil" not in said.lower(), request
        assert said.count(b"HTTP/1.1 ") <= 2, request
        if b"HTTP/1.1 400" in said:
            assert said.rindex(b"HTTP/1.1 400") >= said.rfind(b"HTTP/1.1 200"), request


async def test_an_id_that_is_not_sane_is_replaced(door: HotDoor):
    line = await door.line()
    for given in ("a b", "a%0d%0aX-Evil: 1", "é", "x" * 101, "", '"><script>'):
        request = get(PATH, f"X-Request-Id: {given}")
        answers = [await line.ask(request) for _ in range(3)]
        assert all(len(answer["x-request-id"]) == 16 for answer in answers), given
        assert given == "" or all(given not in str(answer.headers) for answer in answers)


async def test_who_reads_nothing_is_not_written_to_without_end(door: HotDoor):
    before = door.answered()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", door.port))
        writing = asyncio.create_task(loop.sock_sendall(deaf, get(PATH) * PIPELINED))
        # The server stops reading when its own buffer is full.
        async with asyncio.timeout(PATIENCE_S):
            while not stuck(door):
                await asyncio.sleep(0.005)
        waiting = max(one.transport.get_write_buffer_size() for one in lines_of(door))
        assert waiting < 200_000
        assert door.answered() - before < PIPELINED
        got = b""
        async with asyncio.timeout(PATIENCE_S):
            while got.count(b"HTTP/1.1 200 OK") < PIPELINED:
                got += await loop.sock_recv(deaf, 65_536)
        await writing


async def test_a_line_that_falls_silent_is_closed(door: HotDoor):
    door.server.config.timeout_keep_alive = 0.05  # pyright: ignore[reportAttributeAccessIssue]
    line = await door.line()
    await door.warm(line, get(PATH), get(PATH), get(PATH))
    assert await line.is_closed()


def lines_of(door: HotDoor) -> list[HotHttp]:
    """Every connection to the server."""
    return cast("list[HotHttp]", list(door.server.server_state.connections))


def stuck(door: HotDoor) -> bool:
    """Says whether a client takes nothing more."""
    return any(one.flow.write_paused for one in lines_of(door))
