"""`app up`: binds the port, then supervises."""

import os
import socket
from pathlib import Path

import click

from app import settings
from app.commands.env_file import read_env_file
from app.devstack.postgres import PostgresFailed
from app.devstack.programs import NoServers
from app.devstack.stack import InUse
from app.devstack.valkey import ValkeyFailed
from app.supervisor.api_processes import together
from app.supervisor.run import CannotRun, Run, supervise

RUN = Path(".run")
PORTS_TRIED_MAX = 100
BACKLOG = 4_096  # As the API's own: sockets of a whole stadium may come back at once.

CANNOT = (CannotRun, InUse, NoServers, PostgresFailed, ValkeyFailed)


@click.command()
def up() -> None:
    """Runs everything until Ctrl-C: embedded servers unless others are given, API, worker."""
    environment = read_env_file(Path(".env")) | os.environ
    asked = settings.load(environment)
    given = bool(environment.get("PORT"))
    listening = listen(asked.api.host, asked.api.port, others=not given)
    if asked.serving.processes > 1:
        listening = together(listening)
    try:
        supervise(Run(folder=RUN, settings=asked, environment=environment, listening=listening))
    except CANNOT as error:
        raise click.ClickException(str(error)) from error


def listen(host: str, port: int, *, others: bool) -> socket.socket:
    """Binds the port, or, with `others`, the next free one after it."""
    last = min(port + (PORTS_TRIED_MAX if others else 0), 65_535)
    for candidate in range(port, last):
        try:
            return _bound(host, candidate)
        except OSError:
            continue
    try:
        return _bound(host, last)
    except OSError as error:
        ports = f"ports {port} to {last}" if others else f"port {port}"
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        said = f"{ports} of {host}: {reason}; PORT names another one"
        raise click.ClickException(said) from error


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)
