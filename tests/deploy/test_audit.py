"""The audit of locked packages: a known hole fails it, nobody to ask does not."""

import json
import os
import subprocess
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LOCK = "click==8.1.0 --hash=sha256:" + "0" * 64 + "\nhttpx==0.28.1 --hash=sha256:" + "1" * 64
HOLE = {"id": "GHSA-test-test-test", "summary": "It leaks.", "affected": []}


class Osv(BaseHTTPRequestHandler):
    """A database of holes that knows one, in click."""

    def do_POST(self) -> None:
        """Answers what is known of a package."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = {"vulns": [HOLE]} if asked["package"]["name"] == "click" else {}
        body = json.dumps(known).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Says nothing."""


@pytest.fixture
def osv_url() -> Generator[str]:
    """A database of holes on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audited(lock: Path, osv_url: str) -> subprocess.CompletedProcess[str]:
    """Runs the audit over a lock, asking that database."""
    return subprocess.run(
        [PROJECT / "requirements" / "audit", lock],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"AUDIT_OSV_URL": osv_url},
    )


def test_a_known_hole_fails_the_audit_and_is_named(osv_url: str, tmp_path: Path):
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)
    done = audited(lock, osv_url)
    assert done.returncode == 1, done
    assert "click 8.1.0: GHSA-test-test-test" in done.stdout
    assert "audited 2 of 2 packages: 1 known holes" in done.stdout
    lock.write_text(LOCK.splitlines()[1])
    assert audited(lock, osv_url).returncode == 0


def test_nobody_to_ask_is_said_and_fails_nothing(tmp_path: Path):
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)
    done = audited(lock, "http://127.0.0.1:9/v1/query")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("not audited: ")
