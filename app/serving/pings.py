"""Pings: who has gone without a word is found out by all lines of a server at once."""

import asyncio
from typing import Protocol

# Lines are visited in so many groups, one after the other, so that 10,000 are not pinged at once.
GROUPS = 20
# The group of who is in none.
NOWHERE = -1


class Pinged(Protocol):
    """A line that is looked after. `heard_at` is the pings' clock when something came last."""

    heard_at: int

    def ping(self) -> None:
        """Asks the client for a sign of life."""
        ...

    def fall_silent(self) -> None:
        """Is told that there was none."""
        ...


class Pings:
    """One clock and one timer for all lines of a server; a line costs a place in a set.

    The clock counts turns, not seconds: when the event loop of ours stalls, the turns come late
    and nobody is cut for signs of life that nobody has read yet.
    """

    def __init__(self, *, interval_s: float, timeout_s: float) -> None:
        """Pings who was silent for `interval_s`, gives up who stays so for `timeout_s` more."""
        self.clock = 0
        self._turn_s = interval_s / GROUPS
        self._silent_max = GROUPS + max(1, round(timeout_s / self._turn_s))
        self._groups: list[set[Pinged]] = [set() for _ in range(GROUPS)]
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, line: Pinged) -> int:
        """Looks after a line from now on; returns its group, which `discard` wants to know."""
        line.heard_at = self.clock
        self._count += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._turn_s, self._turn)
        group = min(range(GROUPS), key=lambda n: len(self._groups[n]))
        self._groups[group].add(line)
        return group

    def discard(self, line: Pinged, group: int) -> None:
        """Looks after it no more. Nothing happens when it is in no group."""
        if group == NOWHERE or line not in self._groups[group]:
            return
        self._groups[group].remove(line)
        self._count -= 1
        if self._count == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._turn_s, self._turn)
        self.clock += 1
        for line in list(self._groups[self.clock % GROUPS]):
            silent = self.clock - line.heard_at
            if silent >= self._silent_max:
                line.fall_silent()
            elif silent >= GROUPS:
                line.ping()
