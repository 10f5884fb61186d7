"""How many messages a second one server process hands to its sockets, ours beside others'.

500 sockets of one match, 200 messages of 150 bytes to each; one server process, and this process,
which opens the sockets and counts (`counted_sockets.py`). The same client for all. The others are
the smallest programs that do it (`bench/peers`): a text, sent to every socket, nothing else.

Ours go their whole way: a change is offered to the hub, as if another process had read it, then
crowd, sessions, sockets, each change in a turn of the event loop of its own as with the others. The
others write each message to each socket by itself: as many calls of the kernel as messages. So do
ours in the row "apart", for comparison; in fact changes that come within milliseconds of one
another are joined in one write for each socket of a large crowd (`app/sockets/member.py`).
"from Postgres" begins with the commits, 200 of them, one behind the other, and the log is read;
there changes that come together are written together, and frames are as long as they are.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import psutil
import uvloop
from msgspec.structs import replace

from app.devstack import ports
from bench import house, peer_servers
from bench.counted_sockets import CountedSocket, Tally, close_all, open_counted
from bench.report import Row, median, report

SOCKETS = 500
MESSAGES = 200
BYTES = 150
ROUNDS = 5
WARM_UP_MESSAGES = 20
# The messages are sent again until so much time was measured: the fastest take 40 ms for them.
MEASURED_S = 0.5
BURSTS_MAX = 12

PUBLISH = "Bun publish"
FASTIFY = "Bun + Fastify"
SHARED = "ours"
APART = "ours, apart"
DEFLATED = "ours, deflated"
STOCK = "ours, stock protocol"
POSTGRES = "ours, from Postgres"

_WRITE = "UPDATE live_scores SET clock = $2 WHERE match_id = $1"

# Makes so many messages go out to all sockets; the first of them may be asked to.
Send = Callable[[CountedSocket, int], Coroutine[Any, Any, None]]


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One row: where its sockets are opened, and how messages are made."""

    name: str
    process: psutil.Process
    port: int
    path: str = "/"
    deflates: bool = False
    # Frames that it begins with.
    first: int = 0
    send: Send


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one server in one round."""

    rate: float
    bytes_each: float
    # Of the server's processor time. It depends less than the rate on what else runs here.
    microseconds_each: float


Rounds = dict[str, list[Round]]


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures all servers, one after the other, several times over."""
    house.allow_many_sockets()
    peer_servers.install()
    rounds: Rounds = {}
    async with every_server() as servers:
        for _ in range(ROUNDS):
            for server in servers:
                rounds.setdefault(server.name, []).append(await one_round(server))
    rows: list[Row] = [
        {
            "server": name,
            "messages/s": round(median([one.rate for one in found])),
            "least": round(min(one.rate for one in found)),
            "most": round(max(one.rate for one in found)),
            "bytes each": round(found[-1].bytes_each),
            "CPU µs each": round(median([one.microseconds_each for one in found]), 2),
            f"of {PUBLISH}": round(ratio(rounds, name, PUBLISH), 2),
            f"of {FASTIFY}": round(ratio(rounds, name, FASTIFY), 2),
        }
        for name, found in rounds.items()
    ]
    ratios = {
        f"{SHARED} over {PUBLISH}": ratio(rounds, SHARED, PUBLISH),
        f"{APART} over {PUBLISH}": ratio(rounds, APART, PUBLISH),
        f"{STOCK} over {FASTIFY}": ratio(rounds, STOCK, FASTIFY),
        f"{DEFLATED} over {SHARED}": ratio(rounds, DEFLATED, SHARED),
    }
    return rows, ratios


def ratio(rounds: Rounds, one: str, other: str) -> float:
    """Returns the median over the rounds of one server's rate by another's of the same round."""
    pairs = zip(rounds[one], rounds[other], strict=True)
    return median([a.rate / b.rate for a, b in pairs])


async def one_round(server: Server) -> Round:
    """Measures one server once."""
    tally = Tally()
    sockets = await open_counted(
        server.port, [server.path] * SOCKETS, tally, deflates=server.deflates, first=server.first
    )
    await burst(server, sockets[0], tally, WARM_UP_MESSAGES)
    took_s, bursts, was_busy_s = 0.0, 0, processor_s(server.process)
    while took_s < MEASURED_S and bursts < BURSTS_MAX:
        took_s += await burst(server, sockets[0], tally, MESSAGES)
        bursts += 1
    busy_s = processor_s(server.process) - was_busy_s
    await close_all(sockets)
    messages = bursts * MESSAGES * SOCKETS
    return Round(
        rate=messages / took_s,
        bytes_each=tally.bytes / tally.frames,
        microseconds_each=busy_s * 1e6 / messages,
    )


async def burst(server: Server, first: CountedSocket, tally: Tally, messages: int) -> float:
    """Returns the seconds until all sockets had so many messages more."""
    tally.want(messages * SOCKETS)
    begun = time.perf_counter()
    await server.send(first, messages)
    await tally.reached()
    return time.perf_counter() - begun


def processor_s(process: psutil.Process) -> float:
    """Returns the processor time a process has had."""
    had = process.cpu_times()
    return had.user + had.system


@asynccontextmanager
async def every_server() -> AsyncGenerator[list[Server]]:
    """Runs them all; who is not asked does nothing."""
    async with AsyncExitStack() as at_the_end:
        servers: list[Server] = []
        for name in peer_servers.SOCKETS:
            process, port = at_the_end.enter_context(peer_servers.peer(name))
            servers.append(Server(name=name, process=process, port=port, send=ask_peer))
        stack = at_the_end.enter_context(house.stack())
        fed, told = await house.make_matches(stack.database_url, 2)
        writing = await asyncpg.connect(stack.database_url)
        at_the_end.push_async_callback(writing.close)
        await writing.execute("SET synchronous_commit = off")
        shared = await at_the_end.enter_async_context(fed_api(stack, "shared"))
        stock = await at_the_end.enter_async_context(fed_api(stack, "stock"))
        servers += [
            shared.server(SHARED, fed),
            shared.server(APART, fed, how="apart"),
            shared.server(DEFLATED, fed, deflates=True),
            stock.server(STOCK, fed),
            replace(shared.server(POSTGRES, told), send=commit(writing, told)),
        ]
        yield servers


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """A running `bench.fed_api`."""

    process: psutil.Process
    port: int
    writer: asyncio.StreamWriter

    def server(
        self, name: str, match_id: int, *, deflates: bool = False, how: str = "joined"
    ) -> Server:
        """Returns a row of it: sockets of a match, which it is fed changes of."""

        async def feed(_: CountedSocket, count: int) -> None:
            self.writer.write(f"{match_id} {count} {BYTES} {how}\n".encode())

        return Server(
            name=name,
            process=self.process,
            port=self.port,
            path=f"/live/{match_id}?kinds=score",
            deflates=deflates,
            first=1,
            send=feed,
        )


@asynccontextmanager
async def fed_api(stack: house.Stack, sockets: str) -> AsyncGenerator[Fed]:
    """Runs one API process that can be fed, with this setting of SOCKETS."""
    feed_port = ports.pick()
    command = ["-m", "bench.fed_api"]
    with house.api(stack, command, SOCKETS=sockets, FEED_PORT=str(feed_port)) as (process, port):
        _, writer = await asyncio.open_connection("127.0.0.1", feed_port)
        yield Fed(process=process, port=port, writer=writer)
        writer.close()


async def ask_peer(first: CountedSocket, count: int) -> None:
    """Asks a peer over one of its sockets."""
    first.say(b'{"count":%d,"bytes":%d}' % (count, BYTES))


def commit(connection: asyncpg.Connection, match_id: int) -> Send:
    """Returns what commits changes of a match, one behind the other."""

    async def send(_: CountedSocket, count: int) -> None:
        for number in range(count):
            await connection.execute(_WRITE, match_id, f"{time.perf_counter()}-{number}")

    return send


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("fanout", rows, ratios)


if __name__ == "__main__":
    main()
