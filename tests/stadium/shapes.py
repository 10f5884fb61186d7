"""Bodies compared by structure: which keys there are, and of what types the values."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

RECORDINGS = Path(__file__).parents[1] / "recordings"


def recorded(name: str) -> Any:
    """What a provider once answered."""
    return msgspec.json.decode((RECORDINGS / name).read_bytes())


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where our body has a key or a type that theirs never has, or lacks a key of each of theirs.

    What is null on either side says nothing about its type.
    """
    if ours is None or theirs is None:
        return
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in ours.keys() - theirs.keys():
            yield f"{path}.{key}: they never say it"
        for key in theirs.keys() - ours.keys():
            yield f"{path}.{key}: we leave it out"
        for key in ours.keys() & theirs.keys():
            yield from differences(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        for each in ours:
            if theirs:
                yield from _fits_one(each, theirs, f"{path}[]")
    elif _kind(ours) != _kind(theirs):
        yield f"{path}: {_kind(ours)}, not {_kind(theirs)}"


def _fits_one(ours: Any, theirs: Sequence[Any], path: str) -> Iterator[str]:
    """An item fits when it is like any of theirs; else it is held against the likest."""
    found = [list(differences(ours, each, path)) for each in theirs[:50]]
    yield from min(found, key=len)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
