"""What each tier may do."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Tier(StrEnum):
    """What somebody's use is worth to us; the value stands in the token and on the wire."""

    ANONYMOUS = "anonymous"
    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class Role(StrEnum):
    """What somebody is here for."""

    ANONYMOUS = "anonymous"
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """How much a tier may ask for."""

    requests_per_minute: int
    sockets: int
    subscriptions_per_socket: int
    # What a client may say on one socket; a message is at most so long whatever the server takes.
    messages_per_second: int = 10
    message_bytes: int = 16_384


def allowances(
    *,
    anonymous_per_minute: int,
    user_per_minute: int,
    anonymous_sockets: int = 5,
    user_sockets: int = 10,
) -> Mapping[Tier, Allowance]:
    """Returns what every tier may ask for; the two that are sold do not depend on settings."""
    return {
        Tier.ANONYMOUS: Allowance(
            requests_per_minute=anonymous_per_minute,
            sockets=anonymous_sockets,
            subscriptions_per_socket=20,
        ),
        Tier.FREE: Allowance(
            requests_per_minute=user_per_minute,
            sockets=user_sockets,
            subscriptions_per_socket=100,
        ),
        Tier.PRO: Allowance(requests_per_minute=3_000, sockets=100, subscriptions_per_socket=1_000),
        Tier.ENTERPRISE: Allowance(
            requests_per_minute=30_000, sockets=1_000, subscriptions_per_socket=5_000
        ),
    }
