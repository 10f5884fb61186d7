"""Chance that is the same everywhere: numbers drawn from words by a hash, without any state."""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TypeVar

Thing = TypeVar("Thing")


def share_of(*words: object) -> float:
    """Returns a number in [0, 1) that depends on nothing but the words given."""
    text = "\x1f".join(map(str, words)).encode()
    return int.from_bytes(blake2b(text, digest_size=6).digest(), "big") / 2**48


def between(low: float, high: float, *words: object) -> float:
    """Returns a number in [low, high) that depends on nothing but the words given."""
    return low + (high - low) * share_of(*words)


def shuffled(things: Iterable[Thing], name: Callable[[Thing], str], *words: object) -> list[Thing]:
    """Returns the things in an order that depends on their names and the words only."""
    return sorted(things, key=lambda thing: (share_of(*words, name(thing)), name(thing)))
