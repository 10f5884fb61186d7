"""uvicorn, told how we serve, and taught to drain the sockets before it closes the door."""

import signal
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from litestar import Litestar

from app import collector
from app.serving.sockets import SocketProtocol

# A client says little: pings and, later, subscriptions.
MESSAGE_BYTES_MAX = 65_536
# A stalled event loop of ours must not cut healthy sockets, hence the long wait for a pong.
PING_INTERVAL_S = 20.0
PING_TIMEOUT_S = 60.0
BACKLOG = 4_096


class Server(uvicorn.Server):
    """A uvicorn server that calls `drain` first when it is to stop."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Says goodbye to every socket, then lets uvicorn close what is left."""
        await self._drain()
        await super().shutdown(sockets)


def make_server(
    app: Litestar,
    drain: Callable[[], Awaitable[None]],
    *,
    host: str,
    port: int,
    graceful_shutdown_s: int,
) -> Server:
    """Returns a server as we serve, not yet running.

    permessage-deflate is off: it costs 64 KiB a socket and more time than our frames are worth.
    Proxy headers are read by our own code, which knows whom to believe.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws=SocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_TIMEOUT_S,
        timeout_graceful_shutdown=graceful_shutdown_s,
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="on",
    )
    return Server(config, drain)


def serve(
    app: Litestar,
    drain: Callable[[], Awaitable[None]],
    *,
    host: str,
    port: int,
    graceful_shutdown_s: int,
    listening: socket.socket | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, on the socket handed down, if there is one."""
    server = make_server(app, drain, host=host, port=port, graceful_shutdown_s=graceful_shutdown_s)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal anew when it is done; that is to be the end, not a death.
        signal.signal(number, lambda *_: None)
    collector.calm()
    server.run(None if listening is None else [listening])
