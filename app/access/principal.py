"""Principal: who is asking, with rights. What every door hands inwards."""

from uuid import UUID

import msgspec

from app.access.scopes import EVERY_SCOPE, READ_ONLY, Scope
from app.access.tiers import Role, Tier
from app.sports.ids import UserId


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. `key` names the caller to the limits: `user:7` or `ip:192.0.2.1`.

    `expires_at` (seconds since 1970) is when the credentials' time is over; a socket ends then.
    `generation`, `family` and `signed_by` are what revocations go by (`revocations`): the user's
    generation the credentials were given in, the log-in and the signing key of an access token.
    """

    key: str
    user_id: UserId | None = None
    role: Role = Role.ANONYMOUS
    tier: Tier = Tier.ANONYMOUS
    scopes: frozenset[Scope] = EVERY_SCOPE
    api_key_id: int | None = None
    expires_at: float | None = None
    generation: int = 0
    family: UUID | None = None
    signed_by: str | None = None

    @property
    def is_operator(self) -> bool:
        """Says whether this is somebody who runs the place, with credentials made for it."""
        return self.role in (Role.OPERATOR, Role.ADMIN) and Scope.OPERATE in self.scopes

    @property
    def may_read(self) -> bool:
        """Says whether matches, scores and prices may be read; who may operate may read."""
        return Scope.READ in self.scopes or Scope.OPERATE in self.scopes


def anonymous(address: str) -> Principal:
    """Returns the principal of somebody who shows no credentials."""
    return Principal(key=f"ip:{address}", scopes=READ_ONLY)
