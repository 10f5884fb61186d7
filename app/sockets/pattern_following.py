"""PatternFollowing: the matches of a channel, or of a pattern of channels, as they come and go."""

import asyncio
from collections.abc import Mapping, Sequence

from app.catalog import standing as catalog
from app.database import engine
from app.database.engine import Pool
from app.database.places import Place
from app.errors import AppError, DependencyDown, NotFound
from app.sockets.directory import Directory
from app.sockets.frames import KINDS
from app.sockets.matches import MatchFollowing
from app.sockets.member import Wish
from app.sockets.session import Session
from app.sports.channels import Pattern

# Matches a pattern expands to, the most important of those that fit: no league has more of them
# near at once. Who wants more follows several.
MATCHES_PER_PATTERN_MAX = 200
# Between two tries to find a match while Postgres is away.
RETRY_S = 0.25


def frame_kinds(kinds: Sequence[str]) -> frozenset[str] | None:
    """Returns the types of frames that these kinds stand for; None, all, for none."""
    return frozenset[str]().union(*(KINDS[kind] for kind in kinds)) if kinds else None


class PatternMember(MatchFollowing):
    """One match of a pattern; what befalls it, the pattern hears."""

    __slots__ = ("_pattern",)

    def __init__(
        self, pattern: "PatternFollowing", match_id: int, *, wish: Wish, since: Place | None
    ) -> None:
        super().__init__(pattern.session, match_id, key=pattern.key, wish=wish, since=since)
        self._pattern = pattern

    def failed(self, error: AppError) -> None:
        """Is told that there is no such match, or no more."""
        self._pattern.lost(self, error)


class PatternFollowing:
    """Follows all that fits (a Following): each match with its own seq and resume.

    A channel that names its match follows that one, however long ago it was; else it is what the
    directory has, and what comes into it.
    """

    __slots__ = (
        "_directory", "_has_room", "_members", "_pattern", "_pool", "_since", "_started",
        "_wanted", "_wish", "key", "session",
    )  # fmt: skip

    def __init__(
        self,
        session: Session,
        pattern: Pattern,
        *,
        pool: Pool,
        directory: Directory,
        kinds: Sequence[str] = (),
        since: Mapping[int, Place] | None = None,
        key: str | None = None,
    ) -> None:
        # Under which it was asked for, where a protocol has more than one name for a pattern.
        self.key = pattern.channel if key is None else key
        self.session = session
        self._pattern = pattern
        self._pool = pool
        self._directory = directory
        self._wish = Wish(channel=self.key, kinds=frame_kinds(kinds))
        # What of its lists is wanted: of one match the member says it itself.
        self._wanted = (not kinds or "score" in kinds, not kinds or "odds" in kinds)
        self._since = dict(since or {})
        self._members: dict[int, PatternMember] = {}
        # A match was lost before the directory knew of it: another may take its place.
        self._has_room = False
        self._started = False

    def start(self) -> None:
        """Takes in what fits."""
        self._started = True
        if self._pattern.match_id is not None:
            self.session.run(self._find(self._pattern.match_id))
            return
        self._want_lists(want=True)
        self._directory.follow(self)
        self._expand()

    def stop(self) -> None:
        """Lets go of every match."""
        if not self._started:
            return
        self._started = False
        if not self._pattern.is_one_match:
            self._want_lists(want=False)
            self._directory.unfollow(self)
        for member in self._members.values():
            member.stop()
        self._members.clear()

    def listed(self, moved: frozenset[int]) -> None:
        """Hears that matches came, went or stand otherwise."""
        if self._has_room or any(m in self._members or self._means(m) for m in moved):
            self._expand()

    def lost(self, member: PatternMember, error: AppError) -> None:
        """Hears that one of its matches is no more; without any, a channel of one has no sense."""
        if self._members.get(member.match_id) is not member:
            return
        if self._pattern.is_one_match:
            self.session.lost(self, error)
            return
        del self._members[member.match_id]
        member.stop()
        self._has_room = True

    def on_full(self) -> None:
        """Lets every match owe."""
        for member in tuple(self._members.values()):
            member.on_full()

    def on_drained(self) -> None:
        """Lets the matches say what they owe, in turns, until the line is full again."""
        for match_id, member in tuple(self._members.items()):
            if self.session.is_full:
                return
            member.on_drained()
            if self._members.get(match_id) is member:
                # To the end: next time those come first who got no turn.
                self._members[match_id] = self._members.pop(match_id)

    def beat(self) -> bool:
        """Sends a heartbeat for each of its matches: where their logs are."""
        return sum(member.beat() for member in tuple(self._members.values())) > 0

    def told_at(self) -> float:
        """Returns when one of its crowds was told last."""
        return max((member.told_at() for member in self._members.values()), default=0.0)

    async def _find(self, match_id: int) -> None:
        """Takes the one match in, once it is known to stand where the channel says."""
        while self._started:
            try:
                async with engine.connection(self._pool) as connection:
                    is_there = await catalog.is_there(connection, self._pattern)
            except DependencyDown:
                await asyncio.sleep(RETRY_S)
                continue
            except AppError as error:
                self.session.lost(self, error)
                return
            if not is_there:
                self.session.lost(self, NotFound(f"There is no match at {self.key}."))
            elif self._started:
                self._take_in(match_id)
            return

    def _expand(self) -> None:
        """Follows what fits now, and nothing else."""
        if not self._directory.is_read:
            return
        fitting = self._directory.fitting(self._pattern)[:MATCHES_PER_PATTERN_MAX]
        wanted = dict.fromkeys(match.match_id for match in fitting)
        for match_id in self._members.keys() - wanted.keys():
            self._members.pop(match_id).stop()
        for match_id in wanted:
            if match_id not in self._members:
                self._take_in(match_id)
        # A match that comes later has not been followed before.
        self._since.clear()
        self._has_room = False

    def _take_in(self, match_id: int) -> None:
        since = self._since.pop(match_id, None)
        member = PatternMember(self, match_id, wish=self._wish, since=since)
        self._members[match_id] = member
        member.start()

    def _means(self, match_id: int) -> bool:
        match = self._directory.matches.get(match_id)
        return match is not None and match.is_meant_by(self._pattern)

    def _want_lists(self, *, want: bool) -> None:
        demand = self.session.shared.demand
        tell = demand.watch_list if want else demand.unwatch_list
        scores, markets = self._wanted
        tell(self._pattern.sport, self._pattern.league, scores=scores, markets=markets)
