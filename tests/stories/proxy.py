"""A TCP proxy that breaks lines: cuts, stalls one way, delays, refuses, spreads over targets."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, cast

# A whole stadium may come back at once.
BACKLOG = 2_048

# What flows "up" flows from the caller to the server.
Way = Literal["up", "down"]
Target = tuple[str, int]


class Proxy:
    """Stands between a caller and a server. Several targets take turns; who refuses is passed by.

    Faults hold for the lines that are open and for those to come, until they are healed.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = list(targets)
        self.delay_s = 0.0
        self.refusing = False
        self.stalled: set[Way] = set()
        self.port = 0
        self.accepted = 0
        self.cuts = 0
        self.lines: set[Line] = set()
        self._turn = 0

    def cut(self) -> None:
        """Cuts every line that is open, both ends, without a goodbye."""
        self.cuts += bool(self.lines)
        for line in list(self.lines):
            line.cut()

    def stall(self, way: Way) -> None:
        """Lets nothing through one way; the line stays open."""
        self.stalled.add(way)
        for line in self.lines:
            line.obey()

    def heal(self) -> None:
        """Lets everything through at once, and everybody in."""
        self.refusing = False
        self.delay_s = 0.0
        self.stalled.clear()
        for line in self.lines:
            line.obey()

    def accept(self) -> "End":
        """Takes a caller in, or sends it away with a reset."""
        self.accepted += 1
        line = Line(self)
        self.lines.add(line)
        return line.ends["up"]

    def in_turn(self) -> list[Target]:
        """Returns the targets, beginning with the one whose turn it is."""
        self._turn += 1
        first = self._turn % len(self.targets)
        return self.targets[first:] + self.targets[:first]


class Line:
    """One caller and its server."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.ends: dict[Way, End] = {"up": End(self, "up"), "down": End(self, "down")}
        self._connecting: asyncio.Task[None] | None = None
        self.is_cut = False

    def begin(self) -> None:
        """Looks for a server for the caller that has just come."""
        if self._proxy.refusing:
            self.cut()
        else:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        for target in self._proxy.in_turn():
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: self.ends["down"], *target)
            except OSError:
                continue
            self.obey()
            return
        self.cut()

    def obey(self) -> None:
        """Reads from each end exactly when what it says may pass and the other end takes it."""
        for way, end in self.ends.items():
            other = self.other(end)
            end.read(other.is_open and not other.is_full and way not in self._proxy.stalled)

    def other(self, end: "End") -> "End":
        """Returns the other end."""
        return self.ends["down" if end.way == "up" else "up"]

    def passes(self, end: "End", data: bytes) -> None:
        """Hands data on, as late as is asked for, and never before what came earlier."""
        loop = asyncio.get_running_loop()
        if not end.late and not self._proxy.delay_s:
            self.other(end).write(data)
            return
        end.late.append((loop.time() + self._proxy.delay_s, data))
        if len(end.late) == 1:
            loop.call_at(end.late[0][0], self._hand_on, end)

    def _hand_on(self, end: "End") -> None:
        """Hands on the first of what is late, then waits for the next."""
        other = self.other(end)
        _, data = end.late.popleft()
        other.write(data)
        if end.late:
            asyncio.get_running_loop().call_at(end.late[0][0], self._hand_on, end)

    def cut(self) -> None:
        """Ends both ends without a goodbye. Safe to call twice."""
        self._proxy.lines.discard(self)
        self.is_cut = True
        if self._connecting is not None:
            self._connecting.cancel()
        for end in self.ends.values():
            end.abort()

    def end(self) -> None:
        """Ends the line because one end went; what is on its way to the other still goes."""
        self._proxy.lines.discard(self)
        for end in self.ends.values():
            end.close()


class End(asyncio.Protocol):
    """One end of a line; `way` is where what it says flows."""

    def __init__(self, line: Line, way: Way) -> None:
        self._line = line
        self._transport: asyncio.Transport | None = None
        self.way: Way = way
        # What is delayed, in order, with when it may go on.
        self.late: deque[tuple[float, bytes]] = deque()
        self.is_full = False

    @property
    def is_open(self) -> bool:
        """Whether data can be written to it."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins; a caller waits for its server."""
        self._transport = cast("asyncio.Transport", transport)
        if self._line.is_cut:
            # Cut while it was being made.
            self._transport.abort()
        elif self.way == "up":
            self._transport.pause_reading()
            self._line.begin()

    def data_received(self, data: bytes) -> None:
        """Hands it on."""
        self._line.passes(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the other end as this one ended."""
        if exc is None:
            self._line.end()
        else:
            self._line.cut()

    def pause_writing(self) -> None:
        """Stops reading what this end does not take."""
        self.is_full = True
        self._line.obey()

    def resume_writing(self) -> None:
        """Goes on."""
        self.is_full = False
        self._line.obey()

    def read(self, wanted: bool) -> None:  # noqa: FBT001
        """Reads from this end, or leaves what it says in the kernel."""
        if self._transport is None or self._transport.is_closing():
            return
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def write(self, data: bytes) -> None:
        """Writes to this end, unless it has gone."""
        if self.is_open and self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Closes after what is on its way."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes with a reset."""
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def a_proxy(*targets: Target) -> AsyncGenerator[Proxy]:
    """Runs a proxy on a port of its own."""
    proxy = Proxy(targets)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(proxy.accept, "127.0.0.1", 0, backlog=BACKLOG)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
