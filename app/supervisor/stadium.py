"""The stadium of a run without providers of its own: which ports, and what the others are told."""

from collections.abc import Mapping
from pathlib import Path

from app.devstack import ports
from app.settings import ReplaySettings, Settings

FOLDER = "stadium"  # Within `.run/`.
# Written by the stadium when it is open: the addresses and keys of its providers.
SETTINGS_FILE = "stadium.env"
# Everything that speaks of the same matches, the most believed first.
PROVIDERS = "api-football,thesportsdb,betfair,odds-api"
# The stadium bears a poll a second of everything, which at sixty times is a minute of a match.
FASTEST_MS = 1_000
# Its providers stand on this machine and count for themselves.
PER_MINUTE = 1_000_000


def is_wanted(environment: Mapping[str, str], settings: Settings) -> bool:
    """Says whether nobody named providers: then the demonstration plays in the stadium."""
    return not environment.get("PROVIDERS") and settings.environment != "production"


class StadiumPlace:
    """Where the stadium of this run is: its folder and its ports, the same after a restart."""

    def __init__(self, folder: Path, replay: ReplaySettings) -> None:
        self.file = folder / SETTINGS_FILE
        self._folder = folder
        self._replay = replay
        self._ports = ports.pick(), ports.pick()

    def arguments(self) -> list[str]:
        """Returns what `app` is called with."""
        port, stream_port = self._ports
        played = self._replay
        options = [
            f"--port={port}",
            f"--stream-port={stream_port}",
            f"--speed={played.speed:g}",
            f"--lanes={played.lanes}",
            f"--folder={self._folder}",
        ]
        return [
            "stadium",
            *options,
            *([f"--recordings={played.recordings}"] * bool(played.recordings)),
        ]

    def is_open(self) -> bool:
        """Says whether it has told its settings."""
        return self.file.exists()

    def settings(self) -> dict[str, str]:
        """Returns what the processes are told: its providers, and how often they may be asked."""
        return told_in(self.file, self._replay)


def told_in(file: Path, replay: ReplaySettings) -> dict[str, str]:
    """Returns what processes are told of the stadium that wrote this file."""
    lines = file.read_text("utf-8").splitlines()
    return {
        "PROVIDERS": PROVIDERS,
        "PROVIDERS_FASTEST_MS": str(FASTEST_MS),
        "THESPORTSDB_PER_MINUTE": str(PER_MINUTE),
        "POLL_SPEED": f"{max(1.0, replay.speed):g}",
        **dict(line.split("=", 1) for line in lines if line),
    }
