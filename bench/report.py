"""The table a bench prints and the file it writes."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Row = Mapping[str, object]


def machine() -> str:
    """Returns what the figures were measured on."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() + ", " if named else ""
    return (
        f"{model}{os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}"
    )


def median(values: Sequence[float]) -> float:
    """Returns the middle of the rounds."""
    return statistics.median(values)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Returns the value below which `share` of the ordered values lie; 0 of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def report(name: str, rows: Sequence[Row], ratios: Mapping[str, float]) -> None:
    """Prints the rows as a table, and writes them with the ratios as JSON."""
    where = machine()
    print(f"\n{name} on {where}\n")
    columns = list(rows[0])
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[n]) for line in cells)) for n, column in enumerate(columns)
    ]
    for line in [columns, ["-" * width for width in widths], *cells]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    for what, ratio in ratios.items():
        print(f"\n{what}: {ratio:.3g}")
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    document = {
        "name": name,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": where,
        "rows": rows,
        "ratios": {what: round(ratio, 4) for what, ratio in ratios.items()},
    }
    file.write_text(json.dumps(document, indent=2) + "\n")
    print(
        f"\nwritten to {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}"
    )


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
