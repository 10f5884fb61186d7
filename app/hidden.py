"""Packages hidden from others that load them wherever they find them, for nothing we use."""

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def hidden(*packages: str) -> Generator[None]:
    """Makes importing these fail as if they were not installed, but for those already loaded."""
    names = [name for name in packages if name not in sys.modules]
    for name in names:
        # What Python takes for "known not to be there".
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
