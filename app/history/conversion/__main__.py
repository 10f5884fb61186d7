"""Writes the shipped results anew: `python -m app.history.conversion SOURCE_DIR [OUT_DIR]`."""

import sys
from pathlib import Path

from app.history.conversion import basketball, clubs, hockey, internationals, tennis
from app.history.lines import written
from app.history.shipped import FOLDER

CONVERTERS = {
    "clubs": clubs.convert,
    "internationals": internationals.convert,
    "basketball": basketball.convert,
    "hockey": hockey.convert,
    "tennis": tennis.convert,
}


def main(arguments: list[str]) -> int:
    """Returns the process's exit code."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    target = Path(arguments[1]) if len(arguments) == 2 else FOLDER
    for name, convert in CONVERTERS.items():
        results = convert(Path(arguments[0]))
        (target / f"{name}.jsonl.gz").write_bytes(written(results))
        sys.stdout.write(f"{name}: {len(results)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
