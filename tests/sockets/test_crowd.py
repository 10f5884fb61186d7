"""Whoever joins, stalls, drains, leaves or loses track: what each reader was sent is the truth.

The crowd is the real one. The log under it and the lines of its members are plain models in memory,
so that hypothesis may drive both through thousands of orders of events.
"""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database.places import Place, moment, parse_token
from app.errors import AppError
from app.sockets import member
from app.sockets.close_codes import CloseCode
from app.sockets.crowd import Crowd
from app.sockets.crowds import Crowds
from app.sockets.dialect import Snapshot
from app.sockets.frames import KINDS
from app.sockets.line import Carried, Ready, WireForm
from app.sockets.live_dialect import LIVE
from app.sockets.member import Member, Wish
from app.sockets.snapshots import FirstStates
from app.stream.change import Change, ResumeExpired, change_at
from app.stream.hub import Hub, Reader
from app.stream.log_state import LogState

MATCH = 4
# Small, so that a few frames are too many.
WAITING_BYTES_MAX = 1_500
ROOM_FRAMES = 3
READERS = 5
MARKETS = 3

Step = tuple[str, int, int]


class Log:
    """A match's log, hub and first states in one; `lose` is a database that was restored."""

    def __init__(self) -> None:
        self.life = 0
        self.changes: list[Change] = []
        self.prices: list[dict[str, int]] = [{}]
        self.reader: Reader | None = None
        self.told: Place | None = None
        self.log_state = LogState(state="current", since=moment(0))

    def place(self, seq: int) -> Place:
        """The place of an entry in this life of the log."""
        return Place(seq, (self.life * 1_000 + seq) * 1_000_000)

    def append(self, market: int, price: int) -> None:
        """One price more."""
        place = self.place(len(self.changes) + 1)
        body = json.dumps(
            {"marketId": str(market), "updatedAt": f"{price}", "selections": [
                {"id": str(market), "odds": price}
            ]}
        )  # fmt: skip
        kind = "odds_update" if market else "score_update"
        self.changes.append(change_at(MATCH, place, kind, at=moment(place.at_us), body=body))
        self.prices.append({**self.prices[-1], str(market): price})

    def lose(self) -> None:
        """Loses half of what there was; the same numbers are used again, with other times."""
        kept = len(self.changes) // 2
        self.life += 1
        del self.prices[kept + 1 :]
        old, self.changes = self.changes[:kept], []
        for change in old:
            place = self.place(change.place.seq)
            again = change_at(MATCH, place, change.kind, at=moment(place.at_us), body=change.body)
            self.changes.append(again)
        self.look()

    def look(self) -> None:
        """Sends the crowd back to a snapshot when its place is not of this log."""
        told = self.told
        if told is not None and (told.seq > len(self.changes) or told != self.place(told.seq)):
            assert self.reader is not None
            self.told = None
            self.reader.lose_track()

    def turn(self) -> None:
        """Falls behind, or catches up."""
        state = "current" if self.log_state.is_behind else "behind"
        self.log_state = LogState(state=state, since=moment(0))
        if self.reader is not None:
            self.reader.log_state_changed()

    def hand_out(self, most: int) -> None:
        """Tells the crowd what is next, as the hub does."""
        self.look()
        if self.told is not None and self.reader is not None:
            after = self.changes[self.told.seq :][:most]
            if after:
                self.told = after[-1].place
                self.reader.told(after)

    # As Hub.

    def follow(self, match_id: int, reader: Reader) -> None:
        """Takes the crowd."""
        assert (match_id, self.reader) == (MATCH, None)
        self.reader = reader

    def begin(self, match_id: int, place: Place) -> None:
        """Tells the crowd from here on, or finds out soon that the place is of another life."""
        assert match_id == MATCH
        self.told = place

    def unfollow(self, match_id: int) -> None:
        """Lets the crowd go."""
        assert match_id == MATCH
        self.reader = self.told = None

    # As FirstStates. What is read may be old when it arrives.

    async def snapshot(self, match_id: int) -> Snapshot:
        """Every price, at a place that the log may have left."""
        seq = len(self.changes)
        read = Snapshot(match_id, self.place(seq), json.dumps(self.prices[seq]))
        await asyncio.sleep(0)
        return read

    async def missed(self, match_id: int, place: Place) -> Sequence[Change]:
        """What comes after a place of this life, when it is not too much."""
        assert match_id == MATCH
        after = self.changes[place.seq :]
        if place.seq > len(self.changes) or place != self.place(place.seq) or len(after) > 12:
            raise ResumeExpired
        await asyncio.sleep(0)
        return after


class Line:
    """A line with room for a few frames, and a client behind it that checks what it gets."""

    form = WireForm.TEXT

    def __init__(self) -> None:
        self.room = ROOM_FRAMES
        self.waiting = 0
        self.session: Carried | None = None
        self.seq = 0
        self.resume: Place | None = None
        self.prices: dict[str, int] | None = None
        self.log_state = "current"

    def write(self, ready: Ready) -> None:
        """Takes frames, and is full when there were too many."""
        for text in cast("list[str]", ready):
            self._take(json.loads(text))
            self.room -= 1
        if self.room <= 0:
            cast("Any", self.session).fill()

    def _take(self, frame: dict[str, Any]) -> None:
        kind, seq = frame["type"], frame["seq"]
        if kind == "snapshot":
            self.prices = dict(frame["data"])
        elif kind == "heartbeat":
            assert self.prices is None or seq == self.seq, (frame, self.seq)
        elif kind == "feed_status":
            assert seq == self.seq, (frame, self.seq)
            assert frame["data"]["state"] != self.log_state, "nobody is told what it knows"
            self.log_state = frame["data"]["state"]
        elif frame.get("conflated"):
            assert seq >= self.seq, (frame, self.seq)
        else:
            assert self.seq in (0, seq - 1), (frame, self.seq)
        if kind in ("odds_update", "score_update"):
            prices = self.prices if self.prices is not None else {}
            self.prices = prices | {one["id"]: one["odds"] for one in frame["data"]["selections"]}
        self.seq, self.resume = seq, parse_token(frame["resume"])

    def close(self, code: CloseCode) -> None:
        """Never happens here."""

    def abort(self, code: CloseCode) -> None:
        """Never happens here."""

    async def carry(self, session: Carried) -> None:
        """Never happens here."""


class Follower(Member):
    """A member whose session is nothing but its line."""

    __slots__ = ("crowd",)

    def failed(self, error: AppError) -> None:
        """Is never told so: there is always something to follow here."""
        raise error


class Session:
    """What a crowd sees of a session."""

    dialect = LIVE

    def __init__(self, crowds: Crowds, wish: Wish, line: Line) -> None:
        self.line = line
        line.session = cast("Carried", self)
        self.is_full = False
        self.member = Follower(self, MATCH, key="4", wish=wish)
        self.crowds = crowds
        self.crowd: Any = None

    def fill(self) -> None:
        """Is told by the line that it is full."""
        if not self.is_full:
            self.is_full = True
            if self.crowd is not None:
                self.crowd.full(self.member)

    def drain(self) -> None:
        """Lets the client read."""
        self.line.room = ROOM_FRAMES
        if self.is_full:
            self.is_full = False
            self.crowd.drained(self.member)

    def join(self, since: Place | None) -> None:
        """Joins the crowd."""
        self.crowd = self.crowds.join(self.member, since)

    def leave(self) -> None:
        """Leaves it."""
        self.crowds.leave(self.crowd, self.member)

    def began(self) -> None:
        """Hears of its first state."""

    def said(self) -> None:
        """Hears that something was written."""


class Play:
    """One run: a log, a crowd, some readers, each with all changes in one form or another."""

    def __init__(self) -> None:
        self.log = Log()
        hub, states = cast("Hub", self.log), cast("FirstStates", self.log)
        self.crowds = Crowds(hub, states, bytes_max=WAITING_BYTES_MAX)
        self.sessions: dict[int, Session] = {}
        self.resumes: dict[int, tuple[Place | None, dict[str, int] | None]] = {}

    async def step(self, what: str, which: int, value: int) -> None:
        """Does one thing."""
        session = self.sessions.get(which)
        if what == "append":
            for n in range(value % 4 + 1):
                self.log.append((which + n) % MARKETS, value * 10 + n)
        elif what == "tell":
            self.log.hand_out(value + 1)
        elif what == "lose":
            self.log.lose()
        elif what == "turn":
            self.log.turn()
        elif what == "wait":
            await asyncio.sleep(0)
        elif what == "join" and session is None:
            self._join(which, value)
        elif what == "leave" and session is not None:
            self.resumes[which] = (session.line.resume, session.line.prices)
            del self.sessions[which]
            session.leave()
        elif what == "drain" and session is not None:
            session.drain()
        elif what == "fill" and session is not None:
            session.fill()

    def _join(self, which: int, value: int) -> None:
        wish = Wish(kinds=None if which % 2 else KINDS["odds"] | KINDS["score"])
        since, prices = self.resumes.get(which, (None, None)) if value % 2 else (None, None)
        line = Line()
        line.seq, line.prices = (since.seq, prices) if since is not None else (0, None)
        self.sessions[which] = Session(self.crowds, wish, line)
        self.sessions[which].join(since)

    async def settle(self) -> None:
        """Lets everybody read, and everything be told, until nothing changes any more."""
        for _ in range(200):
            for session in self.sessions.values():
                session.drain()
            self.log.hand_out(100)
            await asyncio.sleep(0)
            while (crowd := cast("Crowd | None", self.log.reader)) and any(
                group.timer for group in crowd.groups.values()
            ):
                await asyncio.sleep(0)

    async def run(self, steps: Sequence[Step]) -> None:
        """Plays the steps; at the end everybody holds the truth, and nothing is left over."""
        for step in steps:
            await self.step(*step)
        await self.settle()
        head = len(self.log.changes)
        for session in self.sessions.values():
            assert session.line.prices == self.log.prices[-1]
            assert session.line.seq == head
            assert session.member.group is not None, "everybody is in step"
            assert session.line.log_state == self.log.log_state.state
        for session in self.sessions.values():
            session.leave()
        assert self.log.reader is None
        await asyncio.sleep(0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "append", "append", "tell", "tell", "wait", "wait", "join", "join", "leave",
             "drain", "fill", "lose", "turn"]
        ),
        st.integers(0, READERS - 1),
        st.integers(0, 9),
    ),
    max_size=60,
)  # fmt: skip


def play(run: Coroutine[Any, Any, None]) -> None:
    """Runs in a loop of its own; a task that failed fails the test."""
    failed: list[BaseException] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: failed.append(told.get("exception")))  # pyright: ignore[reportArgumentType]
        await run

    asyncio.run(watched())
    assert not failed, failed


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_reader_ends_with_the_truth(steps: list[Step]):
    play(Play().run(steps))


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_every_reader_does_so_where_what_comes_in_a_moment_is_told_at_once(steps: list[Step]):
    with pytest.MonkeyPatch.context() as patch:
        # Two are many, and a moment is long enough to be in the middle of.
        patch.setattr(member, "JOINED_FROM_MEMBERS", 2)
        patch.setattr(member, "JOINED_S_EACH", 0.000_1)
        play(Play().run(steps))
