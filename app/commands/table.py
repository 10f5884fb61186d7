"""Lists as text tables or JSON."""

from collections.abc import Sequence

import click
import msgspec


def print_rows(titles: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """Prints the rows under their titles, columns aligned; or as a JSON list of objects."""
    if as_json:
        named = [dict(zip(titles, row, strict=True)) for row in rows]
        click.echo(msgspec.json.format(msgspec.json.encode(named), indent=2))
        return
    lines = [titles, *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = (word.ljust(width) for word, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(str(part) for part in value)  # pyright: ignore[reportUnknownArgumentType]
    return str(value)
