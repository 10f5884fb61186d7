"""The nodes of a cluster: which has which slot, and plain connections to each.

redis-py's own cluster client is not used: in 5.x its asyncio half has no pub/sub at all, and the
other half blocks. What is needed is little: a map of slots, asked for again when a node says MOVED
or is gone, and one connection a node.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.crc import key_slot
from redis.exceptions import RedisError, ResponseError

from app.logs import logger
from app.stream.relay_messages import channel_of

CONNECT_TIMEOUT_S = 2.0
# A node that does not answer is not waited for; another knows as much.
ASK_TIMEOUT_S = 1.0
# The map is asked for at most this often, however many find it wrong at once.
REFRESH_S_MIN = 0.1
SLOTS = 16_384

AWAY = (RedisError, OSError, TimeoutError)
# Host and port.
Address = tuple[str, int]

log = logger(__name__)


class Nodes:
    """A cluster as it is known now; a server that is no cluster is one node with every slot.

    `urls` are where to begin; raises ValueError for what is no redis:// or rediss:// address.
    """

    def __init__(self, urls: Sequence[str], *, shards: int) -> None:
        self._options: dict[str, Any] = {}
        self._seeds: list[Address] = []
        for url in urls:
            options: dict[str, Any] = dict(parse_url(url))
            if "path" in options:
                raise ValueError("a relay's nodes are asked over TCP: redis:// or rediss://")
            options.pop("db", None)  # A cluster has one, and pub/sub knows none.
            self._seeds.append((options.pop("host", "localhost"), options.pop("port", 6379)))
            self._options = self._options or options
        self._slot_of = [key_slot(channel_of(shard, shards)) for shard in range(shards)]
        self._ranges: list[tuple[int, int, Address]] = []
        self._refreshed_at = float("-inf")
        self._refreshing: asyncio.Lock = asyncio.Lock()

    def connection(self, address: Address) -> Connection:
        """Returns a connection to a node, not yet open.

        It has no socket timeout: on Python 3.11 one may swallow a cancellation. Callers bound what
        they do with `asyncio.timeout`, and close it when they gave up in the middle.
        """
        options = dict(self._options)
        kind = options.pop("connection_class", Connection)
        assert kind in (Connection, SSLConnection), kind
        return kind(
            **options,
            host=address[0],
            port=address[1],
            socket_timeout=None,
            lib_name=None,
            lib_version=None,
        )

    def home_of(self, shard: int) -> Address | None:
        """Returns the node that has a shard's channel; None when nobody has, or nobody said."""
        slot = self._slot_of[shard]
        return next((where for low, high, where in self._ranges if low <= slot <= high), None)

    def shards_in(self, slot: int) -> list[int]:
        """Returns the shards whose channels are in a slot."""
        return [shard for shard, found in enumerate(self._slot_of) if found == slot]

    async def refresh(self) -> None:
        """Asks for the map, one node after the other until one answers; keeps the old one when
        none does. Callers that come meanwhile, or right after, share one answer.
        """
        async with self._refreshing:
            if time.monotonic() - self._refreshed_at < REFRESH_S_MIN:
                return
            known = list(dict.fromkeys([*(where for _, _, where in self._ranges), *self._seeds]))
            # Whoever is asked first may be the one that is cut off: not always the same.
            random.shuffle(known)
            for address in known:
                try:
                    async with asyncio.timeout(ASK_TIMEOUT_S):
                        self._ranges = await self._ask(address)
                except AWAY as error:
                    log.debug("relay_node_away", node=_name(address), error=str(error))
                    continue
                break
            self._refreshed_at = time.monotonic()

    async def _ask(self, address: Address) -> list[tuple[int, int, Address]]:
        connection = self.connection(address)
        try:
            await connection.connect()
            await connection.send_command("CLUSTER", "SLOTS")
            try:
                rows: Any = await connection.read_response(disable_decoding=True)
            except ResponseError as error:
                if "cluster support disabled" not in str(error):
                    raise
                return [(0, SLOTS - 1, address)]
            return [(int(row[0]), int(row[1]), _place(row[2], address)) for row in rows]
        finally:
            await connection.disconnect(nowait=True)


def _place(node: Sequence[Any], asked: Address) -> Address:
    """Returns where a node is; one that does not know its own host is where it was asked."""
    host = (node[0] or b"").decode()
    return (asked[0] if host in ("", "?") else host), int(node[1])


def _name(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def moved_slot(error: Exception) -> int | None:
    """Returns the slot of a MOVED answer, None for any other."""
    words = str(error).split()
    is_moved = len(words) > 1 and words[0] == "MOVED" and words[1].isdigit()
    return int(words[1]) if is_moved else None
