"""Our own layout of results: JSON Lines, a `Result` a line, as `*.jsonl` or `*.jsonl.gz`. Pure."""

import gzip
import io
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from app.history.reading import NotTaken, Read, checked
from app.history.result import Result

_decoder = msgspec.json.Decoder(Result)


def read_lines(text: str, *, today: date) -> Read:
    """Yields results and what is left out; a line that does not parse leaves the others."""
    return checked(_lines(text), today)


def _lines(text: str) -> Iterator[tuple[str, Result | NotTaken]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", _decoder.decode(line)
        except msgspec.MsgspecError as error:
            yield f"line {number}", NotTaken("malformed", str(error))


def written(results: Iterable[Result]) -> bytes:
    """Returns gzipped lines in order of day and sides; the same results give the same bytes."""
    ordered = sorted(results, key=lambda r: (r.played_on, r.league, r.home, r.away))
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb", mtime=0, compresslevel=9) as packed:
        for result in ordered:
            packed.write(msgspec.json.encode(result) + b"\n")
    return held.getvalue()
