"""A server of the bench's own in API-Football's place: its answers, and none of its limits.

It answers each path with whatever a function returns at that moment, so that what it is asked for
is as old as the question; it shares the bench's process and clock, and costs little.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from bench import wires

Answers = Mapping[str, Callable[[], bytes]]
# Never the bound of what is measured.
REQUESTS_A_DAY = 100_000_000


class FootballServer:
    """Answers GETs; `asked` counts them by path, `live=all` being one of its own."""

    def __init__(self, answers: Answers) -> None:
        self.asked: Counter[str] = Counter()
        self.port = 0
        self._answers = answers
        self._again = asyncio.Event()

    async def is_asked(self, path: str, times: int) -> None:
        """Waits until it is asked so many times more."""
        wanted = self.asked[path] + times
        while self.asked[path] < wanted:
            self._again.clear()
            await self._again.wait()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests, one after the other, until it goes."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = self._answer(head.split(b" ", 2)[1].decode())
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body)
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, target: str) -> bytes:
        address = urlsplit(target)
        live = parse_qs(address.query).get("live")
        path = f"{address.path}?live={live[0]}" if live else address.path
        self.asked[path] += 1
        self._again.set()
        if path == "/status":
            account = {"requests": {"current": 0, "limit_day": REQUESTS_A_DAY}}
            return wires.api_football_answer("status", account)
        make = self._answers.get(path)
        return make() if make is not None else wires.api_football_answer(path[1:], [])


@asynccontextmanager
async def football_server(answers: Answers) -> AsyncGenerator[FootballServer]:
    """Runs a server on a free port of loopback."""
    made = FootballServer(answers)
    listening = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()
