"""Bodies that are almost right: what a real one becomes when its sender has a bad day.

`mutations_of(body)` is a strategy over bytes. A JSON body loses keys, gets nulls, other types, huge
and broken numbers, strange text, doubled and swapped items, deep nesting; a few of its bytes are
cut, flipped or doubled now and then, which is all that happens to a body that is not JSON. Most
draws change one to four places, so that the greater part of a body stays as it was and the
normaliser gets deep into it.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

CHANGES_MAX = 4
# A body changed in its bytes tests the decoder; one changed in its values tests the normaliser,
# which is where the mistakes are.
BYTES_ONE_IN = 8

_Path = tuple[str | int, ...]

_ODD_TEXT = st.sampled_from(
    [
        "", " ", "0", "-1", "null", "NaN", "1e999", "9" * 400, "1/2", "12,5",
        "\u0663", "\uff12", "½",
        "\x00", "\u202e", "\ud800", "e\u0301", "ß", "\U0001d7dc", "💥" * 90, "x" * 300, "²",
        "2026-02-30T25:61:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "2026-01-01",
        "Infinity", "-0", "+3", "1_000", "0x10", "90+", "+", "True",
    ]
)  # fmt: skip
_ODD_NUMBERS = st.one_of(
    st.sampled_from(
        [0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 10**30, 1000, 999, 0.1, -0.0, 1e308, 1e-308]
    ),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)
_ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    _ODD_TEXT,
    st.text(max_size=20),
    _ODD_NUMBERS,
    st.sampled_from([[], {}, [[]], [{}], [None], {"": None}, {"id": {}}]),
)


def mutations_of(body: bytes) -> SearchStrategy[bytes]:
    """Returns a strategy for spoiled copies of `body`; each differs from it in a few places."""
    try:
        value = json.loads(body)
    except ValueError:
        return _spoiled_bytes(body)
    if not isinstance(value, dict | list):
        return _spoiled_bytes(body)
    places = _places_of(value)
    values = _spoiled_values(body, places)
    return st.integers(1, BYTES_ONE_IN).flatmap(
        lambda nth: _spoiled_bytes(body) if nth == BYTES_ONE_IN else values
    )


@st.composite
def _spoiled_bytes(draw: DrawFn, body: bytes) -> bytes:
    """Cuts, flips, doubles or inserts bytes."""
    spoiled = bytearray(body)
    for _ in range(draw(st.integers(1, CHANGES_MAX))):
        at = draw(st.integers(0, len(spoiled)))
        end = min(len(spoiled), at + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["cut", "drop", "insert", "double"]))
        if kind == "cut":
            del spoiled[at:]
        elif kind == "drop":
            del spoiled[at:end]
        elif kind == "insert":
            spoiled[at:at] = draw(st.binary(max_size=8))
        else:
            spoiled[at:at] = spoiled[at:end]
    return bytes(spoiled)


@st.composite
def _spoiled_values(draw: DrawFn, body: bytes, places: list[_Path]) -> bytes:
    """Changes a few values of a JSON document, wherever they are in it."""
    # A fresh copy, because what is drawn changes it in place.
    holder: list[Any] = [json.loads(body)]
    for _ in range(draw(st.integers(1, CHANGES_MAX))):
        path = draw(st.sampled_from(places))
        parent, key = _parent_of(holder, path)
        # An earlier change may have taken this place away.
        if parent is not None:
            change = draw(st.sampled_from(_CHANGES))
            change(draw, parent, key)
    return _encoded(draw, holder[0] if holder else None)


def _encoded(draw: DrawFn, value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    # What a careless writer of JSON makes of its numbers.
    if draw(st.integers(0, 19)) == 0:
        text = text.replace("null", draw(st.sampled_from(["NaN", "Infinity", "undefined"])), 1)
    return text.encode("utf-8", "surrogatepass")


def _replace(draw: DrawFn, parent: Any, key: str | int) -> None:
    parent[key] = draw(_ODD_VALUES)


def _remove(_: DrawFn, parent: Any, key: str | int) -> None:
    del parent[key]


def _retype(_: DrawFn, parent: Any, key: str | int) -> None:
    value = parent[key]
    match value:
        case bool() | None:
            parent[key] = str(value)
        case str():
            parent[key] = int(value) if value.isascii() and value.isdigit() else [value]
        case int() | float():
            parent[key] = str(value)
        case list():
            parent[key] = {str(index): item for index, item in enumerate(value)}
        case _:
            parent[key] = [value]


def _double(_: DrawFn, parent: Any, key: Any) -> None:
    if isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    else:
        parent[f"{key} "] = parent[key]


def _swap(draw: DrawFn, parent: Any, key: Any) -> None:
    keys: list[Any] = list(range(len(parent))) if isinstance(parent, list) else list(parent)
    other = draw(st.sampled_from(keys))
    parent[key], parent[other] = parent[other], parent[key]


def _negate(draw: DrawFn, parent: Any, key: str | int) -> None:
    value = parent[key]
    if isinstance(value, int | float) and not isinstance(value, bool):
        parent[key] = draw(st.sampled_from([-value, value + 1000, value * 10**20, value + 0.5]))
    else:
        parent[key] = None


def _bury_deep(draw: DrawFn, parent: Any, key: str | int) -> None:
    for _ in range(draw(st.sampled_from([1, 3, 300]))):
        parent[key] = [parent[key]]


_CHANGES: list[Callable[[DrawFn, Any, str | int], None]] = [
    _replace, _replace, _replace, _remove, _remove, _retype, _double, _swap, _negate, _bury_deep
]  # fmt: skip


def _parent_of(root: Any, path: _Path) -> tuple[Any, str | int] | tuple[None, str]:
    """Returns what holds the place and its key there; None when it is no longer there."""
    value = root
    for step in path[:-1]:
        if not _has(value, step):
            return None, ""
        value = value[step]
    return (value, path[-1]) if _has(value, path[-1]) else (None, "")


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


def _places_of(root: Any) -> list[_Path]:
    """Returns the path of every value under a root; the root itself is the item 0 of a list."""
    places: list[_Path] = []
    todo: list[tuple[_Path, Any]] = [((0,), root)]
    while todo:
        path, value = todo.pop()
        places.append(path)
        if isinstance(value, dict):
            todo.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            todo.extend(((*path, index), child) for index, child in enumerate(value))
    return places
