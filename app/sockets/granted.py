"""Followings under a grant: as any other, and over when the credentials behind the grant are."""

from typing import Any

from app.access.errors import TokenRevoked
from app.access.principal import Principal
from app.access.revocations import Revocations
from app.sockets.bets_following import BetsFollowing
from app.sockets.following import Following
from app.sockets.pattern_following import PatternFollowing
from app.sockets.session import Session


class Grantees:
    """Who is behind each following that runs under a grant of ours. One a process."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._held: dict[Following, tuple[Session, Principal]] = {}
        revocations.subscribe(self._look)

    def check(self, grantee: Principal | None) -> None:
        """Raises TokenRevoked for a grant whose credentials are over."""
        if grantee is not None and self._revocations.is_revoked(grantee):
            raise TokenRevoked

    def hold(self, following: Following, session: Session, grantee: Principal | None) -> None:
        """Looks after a following from now on; a grant of another signer names nobody."""
        if grantee is not None:
            self._held[following] = session, grantee

    def drop(self, following: Following) -> None:
        """Looks after it no more. Safe to call twice."""
        self._held.pop(following, None)

    def _look(self) -> None:
        """Ends what is revoked, after news."""
        is_revoked = self._revocations.is_revoked
        held = self._held.items()
        for following, session in [(f, s) for f, (s, who) in held if is_revoked(who)]:
            session.lost(following, TokenRevoked())


class GrantedBets(BetsFollowing):
    """The bets of the user that a grant is for."""

    __slots__ = ("_grantee", "_grantees")

    def __init__(self, grantees: Grantees, grantee: Principal | None, **more: Any) -> None:
        super().__init__(**more)
        self._grantees = grantees
        self._grantee = grantee

    def start(self) -> None:
        """Begins, under watch."""
        self._grantees.hold(self, self._session, self._grantee)
        super().start()

    def stop(self) -> None:
        """Ends."""
        self._grantees.drop(self)
        super().stop()


class GrantedPattern(PatternFollowing):
    """The matches that a grant is for."""

    __slots__ = ("_grantee", "_grantees")

    def __init__(self, grantees: Grantees, grantee: Principal | None, **more: Any) -> None:
        super().__init__(**more)
        self._grantees = grantees
        self._grantee = grantee

    def start(self) -> None:
        """Begins, under watch."""
        self._grantees.hold(self, self.session, self._grantee)
        super().start()

    def stop(self) -> None:
        """Ends."""
        self._grantees.drop(self)
        super().stop()
