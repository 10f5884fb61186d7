"""`.env`: read as docker compose does; `.env.example`: printed from the tree of settings."""

import re
import textwrap
from pathlib import Path

from app.settings import Setting, every_setting

HEADER = """\
# Every setting of Touchline. Printed by `python -m app settings example`; do not edit.
# Copy to .env, take the '#' away from what you change: `make run` and docker compose read it.
"""
WIDTH = 100
_LINE = re.compile(r"\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*")


def read_env_file(file: Path) -> dict[str, str]:
    """Returns the variables of a file, none when there is no file; other lines are comments."""
    if not file.exists():
        return {}
    found = (_LINE.fullmatch(line) for line in file.read_text().splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def example() -> str:
    """Returns the text of `.env.example`: each setting commented out, with its default."""
    return "\n".join([HEADER, *(_entry(setting) for setting in every_setting())])


def text_of(value: object) -> str:
    """Returns a setting's value as its variable holds it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _entry(setting: Setting) -> str:
    text = textwrap.wrap(setting.description, WIDTH, initial_indent="# ", subsequent_indent="# ")
    value = "" if setting.secret else text_of(setting.default)
    return "\n".join([*text, f"#{setting.name}={value}", ""])


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
