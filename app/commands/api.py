"""`app api`: one API process."""

import socket

import click

from app import logs, settings
from app.main import create_app
from app.serving.server import serve


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

    serve(
        app,
        drain,
        host=asked.api.host,
        port=asked.api.port,
        graceful_shutdown_s=asked.api.graceful_shutdown_s,
        listening=None if listening_fd is None else socket.socket(fileno=listening_fd),
    )
