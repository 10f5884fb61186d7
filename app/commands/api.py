"""`app api`: the API, in one process or several."""

import os
import socket
import sys
import tempfile

import click

from app import logs, metrics, settings
from app.main import create_app
from app.serving.server import Carrying, make_server, serve
from app.settings import Settings
from app.supervisor.api_processes import ApiRun, beside, run_api_processes, together


@click.command()
@click.option(
    "--socket", "listening_fd", type=int, hidden=True, help="A listening socket handed down."
)
@click.option(
    "--ready", "ready_fd", type=int, hidden=True, help="A pipe to say on that callers are let in."
)
def api(listening_fd: int | None, ready_fd: int | None) -> None:
    """Runs the API until SIGINT or SIGTERM; of several processes SIGHUP renews one by one."""
    asked = settings.load()
    logs.set_up(level=asked.log_level, form=asked.log_form)
    handed_down = None if listening_fd is None else socket.socket(fileno=listening_fd)
    # A process that says when it is ready is one of several already.
    if asked.serving.processes > 1 and ready_fd is None:
        _run_several(asked, handed_down)
    else:
        _run_one(asked, handed_down, ready_fd)


def _run_several(asked: Settings, handed_down: socket.socket | None) -> None:
    if handed_down is None:
        family = socket.AF_INET6 if ":" in asked.api.host else socket.AF_INET
        address = (asked.api.host, asked.api.port)
        try:
            handed_down = together(socket.create_server(address, family=family))
        except OSError as error:
            raise click.ClickException(f"port {asked.api.port}: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix="touchline-metrics-") as folder:
        run_api_processes(
            ApiRun(
                command=[sys.executable, "-m", "app", "api"],
                environment={**os.environ, metrics.TOGETHER: folder},
                listening=beside(handed_down, asked.serving.processes),
                graceful_shutdown_s=asked.api.graceful_shutdown_s,
            )
        )


def _run_one(asked: Settings, handed_down: socket.socket | None, ready_fd: int | None) -> None:
    app = create_app(asked)

    async def drain() -> None:
        await app.state.sockets.pulse.drain()  # Made when the app starts: not there yet.

    def say_ready() -> None:
        if ready_fd is not None:
            os.write(ready_fd, b"1")
            os.close(ready_fd)

    server = make_server(
        app,
        drain,
        host=asked.api.host,
        port=asked.api.port,
        graceful_shutdown_s=asked.api.graceful_shutdown_s,
        carrying=carrying(asked),
        on_started=say_ready,
    )
    serve(server, handed_down)


def carrying(asked: Settings) -> Carrying:
    """Returns how the settings want requests and sockets to be carried."""
    return Carrying(
        hot=asked.reads.hot,
        connections_each=asked.serving.connections_each_max,
        shared=asked.serving.sockets == "shared",
        compression=asked.serving.compression,
    )
