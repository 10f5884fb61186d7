"""Session: the one state machine behind every protocol.

opened -> authenticated -> (followings come and go) -> closing -> gone. What differs between
protocols is the dialect (shapes) and `Follows` (what a command makes it follow): a door is one call
of `Sockets.serve(socket, Ask(...))` (opening.py). A session never waits, and has no task but while
something must be read for it.
"""

import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from app import metrics
from app.access.errors import TokenExpired
from app.access.principal import Principal
from app.access.tiers import Allowance
from app.errors import AppError, Internal, MalformedRequest, NotAllowed, NotAuthenticated
from app.sockets import close_codes
from app.sockets.caller import Caller
from app.sockets.close_codes import CloseCode, close_code_of
from app.sockets.counting import count_closed, count_sent
from app.sockets.dialect import Authenticate, Dialect, Follow, Ping, Pong, Subscribe, Unsubscribe
from app.sockets.errands import Errands
from app.sockets.errors import MalformedMessage, NotSubscribed, TooManySubscriptions
from app.sockets.following import Following
from app.sockets.inbox import Inbox
from app.sockets.line import Line
from app.sockets.outgoing import Outgoing, pack
from app.sockets.process import Shared

# Answers kept until the first state has been sent; more were not waited for by anybody sane.
REPLIES_HELD_MAX = 16
# Longest a close waits for the client's side of it.
CLOSE_WITHIN_S = 10.0
# Silence is filled so often unless the client asks otherwise.
HEARTBEAT_S = 15.0


class Follows(Protocol):
    """What a protocol lets its clients follow; one a door and process, shared by its sessions."""

    def following_of(self, session: "Session", command: Follow) -> Following:
        """Returns the following a command asks for, not yet started; raises AppError."""
        ...


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a door asks of a session.

    `begin` is called once it is authenticated; an AppError of it is said, and closes. `follows` is
    None where the door itself says what is followed: then the end of that ends the session.
    `state_first`: answers wait for the first state. `strangers` are let in even where credentials
    are needed: what they follow takes a grant of its own.
    """

    dialect: Dialect
    follows: Follows | None = None
    begin: "Callable[[Session], None] | None" = None
    state_first: bool = False
    strangers: bool = False


class Session:
    """One socket: who is asking, what it follows, and how it ends. Never waits."""

    __slots__ = (
        "_ask", "_cut_at", "_errands", "_full_since", "_gone", "_held", "_inbox", "_said_at",
        "_since", "caller", "closed_with", "dialect", "followings", "heartbeat_s", "is_full",
        "line", "shared", "socket_id",
    )  # fmt: skip

    def __init__(self, shared: Shared, line: Line, ask: Ask, caller: Caller | None = None) -> None:
        self.shared = shared
        self.line = line
        self.dialect = ask.dialect
        self.caller = caller or Caller()
        self.followings: dict[str, Following] = {}
        self.is_full = False
        # Unique in this installation: Pusher's socket_id, two numbers.
        self.socket_id = f"{secrets.randbits(31)}.{secrets.randbits(31)}"
        self.heartbeat_s = HEARTBEAT_S
        self.closed_with: CloseCode | None = None
        self._ask = ask
        self._since = self._said_at = time.monotonic()
        self._full_since = self._cut_at = 0.0
        self._gone = False
        self._held: list[Outgoing] | None = [] if ask.state_first else None
        self._inbox: Inbox | None = None
        self._errands: Errands | None = None

    @property
    def principal(self) -> Principal | None:
        """Who is asking; None until that is known."""
        return self.caller.principal

    def allowance(self) -> Allowance:
        """Returns what the caller's tier allows."""
        assert self.principal is not None
        return self.shared.gate.allowance_of(self.principal)

    # What followings and doors do.

    def send(self, text: str | None, kind: str) -> None:
        """Writes one frame of its own (an answer, a state); None writes nothing.

        `kind` is its type, for counting. What many sockets get is written by crowds.
        """
        if text is None or self.closed_with is not None:
            return
        self._write(Outgoing(text, kind))

    def follow(self, following: Following) -> None:
        """Takes a following in and starts it; one with the same key is told again from its start.

        Raises TooManySubscriptions, which says the limit, and what `start` raises.
        """
        key = following.key
        self._let_go(key)
        most = self.allowance().subscriptions_per_socket
        if len(self.followings) >= most:
            raise TooManySubscriptions(
                f"{most} subscriptions a socket are what this tier allows; unsubscribe from one."
            )
        self.followings[key] = following
        self.send(self.dialect.subscribed(key), "subscribed")
        try:
            following.start()
        except AppError:
            self._let_go(key)
            raise

    def unfollow(self, key: str) -> None:
        """Ends a following at the client's wish; raises NotSubscribed."""
        if not self._let_go(key):
            raise NotSubscribed(f"'{key}' is not followed here.")
        self.send(self.dialect.unsubscribed(key), "unsubscribed")

    def lost(self, following: Following, error: AppError) -> None:
        """Ends a following that cannot go on, and says why."""
        if self.followings.get(following.key) is not following:
            return
        if self._ask.follows is None:
            self.close(close_code_of(error), error)
            return
        self._let_go(following.key)
        self.send(self.dialect.refused(following.key, error), "error")

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what must be awaited for this session; ends with it. An AppError is sent."""
        if self._errands is None:
            self._errands = Errands(self.refuse)
        self._errands.run(work)

    def refuse(self, error: AppError) -> None:
        """Says an error and goes on; a mistake of ours ends it."""
        if isinstance(error, Internal):
            self.close(close_codes.OUR_FAULT, error)
        else:
            self._reply(self.dialect.error(error.code, error.detail), "error")

    def close(self, code: CloseCode, error: AppError | None = None) -> None:
        """Says why, and closes behind what was written. Safe to call twice."""
        if self.closed_with is not None or self._gone:
            return
        if error is not None:
            self._write(Outgoing(self.dialect.error(error.code, error.detail), "error"))
        self.closed_with = self.dialect.closing(code, error)
        self._let_all_go()
        # Before the line is closed: it may be gone at once.
        self._cut_at = time.monotonic() + CLOSE_WITHIN_S
        self.shared.pulse.schedule(self, self._cut_at)
        self.line.close(self.closed_with)

    # What crowds do.

    def began(self) -> None:
        """Lets the answers out that waited for the first state."""
        held, self._held = self._held, None
        for frame in held or ():
            self._write(frame)

    def said(self) -> None:
        """Notes that something was written to this line alone."""
        self._said_at = time.monotonic()

    # What the line does.

    def on_message(self, message: str | bytes) -> None:
        """Takes a message: counts it, reads it in the dialect, does what it asks."""
        if self.closed_with is not None or self._gone:
            return
        if self._inbox is None:
            self._inbox = Inbox(self)
        self._inbox.take(message)

    def obey(self, message: str | bytes) -> None:
        """Reads a message in the dialect and does what it asks; raises AppError."""
        try:
            command = self.dialect.read(message)
        except MalformedRequest as error:
            raise MalformedMessage(error.detail) from error
        if isinstance(command, Ping):
            self._reply(self.dialect.pong(command), "pong")
        elif isinstance(command, Authenticate):
            assert self._inbox is not None
            self.run(self._inbox.hold(self._authenticate(command.token)))
        elif isinstance(command, Pong):
            pass
        elif self.principal is None:
            raise NotAuthenticated
        elif isinstance(command, Unsubscribe):
            self.unfollow(command.key)
        elif self._ask.follows is None:
            raise MalformedMessage
        else:
            self._follow(command, self._ask.follows)

    def _follow(self, command: Follow, follows: Follows) -> None:
        """Follows what is asked for; that a channel is refused is said of the channel."""
        try:
            self.follow(follows.following_of(self, command))
        except AppError as error:
            if not isinstance(command, Subscribe) or error.status == MalformedMessage.status:
                raise
            self._reply(self.dialect.refused(command.channel, error), "error")

    def on_gone(self, code: int) -> None:
        """Lets go of everything. Safe to call twice."""
        if self._gone:
            return
        self._gone = True
        self.shared.pulse.discard(self)
        self._let_all_go()
        if self._errands is not None:
            self._errands.cancel()
        self.caller.leave(self.dialect.name)
        count_closed(self.dialect.name, self.closed_with, code)

    def on_full(self) -> None:
        """Tells the followings to owe; a line that is full for too long is closed with 4008."""
        if self.is_full:
            return
        self.is_full = True
        self._full_since = time.monotonic()
        for following in tuple(self.followings.values()):
            following.on_full()
        self.shared.pulse.schedule(self, self._full_since + self.shared.bounds.full_s_max)

    def on_drained(self) -> None:
        """Tells the followings to say what they owe, until the line is full again."""
        if not self.is_full:
            return
        self.is_full = False
        for key, following in tuple(self.followings.items()):
            if self.is_full or self.closed_with is not None:
                return
            following.on_drained()
            if key in self.followings:
                # To the end: next time those come first who got no turn.
                self.followings[key] = self.followings.pop(key)

    # What the pulse does.

    def look(self, now: float) -> float:
        """Does what time asks for; returns when to look again."""
        bounds = self.shared.bounds
        if self.closed_with is not None:
            if now >= self._cut_at:
                self.cut()
            return self._cut_at
        if self.is_full and now - self._full_since >= bounds.full_s_max:
            metrics.slow_readers.labels("closed").inc()
            self._abort(close_codes.TOO_SLOW)
            return now
        if self.principal is None:
            ends_at = self._since + bounds.authenticate_within_s
            if now >= ends_at:
                said = "This needs credentials, in the first message at the latest."
                self.close(close_codes.NOT_AUTHENTICATED, NotAuthenticated(said))
            return ends_at
        next_at = self._look_at_token(now)
        if self.is_full:
            return min(next_at, self._full_since + bounds.full_s_max)
        quiet_since = max(self._said_at, *(f.told_at() for f in self.followings.values()), 0.0)
        if now - quiet_since >= self.heartbeat_s:
            self._fill_silence()
            quiet_since = now
        return min(next_at, quiet_since + self.heartbeat_s)

    def go_away(self, reconnect_in_ms: int) -> None:
        """Says that the server stops; the close says when to come back, too."""
        self.send(self.dialect.going_away(reconnect_in_ms), "going_away")
        self.close(close_codes.going_away(reconnect_in_ms))

    def cut(self) -> None:
        """Ends what did not close in time."""
        self._abort(self.closed_with or close_codes.GOING_AWAY)

    async def open(self, principal: Principal | None) -> None:
        """Begins with who is asking, None: the first message is to say it. Raises AppError."""
        if principal is None:
            within_s = self.shared.bounds.authenticate_within_s
            self.shared.pulse.schedule(self, self._since + within_s)
        else:
            await self.admit(principal)

    async def admit(self, principal: Principal) -> None:
        """Takes who is asking, first or anew; raises TooManySockets, and what `begin` raises."""
        first = self.principal is None
        await self.caller.take_lease(principal, self.shared)
        if self._gone:
            self.caller.leave(self.dialect.name)
            return
        self.caller.note(principal, self.dialect.name)
        if first:
            self._begin()
        self.shared.pulse.schedule(self, time.monotonic())

    def _begin(self) -> None:
        if self._ask.begin is not None:
            self._ask.begin(self)
        # Doors close over what they read of the request, which is not kept for the session's life.
        self._ask = msgspec.structs.replace(self._ask, begin=None)
        self.send(self.dialect.greeting(self.socket_id), "greeting")

    async def _authenticate(self, token: str) -> None:
        """Takes a token of the first message, or a newer one; a socket stays with its user."""
        before = self.principal
        try:
            principal = await self.shared.gate.principal_of_token(token)
            if before is not None and before.user_id not in (None, principal.user_id):
                raise NotAllowed("This socket is another user's; open one of your own.")
            await self.admit(principal)
        except AppError as error:
            if before is None:
                self.close(close_code_of(error), error)
            else:
                self.refuse(error)
            return
        left_s = self.caller.left_s(time.monotonic())
        expires_in_s = None if left_s is None else int(left_s)
        self._reply(self.dialect.authenticated(principal, expires_in_s), "auth")

    def _look_at_token(self, now: float) -> float:
        """Warns of a token that ends and closes when it did; returns when to look again."""
        left_s = self.caller.left_s(now)
        if left_s is not None and left_s <= 0:
            if self.is_full:
                self._abort(close_codes.NOT_AUTHENTICATED)
            self.close(close_codes.NOT_AUTHENTICATED, TokenExpired())
            return now + CLOSE_WITHIN_S
        if left_s is not None and self.caller.is_to_be_warned(now):
            self._reply(self.dialect.expiring(max(1, round(left_s))), "expiring")
        return self.caller.look_again_at(now)

    def _reply(self, text: str | None, kind: str) -> None:
        """Answers, but never before the first state where that comes first."""
        if self._held is None:
            self.send(text, kind)
        elif text is not None and len(self._held) < REPLIES_HELD_MAX:
            self._held.append(Outgoing(text, kind))

    def _write(self, frame: Outgoing) -> None:
        line = self.line
        ready = pack([frame], line.form)
        count_sent(self.dialect.name, [frame], ready)
        self._said_at = time.monotonic()
        line.write(ready)
        if self.is_full and line.waiting > self.shared.bounds.waiting_bytes_max:
            # It asks on and on, and reads no answer.
            metrics.slow_readers.labels("closed").inc()
            self._abort(close_codes.TOO_SLOW)

    def _fill_silence(self) -> None:
        beaten = [following.beat() for following in tuple(self.followings.values())]
        if not any(beaten):
            self.send(self.dialect.silence(), "heartbeat")

    def _let_go(self, key: str) -> bool:
        following = self.followings.pop(key, None)
        if following is not None:
            following.stop()
        return following is not None

    def _let_all_go(self) -> None:
        while self.followings:
            self.followings.popitem()[1].stop()

    def _abort(self, code: CloseCode) -> None:
        if self._gone:
            return
        if self.closed_with is None:
            self.closed_with = self.dialect.closing(code, None)
        self.line.abort(self.closed_with)
        # Whatever the line does: for the session it is over.
        self.on_gone(self.closed_with.code)
