"""The servers of others that are measured beside ours: from npm, at pinned versions."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.devstack import ports
from bench import house

FOLDER = Path(__file__).parent / "peers"
MODULES = FOLDER / "node_modules"
STOPS_WITHIN_S = 10.0


class NoPeers(Exception):
    """The peers cannot be run here; the message says why."""


# What each is run by, and its file.
PEERS: Mapping[str, tuple[str, str]] = {
    "Bun publish": ("bun", "bun_publish.mjs"),
    "Bun + Fastify": ("bun", "fastify.mjs"),
    "Node + ws": ("node", "node_ws.mjs"),
    "reads": ("bun", "reads.mjs"),
}

# One process, and nothing but an answer it has: what is left is the machine.
NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000; default_type application/json;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }}
}}
"""

# Those that have sockets.
SOCKETS = ("Bun publish", "Bun + Fastify", "Node + ws")


def install() -> None:
    """Installs what the lock file names, once; raises NoPeers."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise NoPeers("npm and node are needed to measure beside others")
    if not MODULES.exists():
        # No scripts: Bun's program comes as a package of its platform.
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit"], cwd=FOLDER, check=True)  # noqa: S607
    program("bun")


def program(name: str) -> str:
    """Returns the path of a runtime; raises NoPeers. Of Bun's builds the one this machine runs."""
    if name == "node":
        return shutil.which("node") or "node"
    for built in sorted(MODULES.glob("@oven/bun-*/bin/bun"), key=lambda path: len(str(path))):
        built.chmod(0o755)
        if subprocess.run([built, "--version"], capture_output=True, check=False).returncode == 0:
            return str(built)
    raise NoPeers("no build of Bun runs here")


def version(name: str) -> str:
    """Returns the version of a runtime."""
    answer = subprocess.run(
        [program(name), "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


@contextmanager
def peer(name: str, **environment: str) -> Generator[tuple[psutil.Process, int]]:
    """Runs a peer; yields its process and its port when it answers."""
    runtime, file = PEERS[name]
    port = ports.pick()
    started = subprocess.Popen(
        [program(runtime), str(FOLDER / file), str(port)],
        cwd=FOLDER,
        env={**os.environ, **environment},
    )
    try:
        house.wait_for(f"http://127.0.0.1:{port}/ready")
        yield psutil.Process(started.pid), port
    finally:
        started.terminate()
        started.wait(STOPS_WITHIN_S)


@contextmanager
def nginx(body: str) -> Generator[tuple[psutil.Process, int]]:
    """Runs an nginx that answers everything with a body; it has to be installed."""
    port = ports.pick()
    with tempfile.TemporaryDirectory(prefix="touchline-nginx-") as folder:
        Path(folder, "conf").write_text(NGINX.format(port=port, body=body.replace("'", "\\'")))
        started = subprocess.Popen(["nginx", "-p", folder, "-c", "conf", "-e", "stderr"])  # noqa: S607
        try:
            house.wait_for(f"http://127.0.0.1:{port}/")
            yield psutil.Process(started.pid), port
        finally:
            started.terminate()
            started.wait(STOPS_WITHIN_S)
