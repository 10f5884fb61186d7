"""How many connections one address holds at this process, sockets included.

Counted when a connection comes, before a parser or anything else of it exists, and given back when
it goes, whichever protocol it was handed to meanwhile; nothing is done for a request. The address
is the peer's own: a request, with what a proxy says in it, is not there yet.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from app import metrics
from app.access.addresses import counted_as
from app.errors import AppError
from app.serving.bounded_http import LINGERS_S, told
from app.serving.places import Place

# So many of an address are told why and may read it; the next ones are cut without a word, so that
# being refused is no way to hold connections.
TOLD_AT_ONCE_MAX = 8


class TooManyConnections(AppError):
    """Your address holds as many connections as it may; close some, or use them again."""

    code = "too_many_connections"
    status = 429
    retry_after_s = 5


class Placed(Protocol):
    """A protocol that leaves its place when its connection is lost."""

    place: Place | None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begins."""
        ...


class Doorway:
    """Makes a protocol for each connection that comes, as uvicorn asks for it."""

    def __init__(self, inner: Callable[..., Any], most: int) -> None:
        self._inner = inner
        self._most = most
        self.held: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def __call__(self, **more: Any) -> "Arrival":
        """Returns who waits for the peer's address to be known."""
        return Arrival(self, more)

    def place_of(self, address: str) -> Place | None:
        """Returns a place of an address; None when it has no more."""
        return None if self.held.get(address, 0) >= self._most else Place(self.held, address)

    def place_to_be_told(self, address: str) -> Place | None:
        """Returns a place among those who are told no; None when too many are."""
        if self._told.get(address, 0) >= TOLD_AT_ONCE_MAX:
            return None
        return Place(self._told, address)

    def let_in(self, transport: asyncio.Transport, place: Place, more: dict[str, Any]) -> None:
        """Makes the connection's protocol, and gives it the line."""
        protocol: Placed = self._inner(**more)
        protocol.place = place
        transport.set_protocol(cast("asyncio.Protocol", protocol))
        protocol.connection_made(transport)


class Arrival(asyncio.Protocol):
    """A connection that has just come; stays its protocol only when it is refused."""

    __slots__ = ("_cut", "_doorway", "_more", "_place", "_refused")

    def __init__(self, doorway: Doorway, more: dict[str, Any]) -> None:
        self._doorway = doorway
        self._more = more
        self._place: Place | None = None
        self._refused: asyncio.Transport | None = None
        self._cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets it in, or refuses it."""
        line = cast("asyncio.Transport", transport)
        peer = line.get_extra_info("peername")
        address = counted_as(peer[0] if isinstance(peer, tuple) else "")
        place = self._doorway.place_of(address)
        if place is not None:
            self._doorway.let_in(line, place, self._more)
            return
        metrics.connections_refused.inc()
        self._place = self._doorway.place_to_be_told(address)
        if self._place is None:
            line.abort()
            return
        # Told when it asks, as clients expect it, and not closed at once: with a part of what it
        # asks unread, TCP would take the answer back.
        self._refused = line
        self._cut = asyncio.get_running_loop().call_later(LINGERS_S, line.abort)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever it is.
        """Tells who was refused, once."""
        refused, self._refused = self._refused, None
        if refused is not None:
            refused.write(told(TooManyConnections()))
            refused.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's.
        """Forgets who was refused."""
        if self._cut is not None:
            self._cut.cancel()
        if self._place is not None:
            self._place.leave()
