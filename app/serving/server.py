"""uvicorn, told how we serve, and taught to drain the sockets before it closes the door."""

import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar

from app import collector
from app.serving.bounded_http import BoundedHttp
from app.serving.doorway import Doorway
from app.serving.hot_http import HotHttp
from app.serving.pings import Pings
from app.serving.shared_frames import SharedFrames
from app.serving.sockets import ServingConfig, SocketProtocol

# A client says little: pings and, later, subscriptions.
MESSAGE_BYTES_MAX = 65_536
# A stalled event loop of ours must not cut healthy sockets, hence the long wait for a pong.
PING_INTERVAL_S = 20.0
PING_TIMEOUT_S = 60.0
BACKLOG = 4_096


class Carrying(msgspec.Struct, frozen=True, kw_only=True):
    """How requests and sockets are carried; the defaults are those of the settings."""

    # Whether reads that are ready are answered before a task is made for them.
    hot: bool = True
    # Connections one address may hold; 0: any number.
    connections_each: int = 0
    # Our protocol class, that writes the same bytes to every socket, or uvicorn's.
    shared: bool = True
    # Whether those who ask for permessage-deflate get it.
    compression: bool = True
    ping_interval_s: float = PING_INTERVAL_S
    ping_timeout_s: float = PING_TIMEOUT_S


DEFAULT = Carrying()


class Server(uvicorn.Server):
    """A uvicorn server that calls `drain` first when it is to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Callable[[], Awaitable[None]],
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and says so when callers are let in."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets nobody in any more, says goodbye to every socket, lets uvicorn close what is left.

        The door first: who is told to come back is not to come back here.
        """
        for server in self.servers:
            server.close()
        await self._drain()
        await super().shutdown(sockets)


def make_server(
    app: Litestar,
    drain: Callable[[], Awaitable[None]],
    *,
    host: str,
    port: int,
    graceful_shutdown_s: int,
    carrying: Carrying = DEFAULT,
    on_started: Callable[[], None] = lambda: None,
) -> Server:
    """Returns a server as we serve, not yet running.

    Proxy headers are read by our own code, which knows whom to believe.
    """
    http: Any = HotHttp if carrying.hot else BoundedHttp
    if carrying.connections_each:
        http = Doorway(http, carrying.connections_each)
    config = ServingConfig(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=http,
        ws=SharedFrames if carrying.shared else SocketProtocol,
        deflates=carrying.compression,
        pings=Pings(interval_s=carrying.ping_interval_s, timeout_s=carrying.ping_timeout_s),
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=carrying.ping_interval_s,
        ws_ping_timeout=carrying.ping_timeout_s,
        timeout_graceful_shutdown=graceful_shutdown_s,
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="on",
    )
    return Server(config, drain, on_started)


def serve(server: Server, listening: socket.socket | None = None) -> None:
    """Serves until SIGINT or SIGTERM, on the socket handed down, if there is one."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal anew when it is done; that is to be the end, not a death.
        signal.signal(number, lambda *_: None)
    collector.calm()
    server.run(None if listening is None else [listening])
