"""`app up` serves, starts again what dies, and leaves nothing behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.devstack import ports

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]
AT_MOST_S = 60.0
STOP_AT_MOST_S = 10.0  # Promised by `make run`.
ALL = {"api", "worker", "stadium", "postgres", "valkey-server"}


class Up:
    """A running `app up` in a folder of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with (folder / "terminal").open("wb") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "up"],
                cwd=folder,
                env=kept | variables,
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )

    @property
    def terminal(self) -> str:
        """What it printed."""
        return (self.folder / "terminal").read_text()

    @property
    def stack(self) -> dict[str, Any]:
        """What it tells scripts, once it is ready."""
        file = self.folder / ".run/stack.json"
        self.wait_until(file.exists)
        return json.loads(file.read_text())

    def wait_until(self, happened: Callable[[], object]) -> None:
        """Waits until something is so, as long as it runs."""
        until = time.monotonic() + AT_MOST_S
        while not happened():
            assert self.process.poll() is None, self.terminal
            assert time.monotonic() < until, self.terminal
            time.sleep(0.05)

    def children(self) -> dict[str, int]:
        """Its living children, by what they are."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and parent_of(entry) == self.process.pid:
                found[name_of(entry)] = int(entry.name)
        return found

    def get(self, path: str) -> int:
        """Returns the status of an answer of the API, 0 without one."""
        place = urlsplit(self.stack["url"])
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()


def parent_of(entry: Path) -> int:
    """Returns the parent of a process, 0 when it is gone or a zombie."""
    try:
        state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def name_of(entry: Path) -> str:
    """Returns what a process of ours is: the command of `app`, or the name of the program."""
    try:
        words = (entry / "cmdline").read_text().split("\0")
    except OSError:
        return ""
    # Valkey's is its path and its address in one word.
    return words[3] if words[1:3] == ["-m", "app"] else Path(words[0]).name.split(" ")[0]


@pytest.fixture
def up(tmp_path: Path) -> Generator[Callable[..., Up]]:
    """Starts `app up` in a folder of the test's; whatever runs at the end is killed."""
    started: list[Up] = []

    def start(name: str = "clone", **variables: str) -> Up:
        started.append(Up(tmp_path / name, **variables))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def stopped(one: Up, number: signal.Signals) -> list[int]:
    """Sends the signal, waits for the end; returns what is left of its processes."""
    one.wait_until(lambda: set(one.children()) == ALL)
    children = one.children()
    one.process.send_signal(number)
    one.process.wait(STOP_AT_MOST_S)
    return [pid for pid in children.values() if parent_of(Path(f"/proc/{pid}"))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_without_leaving_anything(
    up: Callable[..., Up], number: signal.Signals
):
    one = up(PORT=str(ports.pick()))
    stack = one.stack
    assert set(stack) == {"url", "user", "operator", "databaseUrl", "redisUrl"}
    assert set(stack["user"]) == set(stack["operator"]) == {"email", "password"}
    assert (one.folder / ".run/stack.json").stat().st_mode & 0o777 == 0o600
    assert one.get("/health") == http.client.OK
    one.wait_until(lambda: "Ctrl-C stops everything" in one.terminal)
    for word in (stack["url"], "/docs/api", "ws://127.0.0.1:", stack["user"]["password"]):
        assert word in one.terminal
    assert stopped(one, number) == []
    assert one.process.returncode == 0
    assert not (one.folder / ".run/stack.json").exists()


def test_what_dies_is_started_again_where_it_was(up: Callable[..., Up]):
    one = up(PORT=str(ports.pick()))
    before = one.stack
    for name in sorted(ALL, reverse=True):
        one.wait_until(lambda name=name: name in one.children())
        victim = one.children()[name]
        os.kill(victim, signal.SIGKILL)
        one.wait_until(lambda name=name, victim=victim: one.children().get(name, victim) != victim)
    one.wait_until(lambda: one.get("/health/ready") == http.client.OK)
    assert one.stack == before


def test_a_killed_supervisor_leaves_nothing_and_blocks_nobody(up: Callable[..., Up]):
    port = str(ports.pick())
    first = up(PORT=port)
    before = first.stack
    children = first.children()
    first.process.kill()
    first.process.wait()
    until = time.monotonic() + STOP_AT_MOST_S
    while left := [pid for pid in children.values() if parent_of(Path(f"/proc/{pid}"))]:
        assert time.monotonic() < until, left
        time.sleep(0.05)
    second = up(PORT=port)
    second.wait_until(lambda: second.get("/health/ready") == http.client.OK)
    assert second.stack == before


def test_two_clones_run_side_by_side_and_one_clone_once(up: Callable[..., Up]):
    first, second = up("one", PORT="0"), up("two", PORT="0")
    assert first.stack["url"] != second.stack["url"]
    assert first.stack["databaseUrl"] != second.stack["databaseUrl"]
    again = up("one", PORT="0")
    assert again.process.wait(AT_MOST_S) == 1
    assert f"in use by process {first.process.pid}" in again.terminal
    assert first.get("/health") == http.client.OK


def test_a_port_that_was_asked_for_and_is_taken_is_a_clear_error(up: Callable[..., Up]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = up(PORT=str(port))
        assert one.process.wait(AT_MOST_S) == 1
    assert f"port {port} of 127.0.0.1: Address already in use; PORT names another" in one.terminal


def test_servers_that_are_given_replace_the_embedded_ones(
    up: Callable[..., Up], database_url: str, redis_url: str
):
    one = up(PORT="0", DATABASE_URL=database_url, REDIS_URL=redis_url)
    assert one.stack["databaseUrl"] == database_url
    assert set(one.children()) == {"api", "stadium", "worker"}
