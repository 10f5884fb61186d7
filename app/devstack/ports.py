"""Ports on 127.0.0.1: which are free, and the one a server had before."""

import random
import socket
from pathlib import Path

# Below the range the kernel hands out to outgoing connections (from 32768 on Linux), so that a
# stopped server's port is likely to be still there for its next start.
FIRST, LAST = 20_000, 32_000
TRIES_MAX = 200
# Handed out by this process: who picked one may not listen on it yet.
_picked: set[int] = set()


class NoPort(Exception):
    """No free port was found."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Says whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def pick() -> int:
    """Returns a port that is free now, chosen at random so that two choosers seldom collide; never
    the same twice in one process.
    """
    for _ in range(TRIES_MAX):
        port = random.SystemRandom().randrange(FIRST, LAST)
        if port not in _picked and is_free(port):
            _picked.add(port)
            return port
    raise NoPort(f"no free port between {FIRST} and {LAST} after {TRIES_MAX} tries")


def keep(file: Path) -> int:
    """Returns the port the file remembers if it is still free, or picks one and remembers it."""
    text = file.read_text().strip() if file.exists() else ""
    if text.isdigit() and 0 < int(text) < 65536 and is_free(int(text)):
        return int(text)
    port = pick()
    file.write_text(f"{port}\n")
    return port
