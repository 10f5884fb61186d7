"""Bodies of pushes for tests: plain functions with defaults."""

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[2] / "recordings" / "sportradar-uof"
SEEN = "2025-11-22T15:20:00Z"


def an_item(ref: str = "m-1", **more: Any) -> dict[str, Any]:
    """One observation with a description and a score, as JSON has it."""
    return {
        "match": {
            "ref": ref,
            "sport": "football",
            "description": {
                "league": {"ref": "wc", "name": "World Cup"},
                "home": {"ref": f"{ref}-h", "name": f"Home {ref}"},
                "away": {"ref": f"{ref}-a", "name": f"Away {ref}"},
                "startTime": "2025-11-22T15:00:00Z",
            },
        },
        "observedAt": SEEN,
        "score": {"status": "live", "home": 1, "away": 0, "period": "1st Half", "clock": "20'"},
        **more,
    }


def a_quote(odds: Any, selection: str = "home", bookmaker: str = "north") -> dict[str, Any]:
    """What one bookmaker offers."""
    return {"bookmaker": bookmaker, "selection": selection, "odds": odds}


def a_body(*items: Any) -> bytes:
    """A JSON body."""
    return json.dumps({"observations": items}).encode()
