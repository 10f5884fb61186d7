"""`app api`: one API process."""

import socket

import click

from app import logs, settings
from app.main import create_app
from app.serving.server import Carrying, make_server, serve
from app.settings import Settings


@click.command()
@click.option(
    "--socket", "listening_fd", type=int, hidden=True, help="A listening socket handed down."
)
def api(listening_fd: int | None) -> None:
    """Runs one API process until SIGINT or SIGTERM."""
    asked = settings.load()
    logs.set_up(level=asked.log_level, form=asked.log_form)
    app = create_app(asked)

    async def drain() -> None:
        await app.state.live.pulse.drain()  # Made when the app starts: not there yet.

    server = make_server(
        app,
        drain,
        host=asked.api.host,
        port=asked.api.port,
        graceful_shutdown_s=asked.api.graceful_shutdown_s,
        carrying=carrying(asked),
    )
    serve(server, None if listening_fd is None else socket.socket(fileno=listening_fd))


def carrying(asked: Settings) -> Carrying:
    """Returns how the settings want sockets to be carried."""
    return Carrying(shared=asked.serving.sockets == "shared", compression=asked.serving.compression)
