"""What the sessions of a process share."""

from collections.abc import Callable

import msgspec

from app.access.gate import Gate
from app.access.principal import Principal
from app.access.socket_leases import SocketLeases
from app.polling.demand import Demand
from app.sockets.crowds import Crowds
from app.sockets.pulse import Pulse


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a process allows its sockets; the tier's limits come on top.

    `waiting_bytes_max`: of frames for one socket. `full_s_max`: how long a line may take nothing
    before it is closed as too slow. `authenticate_within_s`: for the first message, where
    credentials are needed and none were shown. `origins`: from whose pages sockets may be opened;
    empty: anybody's.
    """

    waiting_bytes_max: int
    full_s_max: float
    authenticate_within_s: float
    origins: frozenset[str] = frozenset()


class Shared:
    """One a process; `main` makes it."""

    def __init__(
        self, *, crowds: Crowds, gate: Gate, demand: Demand, leases: SocketLeases, bounds: Bounds
    ) -> None:
        self.crowds = crowds
        self.gate = gate
        self.demand = demand
        self.leases = leases
        self.bounds = bounds
        self.pulse = Pulse()
        # Called with whom a socket was opened by; `main` has it counted.
        self.opened: Callable[[Principal], None] = lambda _: None
