"""Which reader reads a file: by its name and its first characters.

`.csv` is football-data.co.uk's layout, `.json` openfootball's, `.jsonl` a recording or our own
results, by its first line; each may be gzipped. A folder is all its files, in order of name.
"""

import gzip
import zlib
from datetime import date
from pathlib import Path

from app.history.football_data import read_football_data
from app.history.lines import read_lines
from app.history.openfootball import read_openfootball
from app.history.reading import Read, UnreadableFile
from app.history.recorded import read_recordings
from app.providers.replay.recording import RecordingRefused, load

# Thirty seasons of a league with every bookmaker's odds are 10 MB.
FILE_BYTES_MAX = 64 * 1024 * 1024
SUFFIXES = (".csv", ".json", ".jsonl")
_RECORDING = '"touchline-recording"'


def files_in(path: Path) -> list[Path]:
    """Returns the file, or every file of a folder that a reader may know."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if plain_name(file).endswith(SUFFIXES))


def plain_name(file: Path) -> str:
    """Returns a file's name without what says that it is packed."""
    return file.name.removesuffix(".gz")


def read_file(file: Path, *, today: date, league: str | None = None) -> Read:
    """Yields a file's results and what is left out; raises UnreadableFile, naming the file."""
    text = _text(file)
    name = plain_name(file)
    try:
        if name.endswith(".csv"):
            return read_football_data(text, today=today, league=league)
        if name.endswith(".json"):
            return read_openfootball(text, today=today, league=league)
        if name.endswith(".jsonl"):
            first = text.lstrip().split("\n", 1)[0]
            return _recording(file, today) if _RECORDING in first else read_lines(text, today=today)
    except UnreadableFile as error:
        raise UnreadableFile(f"{file.name}: {error.detail}") from error
    raise UnreadableFile(f"{file.name} ends in none of {', '.join(SUFFIXES)}")


def _recording(file: Path, today: date) -> Read:
    try:
        return read_recordings([load(file)], (), today=today)
    except RecordingRefused as error:
        return read_recordings((), [error], today=today)


def _text(file: Path) -> str:
    try:
        if not file.name.endswith(".gz"):
            held = file.read_bytes()[: FILE_BYTES_MAX + 1]
        else:
            with gzip.open(file) as packed:
                held = packed.read(FILE_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(f"{file.name}: {error}") from error
    if len(held) > FILE_BYTES_MAX:
        raise UnreadableFile(f"{file.name} has more than {FILE_BYTES_MAX} bytes")
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError:
        # football-data.co.uk's older files are in Latin-1, which takes any byte.
        return held.decode("latin-1")
