"""What each tier may do: rows of Postgres, over which settings have the last word."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from app.database.engine import Connection


class Tier(StrEnum):
    """What somebody's use is worth to us; the value stands in the token and on the wire."""

    ANONYMOUS = "anonymous"
    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"

    # Enum's own is written in Python, and every request looks up what its tier may.
    __hash__ = str.__hash__


class Role(StrEnum):
    """What somebody is here for."""

    ANONYMOUS = "anonymous"
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How fast something may be asked for.

    `burst` is what may be asked at once after a rest, refilled evenly; 0: as much as a minute's.
    """

    requests_per_minute: int
    burst: int = 0


class Allowance(Rate, frozen=True, kw_only=True):
    """How much a tier may ask for. A *unit* is a plain request's weight; a quota of 0 is none."""

    sockets: int
    subscriptions_per_socket: int
    # What a client may say on one socket; a message is at most so long whatever the server takes.
    messages_per_second: int = 10
    message_bytes: int = 16_384
    units_per_day: int = 0
    units_per_month: int = 0

    @property
    def has_quota(self) -> bool:
        """Says whether what is used is held against a day or a month."""
        return bool(self.units_per_day or self.units_per_month)


# What the table says at first, and what a process goes by until it has read it. It is older than
# nothing: a process that starts while Postgres is away serves what it can.
DEFAULTS: Mapping[Tier, Allowance] = {
    Tier.ANONYMOUS: Allowance(requests_per_minute=100, sockets=5, subscriptions_per_socket=20),
    Tier.FREE: Allowance(requests_per_minute=300, sockets=10, subscriptions_per_socket=100),
    Tier.PRO: Allowance(requests_per_minute=3_000, sockets=100, subscriptions_per_socket=1_000),
    Tier.ENTERPRISE: Allowance(
        requests_per_minute=30_000, sockets=1_000, subscriptions_per_socket=5_000
    ),
}

_READ = """
SELECT name, requests_per_minute, coalesce(burst, 0) AS burst, sockets, subscriptions_per_socket,
    messages_per_second, coalesce(units_per_day, 0) AS units_per_day,
    coalesce(units_per_month, 0) AS units_per_month
FROM tiers
"""


class Tiers(Mapping[Tier, Allowance]):
    """What every tier may, as this process last read it. `access_news` has it read anew.

    `settings` are values that stand whatever the table says, such as those of an environment.
    """

    def __init__(self, settings: Mapping[Tier, Mapping[str, int]] | None = None) -> None:
        self._settings = settings or {}
        self._now: Mapping[Tier, Allowance] = {}
        self._take(DEFAULTS)

    async def look(self, connection: Connection) -> None:
        """Reads the table. A tier that has no row there keeps what it had."""
        self._take(await read_tiers(connection))

    def _take(self, rows: Mapping[Tier, Allowance]) -> None:
        merged = {
            tier: msgspec.structs.replace(allowance, **self._settings.get(tier, {}))
            for tier, allowance in rows.items()
        }
        # The same object while nothing changed: who holds one sees at a glance that it still holds.
        kept = {tier: old for tier, old in self._now.items() if merged.get(tier, old) == old}
        self._now = {**merged, **kept}

    def __getitem__(self, tier: Tier) -> Allowance:
        return self._now[tier]

    def __iter__(self) -> Iterator[Tier]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)


async def read_tiers(connection: Connection) -> Mapping[Tier, Allowance]:
    """Returns the rows of the table."""
    read: dict[Tier, Allowance] = {}
    for row in await connection.fetch(_READ):
        limits: dict[str, Any] = dict(row)
        tier = Tier(limits.pop("name"))
        read[tier] = Allowance(**limits)
    return read


def settings_of(
    *,
    anonymous_per_minute: int = 0,
    user_per_minute: int = 0,
    anonymous_sockets: int = 0,
    user_sockets: int = 0,
) -> Mapping[Tier, Mapping[str, int]]:
    """Returns what settings say of tiers, in the form `Tiers` takes; 0 says nothing.

    Those of users are of the tier free; the two that are sold do not depend on an environment. A
    limit that is set holds for the burst as well.
    """
    said = {
        Tier.ANONYMOUS: (anonymous_per_minute, anonymous_sockets),
        Tier.FREE: (user_per_minute, user_sockets),
    }
    settings: dict[Tier, Mapping[str, int]] = {}
    for tier, (per_minute, sockets) in said.items():
        limits = {"requests_per_minute": per_minute, "burst": 0} if per_minute else {}
        settings[tier] = {**limits, "sockets": sockets} if sockets else limits
    return settings
