"""The demo users: made up once, kept in `.run/`, told to whoever runs this."""

import os
import secrets
from pathlib import Path

import msgspec

# `.example` is nobody's (RFC 2606).
DOMAIN = "touchline.example"
PASSWORD_BYTES = 12


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """What one logs in with."""

    email: str
    password: str


class DemoUsers(msgspec.Struct, frozen=True, kw_only=True):
    """One user with play money, one operator."""

    user: LogIn
    operator: LogIn


def keep_demo_users(run: Path) -> Path:
    """Returns the file of the demo users, made the first time."""
    file = run / "demo-users.json"
    if read_demo_users(file) is None:
        made = DemoUsers(user=_made_up("user"), operator=_made_up("operator"))
        write_private(file, msgspec.json.encode(made))
    return file


def read_demo_users(file: Path) -> DemoUsers | None:
    """Returns the demo users of a file, None when there is none or it can't be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=DemoUsers)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def keep_secret(file: Path) -> str:
    """Returns the secret of a file, made at random the first time."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(48).encode())
    return file.read_text()


def write_private(file: Path, content: bytes) -> None:
    """Writes a file whole or not at all, readable by us only."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    new.rename(file)


def _made_up(name: str) -> LogIn:
    return LogIn(email=f"{name}@{DOMAIN}", password=secrets.token_urlsafe(PASSWORD_BYTES))
