"""Writes the tables of the documents from the program: `.venv/bin/python docs/tables.py`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. With `--check` nothing is written
and the exit code says whether a document is behind the program; figures of `bench/results` are not
checked, so that a measurement is nobody's failed test.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

from app import errors, metrics
from app.commands.env_file import text_of
from app.commands.list_errors import WHOLE_PROGRAM
from app.main import create_app
from app.settings import Settings, every_setting
from app.sockets.close_codes import CLOSE_CODES

PROJECT = Path(__file__).parents[1]
TABLE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = Sequence[object]


def of_settings() -> Iterator[Row]:
    """Yields every environment variable."""
    yield "Variable", "Default", "What"
    for one in every_setting():
        default = "" if one.secret else text_of(one.default)
        yield f"`{one.name}`", default and f"`{default}`", one.description


def of_errors() -> Iterator[Row]:
    """Yields every error of the program, which is loaded for it."""
    for module in WHOLE_PROGRAM:
        importlib.import_module(module)
    yield "Code", "Status", "Meaning"
    for error in errors.catalogue():
        yield f"`{error.code}`", error.status, error.title()


def of_metrics() -> Iterator[Row]:
    """Yields every metric."""
    yield "Metric", "Kind", "Labels", "What"
    for name, kind, labels, text in metrics.catalogue():
        yield f"`{name}`", kind, labels if isinstance(labels, str) else ", ".join(labels), text


def of_close_codes() -> Iterator[Row]:
    """Yields every close code of a socket."""
    yield "Code", "Name", "Reconnect", "Meaning"
    for code in CLOSE_CODES:
        yield code.code, f"`{code.name}`", "yes" if code.reconnect else "no", code.meaning


def of_endpoints() -> Iterator[Row]:
    """Yields every endpoint of the API's description, as its handler's docstring says it."""
    yield "Endpoint", "Query", "What"
    app = create_app(Settings())
    paths = app.openapi_schema.paths or {}
    for route in sorted(app.routes, key=lambda route: route.path):
        for handler in getattr(route, "route_handlers", ()):
            if not isinstance(handler, HTTPRouteHandler) or route.path_format not in paths:
                continue
            method = next(iter(handler.http_methods - {"OPTIONS"}), "")
            operation = getattr(paths[route.path_format], method.lower(), None)
            if operation is None:
                continue
            asked = [f"`{p.name}`" for p in operation.parameters or () if p.param_in == "query"]
            said = " ".join((handler.fn.__doc__ or "").strip().split("\n\n")[0].split())
            yield f"`{method} {route.path_format}`", " ".join(asked), said


def of_bench(name: str) -> Iterator[Row]:
    """Yields the figures of the last measurement."""
    file = PROJECT / "bench" / "results" / f"{name}.json"
    if not file.exists():
        yield ("Not measured yet",)
        return
    measured = json.loads(file.read_text("utf-8"))
    rows: list[dict[str, object]] = measured["rows"]
    yield list(rows[0])
    for row in rows:
        yield [f"{cell:,}" if isinstance(cell, int | float) else cell for cell in row.values()]


CHECKED: Mapping[str, Callable[[], Iterator[Row]]] = {
    "settings": of_settings,
    "errors": of_errors,
    "metrics": of_metrics,
    "close-codes": of_close_codes,
    "endpoints": of_endpoints,
}
MEASURED: Mapping[str, Callable[[], Iterator[Row]]] = {
    f"bench-{name}": partial(of_bench, name)
    for name in (
        "latency",
        "fanout",
        "growth",
        "reads",
        "read-growth",
        "ingest",
        "providers",
        "arrival",
        "memory",
        "workers",
        "day",
        "bets",
    )
}


def markdown(rows: Iterator[Row]) -> str:
    """Returns rows as a table, the first one as its head."""
    lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    lines.insert(1, "|---" * (lines[0].count(" | ") + 1) + "|")
    return "\n".join(lines) + "\n"


def renewed(document: str, tables: Mapping[str, Callable[[], Iterator[Row]]]) -> str:
    """Returns a document with those of its tables that are named renewed."""

    def table(found: re.Match[str]) -> str:
        rows = tables.get(found["name"])
        return found[0] if rows is None else found[1] + markdown(rows()) + found[3]

    return TABLE.sub(table, document)


def main() -> int:
    """Renews the documents, or with `--check` says which are behind."""
    only_checks = "--check" in sys.argv
    behind: list[str] = []
    for file in sorted((PROJECT / "docs").glob("*.md")):
        text = file.read_text("utf-8")
        new = renewed(text, CHECKED if only_checks else {**CHECKED, **MEASURED})
        if new != text and only_checks:
            behind.append(file.name)
        elif new != text:
            file.write_text(new, "utf-8")
    if behind:
        print(f"behind the program: {', '.join(behind)}; run docs/tables.py")
    return len(behind)


if __name__ == "__main__":
    sys.exit(main())
