"""Writes every recording anew: `python -m app.providers.replay.conversion SOURCE_DIR [OUT_DIR]`."""

import sys
from pathlib import Path

from app.providers.replay.conversion import basketball, football, hockey, tennis
from app.providers.replay.recording import SHIPPED, save

CONVERTERS = {
    "football": football.convert,
    "hockey": hockey.convert,
    "basketball": basketball.convert,
    "tennis": tennis.convert,
}


def write_all(sources: Path, target: Path) -> dict[str, int]:
    """Writes a folder a sport; returns how many recordings each has. Removes nothing."""
    counts: dict[str, int] = {}
    for sport, convert in CONVERTERS.items():
        recordings = convert(sources)
        for recording in recordings:
            save(recording, target / sport)
        counts[sport] = len(recordings)
    return counts


def main(arguments: list[str]) -> int:
    """Returns the process's exit code."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    target = Path(arguments[1]) if len(arguments) == 2 else SHIPPED
    for sport, count in write_all(Path(arguments[0]), target).items():
        sys.stdout.write(f"{sport}: {count}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
