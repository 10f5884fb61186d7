"""Publishing to the shards of a cluster: a queue and a connection a node, so that one that hangs
delays nobody else's.

What could not be published is dropped: messages have numbers, so whoever missed one knows at the
next, and reads the log.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from redis.asyncio.connection import Connection
from redis.exceptions import ResponseError

from app import metrics
from app.logs import logger
from app.stream.relay_messages import channel_of
from app.stream.relay_nodes import AWAY, CONNECT_TIMEOUT_S, Address, Nodes, moved_slot

# What waits for one node; past it everything that waits is dropped. Some 30 s of a busy evening.
QUEUE_BYTES_MAX = 8_388_608
# Sent in one go, and answered in one go.
BATCH_MAX = 256
# A node answers within a millisecond; this is "gone", not "slow".
ANSWER_TIMEOUT_S = 1.0
# A node that failed is left alone this long.
REST_S = 0.25

log = logger(__name__)
Post = tuple[int, bytes]


class Publisher:
    """Sends messages to shards, those of one shard in order. `put` never waits."""

    def __init__(self, nodes: Nodes, *, shards: int) -> None:
        self._nodes = nodes
        self._channels = [channel_of(shard, shards) for shard in range(shards)]
        self._outboxes: dict[Address, Outbox] = {}
        self._stale = asyncio.Event()
        self._stale.set()

    def put(self, shard: int, data: bytes) -> None:
        """Queues a message; dropped when nobody has the shard, or too much waits for its node."""
        home = self._nodes.home_of(shard)
        if home is None:
            self._stale.set()
            metrics.relay_messages.labels("dropped").inc()
            return
        outbox = self._outboxes.get(home)
        if outbox is None:
            outbox = self._outboxes[home] = Outbox()
            outbox.task = asyncio.create_task(self._send(home, outbox))
        outbox.put((shard, data))

    async def run(self) -> None:
        """Keeps the map of slots until cancelled; the senders end with it."""
        try:
            while True:
                await self._stale.wait()
                self._stale.clear()
                await self._nodes.refresh()
                self._let_go()
                # However many find the map wrong meanwhile, it is asked for once.
                await asyncio.sleep(REST_S)
        finally:
            for outbox in self._outboxes.values():
                outbox.task.cancel()
            await asyncio.gather(
                *(outbox.task for outbox in self._outboxes.values()), return_exceptions=True
            )
            self._outboxes.clear()

    def _let_go(self) -> None:
        """Ends the senders to nodes that have none of our shards any more."""
        homes = {self._nodes.home_of(shard) for shard in range(len(self._channels))}
        for address in self._outboxes.keys() - homes:
            self._outboxes.pop(address).task.cancel()

    async def _send(self, address: Address, outbox: "Outbox") -> None:
        """Sends what is queued for a node, over as many connections as it takes."""
        while True:
            connection = self._nodes.connection(address)
            try:
                await self._send_over(connection, outbox)
            except AWAY as error:
                log.warning("relay_node_lost", node=f"{address[0]}:{address[1]}", error=str(error))
                metrics.relay_messages.labels("dropped").inc(outbox.clear())
                self._stale.set()
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(REST_S)

    async def _send_over(self, connection: Connection, outbox: "Outbox") -> None:
        """Sends until the connection fails: one of AWAY."""
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connection.connect()
        while True:
            moved = await self._send_batch(connection, await outbox.take())
            for post in moved:
                self.put(*post)

    async def _send_batch(self, connection: Connection, batch: Sequence[Post]) -> list[Post]:
        """Publishes; returns what belongs to another node now. Raises one of AWAY."""
        commands = [("SPUBLISH", self._channels[shard], data) for shard, data in batch]
        moved: list[Post] = []
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await connection.send_packed_command(connection.pack_commands(commands))
            for post in batch:
                try:
                    await connection.read_response(disable_decoding=True)
                    metrics.relay_messages.labels("published").inc()
                except ResponseError as error:
                    if moved_slot(error) is None:
                        raise
                    moved.append(post)
        if moved:
            await self._nodes.refresh()
        return moved


class Outbox:
    """What waits for one node."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self._posts: deque[Post] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()

    def put(self, post: Post) -> None:
        """Adds one; when there is no room for it, everything goes: all of it is late by now."""
        if self._bytes + len(post[1]) > QUEUE_BYTES_MAX:
            metrics.relay_messages.labels("dropped").inc(self.clear())
        self._posts.append(post)
        self._bytes += len(post[1])
        self._ready.set()

    async def take(self) -> list[Post]:
        """Returns what is next, waiting for it."""
        await self._ready.wait()
        batch = [self._posts.popleft() for _ in range(min(BATCH_MAX, len(self._posts)))]
        self._bytes -= sum(len(data) for _, data in batch)
        if not self._posts:
            self._ready.clear()
        return batch

    def clear(self) -> int:
        """Drops everything; returns how many that were."""
        dropped = len(self._posts)
        self._posts.clear()
        self._bytes = 0
        self._ready.clear()
        return dropped
