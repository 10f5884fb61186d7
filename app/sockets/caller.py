"""Caller: who is behind a session, for how long that is known, and the lease that counts it."""

import time

from app import metrics
from app.access.errors import TokenRevoked
from app.access.principal import Principal
from app.access.socket_leases import Lease
from app.errors import NotAllowed
from app.sockets.process import Shared

# A client needs a moment to get itself a new token.
EXPIRY_WARNING_S = 30.0


class Caller:
    """Nobody at first; then a principal, which a newer token may replace."""

    __slots__ = ("_lease", "_leased_for", "_warned", "expires_at", "principal")

    def __init__(self) -> None:
        self.principal: Principal | None = None
        # When the token ends, monotonic; None: never.
        self.expires_at: float | None = None
        self._lease: Lease | None = None
        self._leased_for = ""
        self._warned = False

    async def take_lease(self, principal: Principal, shared: Shared) -> None:
        """Takes a lease for a principal, instead of another's.

        Raises NotAllowed for credentials that are not made for reading, TooManySockets, and
        TokenRevoked for what was revoked meanwhile: from here on `revoking` finds it.
        """
        if not principal.may_read:
            raise NotAllowed("This API key is not made for 'read'.")
        if self._leased_for != principal.key:
            await self._lease_anew(principal, shared)
        if shared.gate.revocations.is_revoked(principal):
            raise TokenRevoked

    async def _lease_anew(self, principal: Principal, shared: Shared) -> None:
        allowance = shared.gate.allowance_of(principal)
        lease = await shared.leases.acquire(principal.key, allowance)
        if self._lease is not None:
            self._lease.release()
        self._lease, self._leased_for = lease, principal.key
        shared.opened(principal)

    def note(self, principal: Principal, protocol: str) -> None:
        """Takes the principal, after its lease."""
        if self.principal is not None:
            metrics.sockets_open.labels(protocol, self.principal.tier).dec()
        metrics.sockets_open.labels(protocol, principal.tier).inc()
        self.principal = principal
        self._warned = False
        self.expires_at = None
        if principal.expires_at is not None:
            self.expires_at = time.monotonic() + principal.expires_at - time.time()

    def left_s(self, now: float) -> float | None:
        """Returns for how long the token is good; None: for ever."""
        return None if self.expires_at is None else self.expires_at - now

    def is_to_be_warned(self, now: float) -> bool:
        """Says, once a token, that it ends soon."""
        left_s = self.left_s(now)
        if left_s is None or left_s > EXPIRY_WARNING_S or self._warned:
            return False
        self._warned = True
        return True

    def look_again_at(self, now: float) -> float:
        """Returns when something is to be done about the token: a warning, then the end."""
        if self.expires_at is None:
            return float("inf")
        warn_at = self.expires_at - EXPIRY_WARNING_S
        return warn_at if warn_at > now else self.expires_at

    def leave(self, protocol: str) -> None:
        """Gives the lease back. Safe to call twice."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        if self.principal is not None:
            metrics.sockets_open.labels(protocol, self.principal.tier).dec()
            self.principal = None
