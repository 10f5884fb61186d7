"""A real cluster of three Valkeys on loopback: nodes die and come back, slots move."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from app.devstack import ports, programs
from app.devstack.launch import Launch, kill, launch, tail

NODES = 3
SLOTS = 16_384
PASSWORD = "cluster-of-a-test"
READY_S = 20.0
LOOK_AGAIN_S = 0.02
# How soon the others call a node dead.
NODE_TIMEOUT_MS = 1_000


class Node:
    """One server. Its slots are in its folder, so it comes back with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.pick()
        self.bus_port = ports.pick()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}"

    def ask(self, *words: Any) -> Any:
        """Sends a command."""
        with Redis.from_url(self.url) as client:
            return client.execute_command(*words)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.folder.mkdir(exist_ok=True)
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "requirepass": PASSWORD,
            "primaryauth": PASSWORD,
            "cluster-enabled": "yes",
            "cluster-port": self.bus_port,
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            # A dead node silences its own slots only.
            "cluster-require-full-coverage": "no",
            "save": '""',
            "loglevel": "warning",
            "dir": str(self.folder),
        }
        self._process = launch(
            Launch(
                command=[str(programs.valkey_program()), "-"],
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                log=self.folder / "log",
                folder=self.folder,
                input="".join(f"{name} {value}\n" for name, value in settings.items()).encode(),
            )
        )
        until(self._answers, lambda: tail(self.folder / "log"))

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False

    def kill(self) -> None:
        """Kills it as a crash would. Safe to call twice."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def freeze(self) -> None:
        """Stops it without a word: its connections stay open and nothing comes over them."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)


class Cluster:
    """The nodes, each with a third of the slots."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / str(number)) for number in range(NODES)]

    @property
    def urls(self) -> list[str]:
        """Where to begin."""
        return [node.url for node in self.nodes]

    def start(self) -> None:
        """Starts the nodes and makes them one."""
        share = SLOTS // NODES + 1
        for number, node in enumerate(self.nodes):
            node.start()
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            last = min((number + 1) * share, SLOTS) - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        until(self._is_one, lambda: str(self.nodes[0].ask("CLUSTER", "NODES")))

    def _is_one(self) -> bool:
        return all(
            len(node.ask("CLUSTER", "SLOTS")) == NODES
            and b"cluster_state:ok" in node.ask("CLUSTER", "INFO")
            for node in self.nodes
        )

    def stop(self) -> None:
        """Ends all of them."""
        for node in self.nodes:
            node.kill()

    def owner_of(self, slot: int) -> Node:
        """The node that has a slot."""
        for low, high, (_, port, *_), *_ in self.nodes[0].ask("CLUSTER", "SLOTS"):
            if low <= slot <= high:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(slot)

    def move(self, slot: int, to: Node) -> None:
        """Gives a slot without keys to another node, as a resharding does it."""
        source = self.owner_of(slot)
        source_id, target_id = source.ask("CLUSTER", "MYID"), to.ask("CLUSTER", "MYID")
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        for node in (to, source, *self.nodes):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)


def until(is_so: Callable[[], bool], what: Callable[[], str]) -> None:
    """Waits until it is so; what it is instead is told after too long."""
    limit = time.monotonic() + READY_S
    while not is_so():
        assert time.monotonic() < limit, what()
        time.sleep(LOOK_AGAIN_S)


@contextmanager
def a_cluster() -> Generator[Cluster]:
    """Runs a cluster in a folder that goes away with it."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-cluster-"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
