"""Counts from a match's incidents, for either side; pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = re.compile(r"(?<=[a-z0-9])([A-Z])")
# How an incident is counted; a card by its colour, points by how many they were.
_COUNTED = {
    "goal": "goals",
    "penalty": "penalties",
    "substitution": "substitutions",
    "set_won": "sets",
}


def in_snake_case(incident: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an incident of the wire with its keys in snake_case."""
    return {_WORD.sub(r"_\1", key).lower(): value for key, value in incident.items()}


def statistics_of(incidents: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Returns `{"home": {name: count}, "away": {...}}`; what never occurred is not named."""
    counts: dict[str, dict[str, int]] = {"home": {}, "away": {}}
    for incident in incidents:
        side = counts.get(incident.get("side", ""))
        if side is None:
            continue
        for name, amount in _counts_of(incident):
            side[name] = side.get(name, 0) + amount
    return counts


def _counts_of(incident: Mapping[str, Any]) -> list[tuple[str, int]]:
    kind = incident.get("type")
    if kind == "card":
        return [(f"{incident.get('colour')}_cards", 1)]
    if kind == "points":
        points = incident.get("points", 0)
        return [("points", points), (f"{points}_point_baskets", 1)]
    if kind == "penalty":
        return [("penalties", 1), ("penalty_minutes", incident.get("minutes", 0))]
    if kind == "shootout_attempt":
        scored = [("shootout_scored", 1)] if incident.get("scored") else []
        return [("shootout_attempts", 1), *scored]
    if kind == "goal" and incident.get("how") is not None:
        return [("goals", 1), (f"{incident['how']}_goals", 1)]
    return [(_COUNTED[kind], 1)] if kind in _COUNTED else []
