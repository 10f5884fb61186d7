"""What a relay says: one message a shard, in an order that a listener can check.

A channel is named by its shard and by how many there are, so that processes which are told
different numbers hear nothing of each other instead of half. The braces are the cluster's hash tag.
"""

from collections.abc import Sequence

import msgspec

from app.database.places import Place
from app.stream.change import Change
from app.stream.run import Run

# What one message carries at most; past it another one begins. Far below the 1 MiB at which nodes
# and networks begin to stutter, and enough for a thousand frames.
MESSAGE_BYTES_MAX = 262_144
# An entry besides its text.
ENTRY_BYTES = 64


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One change; `frame` is the text that was put together when it was read."""

    seq: int
    at_us: int
    kind: str
    frame: str
    body_at: int


class Told(msgspec.Struct, frozen=True, array_like=True):
    """Entries of one match without a hole, and the place they come after: seq and microseconds."""

    match_id: int
    after_seq: int
    after_at_us: int
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Returns about how many bytes it takes."""
        return sum(len(entry.frame) + ENTRY_BYTES for entry in self.entries) + ENTRY_BYTES


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One message of one relay to one shard.

    `number` goes up by one a message, from 1 in a relay's life: a listener that misses one knows.
    `current`: all that was committed a moment before has been said in this message or before it.
    `everything`: anything of the shard may be new. `nudged`: matches to be read from the log.
    `also`: what was named on other channels of Postgres, ids of users for instance; None: any.
    """

    relay: str
    number: int
    current: bool = False
    everything: bool = False
    nudged: tuple[int, ...] = ()
    told: tuple[Told, ...] = ()
    also: tuple[tuple[str, tuple[int, ...] | None], ...] = ()


class Unreadable(Exception):
    """Not a message of a relay, or of another version's."""


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(Message)


def channel_of(shard: int, shards: int) -> bytes:
    """Returns the channel of a shard."""
    return b"touchline:{%d/%d}" % (shard, shards)


def shard_of(number: int, shards: int) -> int:
    """Returns the shard that a match, or what else has a number, belongs to."""
    return number % shards


def packed(message: Message) -> bytes:
    """Returns a message as it travels."""
    return _PACK.encode(message)


def unpacked(data: bytes) -> Message:
    """Returns the message; raises Unreadable."""
    try:
        return _UNPACK.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def run_of(told: Told) -> Run:
    """Returns what was told as the hub takes it."""
    return Run(
        match_id=told.match_id,
        after=Place(told.after_seq, told.after_at_us),
        changes=tuple(
            Change(
                told.match_id,
                Place(entry.seq, entry.at_us),
                entry.kind,
                entry.frame,
                entry.body_at,
            )
            for entry in told.entries
        ),
    )


def portions(told: Sequence[Told]) -> list[list[Told]]:
    """Returns them in portions of one message each."""
    found: list[list[Told]] = []
    room = 0
    for one in told:
        if not found or one.size > room:
            found.append([])
            room = MESSAGE_BYTES_MAX
        found[-1].append(one)
        room -= one.size
    return found
