"""What requests weigh against limits and quotas: 1, but for those that are more work.

A batch is weighed where its body has been read (`guards.charge`).
"""

import re

# Method, path and units. A history reads some thousand rows, totals read everybody's.
WEIGHTS: tuple[tuple[str, str, int], ...] = (
    ("GET", "/api/odds/*/history", 5),
    ("GET", "/api/matches/*/changes", 2),
    ("GET", "/api/v1/predictions/*/history", 2),
    ("GET", "/api/me/usage", 2),
    ("GET", "/api/usage", 5),
)
# A batch of matches: one unit for so many of them.
BATCH_PER_UNIT = 10

_PATTERNS = [re.escape(f"{method} {path}").replace(r"\*", "[^/]+") for method, path, _ in WEIGHTS]
_HEAVY = re.compile("|".join(f"({pattern})" for pattern in _PATTERNS))


def weight_of(method: str, path: str) -> int:
    """Returns the units of a request, by its plain path."""
    found = _HEAVY.fullmatch(f"{'GET' if method == 'HEAD' else method} {path}")
    return 1 if found is None or found.lastindex is None else WEIGHTS[found.lastindex - 1][2]


def batch_weight(items: int) -> int:
    """Returns the units of a batch of so many items, at least 1."""
    return max(1, -(-items // BATCH_PER_UNIT))
