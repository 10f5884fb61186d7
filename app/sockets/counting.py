"""Counts what is sent. Looking a metric's label up costs more than counting, so they are kept."""

from collections.abc import Sequence
from functools import cache

from prometheus_client import Counter, Histogram

from app import metrics
from app.sockets.close_codes import CloseCode
from app.sockets.line import Ready
from app.sockets.outgoing import Outgoing

# Codes clients close with that stand in the metrics as they are; any other is "other".
_THEIRS = frozenset({1000, 1001, 1005, 1006, 1007, 1009, 1011, 1012})


@cache
def _frames(kind: str) -> Counter:
    return metrics.frames_sent.labels(kind)


@cache
def _bytes(protocol: str) -> Counter:
    return metrics.sent_bytes.labels(protocol)


@cache
def _latency(protocol: str) -> Histogram:
    return metrics.commit_to_socket_seconds.labels(protocol)


def size_of(ready: Ready) -> int:
    """Returns how long frames are in the form they are written in; of texts, their letters."""
    return len(ready) if isinstance(ready, bytes) else sum(map(len, ready))


def count_sent(protocol: str, frames: Sequence[Outgoing], ready: Ready, sockets: int = 1) -> None:
    """Counts frames that were written to so many sockets."""
    for frame in frames:
        _frames(frame.kind).inc(sockets)
    _bytes(protocol).inc(size_of(ready) * sockets)


def note_latency(protocol: str, seconds: float) -> None:
    """Notes how long after its commit a change was written to a group of sockets."""
    _latency(protocol).observe(max(0.0, seconds))


def count_closed(protocol: str, ours: CloseCode | None, theirs: int) -> None:
    """Counts a socket that is gone, by the code we closed it with, or else the client did."""
    code = ours.code if ours is not None else theirs
    told = str(code) if ours is not None or code in _THEIRS else "other"
    metrics.sockets_closed.labels(protocol, told).inc()
