"""BetsFollowing: a user's own bets and balance, and what happens to them, in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from app.access.principal import Principal
from app.access.scopes import Scope
from app.database import engine
from app.database.engine import Connection, Pool
from app.database.places import Place, moment, parse_token
from app.errors import DependencyDown, NotAllowed, NotAuthenticated
from app.sockets.session import Session
from app.stream import user_log
from app.stream.change import wire_time
from app.stream.user_hub import UserHub
from app.stream.user_log import UserChange

BETS = "bets"
# Between two tries to read a first state while Postgres is away.
RETRY_S = 0.25
# Most changes a client that comes back is sent one by one; past it the whole is smaller.
RESUME_CHANGES_MAX = 200

# Returns a user's bets and balances as a JSON object, in the transaction it is called in.
ReadBets = Callable[[Connection, int], Awaitable[bytes]]


class Bets:
    """What the followings of a process share: the hub of users, and how a state is read."""

    def __init__(self, pool: Pool, hub: UserHub, read: ReadBets) -> None:
        self.pool = pool
        self.hub = hub
        self.read = read


class BetsFollowing:
    """Follows its session's user, or the one a grant was shown for (a Following and a UserReader).
    A session stays with its user.

    It queues nothing: while its line is full it takes nothing, and goes on from its place after.
    """

    __slots__ = (
        "_bets",
        "_owed",
        "_place",
        "_reading",
        "_session",
        "_since",
        "_stopped",
        "key",
        "user_id",
    )

    def __init__(
        self,
        session: Session,
        bets: Bets,
        *,
        since: str | None = None,
        key: str = BETS,
        granted_for: int | None = None,
    ) -> None:
        self.key = key
        self.user_id = user_of(session.principal) if granted_for is None else granted_for
        self._session = session
        self._bets = bets
        self._since = parse_token(since) if since else None
        # What was sent; None before the first state, and why that is owed.
        self._place: Place | None = None
        self._owed: str | None = "start"
        self._reading = False
        self._stopped = False

    @property
    def place(self) -> Place | None:
        """Where to be told from; None while nothing is taken."""
        return None if self._session.is_full else self._place

    def start(self) -> None:
        """Reads the first state, or what was missed."""
        self._bets.hub.follow(self)
        self._begin()

    def stop(self) -> None:
        """Lets go of the user."""
        self._stopped = True
        self._bets.hub.unfollow(self)

    def told(self, changes: Sequence[UserChange]) -> None:
        """Sends what happened, as long as the line takes it."""
        for change in changes:
            if self._session.is_full:
                return
            self._place = change.place
            self._send(change.kind, change.place, change.data)

    def lose_track(self) -> None:
        """Begins anew: what the client has is of another log."""
        self._place, self._owed = None, "resume_expired"
        self._begin()

    def on_full(self) -> None:
        """Takes nothing from now on."""

    def on_drained(self) -> None:
        """Goes on from its place, or with the state it owes."""
        self._begin()
        self._bets.hub.ready(self)

    def beat(self) -> bool:
        """Has no heartbeat of its own."""
        return False

    def told_at(self) -> float:
        """Writes for itself only."""
        return 0.0

    def _begin(self) -> None:
        if self._owed is not None and not self._reading and not self._stopped:
            self._reading = True
            self._session.run(self._first_state())

    async def _first_state(self) -> None:
        """Reads and sends what is owed; a Postgres that is away is waited for."""
        try:
            while self._owed is not None and not self._stopped and not self._session.is_full:
                try:
                    await self._read(self._owed)
                except DependencyDown:
                    await asyncio.sleep(RETRY_S)
        finally:
            self._reading = False
        self._bets.hub.ready(self)

    async def _read(self, reason: str) -> None:
        """Reads place and state of one moment and sends them, unless the line got full meanwhile.

        A client that comes back to a place of this log is sent no state: the hub tells it the rest.
        """
        since = self._since
        async with (
            engine.connection(self._bets.pool) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            head = (await user_log.heads(connection, [self.user_id]))[self.user_id]
            if since is not None and since != head:
                if await self._has_after(connection, since, head):
                    self._since, self._owed, self._place = None, None, since
                    return
                reason = "resume_expired"
            state = await self._bets.read(connection, self.user_id)
        if self._session.is_full or self._stopped:
            return
        self._since, self._owed, self._place = None, None, head
        self._send(BETS, head, state.decode(), reason)

    async def _has_after(self, connection: Connection, since: Place, head: Place) -> bool:
        """Says whether a place is of this log, and not too far back to be told what came after."""
        if not 0 < head.seq - since.seq <= RESUME_CHANGES_MAX:
            return False
        changes, _ = await user_log.changes_after(connection, {self.user_id: since}, 1)
        return bool(changes)

    def _send(self, kind: str, place: Place, data: str, reason: str | None = None) -> None:
        at = wire_time(moment(place.at_us) if reason is None else datetime.now(UTC))
        why = "" if reason is None else f',"reason":"{reason}"'
        frame = (
            f'{{"type":"{kind}","seq":{place.seq},"resume":"{place.token()}",'
            f'"timestamp":"{at}"{why},"data":{data}}}'
        )
        self._session.send(self._session.dialect.told(frame, kind, self.key), kind)


def user_of(principal: Principal | None) -> int:
    """Returns whose bets are meant; raises NotAuthenticated for somebody who is no user."""
    if principal is None or principal.user_id is None:
        raise NotAuthenticated("Bets are of a user: send credentials first.")
    if Scope.BET not in principal.scopes:
        raise NotAllowed("This API key is not made for 'bet'.")
    return principal.user_id
