"""Decides on bets in play when their delay is over; survives restarts, as what is due is a row."""

import asyncio
from datetime import UTC, datetime

import asyncpg

from app.betting.pending import DECIDED_PER_ROUND_MAX, decide_due
from app.betting.placement import House
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger

# How much later than its delay a bet may be decided; looking costs one read of an empty index.
LOOK_EVERY_S = 0.1
# After Postgres was away.
RETRY_S = 0.5

log = logger(__name__)


class PendingBets:
    """Looks for what is due, again and again. `pool` commits durably: this is money."""

    def __init__(self, pool: Pool, house: House) -> None:
        self._pool = pool
        self._house = house

    async def run(self) -> None:
        """Decides until cancelled."""
        while True:
            try:
                decided = await decide_due(self._pool, self._house, datetime.now(UTC))
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("bets_wait", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            if decided < DECIDED_PER_ROUND_MAX:
                await asyncio.sleep(LOOK_EVERY_S)
