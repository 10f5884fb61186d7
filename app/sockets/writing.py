"""One socket that follows one match, and the pulse that keeps all of them honest."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from prometheus_client import Counter

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.database.places import Place
from app.errors import AppError, DependencyDown, NotFound
from app.logs import logger
from app.sockets import close_codes, frames
from app.sockets.close_codes import CloseCode
from app.sockets.snapshots import Snapshots
from app.stream import log as ordered_log
from app.stream.change import ResumeExpired
from app.stream.hub import Hub
from app.stream.subscription import Subscription

# How often heartbeats and stuck sockets are looked after.
PULSE_S = 0.25
# Between two tries to read a first state while Postgres is away.
RETRY_S = 0.25
# Answers kept until the first state has been sent; more were not waited for by anybody sane.
REPLIES_HELD_MAX = 16
# Longest a stopping server lets sockets take their last frame.
DRAIN_S = 2.0

log = logger(__name__)
# Looking a label up costs more than counting.
_SENT: dict[str, Counter] = {}
Send = Callable[[str], Awaitable[None]]
Close = Callable[[CloseCode], Awaitable[None]]
GiveUp = Callable[[CloseCode], None]


class Shared:
    """What the sessions of a process share: the hub, the pool, and one reading of snapshots."""

    def __init__(self, hub: Hub, pool: Pool) -> None:
        self.hub = hub
        self.pool = pool
        self.snapshots = Snapshots(pool)


class Session:
    """Sends one match to one socket: first state, then every change, once and in order."""

    __slots__ = (
        "_begun", "_close", "_give_up", "_heartbeat_s", "_held", "_kinds", "_quiet_since", "_send",
        "_sending_since", "_shared", "_subscription", "_task", "beat_due", "closed_with",
        "expires_at",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        *,
        subscription: Subscription,
        send: Send,
        close: Close,
        give_up: GiveUp,
        heartbeat_s: float,
        kinds: frozenset[str] | None,
        expires_at: float | None = None,
    ) -> None:
        self._shared = shared
        self._subscription = subscription
        self._send = send
        self._close = close
        self._give_up = give_up
        self._heartbeat_s = heartbeat_s
        self._kinds = kinds
        self._quiet_since = time.monotonic()
        self._sending_since: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = False
        self._held: list[tuple[str, str]] = []
        self.beat_due = False
        # Seconds since 1970; when the token's time is over, so is the socket's.
        self.expires_at = expires_at
        self.closed_with: CloseCode | None = None

    async def send(self, text: str, kind: str) -> None:
        """Sends one frame; the pulse sees how long it takes."""
        self._sending_since = now = time.monotonic()
        await self._send(text)
        self._sending_since = None
        self._quiet_since = now
        counted = _SENT.get(kind)
        if counted is None:
            counted = _SENT[kind] = metrics.frames_sent.labels(kind)
        counted.inc()

    async def reply(self, text: str, kind: str) -> None:
        """Answers a message, but never before the first state: that always comes first."""
        if self._begun:
            await self.send(text, kind)
        elif len(self._held) < REPLIES_HELD_MAX:
            self._held.append((text, kind))

    async def run(self, since: Place | None) -> None:
        """Sends until cancelled, or until the match is gone."""
        self._task = asyncio.current_task()
        try:
            await self._first_state(since)
            self._begun = True
            for text, kind in self._held:
                await self.send(text, kind)
            while True:
                await self._subscription.ready.wait()
                await self._send_what_is_next()
        except NotFound as error:
            await self.end(close_codes.NO_SUCH_MATCH, error)

    async def end(self, code: CloseCode, error: AppError | None = None) -> None:
        """Says why, and closes. Safe to call twice."""
        if self.closed_with is not None:
            return
        self.closed_with = code
        if error is not None:
            await self._send(frames.error(error.code, error.detail))
        await self._close(code)

    async def _send_what_is_next(self) -> None:
        subscription = self._subscription
        for change in subscription.take():
            if self._kinds is None or change.kind in self._kinds:
                await self.send(change.frame, change.kind)
        if subscription.lost is not None:
            reason = "slow_consumer" if subscription.lost == "slow_consumer" else "resume_expired"
            self._shared.hub.restart(subscription)
            await self._send_snapshot(reason)
        elif self.beat_due:
            self.beat_due = False
            if subscription.place is not None:
                await self.send(
                    frames.heartbeat(subscription.match_id, subscription.place), "heartbeat"
                )

    async def _first_state(self, since: Place | None) -> None:
        if since is None:
            await self._send_snapshot("start")
            return
        try:
            await self._send_missed(since)
            metrics.resumes.labels("resumed").inc()
        except ResumeExpired:
            metrics.resumes.labels("snapshot").inc()
            await self._send_snapshot("resume_expired")

    async def _send_missed(self, since: Place) -> None:
        """Sends what came after the client's place; raises ResumeExpired when it is too much."""
        subscription = self._subscription
        match_id = subscription.match_id
        limit = ordered_log.RESUME_CHANGES_MAX
        while True:
            try:
                async with (
                    engine.connection(self._shared.pool) as connection,
                    connection.transaction(isolation="repeatable_read", readonly=True),
                ):
                    missed = await ordered_log.changes_since(connection, match_id, since, limit + 1)
            except DependencyDown:
                await asyncio.sleep(RETRY_S)
                continue
            if len(missed) > limit:
                raise ResumeExpired
            if self._shared.hub.started(subscription, missed[-1].place if missed else since):
                break
        for change in missed:
            if self._kinds is None or change.kind in self._kinds:
                await self.send(change.frame, change.kind)
        if not missed:
            # Something to hold on to: the client learns that it is up to date.
            await self.send(frames.heartbeat(match_id, since), "heartbeat")

    async def _send_snapshot(self, reason: frames.SnapshotReason) -> None:
        """Reads the state until it is one the queue continues, then sends it."""
        subscription = self._subscription
        while True:
            try:
                snapshot = await self._shared.snapshots.of(subscription.match_id)
            except DependencyDown:
                await asyncio.sleep(RETRY_S)
                continue
            if self._shared.hub.started(subscription, snapshot.place):
                break
        text = frames.snapshot(subscription.match_id, snapshot.place, snapshot.data, reason)
        await self.send(text, "snapshot")

    def is_stuck(self, now: float, send_timeout_s: float) -> bool:
        """Says whether a frame has been leaving for too long."""
        return self._sending_since is not None and now - self._sending_since > send_timeout_s

    def beat(self, now: float) -> None:
        """Asks for a heartbeat when it has been quiet for long enough."""
        if self._sending_since is None and now - self._quiet_since >= self._heartbeat_s:
            self.beat_due = True
            self._subscription.ready.set()

    def cut(self, code: CloseCode) -> None:
        """Ends a session from outside: what it was about to send is given up.

        A close waits behind frames that do not leave; `give_up` does not.
        """
        self.closed_with = code
        if self._sending_since is not None:
            self._give_up(code)
        if self._task is not None:
            self._task.cancel()

    async def hang_up(self) -> None:
        """Closes after `cut`, with its code, unless the line was given up already."""
        if self.closed_with is not None:
            await self._close(self.closed_with)


class Pulse:
    """All sessions of the process: heartbeats, stuck readers, and the way out."""

    def __init__(self, *, send_timeout_s: float) -> None:
        self.sessions: set[Session] = set()
        self._send_timeout_s = send_timeout_s
        self.going_away = False

    def add(self, session: Session) -> None:
        """Looks after a session from now on."""
        self.sessions.add(session)

    def discard(self, session: Session) -> None:
        """Looks after it no more."""
        self.sessions.discard(session)

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            await asyncio.sleep(PULSE_S)
            now, today = time.monotonic(), time.time()
            for session in list(self.sessions):
                if session.is_stuck(now, self._send_timeout_s):
                    metrics.slow_readers.labels("closed").inc()
                    session.cut(close_codes.TOO_SLOW)
                elif session.expires_at is not None and session.expires_at <= today:
                    session.cut(close_codes.NOT_AUTHENTICATED)
                else:
                    session.beat(now)

    async def drain(self) -> None:
        """Tells every socket that the server goes away, and waits a little for them to hear it."""
        self.going_away = True
        sessions = list(self.sessions)
        if not sessions:
            return
        endings = [asyncio.create_task(s.end(close_codes.GOING_AWAY)) for s in sessions]
        _, late = await asyncio.wait(endings, timeout=DRAIN_S)
        for ending in late:
            ending.cancel()
        log.info("sockets_drained", told=len(endings) - len(late), late=len(late))
