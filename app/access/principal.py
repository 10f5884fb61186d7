"""Principal: who is asking, with rights. What every door hands inwards."""

import msgspec

from app.access.tiers import Role, Tier
from app.sports.ids import UserId


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. `key` names the caller to the limits: `user:7` or `ip:192.0.2.1`.

    `expires_at` (seconds since 1970) is when the token's time is over; a socket ends then.
    """

    key: str
    user_id: UserId | None = None
    role: Role = Role.ANONYMOUS
    tier: Tier = Tier.ANONYMOUS
    expires_at: float | None = None

    @property
    def is_operator(self) -> bool:
        """Says whether this is somebody who runs the place."""
        return self.role in (Role.OPERATOR, Role.ADMIN)


def anonymous(address: str) -> Principal:
    """Returns the principal of somebody who shows no credentials."""
    return Principal(key=f"ip:{address}")
