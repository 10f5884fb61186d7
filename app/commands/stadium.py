"""`app stadium`: every provider on this machine, in its own wire shape, without a key."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from app import logs
from app.providers.replay.player import EPOCH, LANES_MAX, SPEED_MAX, SPEED_MIN
from app.providers.replay.recording import SHIPPED, load_folder
from app.stadium.ground import KEY, Ground, Plan, Stadium
from app.stadium.scenarios import ScenarioRefused, load, names

PORTS = click.IntRange(0, 65_535)
# The clock in UTC, to the second.
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%SZ"])
# Beside the certificate, while it is open: the settings with which its providers are asked.
SETTINGS_FILE = "stadium.env"


@click.command()
@click.option("--port", type=PORTS, default=8090, show_default=True, help="HTTP; 0: a free one.")
@click.option(
    "--stream-port", type=PORTS, default=8091, show_default=True, help="Stream over TLS; 0: free."
)
@click.option("--speed", type=click.FloatRange(SPEED_MIN, SPEED_MAX), default=60, show_default=True)
@click.option("--lanes", type=click.IntRange(1, LANES_MAX), default=2, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--since",
    type=MOMENT,
    default=f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
    show_default=True,
    help="When the lanes began: what is on follows from it and the clock.",
)
@click.option(
    "--scenario", default="calm", show_default=True, help=f"{', '.join(names())} or a file."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".run/stadium"),
    show_default=True,
    help="Where the stream's certificate is written.",
)
@click.option(
    "--recordings",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=SHIPPED,
    help="A folder of recordings; those that come along unless given.",
)
def stadium(
    *,
    port: int,
    stream_port: int,
    scenario: str,
    folder: Path,
    recordings: Path,
    since: datetime,
    **how: Any,
) -> None:
    """Plays recordings in the providers' own wire shapes until Ctrl-C; on loopback only."""
    logs.set_up(level="info", form="console")
    try:
        told = load(scenario)
    except ScenarioRefused as error:
        raise click.BadParameter(str(error), param_hint="--scenario") from error
    played = load_folder(recordings).recordings
    if not played:
        raise click.BadParameter(f"no recordings in {recordings}", param_hint="--recordings")
    # Speed, lanes and seed.
    plan = Plan(recordings=played, scenario=told, since=since.replace(tzinfo=UTC), **how)
    place = Stadium(Ground(plan), folder=folder, port=port, stream_port=stream_port)
    try:
        asyncio.run(_open(place, folder / SETTINGS_FILE))
    except OSError as error:
        raise click.ClickException(f"ports {port} and {stream_port}: {error.strerror}") from error


async def _open(place: Stadium, told: Path) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    # Left over from one that was killed.
    _forget(told)
    await place.open()
    try:
        _tell(settings_of(place), told)
        await ended.wait()
    finally:
        _forget(told)
        await place.close()


def _forget(told: Path) -> None:
    told.unlink(missing_ok=True)


def _tell(lines: Sequence[str], told: Path) -> None:
    """Writes the settings whole or not at all, then prints them."""
    beside = told.with_suffix(".partial")
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.replace(told)
    for line in lines:
        click.echo(line)


def settings_of(place: Stadium) -> list[str]:
    """Returns the settings with which the providers are asked here, as an env file has them."""
    url = place.url
    return [
        f"API_FOOTBALL_URL={url}/api-football",
        f"API_FOOTBALL_KEY={KEY}",
        f"THESPORTSDB_URL={url}/thesportsdb",
        f"THESPORTSDB_KEY={KEY}",
        "THESPORTSDB_VERSION=2",
        f"ODDS_API_URL={url}/odds-api",
        f"ODDS_API_KEY={KEY}",
        f"ODDS_API_SPORTS={','.join(place.ground.sport_keys())}",
        f"BETFAIR_URL={url}/betfair",
        f"BETFAIR_IDENTITY_URL={url}/betfair",
        f"BETFAIR_CERTIFICATE_URL={url}/betfair",
        f"BETFAIR_APP_KEY={KEY}",
        f"BETFAIR_USERNAME={KEY}",
        f"BETFAIR_PASSWORD={KEY}",
        f"BETFAIR_STREAM=127.0.0.1:{place.stream_port}",
        f"PROVIDERS_CA_FILE={place.ca_file.resolve()}",
    ]
