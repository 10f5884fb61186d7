"""What providers answered, word for word, kept in files and read again.

`FOLDER/provider/20261121T15-host-pid-1.jsonl.gz`: an hour and process of one provider, a line an
answer, appended as gzip members, so that what was written before a crash can be read. The oldest
files are deleted when all together pass the bound. Requests' headers and keys never come here.
"""

import gzip
import heapq
import os
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec

from app import metrics
from app.logs import logger
from app.providers.http import Exchange

# Answers that wait for the disk; some ten of the largest.
WAITING_BYTES_MAX = 64 * 1024 * 1024
# A file is closed when it is this share of all that is kept, so that deleting one deletes little.
FILE_SHARE = 1 / 8
# Fast and small enough: JSON of providers shrinks to a tenth.
_GZIP_LEVEL = 5
_SUFFIX = ".jsonl.gz"
# What a file that was cut off in the middle of a line ends with.
_CUT_OFF = (EOFError, gzip.BadGzipFile, OSError, msgspec.MsgspecError, UnicodeDecodeError)

log = logger(__name__)


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer; `text` is its body, or `raw` (base64) when it is none."""

    provider: str
    at: datetime
    method: str
    path: str
    status: int
    parameters: Mapping[str, str] = {}
    text: str | None = None
    raw: bytes | None = None


_ENCODE = msgspec.json.Encoder().encode
_LINE = msgspec.json.Decoder(_Line)


class Archive:
    """Keeps answers under a folder; a thread of its own writes, so that no poll waits for a disk.

    When the disk is slower than the providers, or full, answers are left out and counted.
    """

    def __init__(self, folder: Path, *, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._waiting: deque[Exchange] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._numbers: dict[str, int] = {}
        self._names: dict[tuple[str, str], Path] = {}
        self._thread = threading.Thread(target=self._write, name="archive", daemon=True)
        self._thread.start()

    def keep(self, exchange: Exchange) -> None:
        """Takes an answer; returns at once."""
        with self._changed:
            if self._closing or self._waiting_bytes + len(exchange.body) > WAITING_BYTES_MAX:
                metrics.archive_skipped.labels("behind").inc()
                return
            self._waiting.append(exchange)
            self._waiting_bytes += len(exchange.body)
            self._changed.notify()

    def close(self) -> None:
        """Writes what waits and ends. Safe to call twice; blocks until the disk has it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _write(self) -> None:
        while (batch := self._taken()) is not None:
            try:
                self._append(batch)
                self._make_room()
            except OSError as error:
                metrics.archive_skipped.labels("disk").inc(len(batch))
                log.warning("archive_failed", error=str(error))

    def _taken(self) -> list[Exchange] | None:
        """Returns all that waits, as soon as something does; None when there will be no more."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        return batch or None

    def _append(self, batch: Sequence[Exchange]) -> None:
        lines: dict[Path, list[bytes]] = defaultdict(list)
        for exchange in batch:
            lines[self._file_of(exchange)].append(_encoded(exchange))
            metrics.archived_bytes.labels(exchange.provider).inc(len(exchange.body))
        for file, encoded in lines.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab") as opened:
                opened.write(gzip.compress(b"".join(encoded), _GZIP_LEVEL))

    def _file_of(self, exchange: Exchange) -> Path:
        hour = f"{exchange.at.astimezone(UTC):%Y%m%dT%H}"
        key = (exchange.provider, hour)
        file = self._names.get(key)
        if file is not None and _size_of(file) < self._bytes_max * FILE_SHARE:
            return file
        # Other processes write beside this one, and a restart goes on in a new file: a member that
        # was cut off would hide what is written behind it.
        folder = self._folder / exchange.provider
        us = f"{socket.gethostname()}-{os.getpid()}"
        number = self._numbers.get(exchange.provider, 0) + 1
        while (file := folder / f"{hour}-{us}-{number}{_SUFFIX}").exists():
            number += 1
        self._numbers[exchange.provider] = number
        self._names = {old: path for old, path in self._names.items() if old[0] != key[0]}
        self._names[key] = file
        return file

    def _make_room(self) -> None:
        """Deletes the oldest files while all are too large together."""
        sizes = {file: _size_of(file) for file in self._folder.glob(f"*/*{_SUFFIX}")}
        whole = sum(sizes.values())
        for file in sorted(sizes, key=lambda file: (hour_of(file), _age_of(file))):
            if whole <= self._bytes_max:
                return
            file.unlink(missing_ok=True)
            whole -= sizes[file]


def exchanges(folder: Path, provider: str = "*") -> Iterator[Exchange]:
    """Yields what was kept, of one provider or of all, in the order it came.

    A file that was cut off ends where it was cut; that is logged.
    """
    files = sorted(folder.glob(f"{provider}/*{_SUFFIX}"), key=hour_of)
    for _, of_hour in groupby(files, key=hour_of):
        # Files of one hour were written side by side.
        yield from heapq.merge(*map(_read, of_hour), key=lambda exchange: exchange.at)


def hour_of(file: Path) -> str:
    """Returns the hour a file is of, as its name says: 20261121T15."""
    return file.name.partition("-")[0]


def _read(file: Path) -> Iterator[Exchange]:
    try:
        with gzip.open(file) as opened:
            for line in opened:
                yield _decoded(line)
    except _CUT_OFF as error:
        log.warning("archive_cut_off", file=file.name, error=str(error))


def _encoded(exchange: Exchange) -> bytes:
    try:
        text, raw = exchange.body.decode(), None
    except UnicodeDecodeError:
        text, raw = None, exchange.body
    line = _Line(
        provider=exchange.provider,
        at=exchange.at,
        method=exchange.method,
        path=exchange.path,
        status=exchange.status,
        parameters=exchange.parameters,
        text=text,
        raw=raw,
    )
    return _ENCODE(line) + b"\n"


def _decoded(line: bytes) -> Exchange:
    kept = _LINE.decode(line)
    return Exchange(
        provider=kept.provider,
        at=kept.at,
        method=kept.method,
        path=kept.path,
        parameters=kept.parameters,
        status=kept.status,
        body=kept.raw if kept.raw is not None else (kept.text or "").encode(),
    )


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _age_of(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
