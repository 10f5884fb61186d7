"""Directory: which matches are on or near, as lists and patterns of channels need to know it."""

from collections.abc import Sequence
from typing import Protocol

from app.catalog import standing as catalog
from app.catalog.standing import Standing
from app.database import engine
from app.database.engine import Pool
from app.sockets.outgoing import Outgoing
from app.sports.channels import Pattern
from app.stream.rounds import Rounds

# What no nudge tells (a fixture nobody told a score of, another league, a start that comes near)
# is found after so long.
SWEEP_S = 2.0
# Nudges come with every price; the directory moves far less often.
APART_S = 0.1
# Matches a list shows, the soonest first: some 150 bytes each.
LISTED_MAX = 1_000
# The list's type, for counting; the frame has none of its own.
KIND = "events"


class DirectoryReader(Protocol):
    """Who wants to know what is on."""

    def listed(self, moved: frozenset[int]) -> None:
        """Hears that these matches came, went, or stand otherwise now; first of all of them."""
        ...


class Directory:
    """The matches that are on or near, read anew where a nudge or a sweep says so.

    It is kept only while somebody reads it; `matches` is empty and `is_read` False till then.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._readers: set[DirectoryReader] = set()
        self._rounds = Rounds("directory", self._read, sweep_s=SWEEP_S, apart_s=APART_S)
        # Grows when all is forgotten: what was read before then is a part, and of nothing.
        self._life = 0
        self._events: Outgoing | None = None
        self._fitting: dict[Pattern, Sequence[Standing]] = {}
        self.matches: dict[int, Standing] = {}
        self.is_read = False

    def nudge(self, ids: frozenset[int] | None) -> None:
        """Takes a notification of the log: these matches, or with None any, changed."""
        if self._readers:
            self._rounds.nudge(ids)

    def follow(self, reader: DirectoryReader) -> None:
        """Tells a reader from now on; what there is already, it reads before the next await."""
        self._readers.add(reader)
        if not self.is_read:
            self._rounds.nudge(None)

    def unfollow(self, reader: DirectoryReader) -> None:
        """Lets a reader go. Safe to call twice."""
        self._readers.discard(reader)
        if not self._readers:
            self._forget()

    async def run(self) -> None:
        """Reads until cancelled."""
        await self._rounds.run()

    def fitting(self, pattern: Pattern) -> Sequence[Standing]:
        """Returns the matches that a pattern means, the most important first: in play, to come,
        over. Worked out once for all who ask.
        """
        found = self._fitting.get(pattern)
        if found is None:
            fitting = (match for match in self.matches.values() if match.is_meant_by(pattern))
            found = self._fitting[pattern] = sorted(fitting, key=lambda match: match.rank)
        return found

    @property
    def events(self) -> Outgoing:
        """The list of what is on or to come; the same object while it says the same."""
        if self._events is None:
            on = sorted(
                (match for match in self.matches.values() if not match.is_over),
                key=lambda match: match.rank,
            )
            listed = ",".join(match.listed for match in on[:LISTED_MAX])
            self._events = Outgoing(f'{{"events":[{listed}]}}', KIND)
        return self._events

    async def _read(self, nudged: set[int], everything: bool) -> None:  # noqa: FBT001 - a Read.
        if not self._readers:
            return
        life = self._life
        async with engine.connection(self._pool) as connection:
            marks = await catalog.marks(connection, None if everything else nudged)
            asked = {m for m, mark in marks.items() if mark != self._mark_of(m)}
            found = await catalog.standing(connection, asked) if asked else []
        mine = self.matches.keys() if everything else self.matches.keys() & nudged
        asked |= mine - marks.keys()
        if life == self._life:
            self._take(asked, {match.match_id: match for match in found})

    def _mark_of(self, match_id: int) -> int | None:
        match = self.matches.get(match_id)
        return None if match is None else match.mark

    def _take(self, asked: set[int], found: dict[int, Standing]) -> None:
        """Takes what was found of these matches; what was not found is on no more."""
        moved = {m for m in asked if self.matches.get(m) != found.get(m)}
        for match_id in moved - found.keys():
            del self.matches[match_id]
        for match_id in moved & found.keys():
            if match_id in self.matches or len(self.matches) < catalog.STANDING_MAX:
                self.matches[match_id] = found[match_id]
        if self.is_read and not moved:
            return
        self.is_read, self._events = True, None
        self._fitting.clear()
        for reader in list(self._readers):
            reader.listed(frozenset(moved))

    def _forget(self) -> None:
        self._life += 1
        self.matches = {}
        self.is_read = False
        self._events = None
        self._fitting.clear()
