"""The relay: one reader of the whole log, which says what it reads to a cluster.

Nudged by LISTEN like any hub, it reads what comes after the place of each match and publishes it,
a message a shard. The first time it hears of a match it has no place: then it says "this one has
something new" and goes on from where the log ends. So it starts at once, however long the log is,
and needs no memory of its own; two of them at once say everything twice, which readers do not
notice.

It beats: every shard gets a message every `BEAT_S`, which says whether all that was committed a
moment before has been said. No beat, and readers believe no cache and look for themselves.
"""

import asyncio
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.database.listener import Nudge
from app.database.places import Place
from app.errors import DependencyDown
from app.logs import logger
from app.stream import log as ordered_log
from app.stream.change import Change
from app.stream.relay_messages import Entry, Message, Told, packed, portions, shard_of
from app.stream.relay_publisher import Publisher

BEAT_S = 0.4
# Looks at the heads of all matches it knows this often, nudged or not.
SWEEP_S = 1.0
RETRY_S = 0.1
# A round of reading that takes longer is no "a moment before" any more.
CURRENT_S = 1.0
MATCHES_PER_READ_MAX = 1_000
# Places that are kept: every match of some busy days. One that falls out is nudged once more.
PLACES_MAX = 50_000
# A run with more text than that is not carried to everybody; those who care read the log.
RUN_BYTES_MAX = 131_072

log = logger(__name__)


class Relay:
    """Follows every match. `nudge` says that something may be new; `run` reads and publishes."""

    def __init__(self, pool: Pool, publisher: Publisher, *, shards: int) -> None:
        self._pool = pool
        self._publisher = publisher
        self._shards = shards
        # Another life of this process has other numbers.
        self._name = secrets.token_hex(8)
        self._numbers = [0] * shards
        self._places: OrderedDict[int, Place] = OrderedDict()
        self._dirty: set[int] = set()
        self._also: dict[str, set[int]] = {}
        self._any_of: set[str] = set()
        self._everything = True
        self._wake = asyncio.Event()
        self._listening = False
        self._reading_well = False
        self._round_began_at = float("-inf")

    @property
    def current(self) -> bool:
        """Whether all that was committed a moment ago has been said."""
        late_s = time.monotonic() - self._round_began_at
        return self._listening and self._reading_well and late_s <= CURRENT_S

    def nudge(self, ids: Nudge) -> None:
        """Takes a notification: these matches, or with None any, have something new."""
        if ids is None:
            self._listening = True
            self._everything = True
        else:
            self._dirty |= ids
        self._wake.set()

    def also(self, channel: str) -> Callable[[Nudge], None]:
        """Returns who is nudged by another channel of Postgres, to be passed on as it is."""
        named = self._also.setdefault(channel, set())

        def nudge(ids: Nudge) -> None:
            if ids is None:
                self._any_of.add(channel)
            else:
                named.update(ids)
            self._wake.set()

        return nudge

    def listener_lost(self) -> None:
        """Notes that notifications no longer arrive."""
        self._listening = False

    async def run(self) -> None:
        """Reads, publishes and beats until cancelled."""
        while True:
            try:
                async with engine.connection(self._pool) as connection:
                    await self._follow(connection)
            except (DependencyDown, asyncpg.PostgresError) as error:
                if self._reading_well:
                    log.warning("log_out_of_reach", error=str(error))
                self._reading_well = False
                self._everything = True
                metrics.relay_current.set(0)
                self._beat()
                await asyncio.sleep(RETRY_S)

    async def _follow(self, connection: engine.Connection) -> None:
        sweep_at = beat_at = time.monotonic()
        while True:
            due_at = min(sweep_at, beat_at)
            try:
                async with asyncio.timeout(max(0.0, due_at - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            began_at = time.monotonic()
            await self._read(connection, sweep=began_at >= sweep_at)
            self._round_began_at, self._reading_well = began_at, True
            now = time.monotonic()
            if began_at >= sweep_at:
                # However many matches there are, looking at them takes a tenth of the time.
                sweep_at = now + max(SWEEP_S, 10 * (now - began_at))
            if now >= beat_at:
                beat_at = now + BEAT_S
                metrics.relay_current.set(self.current)
                self._beat()

    def _beat(self) -> None:
        """Says to every shard that we are here, and whether what was said is all there is."""
        for shard in range(self._shards):
            self._publish(shard, current=self.current)

    async def _read(self, connection: engine.Connection, *, sweep: bool) -> None:
        """One round: what was nudged, and with `sweep` what moved without; all of it published."""
        everything, self._everything = self._everything, False
        dirty, self._dirty = self._dirty, set()
        if everything:
            # Told first: nobody waits for our reading, and from here on we are heard again.
            for shard in range(self._shards):
                self._publish(shard, everything=True)
        self._tell_also()
        if everything or sweep:
            dirty |= await self._find_moved(connection)
        if not dirty:
            return
        nudged = await self._meet(connection, [m for m in dirty if m not in self._places])
        self._tell([], nudged)
        waiting = list(dirty - nudged)
        while waiting:
            batch, waiting = waiting[:MATCHES_PER_READ_MAX], waiting[MATCHES_PER_READ_MAX:]
            told, broken = await self._runs(connection, batch)
            # Where it ends first, then the nudge: whoever reads upon it finds as much at least.
            self._tell(told, await self._meet(connection, list(broken)))
            full = ordered_log.CHANGES_PER_READ_MAX
            waiting += [run.match_id for run in told if len(run.entries) >= full]
        while len(self._places) > PLACES_MAX:
            self._places.popitem(last=False)

    async def _find_moved(self, connection: engine.Connection) -> set[int]:
        """Returns the matches whose log ends elsewhere than where we are. Where it ends before our
        place, or has another entry there, it is another log: our place in it is forgotten.
        """
        if not self._places:
            return set()
        heads = await ordered_log.heads(connection, list(self._places))
        moved = {m for m, place in self._places.items() if heads.get(m) != place}
        for match_id in moved:
            head = heads.get(match_id)
            if head is None or head.seq <= self._places[match_id].seq:
                del self._places[match_id]
        return moved

    async def _meet(self, connection: engine.Connection, unknown: Sequence[int]) -> set[int]:
        """Goes on from where the log of these ends; returns them, for others to read."""
        if not unknown:
            return set()
        self._places.update(await ordered_log.heads(connection, unknown))
        return set(unknown)

    async def _runs(
        self, connection: engine.Connection, match_ids: Sequence[int]
    ) -> tuple[list[Told], set[int]]:
        """Reads on; returns what is next of each, and the matches whose log is another."""
        places = {m: self._places[m] for m in match_ids}
        changes, broken = await ordered_log.changes_after(connection, places)
        by_match: defaultdict[int, list[Change]] = defaultdict(list)
        for change in changes:
            by_match[change.match_id].append(change)
        for match_id, found in by_match.items():
            self._places[match_id] = found[-1].place
            self._places.move_to_end(match_id)
        for match_id in broken:
            del self._places[match_id]
        return [told_of(m, places[m], found) for m, found in by_match.items()], broken

    def _tell_also(self) -> None:
        """Passes on what other channels named; that anything may be new there, over one shard."""
        if self._any_of:
            self._publish(0, also=tuple((channel, None) for channel in self._any_of))
            self._any_of.clear()
        for channel, named in self._also.items():
            by_shard: defaultdict[int, list[int]] = defaultdict(list)
            for number in named:
                by_shard[shard_of(number, self._shards)].append(number)
            named.clear()
            for shard, mine in by_shard.items():
                self._publish(shard, also=((channel, tuple(mine)),))

    def _tell(self, told: Sequence[Told], nudged: Iterable[int]) -> None:
        """Publishes what was read, and which matches are to be read, to their shards."""
        nudges: defaultdict[int, list[int]] = defaultdict(list)
        runs: defaultdict[int, list[Told]] = defaultdict(list)
        for one in told:
            shard = shard_of(one.match_id, self._shards)
            if one.size > RUN_BYTES_MAX:
                nudges[shard].append(one.match_id)
            else:
                runs[shard].append(one)
        for match_id in nudged:
            nudges[shard_of(match_id, self._shards)].append(match_id)
        for shard, mine in nudges.items():
            self._publish(shard, nudged=mine)
        for shard, mine in runs.items():
            for portion in portions(mine):
                self._publish(shard, told=portion)
        now = time.time()
        for one in told:
            metrics.relay_changes.inc(len(one.entries))
            metrics.relay_lag_seconds.observe(max(0.0, now - one.entries[-1].at_us / 1e6))

    def _publish(
        self,
        shard: int,
        *,
        current: bool = False,
        everything: bool = False,
        nudged: Sequence[int] = (),
        told: Sequence[Told] = (),
        also: tuple[tuple[str, tuple[int, ...] | None], ...] = (),
    ) -> None:
        self._numbers[shard] += 1
        message = Message(
            relay=self._name,
            number=self._numbers[shard],
            current=current,
            everything=everything,
            nudged=tuple(nudged),
            told=tuple(told),
            also=also,
        )
        self._publisher.put(shard, packed(message))


def told_of(match_id: int, after: Place, changes: Iterable[Change]) -> Told:
    """Returns changes of a match as they travel."""
    return Told(
        match_id,
        after.seq,
        after.at_us,
        tuple(Entry(c.place.seq, c.place.at_us, c.kind, c.frame, c.body_at) for c in changes),
    )
