"""`.run/stack.json`: where everything is, for scripts; there while `app up` is ready."""

from pathlib import Path

import msgspec

from app.supervisor.demo import LogIn, write_private

NAME = "stack.json"


class StackFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the file says."""

    url: str
    user: LogIn
    operator: LogIn
    database_url: str
    redis_url: str


def write(run: Path, content: StackFile) -> None:
    """Writes it, readable by us only."""
    write_private(run / NAME, msgspec.json.format(msgspec.json.encode(content), indent=2))


def remove(run: Path) -> None:
    """Takes it away: nothing runs here any more."""
    (run / NAME).unlink(missing_ok=True)


def read_database_url(run: Path) -> str:
    """Returns where the running stack's Postgres is; nothing when none runs."""
    file = run / NAME
    if not file.exists():
        return ""
    return msgspec.json.decode(file.read_bytes(), type=StackFile).database_url
