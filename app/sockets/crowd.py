"""Crowd: all that follow one match in this process, behind one reader of its log."""

import asyncio
from collections.abc import Sequence

from app import metrics
from app.database.places import Place
from app.errors import AppError, DependencyDown, Internal
from app.logs import logger
from app.sockets.dialect import Dialect, Snapshot, SnapshotReason
from app.sockets.log_news import LogNews
from app.sockets.member import Group, GroupKey, Member
from app.sockets.outgoing import Outgoing
from app.sockets.shaping import conflated_of, frames_of, in_portions
from app.sockets.snapshots import FirstStates
from app.sockets.tail import Entry, Tail
from app.stream.change import Change, ResumeExpired
from app.stream.hub import Hub

# Between two tries to read a first state while Postgres is away.
RETRY_S = 0.25

log = logger(__name__)
# The frames of one snapshot: one a dialect, channel and reason.
_Snapshots = dict[tuple[Dialect, str, SnapshotReason], Outgoing]


class Crowd:
    """The hub's reader of one match, and its members.

    A member is in exactly one of these: a group (the flow), `_aside` (it has a place and may write,
    but the crowd or its group is not there yet), `_stuck` (its line is full), `_wanting` (it waits
    for a snapshot), `_missing` (it waits for entries that are no longer in the tail). What the last
    two wait for is read by one task, once for all of them; it exists only meanwhile.
    """

    __slots__ = (
        "_aside", "_bytes_max", "_epoch", "_hub", "_missing", "_news", "_reading", "_states",
        "_stuck", "_tail", "_telling", "_wanting", "groups", "match_id",
    )  # fmt: skip

    def __init__(self, match_id: int, hub: Hub, states: FirstStates, *, bytes_max: int) -> None:
        self.match_id = match_id
        self._hub = hub
        self._states = states
        self._bytes_max = bytes_max
        # None until somebody's first state says where to begin.
        self._tail: Tail | None = None
        self.groups: dict[GroupKey, Group] = {}
        self._aside: dict[Member, None] = {}
        self._stuck: dict[Member, None] = {}
        self._wanting: dict[Member, None] = {}
        self._missing: dict[Member, None] = {}
        self._telling = False
        # Grows when track is lost: what was read before then is not of this log.
        self._epoch = 0
        self._reading: asyncio.Task[None] | None = None
        self._news = LogNews(match_id, hub)
        hub.follow(match_id, self)

    # What members do.

    def join(self, member: Member, since: Place | None) -> None:
        """Takes a member in: first state, or what comes after `since`, then every change."""
        if since is None:
            self._want(member, "start")
            return
        member.place, member.came_back = since, True
        missed = None if self._tail is None else self._tail.after(since)
        if missed is None:
            self._miss(member)
            self._news.tell([(member, since)])
        else:
            self._resume(member, missed)

    def leave(self, member: Member) -> bool:
        """Lets a member go; says whether it was the last. Safe to call twice."""
        self._take_out(member)
        self._news.forget(member)
        if self.groups or self._aside or self._stuck or self._wanting or self._missing:
            return False
        if self._reading is not None:
            self._reading.cancel()
        return True

    def full(self, member: Member) -> None:
        """Takes a member whose line is full out of the flow. Those who wait for a read go on."""
        if member.group is not None or member in self._aside:
            member.behind = True
            self._take_out(member)
            self._stuck[member] = None

    def drained(self, member: Member) -> None:
        """Takes a member back whose line has room again."""
        if member not in self._stuck:
            return
        del self._stuck[member]
        if member.reason is not None:
            self._want(member, member.reason)
        else:
            self._step_in(member)

    def place_of(self, member: Member) -> Place | None:
        """Returns what a member has; None before its first state."""
        return member.place if member.group is None else member.group.place

    # What the hub does.

    def told(self, changes: Sequence[Change]) -> None:
        """Hands what is next to everybody in the flow; then takes those in who waited for it."""
        tail = self._tail
        if tail is None:
            return
        entries = tail.extend(changes)
        self._telling = True
        try:
            for group in tuple(self.groups.values()):
                self._tell(group, entries)
        finally:
            self._telling = False
        self._step_in_all()
        self._trim()

    def lose_track(self) -> None:
        """Sends everybody back to a snapshot: the log is another one."""
        self._epoch += 1
        self._tail = None
        flowing = [member for group in self.groups.values() for member in group.members]
        for member in (*flowing, *self._aside, *self._stuck):
            self._take_out(member)
            member.place = None
            self._want(member, "resume_expired")

    def log_state_changed(self) -> None:
        """Tells how the log stands; those out of the flow hear good news when they step in."""
        waiting = (*self._aside, *self._missing) if self._news.is_bad else ()
        flowing = [member for group in self.groups.values() for member in group.members]
        self._news.tell([(member, self.place_of(member)) for member in (*flowing, *waiting)])

    # The flow.

    def _tell(self, group: Group, entries: Sequence[Entry]) -> None:
        """Tells a group at once; one that wished for less, or was told this very moment, later."""
        if group.timer is not None:
            return
        pause_s = group.pause_s()
        if pause_s or group.key.wish.conflate_s:
            group.timer = asyncio.get_running_loop().call_later(pause_s, self._tell_owed, group)
        else:
            self._tell_now(group, entries)

    def _tell_owed(self, group: Group) -> None:
        """Tells a group what came while it waited."""
        group.timer = None
        missed = None if self._tail is None else self._tail.after(group.place)
        if not missed:
            self._miss_all(group)
            return
        self._telling = True
        try:
            self._tell_now(group, missed)
        finally:
            self._telling = False
        self._step_in_all()
        self._trim()

    def _tell_now(self, group: Group, entries: Sequence[Entry]) -> None:
        try:
            if group.key.wish.conflate_s:
                group.tell(conflated_of(group.key, entries, group.place), entries)
            else:
                for some in in_portions(entries):
                    group.tell(frames_of(group.key, some), some)
        except Exception:
            # A mistake of ours in one dialect is no reason to leave a hole in it, nor for others.
            log.exception("telling_failed", match_id=self.match_id)
            self._miss_all(group)

    def _trim(self) -> None:
        """Keeps of the tail what somebody may be owed."""
        waits = self._stuck or self._aside or any(g.timer for g in self.groups.values())
        if self._tail is not None:
            self._tail.trim(self._bytes_max if waits else 0)

    def _miss_all(self, group: Group) -> None:
        for member in tuple(group.members):
            self._take_out(member)
            self._miss(member)

    def _step_in_all(self) -> None:
        for member in tuple(self._aside):
            self._step_in(member)

    def _step_in(self, member: Member) -> None:
        """Pays a member what it is owed and takes it into the flow; or leaves it where it waits."""
        self._aside.pop(member, None)
        place = member.place
        assert place is not None, "a member steps in after its first state"
        if member.session.is_full:
            self._get_stuck(member)
            return
        tail = self._tail
        key = GroupKey(member.session.dialect, member.wish, member.session.line.form)
        group = self.groups.get(key)
        end = None if tail is None else tail.end if group is None else group.place
        if tail is None or end is None or self._telling or place.seq > end.seq:
            self._aside[member] = None
            return
        owed = tail.after(place)
        if owed is None:
            self._miss(member)
            return
        if not self._pay(member, owed[: end.seq - place.seq]):
            return
        if group is None:
            group = self.groups[key] = Group(key, end)
        group.add(member)
        member.behind = False
        self._news.tell([(member, group.place)])

    def _pay(self, member: Member, entries: Sequence[Entry]) -> bool:
        """Writes what comes after a member's place; False when its line got full in between."""
        assert member.place is not None
        key = GroupKey(member.session.dialect, member.wish, member.session.line.form)
        owed = sum(len(entry.change.frame) for entry in entries)
        if member.behind and (member.wish.conflate_s or owed > self._bytes_max):
            frames = conflated_of(key, entries, member.place)
            if sum(len(frame.text) for frame in frames) > self._bytes_max:
                metrics.slow_readers.labels("snapshot").inc()
                self._want(member, "slow_consumer")
                return False
            metrics.slow_readers.labels("conflated").inc()
            return self._write(member, frames, entries[-1].change.place)
        for some in in_portions(entries):
            if not self._write(member, frames_of(key, some), some[-1].change.place):
                return False
        return True

    def _write(self, member: Member, frames: Sequence[Outgoing], place: Place) -> bool:
        """Writes frames to a member, after which it is at `place`; False when it is full then."""
        member.place = place
        if frames:
            member.write(frames)
        if member.session.is_full:
            self._get_stuck(member)
            return False
        return True

    def _get_stuck(self, member: Member) -> None:
        member.behind = True
        self._stuck[member] = None

    def _take_out(self, member: Member) -> None:
        """Takes a member out of wherever it is; from a group it takes the group's place along."""
        group = member.group
        if group is not None:
            group.discard(member)
            if not group.members and self.groups.get(group.key) is group:
                del self.groups[group.key]
        for waiting in (self._aside, self._stuck, self._wanting, self._missing):
            waiting.pop(member, None)

    # First states.

    def _want(self, member: Member, reason: SnapshotReason) -> None:
        """Lets a member wait for a snapshot; one whose line is full waits for that first."""
        member.reason = reason
        if member.session.is_full:
            self._stuck[member] = None
        else:
            self._wanting[member] = None
            self._read()

    def _miss(self, member: Member) -> None:
        """Lets a member wait for what the log has after its place."""
        self._missing[member] = None
        self._read()

    def _read(self) -> None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._serve())
            self._reading.add_done_callback(self._served)

    def _served(self, task: "asyncio.Task[None]") -> None:
        """Begins again should somebody have come while the task ended."""
        self._reading = None
        if not task.cancelled() and (self._wanting or self._missing):
            self._read()

    async def _serve(self) -> None:
        """Reads for those who wait until nobody does; a Postgres that is away is waited for."""
        while self._wanting or self._missing:
            try:
                if self._wanting:
                    await self._serve_snapshot()
                if self._missing:
                    await self._serve_missed()
            except DependencyDown:
                await asyncio.sleep(RETRY_S)
            except AppError as error:
                self._fail(error)
            except Exception:
                log.exception("first_state_failed", match_id=self.match_id)
                self._fail(Internal())

    def _fail(self, error: AppError) -> None:
        for member in (*self._wanting, *self._missing):
            self._take_out(member)
            member.failed(error)

    async def _serve_snapshot(self) -> None:
        epoch = self._epoch
        snapshot = await self._states.snapshot(self.match_id)
        if epoch != self._epoch:
            return
        if self._tail is None:
            self._begin(snapshot.place)
        made: _Snapshots = {}
        for member in tuple(self._wanting):
            del self._wanting[member]
            self._give(member, snapshot, made)

    def _give(self, member: Member, snapshot: Snapshot, made: _Snapshots) -> None:
        """Writes a snapshot to a member, unless its line got full meanwhile."""
        reason = member.reason
        assert reason is not None
        if member.session.is_full:
            self._stuck[member] = None
            return
        member.reason = None
        frames: list[Outgoing] = []
        if member.wish.snapshot or reason != "start":
            key = (member.session.dialect, member.wish.channel, reason)
            frame = made.get(key)
            if frame is None:
                text = key[0].snapshot(snapshot, reason, key[1])
                frame = made[key] = Outgoing(text, "snapshot")
            frames = [frame]
        member.behind = False
        written = self._write(member, frames, snapshot.place)
        member.session.began()
        if written:
            self._step_in(member)

    async def _serve_missed(self) -> None:
        """Reads what comes after one place, for all who wait there."""
        place = next(iter(self._missing)).place
        assert place is not None
        try:
            changes = await self._states.missed(self.match_id, place)
        except ResumeExpired:
            changes = None
        waiting = [member for member in self._missing if member.place == place]
        for member in waiting:
            del self._missing[member]
            if changes is None:
                self._expire(member)
        if changes is None:
            return
        if self._tail is None and waiting:
            self._begin(changes[-1].place if changes else place)
        entries = [Entry(change) for change in changes]
        for member in waiting:
            self._resume(member, entries)

    def _expire(self, member: Member) -> None:
        """Gives a member a snapshot whose place is too far back, or of another log."""
        if member.came_back:
            metrics.resumes.labels("snapshot").inc()
        elif member.behind:
            metrics.slow_readers.labels("snapshot").inc()
        member.came_back, member.place = False, None
        self._want(member, "slow_consumer" if member.behind else "resume_expired")

    def _resume(self, member: Member, missed: Sequence[Entry]) -> None:
        """Goes on from a member's place; one that came back and missed nothing is told so."""
        place = member.place
        assert place is not None
        if member.session.is_full:
            self._get_stuck(member)
            return
        came_back, member.came_back = member.came_back, False
        if came_back:
            metrics.resumes.labels("resumed").inc()
        paid = self._pay(member, missed)
        member.session.began()
        if not paid:
            return
        if came_back and not any(member.wish.wants(entry.change.kind) for entry in missed):
            self.beat(member)
        self._step_in(member)

    def beat(self, member: Member) -> bool:
        """Writes a heartbeat; False when the member has no place, or its dialect no such frame."""
        place = self.place_of(member)
        return place is not None and member.reason is None and member.beat_at(place)

    def _begin(self, place: Place) -> None:
        self._tail = Tail(place)
        self._hub.begin(self.match_id, place)
