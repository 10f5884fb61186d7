"""Hearing of changes from a relay, in the place of a LISTEN of one's own.

One connection a node of the cluster, one channel a shard, all shards: the cache answers for every
match. It is **up** while it may be believed that whatever was committed a moment ago was heard, and
a moment is `LATE_S` at most. Three things make it so, none of which compares two machines' clocks:

- A relay numbers what it says to a shard. A number that is missing is a message that was lost.
- It beats, and a beat says that all it read has been said before.
- We ping each node over the connection that we listen on. What a node said before the pong it said
  before, so a beat heard after a pong was said after that ping: it is as old as the ping at most,
  however long the line delays what it carries.

Lost or doubtful, everything may be new (`None`), exactly as when a listener of Postgres comes back.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio.connection import Connection
from redis.exceptions import ResponseError

from app import metrics
from app.database.listener import Nudge
from app.logs import logger
from app.stream.relay_messages import Message, Unreadable, channel_of, run_of, unpacked
from app.stream.relay_nodes import AWAY, CONNECT_TIMEOUT_S, Address, Nodes, moved_slot
from app.stream.run import Run

PING_S = 0.4
# What may pass between a commit and our hearing of it before caches are not believed any more: two
# beats and two pings with room for a machine that is busy.
LATE_S = 2.0
# A node that answers no ping for so long is gone without a word.
PONG_TIMEOUT_S = 3.0
LOOK_EVERY_S = 0.25
# Not up for so long, every shard's home is asked for anew: a node that lost a slot in a partition
# does not always say so.
ASK_AGAIN_S = 3.0
# Between two tries to find a home for a shard that has none.
RETRY_FIRST_S, RETRY_MAX_S = 0.05, 1.0
# Relays whose numbers are kept a shard: two in operation, and those of a few restarts.
RELAYS_MAX = 8

log = logger(__name__)


class Ear:
    """One shard: where it is heard, what each relay said last, and how fresh the last beat is."""

    def __init__(self) -> None:
        self.line: Line | None = None
        # False between asking for the channel and the node's word that it is ours.
        self.held = False
        self.fresh_at = float("-inf")
        self._numbers: dict[str, int] = {}

    def lose(self) -> None:
        """Notes that nothing is heard here any more."""
        self.line, self.held, self.fresh_at = None, False, float("-inf")
        self._numbers.clear()

    def follows(self, message: Message) -> bool:
        """Notes a message's number; says whether none was missed before it."""
        last = self._numbers.pop(message.relay, 0)
        self._numbers[message.relay] = max(last, message.number)
        while len(self._numbers) > RELAYS_MAX:
            del self._numbers[next(iter(self._numbers))]
        return message.number <= last + 1


class RelayListener:
    """Subscribes to every shard and hands on what is said; `run` keeps at it for ever.

    `on_nudge` and `on_runs` are called on the event loop and must not block; None means "look at
    everything". `on_lost` is called when it is no longer up. `also` are further channels of
    Postgres that the relay passes on, each with who is nudged by it.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        shards: int,
        on_nudge: Callable[[Nudge], None],
        on_runs: Callable[[Sequence[Run]], None],
        on_lost: Callable[[], None],
        also: Mapping[str, Callable[[Nudge], None]] | None = None,
    ) -> None:
        self._nodes = nodes
        self._on_nudge = on_nudge
        self._on_runs = on_runs
        self._on_lost = on_lost
        self._also = also or {}
        self._ears = [Ear() for _ in range(shards)]
        self._shard_of = {channel_of(shard, shards): shard for shard in range(shards)}
        self._channels = list(self._shard_of)
        self._lines: dict[Address, Line] = {}
        self._tasks: dict[Address, asyncio.Task[None]] = {}
        self._homeless = asyncio.Event()
        self._was_up = False

    @property
    def heard_until(self) -> float:
        """Returns the moment before which everything that a relay had read was heard, monotonic."""
        return min(ear.fresh_at for ear in self._ears)

    @property
    def up(self) -> bool:
        """Whether what was committed longer than `LATE_S` ago was heard, of every shard."""
        return self.heard_until >= time.monotonic() - LATE_S

    async def run(self) -> None:
        """Listens until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._house()
        finally:
            tasks = [watching, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _house(self) -> None:
        """Finds a node for every shard that has none, again and again."""
        wait_s = RETRY_FIRST_S
        while True:
            homeless = [shard for shard, ear in enumerate(self._ears) if ear.line is None]
            if not homeless:
                wait_s = RETRY_FIRST_S
                self._homeless.clear()
                await self._homeless.wait()
                continue
            await self._nodes.refresh()
            for shard in homeless:
                self._settle(shard)
            self._hang_up()
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311
            wait_s = min(2 * wait_s, RETRY_MAX_S)

    def _settle(self, shard: int) -> None:
        """Asks the node that has a shard for it, over the one connection to that node."""
        home = self._nodes.home_of(shard)
        if home is None:
            return
        line = self._lines.get(home)
        if line is None:
            line = self._lines[home] = Line(self, home, self._nodes.connection(home))
            self._tasks[home] = asyncio.create_task(self._keep(home, line))
        self._ears[shard].line = line
        line.want(self._channels[shard])

    def _hang_up(self) -> None:
        """Ends the lines that no shard is heard over any more."""
        used = {ear.line for ear in self._ears}
        for home, line in self._lines.items():
            if line not in used:
                self._tasks[home].cancel()

    async def _keep(self, home: Address, line: "Line") -> None:
        """One line's life. What was heard over it is homeless afterwards."""
        try:
            await line.run()
        except AWAY as error:
            log.warning("relay_node_lost", node=f"{home[0]}:{home[1]}", error=str(error))
        except Exception:
            log.exception("relay_line_failed")
        finally:
            del self._lines[home], self._tasks[home]
            self.lost(ear for ear in self._ears if ear.line is line)

    async def _watch(self) -> None:
        """Notices when nothing is heard any more; being heard again is noticed at once."""
        up_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._look()
            now = time.monotonic()
            if self._was_up:
                up_at = now
            elif now - up_at >= ASK_AGAIN_S:
                up_at = now
                await self._nodes.refresh()
                self.lost(
                    ear
                    for shard, ear in enumerate(self._ears)
                    if ear.line is not None and ear.line.home != self._nodes.home_of(shard)
                )

    def _look(self) -> None:
        up = self.up
        if up == self._was_up:
            return
        self._was_up = up
        metrics.listener_up.set(up)
        if up:
            metrics.listener_reconnects.inc()
            log.info("relay_heard")
            self._say_everything()
        else:
            log.warning("relay_not_heard")
            self._on_lost()

    def _say_everything(self) -> None:
        """Tells everyone to look at everything. That alone does not mean that we hear."""
        self._on_nudge(None)
        for nudged in self._also.values():
            nudged(None)
        if not self._was_up:
            self._on_lost()

    def lost(self, ears: Iterable[Ear]) -> None:
        """Notes that these shards are heard no more, and looks for others to hear them from."""
        for ear in list(ears):
            ear.lose()
        self._homeless.set()
        self._look()

    def held(self, channel: bytes, line: "Line") -> None:
        """Notes that a node says a channel to us from now on."""
        ear = self._ear(channel)
        if ear is not None and ear.line is line:
            ear.held = True

    def moved(self, channel: bytes, line: "Line") -> None:
        """Notes that a node says a channel to us no longer: its slot went elsewhere."""
        ear = self._ear(channel)
        if ear is not None and ear.line is line:
            self.lost([ear])

    def slot_moved(self, slot: int, line: "Line") -> None:
        """Notes that a node has not got the slot of a channel that we asked it for."""
        self.lost(
            ear for ear in map(self._ears.__getitem__, self._nodes.shards_in(slot))
            if ear.line is line and not ear.held
        )  # fmt: skip

    def heard(self, channel: bytes, data: bytes, line: "Line") -> None:
        """Hands a message on."""
        ear = self._ear(channel)
        if ear is None or ear.line is not line:
            return
        try:
            message = unpacked(data)
        except Unreadable as error:
            log.warning("relay_unreadable", error=str(error))
            metrics.relay_heard.labels("unreadable").inc()
            self._say_everything()
            return
        if not ear.follows(message):
            metrics.relay_heard.labels("after_a_gap").inc()
            self._say_everything()
        else:
            metrics.relay_heard.labels("in_order").inc()
        self._hand_on(message)
        if message.current and ear.held:
            # After its content: up, a cache may be believed, and what it said is forgotten there.
            ear.fresh_at = line.answered_at
            self._look()

    def _hand_on(self, message: Message) -> None:
        if message.everything:
            self._say_everything()
        if message.nudged:
            self._on_nudge(frozenset(message.nudged))
        if message.told:
            self._on_runs([run_of(told) for told in message.told])
        for channel, ids in message.also:
            # One that nobody here is interested in belongs to a newer relay.
            if channel in self._also:
                self._also[channel](None if ids is None else frozenset(ids))

    def _ear(self, channel: bytes) -> Ear | None:
        shard = self._shard_of.get(channel)
        return None if shard is None else self._ears[shard]


class Line:
    """One connection to a node: the channels we want there, what it says, and its pulse."""

    def __init__(self, listener: RelayListener, home: Address, connection: Connection) -> None:
        self.home = home
        # When the last ping was sent that has been answered, monotonic.
        self.answered_at = float("-inf")
        self._listener = listener
        self._connection = connection
        self._wanted: list[bytes] = []
        self._wants = asyncio.Event()
        self._ponged = asyncio.Event()
        self._pinged_at = float("-inf")

    def want(self, channel: bytes) -> None:
        """Asks for a channel as soon as the line is open."""
        self._wanted.append(channel)
        self._wants.set()

    async def run(self) -> None:
        """Listens until the line breaks (one of AWAY) or is cancelled."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connection.connect()
            pieces = [self._read(), self._ask(), self._ping()]
            tasks = [asyncio.create_task(piece) for piece in pieces]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._connection.disconnect(nowait=True)

    async def _ask(self) -> None:
        while True:
            await self._wants.wait()
            self._wants.clear()
            wanted, self._wanted = self._wanted, []
            # One a command: channels of different slots may not share one.
            commands = [("SSUBSCRIBE", channel) for channel in wanted]
            packed = self._connection.pack_commands(commands)
            await self._connection.send_packed_command(packed, check_health=False)

    async def _ping(self) -> None:
        while True:
            self._ponged.clear()
            self._pinged_at = time.monotonic()
            await self._connection.send_command("PING", "", check_health=False)
            async with asyncio.timeout(PONG_TIMEOUT_S):
                await self._ponged.wait()
            await asyncio.sleep(PING_S)

    async def _read(self) -> None:
        while True:
            try:
                # Redis' own words for what went wrong come as errors between the messages.
                said: Any = await self._connection.read_response(
                    disable_decoding=True, disconnect_on_error=False
                )
            except ResponseError as error:
                slot = moved_slot(error)
                if slot is None:
                    raise
                self._listener.slot_moved(slot, self)
                continue
            self._take(said)

    def _take(self, said: Any) -> None:
        match said:
            case [b"smessage", channel, data]:
                self._listener.heard(channel, data, self)
            case [b"ssubscribe", channel, _]:
                self._listener.held(channel, self)
            case [b"sunsubscribe", channel, _]:
                self._listener.moved(channel, self)
            case _:
                # A pong: a list once we are subscribed to something, a word of its own before.
                self.answered_at = self._pinged_at
                self._ponged.set()
