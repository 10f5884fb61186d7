"""Every file the pages are made of: its type, its ETag, and the release they make up together."""

import hashlib
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
TEMPLATES = FOLDER / "templates"

# Only these are served; a licence has no suffix.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
    "": "text/plain",
}


class StaticFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it is served."""

    path: Path
    media_type: str
    etag: str


def static_files(folder: Path = STATIC) -> dict[str, StaticFile]:
    """Returns what may be served, by its path within the folder. What is not in it isn't served.

    Files are hashed now and read again when asked for: two megabytes of documentation are not
    worth keeping in memory.
    """
    found: dict[str, StaticFile] = {}
    for path in sorted(folder.rglob("*")):
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.relative_to(folder).as_posix()] = StaticFile(
            path=path, media_type=media_type, etag=f'"{digest[:32]}"'
        )
    return found


def release_of(files: dict[str, StaticFile]) -> str:
    """Returns the name of this set of files: other bytes or other names give another one."""
    told = "\n".join(f"{name} {files[name].etag}" for name in sorted(files))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def template(name: str, release: str) -> bytes:
    """Returns a page with the addresses of its files filled in."""
    text = (TEMPLATES / f"{name}.html").read_text(encoding="utf-8")
    return text.replace("{{static}}", f"/static/{release}").encode()
