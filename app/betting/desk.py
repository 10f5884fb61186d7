"""The desk: bets that come while others are struck are struck together, in one transaction.

A flush to disk, a round trip and the lock of a market that everybody bets on cost a group what
they cost one bet. Who comes alone is struck at once, and nobody waits for longer than APART for
others to come along. Nor for another one's trouble: what a group fails for, or waits too long for,
is done one by one.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from app.betting.placement import House, Outcome, Placed, place_bets
from app.betting.record import Request
from app.betting.wish import Asked, asked_of
from app.database.engine import Pool
from app.errors import AppError, DependencyDown
from app.logs import logger
from app.sports.ids import UserId

# Bets of one transaction: enough to share its costs, few enough to be over in some 20 ms.
GROUP_MAX = 64
# One is worked out here while another one waits for Postgres; more would only wait for each other.
GROUPS_AT_ONCE = 2
# Between the beginnings of two groups, unless one is full: of 500 bets a second five come along,
# for half the work of five alone, and live scores are served by the same cores.
APART = timedelta(milliseconds=10)
# More than are struck in two seconds; who would have to wait longer is told so.
WAITING_MAX = 2_000
# What those under way may take to end when the process stops.
STOPS_WITHIN_S = 5

log = logger(__name__)


class DeskBusy(AppError):
    """Too many bets are waiting to be struck; nothing was, ask again shortly."""

    code = "desk_busy"
    status = 503
    retry_after_s = 1


class _Ticket(msgspec.Struct, frozen=True):
    asked: Asked
    answer: asyncio.Future[Placed]


class Desk:
    """Takes requests of one process. Of one user one is struck at a time, in the order they came,
    as one would wait for the other in Postgres anyhow.
    """

    def __init__(self, pool: Pool, house: House) -> None:
        self._pool, self._house = pool, house
        self._waiting: dict[UserId, deque[_Ticket]] = {}
        self._waiting_count = 0
        self._busy: set[UserId] = set()
        self._begun = -APART.total_seconds()
        self._timer: asyncio.TimerHandle | None = None
        self._groups: set[asyncio.Task[None]] = set()
        self._alone: set[asyncio.Task[None]] = set()

    async def place(self, request: Request, now: datetime) -> Placed:
        """Strikes a bet or refuses it, as `place_bet` does; raises DeskBusy too.

        Who is cancelled while waiting hears no answer; the bet is struck or refused all the same.
        """
        asked = asked_of(request, now)
        if self._waiting_count >= WAITING_MAX:
            raise DeskBusy
        loop = asyncio.get_running_loop()
        ticket = _Ticket(asked, loop.create_future())
        self._waiting.setdefault(request.user_id, deque()).append(ticket)
        self._waiting_count += 1
        # Soon, not now: who comes in the same turn of the loop comes along.
        loop.call_soon(self._begin)
        return await ticket.answer

    async def close(self) -> None:
        """Waits for those under way."""
        under_way = self._groups | self._alone
        if under_way:
            await asyncio.wait(under_way, timeout=STOPS_WITHIN_S)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._groups) < GROUPS_AT_ONCE:
            early = self._begun + APART.total_seconds() - loop.time()
            if early > 0 and self._waiting_count < GROUP_MAX:
                if self._timer is None:
                    self._timer = loop.call_later(early, self._begin_later)
                return
            group = self._take()
            if not group:
                return
            self._begun = loop.time()
            self._start(group, alone=False)

    def _begin_later(self) -> None:
        self._timer = None
        self._begin()

    def _start(self, group: Sequence[_Ticket], *, alone: bool) -> None:
        among = self._alone if alone else self._groups

        def ended(task: asyncio.Task[None]) -> None:
            among.discard(task)
            self._begin()

        task = asyncio.create_task(self._strike(group, alone=alone))
        among.add(task)
        task.add_done_callback(ended)

    def _take(self) -> list[_Ticket]:
        """Returns the first of each user who has none under way; who has more goes to the end."""
        free = (user_id for user_id in self._waiting if user_id not in self._busy)
        users = list(islice(free, GROUP_MAX))
        group: list[_Ticket] = []
        for user_id in users:
            theirs = self._waiting.pop(user_id)
            group.append(theirs.popleft())
            if theirs:
                self._waiting[user_id] = theirs
        self._busy.update(users)
        self._waiting_count -= len(group)
        return group

    async def _strike(self, group: Sequence[_Ticket], *, alone: bool) -> None:
        asked = [ticket.asked for ticket in group]
        try:
            outcomes = await place_bets(self._pool, asked, self._house, in_a_hurry=not alone)
            _answer_all(group, outcomes)
        except DependencyDown as error:
            _answer_all(group, [error] * len(group))
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it.
            if not alone:
                # What holds one up, or breaks it, does so to it alone; the next group begins.
                log.warning("bets_struck_one_by_one", bets=len(group), error=repr(error))
                for ticket in group:
                    self._start([ticket], alone=True)
                return
            _answer_all(group, [error])
        self._busy.difference_update(one.request.user_id for one in asked)


def _answer_all(group: Sequence[_Ticket], outcomes: Sequence[Outcome]) -> None:
    """Tells those who still wait what became of their requests."""
    for ticket, outcome in zip(group, outcomes, strict=True):
        if ticket.answer.done():
            continue
        if isinstance(outcome, Exception):
            ticket.answer.set_exception(outcome)
        else:
            ticket.answer.set_result(outcome)
